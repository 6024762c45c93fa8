/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's row and the letters that it reads and marks. */
#include "postgres/claim.h"
#include "postgres/ledger.h"
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;
static struct arena arena;

static int make(void **state)
{
    char sql[256];
    (void)state;
    live_create("ledger");
    conn = live_open();
    snprintf(sql, sizeof sql,
             "SELECT pactolus.claim(%u, 'c', '{t}', '{1}', '{0}', '{0}', gen_random_uuid(), '{7}')",
             live_stream(conn));
    live_exec(conn, sql);
    arena_init(&arena, 65536);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    arena_free(&arena);
    conn_close(conn);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    live_exec(conn, "TRUNCATE pactolus.dead_letters RESTART IDENTITY; TRUNCATE pactolus.relays");
    return 0;
}

/* `rest` are SQL values: key, value, header_names, header_values, dlq_topic. */
static void letter(int offset, const char *rest)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO pactolus.dead_letters (stream_id, log_id, topic, partition, \"offset\","
             "  record_ts, order_ts, reason, detail, contract, first_failed_at, key, value,"
             "  header_names, header_values, dlq_topic)"
             " SELECT c.stream_id, c.log_id, 't', 0, %d, 5, 6, 'rule', 'd', 'x.Y',"
             "        '2026-01-02 03:04:05.6+00', %s FROM pactolus.cursors c",
             offset, rest);
    live_exec(conn, sql);
}

static bool hold(const char *owner, int stale_s, int64_t *fence)
{
    struct err err = ERR_INIT;
    bool held;
    if (!ledger_hold(conn, "g", owner, stale_s, &held, fence, &err))
        fail_msg("[%s] %s", err.sqlstate, err.text);
    return held;
}

static void one_relay_at_a_time(void **state)
{
    (void)state;
    char one[OWNER_TEXT], two[OWNER_TEXT];
    int64_t first = 0, fence = 0;
    struct err err = ERR_INIT;
    owner_new(one);
    owner_new(two);
    assert_true(hold(one, 30, &first));
    assert_false(hold(two, 30, &fence));
    assert_true(hold(one, 30, &fence));
    assert_int_equal(fence, first);
    live_exec(conn, "UPDATE pactolus.relays SET heartbeat = heartbeat - interval '31 s'");
    assert_true(hold(two, 30, &fence));
    assert_int_equal(fence, first + 1);
    assert_false(hold(one, 30, &fence));
    assert_true(ledger_release(conn, "g", one, &err)); /* not its own any more: nothing happens */
    assert_false(hold(one, 30, &fence));
    assert_true(ledger_release(conn, "g", two, &err));
    assert_true(hold(one, 30, &fence));
    assert_int_equal(fence, first + 2);
}

static void letters_come_whole(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct letter *list;
    unsigned n;
    letter(1, "NULL, '\\x00ff', '{a,b,\"\"}', ARRAY['\\x01', NULL, '']::bytea[], 't.dlq'");
    letter(2, "'', NULL, '{}', '{}', 't.dlq'");
    letter(3, "'k', 'v', '{}', '{}', ''"); /* the ledger only */
    assert_true(ledger_fetch(conn, "g", 0, 10, 1000, &arena, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].stream, "s");
    assert_string_equal(list[0].dlq_topic, "t.dlq");
    assert_string_equal(list[0].topic, "t");
    assert_int_equal(list[0].offset, 1);
    assert_int_equal(list[0].record_ts, 5);
    assert_int_equal(list[0].attempts, 1);
    assert_string_equal(list[0].reason, "rule");
    assert_string_equal(list[0].detail, "d");
    assert_string_equal(list[0].contract, "x.Y");
    assert_string_equal(list[0].first_failed, "2026-01-02T03:04:05.600000Z");
    assert_null(list[0].key.data);
    assert_int_equal(list[0].value.length, 2);
    assert_memory_equal(list[0].value.data, "\0\xff", 2);
    assert_int_equal(list[0].n_headers, 3);
    assert_string_equal(list[0].headers[0].name, "a");
    assert_int_equal(list[0].headers[0].value.length, 1);
    assert_string_equal(list[0].headers[1].name, "b");
    assert_null(list[0].headers[1].value.data);
    assert_string_equal(list[0].headers[2].name, "");
    assert_non_null(list[0].headers[2].value.data);
    assert_int_equal(list[0].headers[2].value.length, 0);
    assert_non_null(list[1].key.data);
    assert_int_equal(list[1].key.length, 0);
    assert_null(list[1].value.data);
    assert_int_equal(list[1].n_headers, 0);
    assert_true(ledger_fetch(conn, "other", 0, 10, 1000, &arena, &list, &n, &err));
    assert_int_equal(n, 0);
}

static void pages_are_bounded_by_count_and_bytes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct letter *list;
    unsigned n;
    for (int i = 0; i < 5; i++)
        letter(i, "'', convert_to(repeat('x', 1000), 'UTF8'), '{}', '{}', 't.dlq'");
    assert_true(ledger_fetch(conn, "g", 0, 3, 1000000, &arena, &list, &n, &err));
    assert_int_equal(n, 3);
    assert_true(ledger_fetch(conn, "g", 0, 5, 2500, &arena, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_true(ledger_fetch(conn, "g", 0, 5, 10, &arena, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(list[0].offset, 0);
}

static void only_the_holder_marks(void **state)
{
    (void)state;
    char one[OWNER_TEXT], two[OWNER_TEXT];
    int64_t mine, others, ids[] = {1, 2};
    bool marked;
    struct err err = ERR_INIT;
    owner_new(one);
    owner_new(two);
    letter(1, "'k', 'v', '{}', '{}', 't.dlq'");
    letter(2, "'k', 'v', '{}', '{}', 't.dlq'");
    assert_true(hold(one, 30, &mine));
    live_exec(conn, "UPDATE pactolus.relays SET heartbeat = heartbeat - interval '31 s'");
    assert_true(hold(two, 30, &others));
    assert_true(ledger_mark(conn, "g", mine, ids, 2, &marked, &err));
    assert_false(marked);
    assert_int_equal(
        live_int(conn, "SELECT count(*) FROM pactolus.dead_letters WHERE relayed_at IS NULL"), 2);
    assert_true(ledger_mark(conn, "g", others, ids, 1, &marked, &err));
    assert_true(marked);
    assert_int_equal(live_int(conn, "SELECT \"offset\" FROM pactolus.dead_letters"
                                    " WHERE relayed_at IS NULL"),
                     2);
}

static void open_letters_are_counted(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct letter_count *list;
    unsigned n;
    letter(1, "'k', 'v', '{}', '{}', 't.dlq'");
    letter(2, "'k', 'v', '{}', '{}', ''");
    letter(3, "'k', 'v', '{}', '{}', 't.dlq'");
    live_exec(conn, "UPDATE pactolus.dead_letters SET state = 'discarded' WHERE \"offset\" = 3");
    assert_true(ledger_counts(conn, "g", &arena, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(list[0].stream, "s");
    assert_string_equal(list[0].reason, "rule");
    assert_int_equal(list[0].open, 2);
    assert_int_equal(list[0].unrelayed, 1);
    assert_string_equal(list[0].oldest, "2026-01-02T03:04:05.600000Z");
}

#define TEST(name) cmocka_unit_test_setup(name, empty)

static void the_room_of_open_letters_is_added_up(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    unsigned stream = (unsigned)live_int(conn, "SELECT stream_id FROM pactolus.cursors");
    int64_t bytes, whole;
    assert_true(ledger_open_bytes(conn, stream, &bytes, &err));
    assert_int_equal(bytes, 0);
    for (int i = 0; i < 20; i++) /* what does not compress, as large as what is stored elsewhere */
        letter(i, "'k', (SELECT string_agg(sha256(n::text::bytea), '')"
                  "        FROM generate_series(1, 1000) n), '{}', '{}', 'dlq'");
    assert_true(ledger_open_bytes(conn, stream, &bytes, &err));
    assert_true(ledger_size(conn, &whole, &err));
    assert_in_range(bytes, 20 * 32000, 20 * 32200);
    assert_true(whole > bytes);
    live_exec(conn, "UPDATE pactolus.dead_letters SET state = 'discarded' WHERE \"offset\" > 4");
    assert_true(ledger_open_bytes(conn, stream, &bytes, &err));
    assert_in_range(bytes, 5 * 32000, 5 * 32200);
    assert_true(ledger_open_bytes(conn, stream + 1, &bytes, &err));
    assert_int_equal(bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_relay_at_a_time),
        TEST(letters_come_whole),
        TEST(pages_are_bounded_by_count_and_bytes),
        TEST(only_the_holder_marks),
        TEST(open_letters_are_counted),
        TEST(the_room_of_open_letters_is_added_up),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
