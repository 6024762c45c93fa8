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

static void takes_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"PT2H30M", 9000000}, {"P1DT12H", 129600000}, {"P7D", 604800000},
        {"PT0.5S", 500},      {"PT1M0.25S", 60250},   {"PT0S", 0},
        {"90m", 5400000},     {"250ms", 250},         {"P1DT1H1M1S", 90061000},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        usec_t duration;
        if (!moment_duration(cases[i].text, &duration))
            fail_msg("\"%s\" is refused", cases[i].text);
        assert_int_equal(duration, cases[i].ms * USEC_PER_MS);
    }
}

static void refuses_what_is_no_duration(void **state)
{
    static const char *const texts[] = {
        "",
        "P",
        "PT",
        "P1",
        "P1M",
        "P1Y",
        "P1W",
        "PT1D",
        "P1H",
        "PT1M2H",
        "PT1H1H",
        "P1DT",
        "P-1D",
        "-P1D",
        "PT1.5H",
        "PT1S ",
        "P1DT1",
        "PT1.S",
        "10",
        "1y",
        "-5s",
        "PT1HT1M",
        "PTS",
        "p1d",
        "P99999999999D",
        "P100001D",
        "99999999999999999999s",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        usec_t duration;
        if (moment_duration(texts[i], &duration))
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_times),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(takes_durations),
        cmocka_unit_test(refuses_what_is_no_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
