/* SPDX-License-Identifier: Apache-2.0 */
/* Floods with a clock that the test turns: the share in a window that slides, the run, the least
 * number, what is switched off, and what is told. */
#include "engine/flood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEC USEC_PER_SEC

static const usec_t start = 1000003 * SEC; /* no multiple of anything */

static struct flood flood;

/* Limits as they stand in the configuration. */
static void begin(double share, unsigned consecutive, unsigned least)
{
    const struct flood_limits limits = {share, 60 * SEC, consecutive, least};
    flood_init(&flood, &limits);
}

static bool bad_of(enum reason reason, int64_t offset, usec_t now)
{
    const struct flood_letter letter = {reason, "t", 3, offset};
    return flood_bad(&flood, &letter, now);
}

static bool bad(usec_t now)
{
    return bad_of(REASON_RULE, 1, now);
}

static void good(unsigned n, usec_t now)
{
    while (n-- > 0)
        flood_good(&flood, now);
}

/* The number of the dead letter, `good` good records before each, that is one too many; 0 = none of
 * `most`. */
static unsigned trips_at(unsigned good_before, unsigned most, usec_t now)
{
    for (unsigned i = 1; i <= most; i++) {
        good(good_before, now);
        if (bad(now))
            return i;
    }
    return 0;
}

static void the_share_of_a_window_is_limited(void **state)
{
    (void)state;
    begin(0.05, 0, 1);
    assert_int_equal(trips_at(19, 1000, start), 0); /* 5 % are not past 5 % */
    begin(0.05, 0, 1);
    assert_int_equal(trips_at(18, 1000, start), 1);
    begin(0.05, 0, 100);
    good(1000, start);
    assert_int_equal(trips_at(0, 1000, start), 100); /* 100 of 1,100 */
    begin(0.05, 0, 100);
    good(3000, start);
    assert_int_equal(trips_at(0, 1000, start), 158); /* 158 of 3,158 */
}

static void few_letters_say_nothing_about_a_share(void **state)
{
    (void)state;
    begin(0.05, 0, 100);
    assert_int_equal(trips_at(1, 99, start), 0);
    assert_true(bad(start));
    /* 99 in each window are never enough, however long it lasts. */
    begin(0.05, 0, 100);
    for (int i = 0; i < 50; i++)
        assert_int_equal(trips_at(1, 99, start + i * 61 * SEC), 0);
}

static void the_window_slides(void **state)
{
    (void)state;
    begin(0.05, 0, 100);
    good(1000000, start); /* what was good long ago excuses nothing now */
    assert_int_equal(trips_at(1, 200, start + 30 * SEC), 0);
    assert_int_equal(trips_at(1, 200, start + 61 * SEC), 1);
    /* Letters leave the window bucket by bucket, and their records with them. */
    begin(0.05, 0, 100);
    for (int second = 0; second < 600; second++)
        assert_int_equal(trips_at(0, 1, start + second * SEC), 0);
    assert_in_range(flood.letters, 55, 60);
    assert_int_equal(flood.records, flood.letters);
    /* A long silence empties it, whatever the bucket. */
    for (int i = 0; i < 30; i++) {
        assert_int_equal(trips_at(0, 60, start + 700 * SEC + i * 127 * SEC), 0);
        assert_int_equal(flood.letters, 60);
    }
}

static void a_run_is_limited(void **state)
{
    (void)state;
    begin(0, 500, 1);
    assert_int_equal(trips_at(0, 499, start), 0);
    good(1, start);
    assert_int_equal(trips_at(0, 499, start), 0);
    assert_true(bad(start + 3600 * SEC)); /* a run knows no window */
    assert_int_equal(flood_age(&flood, start + 3600 * SEC), 3600 * SEC);
}

static void what_is_switched_off_does_not_trip(void **state)
{
    (void)state;
    begin(0, 0, 1);
    assert_int_equal(trips_at(0, 100000, start), 0);
    begin(0, 10, 1);
    assert_int_equal(trips_at(1, 100000, start), 0);
    assert_int_equal(trips_at(0, 100000, start), 10 - 1); /* the last one above counts */
    begin(1, 0, 1);
    assert_int_equal(trips_at(0, 100000, start), 0); /* no share is past all */
}

static bool refused(unsigned good_rows, unsigned bad_rows)
{
    const struct flood_letter first = {REASON_DATABASE, "t", 0, 7};
    return flood_refused(&flood, good_rows, bad_rows, &first, start);
}

/* Rows of a batch that PostgreSQL refused were counted as good when they were read. */
static void refused_rows_count_as_letters(void **state)
{
    (void)state;
    begin(0.05, 0, 100);
    good(2000, start);
    assert_false(refused(900, 100)); /* 100 of 2,000: not past */
    assert_true(refused(999, 1));
    assert_int_equal(flood.records, 2000);
    begin(0, 500, 1);
    good(300, start);
    assert_false(refused(0, 300));
    good(300, start); /* the next batch is read, and looks well again */
    assert_true(refused(0, 300));
    begin(0, 500, 1);
    assert_false(refused(0, 300));
    assert_false(refused(1, 299)); /* something passed */
    assert_false(refused(0, 300));
    assert_true(refused(0, 200));
}

static void a_resumed_stream_counts_anew(void **state)
{
    (void)state;
    begin(0.05, 500, 100);
    assert_int_equal(trips_at(0, 1000, start), 100);
    flood_reset(&flood);
    assert_int_equal(trips_at(0, 1000, start), 100);
    assert_int_equal(flood_age(&flood, start), 60 * SEC);
}

static void told(const char *detail, const char *text)
{
    struct err err = ERR_INIT;
    flood_explain(&flood, detail, &err);
    assert_int_equal(err.class, ERR_HALT);
    assert_string_equal(err.text, text);
}

static void it_tells_counts_and_the_commonest_reason(void **state)
{
    (void)state;
    begin(0.05, 0, 10);
    good(90, start);
    for (int i = 0; i < 3; i++)
        assert_false(bad_of(REASON_KEY, 100 + i, start));
    for (int i = 0; i < 6; i++)
        assert_false(bad_of(REASON_RULE, 200 + i, start + i * 7 * SEC));
    assert_true(bad_of(REASON_KEY, 300, start + 43 * SEC));
    told("amount: not positive",
         "a flood: 10 of 100 records within 60 s are dead letters (flood.share = 0.05), 6 of them "
         "rule, the first at t[3]@200; the last: amount: not positive");
    /* The first examples go with their buckets, and the next oldest take their place. */
    good(1, start + 64 * SEC);
    told("", "a flood: 6 of 7 records within 60 s are dead letters (flood.share = 0.05), 5 of them "
             "rule, the first at t[3]@201");
    begin(0, 3, 1);
    assert_false(bad_of(REASON_TEXT, 7, start));
    assert_false(bad_of(REASON_TEXT, 8, start));
    assert_true(bad_of(REASON_TEXT, 9, start));
    told("",
         "a flood: 3 dead letters in a row (flood.consecutive = 3), 3 of them text, the first at "
         "t[3]@7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_of_a_window_is_limited),
        cmocka_unit_test(few_letters_say_nothing_about_a_share),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(a_run_is_limited),
        cmocka_unit_test(what_is_switched_off_does_not_trip),
        cmocka_unit_test(refused_rows_count_as_letters),
        cmocka_unit_test(a_resumed_stream_counts_anew),
        cmocka_unit_test(it_tells_counts_and_the_commonest_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
