/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a stream and what resume sends back: which halt stays, what a pause may hide, and
 * that a second pass over a log resolves its dead letters and keeps the account closed. */
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;

static int make(void **state)
{
    (void)state;
    live_create("streams");
    conn = live_open();
    return live_stream(conn) == 1 ? 0 : 1; /* what the SQL below says */
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    return 0;
}

static int running(void **state)
{
    (void)state;
    live_exec(conn, "SELECT pactolus.resume(1, '', 'me', true)");
    return 0;
}

static void halt(const char *kind, const char *why, const char *letters_for)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT pactolus.halt(1, '%s', '%s', 'look', 'me', %s)", kind, why,
             letters_for);
    live_exec(conn, sql);
}

static void assert_state(const char *wanted)
{
    assert_string_equal(
        live_value(conn, "SELECT concat_ws(' ', state, kind, reason) FROM pactolus.streams"),
        wanted);
}

#define MINUTES_BACK                                                                               \
    "SELECT round(extract(epoch FROM now() - redo_since) / 60) FROM pactolus.streams"

static void the_first_reason_stays(void **state)
{
    (void)state;
    halt("daemon", "one", "NULL");
    halt("daemon", "two", "NULL");
    assert_state("halted daemon one");
    assert_string_equal(live_value(conn, MINUTES_BACK), "");
    /* Floods of several daemons: the earliest letter counts. */
    halt("flood", "three", "'5 min'");
    halt("flood", "four", "'9 min'");
    halt("flood", "five", "'2 min'");
    assert_state("halted daemon one");
    assert_int_equal(live_int(conn, MINUTES_BACK), 9);
    live_exec(conn, "SELECT pactolus.resume(1, 'mended', 'me', false)");
    assert_state("running  mended");
    assert_string_equal(live_value(conn, MINUTES_BACK), "");
}

static void a_preflight_s_halt_ends_by_itself(void **state)
{
    (void)state;
    halt("preflight", "no table", "NULL");
    halt("preflight", "no column", "NULL");
    assert_state("halted preflight no column");
    assert_string_equal(live_value(conn, "SELECT pactolus.preflight_passed(1, 'me')"), "no column");
    assert_state("running  ");
    /* It ends nobody else's, and stands back behind them. */
    halt("daemon", "one", "NULL");
    halt("preflight", "two", "NULL");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.preflight_passed(1, 'me')"), 0);
    assert_state("halted daemon one");
    running(NULL);
    /* A daemon's own is the graver one. */
    halt("preflight", "two", "NULL");
    halt("flood", "one", "'1 min'");
    assert_state("halted flood one");
}

static void a_pause_hides_no_halt(void **state)
{
    (void)state;
    assert_string_equal(live_value(conn, "SELECT pactolus.pause(1, 'p', 'me')"), "t");
    assert_state("paused operator p");
    halt("preflight", "not ready", "NULL");
    assert_state("paused operator p");
    halt("flood", "f", "'1 min'");
    assert_string_equal(live_value(conn, "SELECT pactolus.pause(1, 'p', 'me')"), "f");
    assert_state("halted flood f");
    running(NULL);
    halt("preflight", "not ready", "NULL");
    assert_string_equal(live_value(conn, "SELECT pactolus.pause(1, 'p', 'me')"), "t");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.preflight_passed(1, 'me')"), 0);
    assert_state("paused operator p");
}

/* Three cursors at offset 100 with fence 1 and tokens 7, 8, 9; on partition 0 letters at 10 (an
 * hour old), 20, 30 (discarded) and 40, on partition 1 one at 50 (an hour old). Partition 2 is
 * another incarnation's today: nobody reads its letter's log any more. */
static int with_letters(void **state)
{
    live_exec(
        conn,
        "TRUNCATE pactolus.logs CASCADE;"
        "ALTER TABLE pactolus.cursors ALTER COLUMN cursor_id RESTART WITH 1;"
        "SELECT pactolus.claim(1, 'c', '{t,t,old}', '{1,1,1}', '{0,1,2}', '{0,0,0}',"
        "                      gen_random_uuid(), '{7,8,9}');"
        "SELECT pactolus.advance('{1,2,3}', '{1,1,1}', '{7,8,9}', '{0,0,0}', '{100,100,100}',"
        "                        '{900,900,900}', '{97,100,100}', '{3,0,0}', '{0,0,0}');"
        "INSERT INTO pactolus.logs (log_id, cluster_id, topic, incarnation, generation,"
        "                           ordinal, partition)"
        " VALUES (1, 'c', 'old', 2, 258, 99, 2) ON CONFLICT DO NOTHING;"
        "INSERT INTO pactolus.dead_letters (stream_id, log_id, topic, partition, \"offset\","
        "            record_ts, order_ts, reason, state, last_failed_at)"
        " SELECT 1, c.log_id, 't', 0, l.at, l.at, 500 + l.at, 'rule', l.state,"
        "        now() - l.age::interval"
        "   FROM (VALUES (1, 10, 'open', '1 h'), (1, 20, 'open', '0'),"
        "                (1, 30, 'discarded', '0'), (1, 40, 'open', '1 min'),"
        "                (2, 50, 'open', '1 h'), (3, 60, 'open', '0')) AS l(id, at, state, age)"
        "   JOIN pactolus.cursors c ON c.cursor_id = l.id");
    return running(state);
}

static const char *cursors(void)
{
    return live_value(conn, "SELECT string_agg(concat_ws(':', next_offset, fence, order_ts, pass,"
                            "                  pass_start, redo_to, consumed, gaps), ' '"
                            "                  ORDER BY cursor_id) FROM pactolus.cursors");
}

static const char *letters(void)
{
    return live_value(conn, "SELECT string_agg(\"offset\" || ':' || state, ' ' ORDER BY \"offset\")"
                            "  FROM pactolus.dead_letters");
}

static void only_what_the_flood_set_aside_is_read_again(void **state)
{
    (void)state;
    halt("flood", "f", "'5 min'");
    assert_string_equal(
        live_value(conn, "SELECT r::text FROM pactolus.resume(1, '', 'me', false) r"), "(1,2,80)");
    assert_string_equal(cursors(), "20:2:520:2:20:100:0:0 100:1:900:1:0:0:100:0 "
                                   "100:1:900:1:0:0:100:0");
    assert_string_equal(live_value(conn, "SELECT concat_ws(':', cursor_id, pass, from_offset,"
                                         "       to_offset, consumed, gaps) FROM pactolus.passes"),
                        "1:1:0:100:97:3");
    assert_int_equal(live_int(conn, "SELECT sum(cursors_open) FROM pactolus.account"), 0);
    /* Nothing of it is left for a second one. */
    assert_string_equal(
        live_value(conn, "SELECT r::text FROM pactolus.resume(1, '', 'me', false) r"), "(0,0,0)");
}

static void letters_can_be_left(void **state)
{
    (void)state;
    halt("flood", "f", "'5 min'");
    assert_string_equal(
        live_value(conn, "SELECT r::text FROM pactolus.resume(1, '', 'me', true) r"), "(0,0,0)");
    assert_string_equal(cursors(), "100:1:900:1:0:0:97:3 100:1:900:1:0:0:100:0 "
                                   "100:1:900:1:0:0:100:0");
}

static void advance(int from, int to)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT pactolus.advance('{1}', '{2}', '{7}', '{%d}', '{%d}', '{0}', '{%d}', '{0}',"
             "                        '{0}')",
             from, to, to - from);
    live_exec(conn, sql);
}

static void what_is_passed_again_is_redriven(void **state)
{
    (void)state;
    halt("flood", "f", "'5 min'");
    live_exec(conn, "SELECT pactolus.resume(1, '', 'me', false)");
    struct err err = ERR_INIT;
    assert_false(conn_exec(conn,
                           "SELECT pactolus.advance('{1}', '{1}', '{7}', '{20}', '{30}', '{0}',"
                           "                        '{10}', '{0}', '{0}')",
                           &err));
    assert_string_equal(err.sqlstate, "PA001"); /* the daemon that held it must claim it anew */
    advance(20, 40);
    assert_string_equal(letters(), "10:open 20:redriven 30:discarded 40:open 50:open 60:open");
    advance(40, 130);
    assert_string_equal(letters(), "10:open 20:redriven 30:discarded 40:redriven 50:open 60:open");
    /* Behind the old end nothing is resolved any more. */
    live_exec(conn, "UPDATE pactolus.dead_letters SET \"offset\" = 135 WHERE \"offset\" = 10");
    advance(130, 140);
    assert_string_equal(letters(), "20:redriven 30:discarded 40:redriven 50:open 60:open 135:open");
    assert_int_equal(live_int(conn, "SELECT sum(cursors_open) FROM pactolus.account"), 0);
    assert_int_equal(live_int(conn, "SELECT advanced FROM pactolus.account"), 300 + 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_reason_stays, running),
        cmocka_unit_test_setup(a_preflight_s_halt_ends_by_itself, running),
        cmocka_unit_test_setup(a_pause_hides_no_halt, running),
        cmocka_unit_test_setup(only_what_the_flood_set_aside_is_read_again, with_letters),
        cmocka_unit_test_setup(letters_can_be_left, with_letters),
        cmocka_unit_test_setup(what_is_passed_again_is_redriven, with_letters),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
