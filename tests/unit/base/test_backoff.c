/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>

/* The ceiling of attempt n is min(cap, base * 2^n); over many seeds delays fill the whole range. */
static void delays_double_up_to_the_cap(void **state)
{
    (void)state;
    const usec_t ceilings[] = {100, 200, 400, 800, 1000, 1000, 1000};
    usec_t least[7], most[7], sum[7] = {0};
    for (int n = 0; n < 7; n++) {
        least[n] = USEC_NEVER;
        most[n] = 0;
    }
    enum { SEEDS = 4000 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct backoff backoff = {.base = 100, .cap = 1000, .seed = seed};
        for (int n = 0; n < 7; n++) {
            usec_t delay = backoff_next(&backoff);
            assert_in_range(delay, 1, ceilings[n]);
            least[n] = delay < least[n] ? delay : least[n];
            most[n] = delay > most[n] ? delay : most[n];
            sum[n] += delay;
        }
        assert_int_equal(backoff.attempts, 7);
    }
    for (int n = 0; n < 7; n++) {
        assert_true(least[n] < ceilings[n] / 20);
        assert_true(most[n] > ceilings[n] - ceilings[n] / 20);
        usec_t mean = sum[n] / SEEDS;
        assert_in_range(mean, ceilings[n] * 45 / 100, ceilings[n] * 55 / 100);
    }
}

static void reset_begins_anew(void **state)
{
    (void)state;
    struct backoff backoff = {.base = 10, .cap = 1000000, .seed = 3};
    for (int i = 0; i < 20; i++)
        backoff_next(&backoff);
    backoff_reset(&backoff);
    assert_int_equal(backoff.attempts, 0);
    assert_in_range(backoff_next(&backoff), 1, 10);
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    struct backoff backoff = {.base = USEC_PER_SEC, .cap = USEC_NEVER, .seed = 1};
    for (int i = 0; i < 200; i++)
        assert_true(backoff_next(&backoff) > 0);
    backoff.attempts = UINT_MAX;
    assert_true(backoff_next(&backoff) > 0);
    assert_int_equal(backoff.attempts, UINT_MAX);
    struct backoff small = {.base = 1000, .cap = 1, .seed = 1};
    assert_int_equal(backoff_next(&small), 1);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct backoff a = {.base = USEC_PER_SEC, .cap = USEC_PER_SEC, .seed = 1};
    struct backoff b = {.base = USEC_PER_SEC, .cap = USEC_PER_SEC, .seed = 2};
    assert_true(backoff_next(&a) != backoff_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_up_to_the_cap),
        cmocka_unit_test(reset_begins_anew),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
