/* SPDX-License-Identifier: Apache-2.0 */
#include "config/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void takes_times(void **state)
{
    static const struct {
        const char *text;
        usec_t wall;
    } rows[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:01Z", 1000000},
        {"2026-11-21T08:44:50Z", 1795250690000000},
        {"2026-11-21 08:44:50", 1795250690000000},
        {"2026-11-21T08:44", 1795250640000000},
        {"2026-11-21T09:44:50.25+01:00", 1795250690250000},
        {"2026-11-21T08:14:50.000001-00:30", 1795250690000001},
        {"2024-02-29", 1709164800000000},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        usec_t wall = -1;
        if (!moment_parse(rows[i].text, &wall) || wall != rows[i].wall)
            fail_msg("%s gives %lld", rows[i].text, (long long)wall);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "2026",
        "2026-13-01",
        "2025-02-29",
        "2026-00-10",
        "2026-11-21T",
        "2026-11-21T8",
        "2026-11-21T24:00",
        "2026-11-21T08:60",
        "1969-12-31",
        "2026-11-21Z",
        "2026-11-21T08:00Zx",
        "2026-11-21T08:00+25:00",
        "2026-11-21T08:00:00.",
        "2026-11-21T08:00:00.1234567",
        "1970-01-01T00:00+01:00",
        "-026-11-21",
        "2026-11-21T08:00:61",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        usec_t wall;
        if (moment_parse(texts[i], &wall))
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_times),
        cmocka_unit_test(refuses_what_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
