/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream notes of its own work. */
#include "engine/measures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct live_stream live;

static int fresh(void **state)
{
    (void)state;
    live = (struct live_stream){0};
    measures_init(&live);
    return 0;
}

static uint64_t times(enum remedy remedy, const char *sqlstate)
{
    for (unsigned i = 0; i < live.measures.n_failures; i++)
        if (live.measures.failures[i].remedy == (int)remedy &&
            strcmp(live.measures.failures[i].sqlstate, sqlstate) == 0)
            return live.measures.failures[i].times;
    return 0;
}

static void fails(enum remedy remedy, const char *sqlstate)
{
    struct err err = ERR_INIT;
    snprintf(err.sqlstate, sizeof err.sqlstate, "%s", sqlstate);
    measures_failure(&live, remedy, &err);
}

static void failures_are_bounded(void **state)
{
    (void)state;
    fails(REMEDY_RETRY, "40P01");
    fails(REMEDY_RETRY, "40P01");
    fails(REMEDY_ISOLATE, "40P01"); /* the same code, another remedy */
    fails(REMEDY_SETTLE, "");
    assert_int_equal(times(REMEDY_RETRY, "40P01"), 2);
    assert_int_equal(times(REMEDY_ISOLATE, "40P01"), 1);
    assert_int_equal(times(REMEDY_SETTLE, ""), 1);
    for (unsigned i = 0; i < 100; i++) {
        char code[6];
        snprintf(code, sizeof code, "X%04u", i);
        fails(REMEDY_RETRY, code);
    }
    assert_int_equal(live.measures.n_failures, FAILURE_KINDS);
    assert_int_equal(live.measures.other_failures, 100 - (FAILURE_KINDS - 3));
    fails(REMEDY_RETRY, "40P01"); /* known ones still count as themselves */
    assert_int_equal(times(REMEDY_RETRY, "40P01"), 3);
}

/* Runs of equal timestamps, and no more of them than there is room for. */
static void a_batch_knows_how_old_its_records_are(void **state)
{
    static const struct batch_limits limits = {.rows = 10, .bytes = 65536};
    static struct batch batch;
    struct record record = {.key = {"key", 3}, .value = {"value", 5}};
    (void)state;
    batch_init(&batch, &limits);
    int64_t now = clock_wall() / USEC_PER_MS;
    const int64_t stamps[] = {now, now, now - 90000, now, -1};
    for (unsigned i = 0; i < sizeof stamps / sizeof *stamps; i++) {
        record.timestamp = stamps[i];
        batch_count(&batch, &record);
    }
    assert_int_equal(batch.n_ages, 4);
    measures_batch(&live, &batch);
    assert_int_equal(live.measures.bytes, 40);
    uint64_t total = 0, young = 0, old = 0;
    const struct histogram *latency = &live.measures.latency;
    for (unsigned i = 0; i <= latency->scale->n; i++) {
        total += latency->counts[i];
        if (i < latency->scale->n && latency->scale->bounds[i] <= 60 * USEC_PER_SEC)
            young += latency->counts[i];
        if (i < latency->scale->n && latency->scale->bounds[i] == 300 * USEC_PER_SEC)
            old += latency->counts[i];
    }
    assert_int_equal(total, 4); /* a record without a timestamp has no age */
    assert_int_equal(young, 3);
    assert_int_equal(old, 1);
    for (unsigned i = 0; i < 1000; i++) {
        record.timestamp = now + i;
        batch_count(&batch, &record);
    }
    assert_int_equal(batch.n_ages, BATCH_AGES);
    uint64_t kept = 0;
    for (unsigned i = 0; i < batch.n_ages; i++)
        kept += batch.ages[i].records;
    assert_int_equal(kept, 1005);
    batch_reset(&batch);
    assert_int_equal(batch.n_ages, 0);
    assert_int_equal(batch.taken, 0);
    batch_free(&batch);
}

static void input_is_what_comes_past_the_end(void **state)
{
    struct cursor cursor = {.live = &live, .known_end = -1, .input_end = -1};
    (void)state;
    measures_end(&cursor, 1000); /* what was there is no input */
    assert_int_equal(live.measures.input, 0);
    measures_end(&cursor, -1); /* not known */
    measures_end(&cursor, 1010);
    assert_int_equal(live.measures.input, 10);
    measures_end(&cursor, 1005); /* the end of what is committed lies before */
    assert_int_equal(cursor.known_end, 1005);
    measures_end(&cursor, 1012);
    assert_int_equal(live.measures.input, 12);
}

static void lag_is_the_age_of_the_oldest_that_waits(void **state)
{
    const usec_t wall = 1700000000 * USEC_PER_SEC;
    const int64_t wall_ms = wall / USEC_PER_MS;
    struct cursor cursor = {.next_offset = 10, .known_end = -1, .applied_ts = wall_ms - 5000};
    (void)state;
    assert_int_equal(measures_lag(&cursor, wall), 0); /* nothing is known */
    cursor.known_end = 10;
    assert_int_equal(measures_lag(&cursor, wall), 0); /* caught up, however old */
    cursor.known_end = 11;
    assert_int_equal(measures_lag(&cursor, wall), 5 * USEC_PER_SEC);
    /* A night without a record: the one that came a second ago is a second old. */
    cursor.applied_ts = wall_ms - 8 * 3600 * 1000;
    cursor.behind_since = wall - 1 * USEC_PER_SEC;
    assert_int_equal(measures_lag(&cursor, wall), 1 * USEC_PER_SEC);
    /* A producer's clock runs ahead: its timestamp says nothing. */
    cursor.applied_ts = wall_ms + 3600 * 1000;
    assert_int_equal(measures_lag(&cursor, wall), 1 * USEC_PER_SEC);
    /* Nothing was ever applied, nor caught up with: since it was claimed. */
    cursor.applied_ts = -1;
    cursor.behind_since = 0;
    cursor.claimed_at = wall - 7 * USEC_PER_SEC;
    assert_int_equal(measures_lag(&cursor, wall), 7 * USEC_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(failures_are_bounded, fresh),
        cmocka_unit_test_setup(a_batch_knows_how_old_its_records_are, fresh),
        cmocka_unit_test_setup(input_is_what_comes_past_the_end, fresh),
        cmocka_unit_test_setup(lag_is_the_age_of_the_oldest_that_waits, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
