/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors whose next offset Kafka lacks: moved under their fence, and the account closes. */
#include "postgres/losses.h"
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;
static unsigned stream;

static int make(void **state)
{
    (void)state;
    live_create("losses");
    conn = live_open();
    stream = live_stream(conn);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    return 0;
}

/* A cursor of a topic of its own at 100, of which it has consumed 90. */
static struct cursor_position cursor_at_100(const char *topic)
{
    char owner[OWNER_TEXT], sql[128];
    struct err err = ERR_INIT;
    struct claimed one = {.topic = topic, .topic_id = "", .topic_version = 1, .start = 10};
    owner_new(owner);
    assert_true(claim_run(conn, conn, stream, "cluster", owner, &one, 1, USEC_PER_SEC, &err));
    snprintf(sql, sizeof sql,
             "UPDATE pactolus.cursors SET next_offset = 100, consumed = 90, order_ts = 7000"
             " WHERE cursor_id = %lld",
             (long long)one.cursor_id);
    live_exec(conn, sql);
    return (struct cursor_position){
        .cursor_id = one.cursor_id, .fence = one.fence, .token = one.token, .next_offset = 100};
}

/* The cursor as one line: next, pass, its start, consumed, lost, skipped, order_ts; what is open.
 */
static const char *line(const struct cursor_position *at)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', next_offset, pass, pass_start, consumed, lost, skipped,"
             " order_ts, next_offset - pass_start - consumed - gaps - skipped - lost)"
             "  FROM pactolus.cursors WHERE cursor_id = %lld",
             (long long)at->cursor_id);
    return live_value(conn, sql);
}

static void move(struct cursor_position *at, int64_t low, int64_t target, bool from_start)
{
    struct cursor_position now = {.cursor_id = at->cursor_id};
    struct err err = ERR_INIT;
    if (!losses_move(conn, at, low, target, from_start, &err) ||
        !cursor_positions(conn, &now, 1, &err))
        fail_msg("[%s] %s", err.sqlstate, err.text);
    assert_int_equal(at->fence, now.fence); /* another one than before, which `at` knows */
    assert_int_equal(at->next_offset, target);
}

static void what_expired_is_lost(void **state)
{
    (void)state;
    struct cursor_position at = cursor_at_100("expired");
    move(&at, 150, 150, true);
    assert_string_equal(line(&at), "150 1 10 90 50 0 7000 0");
}

static void what_is_passed_over_is_skipped(void **state)
{
    (void)state;
    struct cursor_position at = cursor_at_100("passed over");
    move(&at, 150, 180, false);
    assert_string_equal(line(&at), "180 1 10 90 50 30 7000 0");
    assert_string_equal(live_value(conn, "SELECT concat_ws(' ', why, from_offset, to_offset, lost,"
                                         " skipped, by LIKE '%(daemon %')"
                                         "  FROM pactolus.losses ORDER BY loss_id DESC LIMIT 1"),
                        "retention 100 180 50 30 t");
}

/* Points say which order_ts a record had; those behind the cut are of records that are gone. */
static void a_cut_log_begins_a_new_pass(void **state)
{
    (void)state;
    struct cursor_position from_start = cursor_at_100("cut"), from_end = cursor_at_100("cut too");
    live_exec(conn, "INSERT INTO pactolus.order_points SELECT l.log_id, o.at, o.at * 10"
                    "  FROM pactolus.logs l, (VALUES (20), (50), (95)) o(at)"
                    " WHERE l.topic LIKE 'cut%'");
    move(&from_start, 30, 30, true);
    assert_string_equal(line(&from_start), "30 2 30 0 0 0 200 0");
    move(&from_end, 30, 60, false);
    assert_string_equal(line(&from_end), "60 2 60 0 0 0 7000 0");
    assert_string_equal(live_value(conn, "SELECT string_agg(concat_ws(' ', l.topic, o.\"offset\"),"
                                         " ', ' ORDER BY l.topic, o.\"offset\")"
                                         "  FROM pactolus.order_points o JOIN pactolus.logs l"
                                         " USING (log_id)"),
                        "cut 20, cut too 20, cut too 50");
    assert_string_equal(live_value(conn, "SELECT concat_ws(' ', min(from_offset), max(to_offset),"
                                         " sum(consumed), count(*)) FROM pactolus.passes"),
                        "10 100 180 2");
    assert_string_equal(live_value(conn, "SELECT concat_ws(' ', cursors_open, lost, skipped)"
                                         "  FROM pactolus.account"),
                        "0 100 30");
}

static void refused(struct cursor_position *at, const char *sqlstate)
{
    struct err err = ERR_INIT;
    assert_false(losses_move(conn, at, 150, 150, true, &err));
    assert_string_equal(err.sqlstate, sqlstate);
}

static void only_the_holder_of_the_fence_moves(void **state)
{
    (void)state;
    struct cursor_position at = cursor_at_100("held"), wrong = at;
    int64_t booked = live_int(conn, "SELECT count(*) FROM pactolus.losses");
    wrong.fence++;
    refused(&wrong, "PA001");
    wrong = at;
    wrong.token++;
    refused(&wrong, "PA001");
    wrong = at;
    wrong.next_offset = 99;
    refused(&wrong, "PA002");
    assert_string_equal(line(&at), "100 1 10 90 0 0 7000 0");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.losses"), booked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_expired_is_lost),
        cmocka_unit_test(what_is_passed_over_is_skipped),
        cmocka_unit_test(a_cut_log_begins_a_new_pass),
        cmocka_unit_test(only_the_holder_of_the_fence_moves),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
