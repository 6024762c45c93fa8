/* SPDX-License-Identifier: Apache-2.0 */
/* Taking cursors over, from the living and from the frozen. */
#include "postgres/claim.h"
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn, *control;
static unsigned stream;

static int make(void **state)
{
    (void)state;
    live_create("claim");
    conn = live_open();
    control = live_open();
    stream = live_stream(conn);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    conn_close(control);
    return 0;
}

static void registered(PGconn *session, const char *owner)
{
    struct err err = ERR_INIT;
    assert_true(owner_register(session, owner, "g", &err));
}

/* As after a failover to a standby that was behind, or when another daemon starts. */
static void a_forgotten_owner_is_registered_with_its_next_session(void **state)
{
    (void)state;
    char owner[OWNER_TEXT], sql[128];
    owner_new(owner);
    registered(conn, owner);
    live_exec(conn, "DELETE FROM pactolus.owners");
    PGconn *next = live_open();
    registered(next, owner);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pactolus.backends WHERE owner = '%s'", owner);
    assert_int_equal(live_int(conn, sql), 1);
    conn_close(next);
}

/* As after a failover: an owner of whom no session is known opens one, and at the same time another
 * daemon forgets whoever has none. */
static void who_opens_a_session_is_not_forgotten(void **state)
{
    (void)state;
    char owner[OWNER_TEXT], other[OWNER_TEXT], sql[256];
    owner_new(owner);
    owner_new(other);
    snprintf(sql, sizeof sql,
             "INSERT INTO pactolus.owners (owner, consumer_group, host, process, version)"
             " VALUES ('%s', 'g', 'host', 1, '1')",
             owner);
    live_exec(conn, sql);
    PGconn *opening = live_open(), *forgetting = live_open();
    live_exec(opening, "BEGIN");
    registered(opening, owner);
    snprintf(sql, sizeof sql, "SELECT pactolus.register_owner('%s', 'g', 'host', 2, '1')", other);
    assert_int_equal(PQsendQuery(forgetting, sql), 1);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event_type = 'Lock'",
             PQbackendPID(forgetting));
    while (live_int(conn, sql) == 0)
        assert_int_not_equal(PQstatus(forgetting), CONNECTION_BAD);
    live_exec(opening, "COMMIT");
    for (PGresult *result; (result = PQgetResult(forgetting)); PQclear(result))
        assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pactolus.backends WHERE owner = '%s'", owner);
    assert_int_equal(live_int(conn, sql), 1);
    conn_close(opening);
    conn_close(forgetting);
}

static void claim(const char *owner, struct claimed *list, unsigned n)
{
    struct err err = ERR_INIT;
    if (!claim_run(conn, control, stream, "cluster", owner, list, n, 10 * USEC_PER_SEC, &err))
        fail_msg("[%s] %s", err.sqlstate, err.text);
}

static void owners_are_random_uuids(void **state)
{
    (void)state;
    char one[OWNER_TEXT], two[OWNER_TEXT];
    owner_new(one);
    owner_new(two);
    assert_int_equal(strlen(one), 36);
    assert_string_not_equal(one, two);
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
}

static void a_claim_makes_what_is_missing_and_fences(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    struct claimed list[] = {
        {.topic = "it's \"new\"", .topic_version = 1, .partition = 3, .start = 42},
        {.topic = "plain", .topic_version = 2, .partition = 0, .start = 0}};
    owner_new(owner);
    assert_true(claim_look(conn, stream, "cluster", list, 2, &err));
    assert_false(list[0].exists);
    assert_false(list[1].exists);
    claim(owner, list, 2);
    assert_true(list[0].exists);
    assert_int_equal(list[0].next_offset, 42);
    assert_int_equal(list[0].fence, 1);
    assert_int_equal(list[0].order_ts, -1);
    assert_int_equal(list[0].log >> 48, 1 << 8 | 1);
    assert_int_equal(list[1].log >> 48, 2 << 8 | 1);
    assert_int_equal(list[0].log & 0xffffff, 3);
    assert_int_not_equal(list[0].token, list[1].token);

    struct claimed again[] = {list[1], {.topic = "plain", .partition = 9, .start = 5}};
    again[0].start = 7; /* a cursor that exists keeps its offset */
    assert_true(claim_look(conn, stream, "cluster", again, 2, &err));
    assert_true(again[0].exists);
    assert_false(again[1].exists);
    claim(owner, again, 1);
    assert_int_equal(again[0].cursor_id, list[1].cursor_id);
    assert_int_equal(again[0].next_offset, 0);
    assert_int_equal(again[0].fence, 2);
    assert_int_not_equal(again[0].token, list[1].token);
}

/* The cursor of topic "anew" as a new owner gets it whom the broker tells this id. */
static struct claimed claim_as(const char *topic_id, int32_t partition)
{
    char owner[OWNER_TEXT];
    struct claimed list[] = {{.topic = "anew",
                              .topic_id = topic_id,
                              .topic_version = 1,
                              .partition = partition,
                              .start = 100}};
    struct err err = ERR_INIT;
    owner_new(owner);
    assert_true(claim_look(conn, stream, "cluster", list, 1, &err));
    if (list[0].exists)
        list[0].start = -1;
    claim(owner, list, 1);
    return list[0];
}

static unsigned incarnation(const struct claimed *claimed)
{
    return (unsigned)(claimed->log >> 48) & 0xff;
}

static void a_topic_with_another_id_is_another_log(void **state)
{
    (void)state;
    struct claimed unknown = claim_as("", 0);
    struct claimed first = claim_as("one", 0), other = claim_as("one", 1);
    assert_true(unknown.made);
    assert_false(first.made); /* an id that is learned later changes nothing */
    assert_int_equal(first.cursor_id, unknown.cursor_id);
    assert_int_equal(incarnation(&other), 1);
    live_exec(conn, "UPDATE pactolus.cursors c SET next_offset = 150, consumed = 50"
                    "  FROM pactolus.logs l WHERE l.log_id = c.log_id AND l.topic = 'anew'"
                    "   AND l.partition = 0");

    struct claimed second = claim_as("two", 0);
    assert_true(second.made);
    assert_true(second.topic_known);
    assert_int_equal(incarnation(&second), 2);
    assert_int_equal(second.next_offset, 100);
    assert_int_equal(second.order_ts, -1);
    struct claimed again = claim_as("two", 0), blind = claim_as("", 0);
    assert_int_equal(again.cursor_id, second.cursor_id);
    assert_int_equal(blind.cursor_id, second.cursor_id); /* whoever is not told goes on there */

    /* People see the newest; the account counts both. */
    assert_string_equal(
        live_value(conn, "SELECT string_agg(partition || ':' || complete_through_offset, ' ')"
                         "  FROM pactolus.progress WHERE topic = 'anew'"),
        "0:99");
    assert_int_equal(live_int(conn, "SELECT consumed FROM pactolus.account WHERE stream = 's'"),
                     50);
}

static void an_id_that_is_known_to_be_gone_is_not_believed(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    struct claimed list[] = {{.topic = "anew", .topic_id = "one", .topic_version = 1, .start = 0}};
    owner_new(owner);
    assert_false(claim_run(conn, control, stream, "cluster", owner, list, 1, USEC_PER_SEC, &err));
    assert_string_equal(err.sqlstate, "PA006");
    assert_int_equal(err.class, ERR_RETRY);
}

static void all_are_claimed_or_none(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    struct claimed list[] = {{.topic = "half", .topic_version = 1, .partition = 0, .start = 1},
                             {.topic = "half", .topic_version = 1, .partition = 1, .start = -1}};
    owner_new(owner);
    assert_false(claim_run(conn, control, stream, "cluster", owner, list, 2, USEC_PER_SEC, &err));
    assert_int_equal(err.class, ERR_RETRY);
    assert_string_equal(err.place, "half[1]");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.logs WHERE topic = 'half'"), 0);
}

/* A session that sent the fence and then fell silent, before Sync: as a daemon under SIGSTOP. */
static PGconn *half_sent(const char *owner, const struct claimed *cursor)
{
    char sql[512];
    PGconn *frozen = live_open();
    registered(frozen, owner);
    assert_int_equal(PQenterPipelineMode(frozen), 1);
    snprintf(
        sql, sizeof sql,
        "SELECT pactolus.advance('{%lld}', '{%lld}', '{%lld}', '{%lld}', '{%lld}', '{0}', '{1}',"
        "                        '{0}', '{0}')",
        (long long)cursor->cursor_id, (long long)cursor->fence, (long long)cursor->token,
        (long long)cursor->next_offset, (long long)cursor->next_offset + 1);
    assert_int_equal(PQsendQueryParams(frozen, sql, 0, NULL, NULL, NULL, NULL, 0), 1);
    assert_int_equal(PQsendFlushRequest(frozen), 1);
    assert_int_equal(PQflush(frozen), 0);
    /* Its answer tells that the rows are locked. */
    PGresult *result = PQgetResult(frozen);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    return frozen;
}

static void a_half_sent_pipeline_is_ended(void **state)
{
    (void)state;
    char dead[OWNER_TEXT], living[OWNER_TEXT];
    struct claimed cursor = {.topic = "frozen", .topic_version = 1, .start = 100};
    owner_new(dead);
    owner_new(living);
    registered(control, living);
    claim(dead, &cursor, 1);
    struct claimed old = cursor;
    PGconn *frozen = half_sent(dead, &old);

    usec_t begin = clock_monotonic();
    claim(living, &cursor, 1);
    usec_t took = clock_monotonic() - begin;
    assert_in_range(took, 200 * USEC_PER_MS, 2 * USEC_PER_SEC);
    assert_int_equal(cursor.fence, old.fence + 1);
    assert_int_equal(cursor.next_offset, 100); /* the half batch is gone */

    /* Awake again, it finds its session ended. */
    PQpipelineSync(frozen);
    PGresult *result;
    int good = 0;
    while ((result = PQgetResult(frozen)) != NULL) {
        good += PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (PQstatus(frozen) == CONNECTION_BAD)
            break;
    }
    assert_int_equal(good, 0);
    conn_close(frozen);
}

static void a_lock_timeout_does_not_end_the_claim(void **state)
{
    (void)state;
    char dead[OWNER_TEXT], living[OWNER_TEXT];
    struct claimed cursor = {.topic = "impatient", .topic_version = 1, .start = 0};
    owner_new(dead);
    owner_new(living);
    claim(dead, &cursor, 1);
    PGconn *frozen = half_sent(dead, &cursor);
    live_exec(conn, "SET lock_timeout = 100");
    claim(living, &cursor, 1);
    live_exec(conn, "SET lock_timeout = 0");
    conn_close(frozen);
}

static void strangers_are_waited_for_not_ended(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    struct claimed cursor = {.topic = "stranger", .topic_version = 1, .start = 0};
    owner_new(owner);
    claim(owner, &cursor, 1);
    PGconn *stranger = live_open();
    live_exec(stranger, "BEGIN; SELECT FROM pactolus.cursors FOR UPDATE");
    assert_false(
        claim_run(conn, control, stream, "cluster", owner, &cursor, 1, USEC_PER_SEC / 2, &err));
    assert_int_equal(err.class, ERR_RETRY);
    assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
    live_exec(stranger, "COMMIT");
    conn_close(stranger);
    claim(owner, &cursor, 1); /* the connection is as good as before */
}

static void positions_settle_unknown_outcomes(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    struct claimed cursor = {.topic = "settle", .topic_version = 1, .start = 17};
    owner_new(owner);
    claim(owner, &cursor, 1);
    struct cursor_position list[] = {{.cursor_id = 999999}, {.cursor_id = cursor.cursor_id}};
    assert_true(cursor_positions(conn, list, 2, &err));
    assert_int_equal(list[0].fence, 0);
    assert_int_equal(list[1].fence, cursor.fence);
    assert_int_equal(list[1].token, cursor.token);
    assert_int_equal(list[1].next_offset, 17);
}

static void accounts_are_opened_once_per_lane(void **state)
{
    (void)state;
    char owner[OWNER_TEXT];
    struct err err = ERR_INIT;
    int64_t one, same, other;
    owner_new(owner);
    assert_true(account_open(conn, stream, owner, 0, &one, &err));
    assert_true(account_open(conn, stream, owner, 0, &same, &err));
    assert_true(account_open(conn, stream, owner, 1, &other, &err));
    assert_int_equal(one, same);
    assert_int_not_equal(one, other);
}

/* ---- two groups, one table ---- */

static unsigned stream_of(const char *group, const char *table)
{
    char sql[320];
    snprintf(sql, sizeof sql,
             "INSERT INTO pactolus.streams (consumer_group, name, schema_name, table_name,"
             "  view_schema, view_name, fingerprint)"
             " VALUES ('%s', 's', 'data', '%s', 'sample_v1', '%s', 'f') RETURNING stream_id",
             group, table, table);
    return (unsigned)live_int(conn, sql);
}

static bool claims(unsigned for_stream, struct err *err)
{
    char owner[OWNER_TEXT];
    struct claimed one = {.topic = "shared", .topic_id = "", .topic_version = 1, .start = 0};
    owner_new(owner);
    *err = (struct err){0};
    return claim_run(conn, control, for_stream, "cluster", owner, &one, 1, USEC_PER_SEC, err);
}

static void refused(unsigned for_stream, const char *writer)
{
    struct err err;
    assert_false(claims(for_stream, &err));
    assert_string_equal(err.sqlstate, "PA007");
    assert_int_equal(err.class, ERR_HALT);
    assert_non_null(strstr(err.text, "data.shared"));
    assert_non_null(strstr(err.text, writer));
    assert_memory_equal(err.hint, "pactolus adopt", strlen("pactolus adopt"));
}

static int64_t cursors_of(unsigned of_stream, const char *what)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT %s FROM pactolus.cursors WHERE stream_id = %u", what,
             of_stream);
    return live_int(conn, sql);
}

static void a_table_is_written_by_one_group(void **state)
{
    (void)state;
    struct err err;
    unsigned one = stream_of("one", "shared"), two = stream_of("two", "shared");
    assert_true(claims(one, &err));
    assert_true(claims(one, &err));
    refused(two, "group one");
    assert_int_equal(cursors_of(two, "count(*)"), 0);
    /* A group none of whose streams names the table any more has let it go. */
    live_exec(conn, "UPDATE pactolus.streams SET table_name = 'elsewhere'"
                    " WHERE consumer_group = 'one'");
    assert_true(claims(two, &err));
    live_exec(conn,
              "UPDATE pactolus.streams SET table_name = 'shared' WHERE consumer_group = 'one'");
    refused(one, "group two");
    /* adopt takes it back, and fences those who have it. */
    assert_string_equal(live_value(conn, "SELECT kind || ' ' || what FROM"
                                         " pactolus.adopt('one', 'cluster', '{}', 'a test', 'me')"),
                        "table data.shared (two)");
    assert_int_equal(cursors_of(two, "max(fence)"), 2);
    refused(two, "group one");
    assert_int_equal(cursors_of(one, "max(fence)"), 2);
    assert_true(claims(one, &err));
}

/* Both begin at once: the second waits for the first, and is refused. */
static void of_two_groups_that_begin_at_once_one_is_refused(void **state)
{
    (void)state;
    struct err err;
    unsigned three = stream_of("three", "race"), four = stream_of("four", "race");
    char sql[64], expected[16];
    snprintf(sql, sizeof sql, "BEGIN; SELECT pactolus.take_table(%u)", three);
    live_exec(control, sql);
    snprintf(sql, sizeof sql, "SELECT pactolus.take_table(%u)", four);
    assert_int_equal(PQsendQuery(conn, sql), 1);
    snprintf(expected, sizeof expected, "%d", PQbackendPID(conn));
    PGconn *watch = live_open();
    do
        snprintf(sql, sizeof sql, "SELECT cardinality(pg_blocking_pids(%s))", expected);
    while (live_int(watch, sql) == 0);
    conn_close(watch);
    live_exec(control, "COMMIT");
    PGresult *result = PQgetResult(conn);
    conn_error(&err, conn, result);
    PQclear(result);
    assert_null(PQgetResult(conn));
    assert_string_equal(err.sqlstate, "PA007");
    assert_non_null(strstr(err.text, "group three"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_are_random_uuids),
        cmocka_unit_test(a_claim_makes_what_is_missing_and_fences),
        cmocka_unit_test(a_topic_with_another_id_is_another_log),
        cmocka_unit_test(an_id_that_is_known_to_be_gone_is_not_believed),
        cmocka_unit_test(all_are_claimed_or_none),
        cmocka_unit_test(a_half_sent_pipeline_is_ended),
        cmocka_unit_test(a_lock_timeout_does_not_end_the_claim),
        cmocka_unit_test(strangers_are_waited_for_not_ended),
        cmocka_unit_test(positions_settle_unknown_outcomes),
        cmocka_unit_test(accounts_are_opened_once_per_lane),
        cmocka_unit_test(a_forgotten_owner_is_registered_with_its_next_session),
        cmocka_unit_test(who_opens_a_session_is_not_forgotten),
        cmocka_unit_test(a_table_is_written_by_one_group),
        cmocka_unit_test(of_two_groups_that_begin_at_once_one_is_refused),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
