/* SPDX-License-Identifier: Apache-2.0 */
/* isolate: bad rows among good ones on a real server: dead letters exact, neighbours whole. */
#include "base/clock.h"
#include "postgres/isolate.h"
#include "support/live.h"
#include "support/sample.h"
#include "table/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { START = 100, BAD = -1 };
#define OWNER "6f1c1e0a-0000-4000-8000-000000000001"

static PGconn *conn, *session; /* one looks on, the other isolates */
static unsigned stream;
static struct layout *layout;
static struct statement_text texts[STATEMENT_COUNT];
static struct write_target target;
static struct batch batch;
static int64_t cursor_id, next_offset;
static struct isolation isolation;
static struct err err;
static const struct batch_limits limits = {.rows = 2000, .bytes = 16 << 20};

/* ---- making ---- */

static int make(void **state)
{
    struct plan plan;
    (void)state;
    live_create("isolate");
    conn = live_open();
    session = live_open();
    stream = live_stream(conn);
    layout = sample_layout(false, false);
    sql_statements(layout, texts);
    struct shape *want = shape_want(layout);
    plan_init(&plan);
    compare_shapes(NULL, want, &plan);
    for (unsigned i = 0; i < plan.n_steps; i++)
        live_exec(conn, plan.steps[i].sql);
    plan_free(&plan);
    shape_free(want);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    sql_free(texts);
    sample_free(layout);
    conn_close(session);
    conn_close(conn);
    return 0;
}

static int set_up(void **state)
{
    char sql[512];
    (void)state;
    live_exec(conn, "TRUNCATE pactolus.cursors, pactolus.accounts, pactolus.dead_letters,"
                    " data.sample CASCADE");
    live_exec(conn, "ALTER TABLE data.sample DROP CONSTRAINT IF EXISTS by_hand,"
                    " ADD CONSTRAINT by_hand CHECK (amount >= 0)");
    snprintf(sql, sizeof sql,
             "SELECT cursor_id FROM pactolus.claim(%u, 'c', '{t}', '{1}', '{0}', '{%d}',"
             " gen_random_uuid(), '{7}')",
             stream, START);
    cursor_id = live_int(conn, sql);
    next_offset = START;
    snprintf(sql, sizeof sql, "SELECT pactolus.open_account(%u, '" OWNER "', 0)", stream);
    target = (struct write_target){.stream_id = stream,
                                   .owner = OWNER,
                                   .account_id = live_int(conn, sql),
                                   .layout = layout,
                                   .statements = texts,
                                   .dlq_topic = ""};
    batch_init(&batch, &limits);
    isolation = (struct isolation){.known_bad = true, .most = 1};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    batch_free(&batch);
    return 0;
}

static void put(const char *id, int64_t amount)
{
    size_t length = strlen(id);
    const char *key = arena_string(&batch.arena, id, length);
    struct cell *cells = arena_alloc(&batch.arena, 4 * sizeof *cells);
    char *number = arena_alloc(&batch.arena, 8);
    struct record record = {.value = {key, length}};
    struct move *move = batch_move(&batch, 0);
    if (!move->cursor)
        *move = (struct move){.cursor = &batch,
                              .cursor_id = cursor_id,
                              .fence = 1,
                              .token = 7,
                              .expected = next_offset,
                              .order_ts = 1000};
    be64_store(number, (uint64_t)amount);
    cells[0] = (struct cell){key, (int32_t)length};
    cells[1] = (struct cell){number, 8};
    cells[2] = (struct cell){NULL, -1};
    cells[3] = (struct cell){"{}", 2};
    struct row row = {.place = {0, 1000, log_pack(257, 1, 0), next_offset},
                      .cells = cells,
                      .key = {key, length},
                      .origin = record_keep(&record, "t", "c", &batch.arena)};
    for (const char *c = id; *c; c++)
        row.hash = row.hash * 31 + (unsigned char)*c;
    assert_true(batch_add(&batch, &row, true, true) != BATCH_CONFLICT);
    move->next = ++next_offset;
    move->consumed++;
    batch.consumed++;
}

/* `n` rows of which every one with bad[i] set is refused; ids are so that key order is not the
 * order of offsets. */
static void put_many(unsigned n, const bool *bad)
{
    char id[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%04u", i * 7919 % n);
        put(id, bad[i] ? BAD : (int64_t)i);
    }
}

static bool isolate(void)
{
    batch_seal(&batch);
    return isolate_batch(session, &target, &batch, &isolation, &err);
}

static void committed(void)
{
    if (!isolate())
        fail_msg("[%s] %s", err.sqlstate, err.text);
}

static void account_is(const char *want)
{
    assert_string_equal(live_value(conn, "SELECT concat_ws(',', consumed, applied, stale,"
                                         " deduplicated, dead_lettered) FROM pactolus.accounts"),
                        want);
}

static void table_is(const char *want)
{
    assert_string_equal(
        live_value(conn, "SELECT coalesce(string_agg(id || '=' || amount::text, ' ' ORDER BY id),"
                         " '') FROM data.sample"),
        want);
}

static void letters_are(const char *want)
{
    assert_string_equal(
        live_value(conn, "SELECT coalesce(string_agg(concat_ws(',', \"offset\", reason, sqlstate,"
                         " attempts), ' ' ORDER BY \"offset\"), '') FROM pactolus.dead_letters"),
        want);
}

/* ---- tests ---- */

/* A thousand rows, `k` of them bad: exactly these are dead letters, every other row is there. */
static void a_thousand_with(unsigned k)
{
    enum { N = 1000 };
    static bool bad[N];
    uint64_t seed = k;
    memset(bad, 0, sizeof bad);
    for (unsigned chosen = 0; chosen < k;) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned at = (unsigned)(seed >> 33) % N;
        chosen += !bad[at];
        bad[at] = true;
    }
    put_many(N, bad);
    usec_t began = clock_monotonic();
    committed();
    usec_t took = clock_monotonic() - began;
    printf("1000 rows, %u bad: %u row statements, %.1f ms\n", k, isolation.statements,
           (double)took / USEC_PER_MS);
    assert_int_equal(isolation.refused, k);
    assert_int_equal(isolation.written, N - k);
    assert_int_equal(live_int(conn, "SELECT count(*) FROM data.sample"), N - k);
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.dead_letters"), k);
    for (unsigned i = 0; i < N; i++) {
        char sql[256];
        snprintf(
            sql, sizeof sql,
            "SELECT (SELECT count(*) FROM data.sample WHERE _offset = %u AND amount = %u) || ','"
            " || (SELECT count(*) FROM pactolus.dead_letters WHERE \"offset\" = %u AND"
            " sqlstate = '23514' AND reason = 'database')",
            START + i, i, START + i);
        assert_string_equal(live_value(conn, sql), bad[i] ? "0,1" : "1,0");
    }
    /* 2·k·log2(n), and never more than two per row. */
    unsigned most = 2 * k * 10 < 2 * N ? 2 * k * 10 : 2 * N;
    assert_true(isolation.statements <= most);
    assert_int_equal(live_int(conn, "SELECT next_offset FROM pactolus.cursors"), START + N);
}

static void one_bad_row_among_a_thousand(void **state)
{
    (void)state;
    a_thousand_with(1);
    account_is("1000,999,0,0,1");
}

static void ten_bad_rows_among_a_thousand(void **state)
{
    (void)state;
    a_thousand_with(10);
    account_is("1000,990,0,0,10");
}

static void five_hundred_bad_rows_among_a_thousand(void **state)
{
    (void)state;
    a_thousand_with(500);
    account_is("1000,500,0,0,500");
}

static void every_row_is_bad(void **state)
{
    (void)state;
    put("a", BAD);
    put("b", BAD);
    put("c", BAD);
    committed();
    table_is("");
    letters_are("100,database,23514,1 101,database,23514,1 102,database,23514,1");
    account_is("3,0,0,0,3");
}

/* All is well meanwhile: one statement. */
static void nothing_is_bad_any_more(void **state)
{
    (void)state;
    put("a", 1);
    put("b", 2);
    isolation.known_bad = false;
    committed();
    assert_int_equal(isolation.statements, 1);
    table_is("a=1 b=2");
    account_is("2,2,0,0,0");
}

/* A refused row gives way to the newest that it had folded and that is not refused itself. */
static void a_folded_row_takes_the_place_of_a_refused_one(void **state)
{
    (void)state;
    put("a", 1);
    put("a", 2);
    put("a", BAD);
    put("a", BAD - 1);
    put("b", 5);
    committed();
    table_is("a=2 b=5");
    letters_are("102,database,23514,1 103,database,23514,1");
    account_is("5,2,0,1,2");
}

static void a_batch_of_letters_and_gaps_only(void **state)
{
    (void)state;
    static const struct kept_record record = {.topic = "t", .contract = ""};
    put("a", BAD);
    batch.n_rows = 0;
    dead_letter_make(batch_add_letter(&batch), &record,
                     &(struct place){.offset = START, .log = log_pack(257, 1, 0)}, REASON_RULE,
                     NULL, &batch.arena);
    committed();
    letters_are("100,rule,,1");
    account_is("1,0,0,0,1");
}

/* A row that could pass is given its attempts; the count stands in its letter. */
static void what_could_pass_is_tried_first(void **state)
{
    (void)state;
    live_exec(conn, "CREATE TABLE data.parent (id text PRIMARY KEY)");
    live_exec(conn, "ALTER TABLE data.sample ADD CONSTRAINT child FOREIGN KEY (id)"
                    " REFERENCES data.parent");
    put("a", 1);
    put("b", 2);
    live_exec(conn, "INSERT INTO data.parent VALUES ('a')");
    isolation.most = 3;
    batch_seal(&batch);
    for (isolation.attempts = 0; isolation.attempts < 2; isolation.attempts++) {
        assert_false(isolate_batch(session, &target, &batch, &isolation, &err));
        assert_true(isolation.deferred);
        assert_int_equal(err.class, ERR_RETRY);
        assert_string_equal(err.sqlstate, "23503");
        table_is("");
        account_is("0,0,0,0,0");
    }
    assert_true(isolate_batch(session, &target, &batch, &isolation, &err));
    table_is("a=1");
    letters_are("101,database,23503,3");
    live_exec(conn, "ALTER TABLE data.sample DROP CONSTRAINT child");
    live_exec(conn, "DROP TABLE data.parent");
}

/* A deferred constraint would fail at COMMIT, where no row can be told from another. */
static void deferred_constraints_are_isolated_too(void **state)
{
    (void)state;
    live_exec(conn, "ALTER TABLE data.sample ADD CONSTRAINT alone UNIQUE (amount)"
                    " DEFERRABLE INITIALLY DEFERRED");
    put("a", 1);
    put("b", 1);
    put("c", 2);
    committed();
    table_is("a=1 c=2");
    letters_are("101,database,23505,1");
    live_exec(conn, "ALTER TABLE data.sample DROP CONSTRAINT alone");
}

static void the_fence_comes_first_here_too(void **state)
{
    (void)state;
    put("a", BAD);
    batch.moves[0].token = 8;
    assert_false(isolate());
    assert_int_equal(err.class, ERR_RETRY);
    assert_string_equal(err.sqlstate, "PA001");
    assert_int_equal(isolation.statements, 0);
    letters_are("");
}

/* Rolled back as a whole: the session is good for the next. */
static void a_failure_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    live_exec(conn, "CREATE FUNCTION data.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    " IF new.id = 'c' THEN RAISE deadlock_detected; END IF; RETURN new; END $$");
    live_exec(conn, "CREATE TRIGGER broken BEFORE INSERT ON data.sample FOR EACH ROW"
                    " EXECUTE FUNCTION data.broken()");
    put("a", 1);
    put("b", BAD);
    put("c", 3);
    assert_false(isolate());
    assert_string_equal(err.sqlstate, "40P01");
    assert_int_equal(err.class, ERR_RETRY);
    assert_false(isolation.deferred);
    table_is("");
    letters_are("");
    live_exec(conn, "DROP TRIGGER broken ON data.sample");
    live_exec(conn, "DROP FUNCTION data.broken");
    isolation = (struct isolation){.most = 1};
    assert_true(isolate_batch(session, &target, &batch, &isolation, &err));
    table_is("a=1 c=3");
}

/* A statement that is too much for the server is halved; one row that is too much alone halts. */
static void what_takes_too_long_is_halved(void **state)
{
    (void)state;
    live_exec(conn, "CREATE FUNCTION data.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    " PERFORM pg_sleep(new.amount / 1000.0); RETURN new; END $$");
    live_exec(conn, "CREATE TRIGGER slow BEFORE INSERT ON data.sample FOR EACH ROW"
                    " EXECUTE FUNCTION data.slow()");
    live_exec(session, "SET statement_timeout = 400");
    for (unsigned i = 0; i < 8; i++) {
        char id[8];
        snprintf(id, sizeof id, "%u", i);
        put(id, 100); /* 0.8 s in all */
    }
    committed();
    assert_int_equal(isolation.written, 8);
    letters_are("");
    batch_reset(&batch);
    put("x", 60000);
    isolation = (struct isolation){.most = 1};
    assert_false(isolate());
    assert_int_equal(err.class, ERR_HALT);
    assert_string_equal(err.sqlstate, "57014");
    live_exec(session, "RESET statement_timeout");
    live_exec(conn, "DROP TRIGGER slow ON data.sample");
    live_exec(conn, "DROP FUNCTION data.slow");
}

static void a_killed_session_is_in_doubt(void **state)
{
    char sql[128];
    (void)state;
    put("a", BAD);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(session));
    live_exec(conn, sql);
    assert_false(isolate());
    assert_int_equal(err.class, ERR_RETRY);
    account_is("0,0,0,0,0");
    conn_close(session);
    session = live_open();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_bad_row_among_a_thousand),
        TEST(ten_bad_rows_among_a_thousand),
        TEST(five_hundred_bad_rows_among_a_thousand),
        TEST(every_row_is_bad),
        TEST(nothing_is_bad_any_more),
        TEST(a_folded_row_takes_the_place_of_a_refused_one),
        TEST(a_batch_of_letters_and_gaps_only),
        TEST(what_could_pass_is_tried_first),
        TEST(deferred_constraints_are_isolated_too),
        TEST(the_fence_comes_first_here_too),
        TEST(a_failure_in_the_middle_leaves_nothing),
        TEST(what_takes_too_long_is_halved),
        TEST(a_killed_session_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
