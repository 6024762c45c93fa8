/* SPDX-License-Identifier: Apache-2.0 */
/* A pace with a clock that the test turns: the rate is kept, and it yields and comes back. */
#include "engine/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pace pace;

/* Takes all that is allowed in that time, in turns of a millisecond; how many records that were. */
static unsigned take_for(usec_t *now, usec_t long_)
{
    unsigned taken = 0;
    for (usec_t end = *now + long_; *now < end; *now += USEC_PER_MS) {
        pace_turn(&pace, *now);
        for (unsigned most = 100000; most && pace_allows(&pace); most--, taken++)
            pace_take(&pace);
    }
    return taken;
}

static void without_a_rate_nothing_is_held_back(void **state)
{
    (void)state;
    pace_begin(&pace, 0);
    pace_turn(&pace, 1);
    assert_true(pace_allows(&pace));
    assert_int_equal(pace_due(&pace, 1), USEC_NEVER);
}

static void a_rate_is_kept(void **state)
{
    (void)state;
    usec_t now = 7 * USEC_PER_SEC;
    pace_begin(&pace, 5000);
    unsigned taken = take_for(&now, 4 * USEC_PER_SEC);
    assert_in_range(taken, 19500, 20300);
}

static void a_pause_is_not_made_up_for(void **state)
{
    (void)state;
    usec_t now = 7 * USEC_PER_SEC;
    pace_begin(&pace, 1000);
    take_for(&now, USEC_PER_SEC);
    now += 3600 * USEC_PER_SEC;
    assert_in_range(take_for(&now, USEC_PER_MS), 0, 50);
}

static void it_comes_again_when_something_is_allowed(void **state)
{
    (void)state;
    usec_t now = 7 * USEC_PER_SEC;
    pace_begin(&pace, 200);
    take_for(&now, USEC_PER_SEC);
    pace_turn(&pace, now);
    while (pace_allows(&pace))
        pace_take(&pace);
    usec_t due = pace_due(&pace, now);
    assert_in_range(due - now, 1, 100 * USEC_PER_MS);
    pace_turn(&pace, due);
    assert_true(pace_allows(&pace));
}

static void it_yields_while_the_lag_rises(void **state)
{
    (void)state;
    pace_begin(&pace, 0);
    pace_yield(&pace, 100, 20000); /* calm: 100 */
    assert_true(pace.rate == 0);
    pace_yield(&pace, 200 + PACE_SLACK, 20000); /* just not above */
    assert_true(pace.rate == 0);
    pace_yield(&pace, 201 + PACE_SLACK, 20000);
    assert_true(pace.rate == 10000);
    pace_yield(&pace, 5000, 10000);
    assert_true(pace.rate == 5000);
    for (int i = 0; i < 20; i++)
        pace_yield(&pace, 1000000, pace.rate);
    assert_true(pace.rate == PACE_LEAST);
}

static void it_comes_back_when_the_lag_falls(void **state)
{
    (void)state;
    pace_begin(&pace, 0);
    pace_yield(&pace, 0, 20000);
    pace_yield(&pace, 5000, 20000);
    assert_true(pace.rate == 10000);
    pace_yield(&pace, 0, 10000);
    assert_true(pace.rate == 12500);
    unsigned looks = 0;
    while (pace.rate > 0 && looks++ < 100)
        pace_yield(&pace, 0, 15000);
    assert_true(pace.rate == 0);
    assert_in_range(looks, 2, 20);
}

static void a_rate_that_was_asked_for_is_never_passed(void **state)
{
    (void)state;
    pace_begin(&pace, 4000);
    pace_yield(&pace, 0, 4000);
    pace_yield(&pace, 9000, 4000);
    assert_true(pace.rate == 2000);
    for (int i = 0; i < 20; i++)
        pace_yield(&pace, 0, pace.rate);
    assert_true(pace.rate == 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_nothing_is_held_back),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(a_pause_is_not_made_up_for),
        cmocka_unit_test(it_comes_again_when_something_is_allowed),
        cmocka_unit_test(it_yields_while_the_lag_rises),
        cmocka_unit_test(it_comes_back_when_the_lag_falls),
        cmocka_unit_test(a_rate_that_was_asked_for_is_never_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
