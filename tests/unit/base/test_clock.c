/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

static void check_text(usec_t wall, const char *expected)
{
    char out[32];
    assert_ptr_equal(clock_text(wall, out), out);
    assert_string_equal(out, expected);
}

static void texts(void **state)
{
    (void)state;
    check_text(0, "1970-01-01T00:00:00.000000Z");
    check_text(USEC_2000, "2000-01-01T00:00:00.000000Z");
    check_text(1709210096123456, "2024-02-29T12:34:56.123456Z");
    check_text(-1, "1969-12-31T23:59:59.999999Z");
    check_text(-62135596800 * USEC_PER_SEC, "0001-01-01T00:00:00.000000Z");
    check_text(-62167219200 * USEC_PER_SEC, "0000-01-01T00:00:00.000000Z");
    check_text(253402300799 * USEC_PER_SEC + 999999, "9999-12-31T23:59:59.999999Z");
}

static void far_years_are_seconds(void **state)
{
    (void)state;
    check_text(253402300800 * USEC_PER_SEC, "253402300800");
    check_text(-62167219201 * USEC_PER_SEC, "-62167219201");
    check_text(INT64_MAX, "9223372036854");
    check_text(INT64_MIN, "-9223372036855");
}

static void clocks_run_forward(void **state)
{
    (void)state;
    usec_t before = clock_monotonic();
    usec_t cpu = clock_cpu();
    /* Burns CPU until both clocks have seen it. */
    while (clock_monotonic() - before < 2000 || clock_cpu() - cpu < 1000) {
    }
    assert_true(clock_monotonic() > before);
    assert_true(clock_cpu() > cpu);
}

static void wall_clock_agrees_with_time(void **state)
{
    (void)state;
    time_t before = time(NULL);
    usec_t wall = clock_wall();
    /* time(2) reads a coarse clock, which may lag by a tick. */
    assert_true(wall / USEC_PER_SEC >= before - 1 && wall / USEC_PER_SEC <= time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(far_years_are_seconds),
        cmocka_unit_test(clocks_run_forward),
        cmocka_unit_test(wall_clock_agrees_with_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
