/* SPDX-License-Identifier: Apache-2.0 */
/* writer: batches through a pipeline on a real server, and each way in which they end. */
#include "postgres/claim.h"
#include "postgres/writer.h"
#include "support/live.h"
#include "support/sample.h"
#include "table/compare.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_S = 20, START = 100 };
#define OWNER "6f1c1e0a-0000-4000-8000-000000000001"

static PGconn *conn; /* looks on */
static unsigned stream;
static struct layout *layout;
static struct statement_text texts[STATEMENT_COUNT];
static struct write_target target;
static struct writer *writer;
static struct batch first, second;
static int64_t cursor_id, next_offset;
static const struct batch_limits limits = {.rows = 5000, .bytes = 64 << 20};

/* ---- making ---- */

static void table_make(void)
{
    struct plan plan;
    struct shape *want = shape_want(layout);
    plan_init(&plan);
    compare_shapes(NULL, want, &plan);
    for (unsigned i = 0; i < plan.n_steps; i++)
        live_exec(conn, plan.steps[i].sql);
    plan_free(&plan);
    shape_free(want);
}

static int make(void **state)
{
    (void)state;
    live_create("writer");
    conn = live_open();
    stream = live_stream(conn);
    layout = sample_layout(false, false);
    sql_statements(layout, texts);
    table_make();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    sql_free(texts);
    sample_free(layout);
    conn_close(conn);
    return 0;
}

static void writer_make(void)
{
    struct err err;
    writer = writer_open(live_open(), &err);
    assert_non_null(writer);
}

/* A cursor at START with fence 1 and token 7, an empty table, an account of zeros. */
static int set_up(void **state)
{
    (void)state;
    char sql[512];
    live_exec(conn, "TRUNCATE pactolus.cursors, pactolus.accounts, pactolus.dead_letters,"
                    " data.sample CASCADE");
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
                                   .dlq_topic = "t.dlq"};
    batch_init(&first, &limits);
    batch_init(&second, &limits);
    writer_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    writer_close(writer);
    batch_free(&first);
    batch_free(&second);
    return 0;
}

/* One record more in the batch: its move. */
static struct move *consume(struct batch *batch)
{
    struct move *move = batch_move(batch, 0);
    if (!move->cursor)
        *move = (struct move){.cursor = batch,
                              .cursor_id = cursor_id,
                              .fence = 1,
                              .token = 7,
                              .expected = next_offset,
                              .order_ts = 1000};
    move->next = ++next_offset;
    move->consumed++;
    batch->consumed++;
    return move;
}

static void put(struct batch *batch, const char *id, const char *amount, bool tombstone)
{
    size_t length = strlen(id);
    const char *key = arena_string(&batch->arena, id, length);
    struct cell *cells = arena_alloc(&batch->arena, 4 * sizeof *cells);
    char *number = arena_alloc(&batch->arena, 8);
    consume(batch);
    be64_store(number, (uint64_t)strtoll(amount ? amount : "0", NULL, 10));
    cells[0] = (struct cell){key, (int32_t)length};
    cells[1] = amount ? (struct cell){number, 8} : (struct cell){NULL, -1};
    cells[2] = (struct cell){NULL, -1};
    cells[3] = tombstone ? (struct cell){NULL, -1} : (struct cell){"{}", 2};
    struct row row = {.place = {0, 1000, log_pack(257, 1, 0), next_offset - 1},
                      .cells = cells,
                      .key = {key, length},
                      .tombstone = tombstone,
                      .deleted_at = INT64_C(1700000000000000)};
    for (const char *c = id; *c; c++)
        row.hash = row.hash * 31 + (unsigned char)*c;
    assert_true(batch_add(batch, &row, true, true) != BATCH_CONFLICT);
}

static void send_batch(struct batch *batch, bool plain_insert)
{
    struct err err;
    batch_seal(batch);
    if (!writer_send(writer, &target, batch, plain_insert, &err))
        fail_msg("%s", err.text);
}

/* Turn the writer until it has an outcome. */
static struct write_outcome outcome_of(const struct batch *batch)
{
    struct write_outcome outcome;
    struct err err;
    usec_t until = clock_monotonic() + DEADLINE_S * USEC_PER_SEC;
    while (!writer_outcome(writer, &outcome)) {
        short events = writer_wants_write(writer) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd one = {.fd = writer_fd(writer), .events = events};
        if (clock_monotonic() > until)
            fail_msg("no outcome in %d s", DEADLINE_S);
        poll(&one, 1, 100);
        if (!writer_turn(writer, one.revents & (POLLIN | POLLERR | POLLHUP), &err))
            assert_int_equal(err.class, ERR_RETRY);
    }
    assert_ptr_equal(outcome.batch, batch);
    return outcome;
}

static void committed(const struct batch *batch, int64_t written, int64_t met)
{
    struct write_outcome outcome = outcome_of(batch);
    if (outcome.result != WRITE_COMMITTED)
        fail_msg("[%s] %s", outcome.err.sqlstate, outcome.err.text);
    assert_int_equal(outcome.written, written);
    assert_int_equal(outcome.met, met);
}

static struct write_outcome failed(const struct batch *batch, const char *sqlstate)
{
    struct write_outcome outcome = outcome_of(batch);
    assert_int_equal(outcome.result, WRITE_FAILED);
    assert_string_equal(outcome.err.sqlstate, sqlstate);
    return outcome;
}

static void table_is(const char *want)
{
    assert_string_equal(live_value(conn, "SELECT coalesce(string_agg(id || '=' || coalesce("
                                         "amount::text, '-'), ' ' ORDER BY id), '')"
                                         " FROM data.sample"),
                        want);
}

static void account_is(const char *want)
{
    assert_string_equal(live_value(conn, "SELECT concat_ws(',', consumed, applied, stale,"
                                         " deduplicated, dead_lettered, other_types)"
                                         " FROM pactolus.accounts"),
                        want);
}

static void cursor_is(int64_t want)
{
    assert_int_equal(live_int(conn, "SELECT next_offset FROM pactolus.cursors"), want);
}

/* Take a batch's place back: it was not sent. */
static void step_back(int64_t to)
{
    next_offset = to;
}

/* ---- tests ---- */

static void one_batch_is_one_transaction(void **state)
{
    (void)state;
    put(&first, "b", "2", false);
    put(&first, "a", "1", false);
    send_batch(&first, false);
    assert_int_equal(writer_in_flight(writer), 1);
    committed(&first, 2, 0);
    assert_int_equal(writer_in_flight(writer), 0);
    table_is("a=1 b=2");
    account_is("2,2,0,0,0,0");
    cursor_is(START + 2);
    assert_int_equal(live_int(conn, "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM"
                                    " data.sample UNION ALL SELECT xmin FROM pactolus.cursors"
                                    " UNION ALL SELECT xmin FROM pactolus.accounts) t"),
                     1);
}

static void two_batches_fly_in_order(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    put(&second, "a", "2", false);
    send_batch(&first, false);
    send_batch(&second, false);
    assert_int_equal(writer_in_flight(writer), 2);
    committed(&first, 1, 0);
    committed(&second, 1, 1);
    table_is("a=2");
    cursor_is(START + 2);
    account_is("2,2,0,0,0,0");
}

/* As after a failover to a standby that had not heard of the account. */
static void a_lost_account_is_made_anew(void **state)
{
    (void)state;
    live_exec(conn, "DELETE FROM pactolus.accounts");
    put(&first, "a", "1", false);
    send_batch(&first, false);
    committed(&first, 1, 0);
    account_is("1,1,0,0,0,0");
}

static void the_account_is_exact(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    put(&first, "a", "2", false); /* deduplicated */
    put(&first, "b", "3", false);
    consume(&first);
    first.other_types++;
    send_batch(&first, false);
    committed(&first, 2, 0);
    account_is("4,2,0,1,0,1");
    /* An older place of a key that is there is stale. */
    put(&second, "a", "9", false);
    second.rows[0].place.offset = START - 50;
    put(&second, "c", "4", false);
    send_batch(&second, false);
    committed(&second, 1, 1);
    table_is("a=2 b=3 c=4");
    account_is("6,3,1,1,0,1");
    cursor_is(START + 6);
}

static void tombstones_keep_columns_or_clear_them(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    send_batch(&first, true);
    committed(&first, 1, 0);
    put(&second, "a", NULL, true);
    send_batch(&second, true); /* no plain INSERT with tombstones */
    struct write_outcome outcome = outcome_of(&second);
    assert_int_equal(outcome.result, WRITE_COMMITTED);
    assert_false(outcome.plain_insert);
    table_is("a=1");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM data.sample WHERE _deleted_at ="
                                    " '2023-11-14 22:13:20+00'"),
                     1);
    target.hard_deletes = true;
    batch_reset(&first);
    put(&first, "a", NULL, true);
    send_batch(&first, false);
    committed(&first, 1, 1);
    table_is("a=-");
}

/* The same table, partitioned: the key of a partition has a name of its own, and nobody can tell
 * which keys were met. */
static void partitioned_tables_take_batches_too(void **state)
{
    (void)state;
    live_exec(conn,
              "ALTER TABLE data.sample RENAME TO whole;"
              "CREATE TABLE data.sample (LIKE data.whole INCLUDING ALL) PARTITION BY HASH (id);"
              "CREATE TABLE data.part PARTITION OF data.sample FOR VALUES WITH (MODULUS 1,"
              " REMAINDER 0)");
    target.partitioned = true;
    put(&first, "a", "1", false);
    send_batch(&first, true);
    committed(&first, 1, 0);
    put(&second, "a", "2", false);
    put(&second, "b", "3", false);
    send_batch(&second, true);
    assert_true(failed(&second, "23505").key_conflict);
    send_batch(&second, false);
    committed(&second, 2, 2);
    table_is("a=2 b=3");
    batch_reset(&first);
    put(&first, "a", NULL, true);
    send_batch(&first, false);
    committed(&first, 1, 1);
    account_is("4,4,0,0,0,0");
    live_exec(conn, "DROP TABLE data.sample; ALTER TABLE data.whole RENAME TO sample");
}

static void a_wrong_fence_fails_alone(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    first.moves[0].token = 8;
    step_back(START);
    put(&second, "b", "2", false);
    send_batch(&first, false);
    send_batch(&second, false);
    struct write_outcome outcome = failed(&first, "PA001");
    assert_false(outcome.key_conflict);
    committed(&second, 1, 0);
    table_is("b=2");
    account_is("1,1,0,0,0,0");
    cursor_is(START + 1);
}

/* The second waits for the first by its expected offset: it fails on its own terms, and goes again.
 */
static void a_wrong_offset_fails_the_next_too_and_both_go_again(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    put(&second, "b", "2", false);
    send_batch(&second, false);
    send_batch(&first, false);
    failed(&second, "PA002");
    committed(&first, 1, 0);
    send_batch(&second, false);
    committed(&second, 1, 0);
    table_is("a=1 b=2");
    cursor_is(START + 2);
    account_is("2,2,0,0,0,0");
}

static void a_known_key_ends_a_plain_insert(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    send_batch(&first, true);
    committed(&first, 1, 0);
    batch_reset(&first);
    put(&first, "a", "2", false);
    put(&second, "b", "3", false);
    send_batch(&first, true);
    send_batch(&second, true);
    struct write_outcome outcome = failed(&first, "23505");
    assert_true(outcome.key_conflict);
    assert_true(outcome.plain_insert);
    outcome = failed(&second, "PA002"); /* its predecessor did not advance */
    assert_false(outcome.key_conflict);
    send_batch(&first, false);
    send_batch(&second, false);
    committed(&first, 1, 1);
    committed(&second, 1, 0);
    table_is("a=2 b=3");
    account_is("3,3,0,0,0,0");
}

/* Hard deletes may go as a plain INSERT too. */
static void a_known_key_ends_a_plain_insert_of_hard_deletes(void **state)
{
    (void)state;
    target.hard_deletes = true;
    put(&first, "a", "1", false);
    send_batch(&first, true);
    committed(&first, 1, 0);
    put(&second, "a", NULL, true);
    send_batch(&second, true);
    struct write_outcome outcome = failed(&second, "23505");
    assert_true(outcome.key_conflict);
    send_batch(&second, false);
    committed(&second, 1, 1);
    table_is("a=-");
}

static void another_unique_constraint_is_no_key_conflict(void **state)
{
    (void)state;
    live_exec(conn, "ALTER TABLE data.sample ADD CONSTRAINT one_amount UNIQUE (amount)");
    put(&first, "a", "1", false);
    put(&first, "b", "1", false);
    send_batch(&first, true);
    struct write_outcome outcome = failed(&first, "23505");
    assert_false(outcome.key_conflict);
    live_exec(conn, "ALTER TABLE data.sample DROP CONSTRAINT one_amount");
    table_is("");
    cursor_is(START);
}

static struct dead_letter letter_of(const struct kept_record *record, int64_t offset,
                                    enum reason reason, const char *detail)
{
    return (struct dead_letter){
        .record = record,
        .place = {.offset = offset, .order_ts = 1000, .log = log_pack(257, 1, 0)},
        .reason = reason,
        .detail = detail,
        .sqlstate = "",
        .attempts = 1};
}

/* The first use of each statement is when it is prepared: one that fails there, or is skipped after
 * a failure before it, is prepared again. */
static void prepared_statements_survive_a_failure(void **state)
{
    (void)state;
    struct batch *third = &first;
    put(&first, "a", "1", false);
    first.moves[0].token = 8; /* the row statement's Parse is skipped */
    step_back(START);
    put(&second, "b", "2", false);
    static const struct kept_record record = {.topic = "t", .contract = ""};
    *batch_add_letter(&second) = letter_of(&record, 0, REASON_KEY, "");
    send_batch(&first, false);
    send_batch(&second, false);
    failed(&first, "PA001");
    committed(&second, 1, 0);
    for (int i = 0; i < 3; i++) {
        batch_reset(third);
        put(third, "c", i == 1 ? NULL : "3", false); /* amount is required */
        send_batch(third, false);
        if (i == 1) {
            failed(third, "23514");
            step_back(next_offset - 1);
        } else {
            committed(third, 1, i > 0);
        }
    }
    table_is("b=2 c=3");
    cursor_is(START + 3);
}

static void a_statement_that_cannot_be_prepared_is_tried_again(void **state)
{
    (void)state;
    live_exec(conn, "ALTER TABLE data.sample RENAME TO hidden");
    put(&first, "a", "1", false);
    send_batch(&first, false);
    failed(&first, "42P01");
    live_exec(conn, "ALTER TABLE data.hidden RENAME TO sample");
    send_batch(&first, false);
    committed(&first, 1, 0);
    table_is("a=1");
}

/* ---- a connection that ends ---- */

static int64_t backend(void)
{
    return live_int(conn,
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'pactolus test'"
                    " AND pid <> pg_backend_pid() AND datname = current_database()");
}

static void a_killed_connection_leaves_both_unknown(void **state)
{
    (void)state;
    char sql[128];
    int64_t pid = backend();
    live_exec(conn, "BEGIN; SELECT 1 FROM pactolus.cursors FOR UPDATE");
    put(&first, "a", "1", false);
    put(&second, "b", "2", false);
    send_batch(&first, false);
    send_batch(&second, false);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)", (long long)pid);
    live_exec(conn, sql);
    struct write_outcome outcome = outcome_of(&first);
    assert_int_equal(outcome.result, WRITE_UNKNOWN);
    assert_int_equal(outcome.err.class, ERR_RETRY);
    assert_int_equal(outcome_of(&second).result, WRITE_UNKNOWN);
    assert_int_equal(writer_in_flight(writer), 0);
    live_exec(conn, "COMMIT");
    cursor_is(START);
    table_is("");
    /* The identical batches on another connection. */
    struct err err;
    assert_false(writer_send(writer, &target, &first, false, &err));
    assert_int_equal(outcome_of(&first).result, WRITE_UNKNOWN);
    writer_close(writer);
    writer_make();
    send_batch(&first, false);
    send_batch(&second, false);
    committed(&first, 1, 0);
    committed(&second, 1, 0);
    table_is("a=1 b=2");
    account_is("2,2,0,0,0,0");
}

/* The first was answered before the connection ended. */
static void what_was_answered_before_the_end_is_known(void **state)
{
    (void)state;
    char sql[128];
    int64_t pid = backend();
    put(&first, "a", "1", false);
    send_batch(&first, false);
    usec_t until = clock_monotonic() + DEADLINE_S * USEC_PER_SEC;
    while (live_int(conn, "SELECT next_offset FROM pactolus.cursors") == START)
        if (clock_monotonic() > until)
            fail_msg("the first batch did not commit");
    live_exec(conn, "BEGIN; SELECT 1 FROM pactolus.cursors FOR UPDATE");
    put(&second, "b", "2", false);
    send_batch(&second, false);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)", (long long)pid);
    live_exec(conn, sql);
    committed(&first, 1, 0);
    assert_int_equal(outcome_of(&second).result, WRITE_UNKNOWN);
    live_exec(conn, "COMMIT");
}

/* More than a socket takes at once: what waits is sent as the server reads. */
static void large_batches_are_sent_in_parts(void **state)
{
    (void)state;
    char id[2048];
    memset(id, 'x', sizeof id);
    for (struct batch *batch = &first; batch; batch = batch == &first ? &second : NULL)
        for (int i = 0; i < 3000; i++) {
            snprintf(id + 2000, 40, "%06d", i);
            put(batch, id, "1", false);
        }
    send_batch(&first, true);
    assert_true(writer_wants_write(writer));
    send_batch(&second, false);
    committed(&first, 3000, 0);
    committed(&second, 3000, 3000);
    assert_int_equal(live_int(conn, "SELECT count(*) FROM data.sample"), 3000);
    account_is("6000,6000,0,0,0,0");
}

/* ---- dead letters ---- */

static void dead_letters_keep_everything(void **state)
{
    (void)state;
    static struct header headers[] = {{"plain", {"v", 1}},
                                      {"null", {NULL, 0}},
                                      {"em\\pt\"y", {"", 0}},
                                      {"\xff\x01", {"\0\xff", 2}},
                                      {"NULL", {"NULL", 4}}};
    put(&first, "a", "1", false);
    consume(&first);
    static const struct kept_record record = {.topic = "t",
                                              .contract = "c.v1.C",
                                              .partition = 2,
                                              .timestamp = 5,
                                              .key = {"\0k", 2},
                                              .headers = headers,
                                              .n_headers = 5};
    *batch_add_letter(&first) = letter_of(&record, next_offset - 1, REASON_MALFORMED, "at byte 3");
    send_batch(&first, false);
    committed(&first, 1, 0);
    account_is("2,1,0,0,1,0");
    assert_string_equal(
        live_value(conn,
                   "SELECT concat_ws(',', topic, partition, \"offset\", record_ts, order_ts,"
                   " reason, detail, contract, key, value IS NULL, attempts, state, dlq_topic)"
                   " FROM pactolus.dead_letters"),
        "t,2,101,5,1000,malformed,at byte 3,c.v1.C,\\x006b,t,1,open,t.dlq");
    assert_string_equal(live_value(conn, "SELECT array_to_string(header_names, '|')"
                                         " FROM pactolus.dead_letters"),
                        "plain|null|em\\pt\"y|hex:ff01|NULL");
    assert_string_equal(live_value(conn, "SELECT header_values::text FROM pactolus.dead_letters"),
                        "{\"\\\\x76\",NULL,\"\\\\x\",\"\\\\x00ff\",\"\\\\x4e554c4c\"}");
}

/* A batch of nothing but letters; the same record again counts an attempt and opens what was
 * redriven. */
static void a_letter_that_comes_again_keeps_its_row(void **state)
{
    (void)state;
    static const struct kept_record record = {.topic = "t", .contract = "", .value = {"v", 1}};
    const struct dead_letter letter = letter_of(&record, START, REASON_RULE, "one");
    consume(&first);
    *batch_add_letter(&first) = letter;
    send_batch(&first, false);
    committed(&first, 0, 0);
    live_exec(conn, "UPDATE pactolus.dead_letters SET state = 'redriven'");
    consume(&second);
    *batch_add_letter(&second) = letter;
    second.letters[0].detail = "two";
    send_batch(&second, false);
    committed(&second, 0, 0);
    assert_string_equal(live_value(conn, "SELECT string_agg(concat_ws(',', detail, attempts, state,"
                                         " array_length(header_names, 1)), ' ')"
                                         " FROM pactolus.dead_letters"),
                        "two,2,open");
    account_is("2,0,0,0,2,0");
}

static void a_letter_that_fails_takes_its_rows_back(void **state)
{
    (void)state;
    put(&first, "a", "1", false);
    static const struct kept_record record = {.topic = "t\xff", .contract = ""};
    *batch_add_letter(&first) = letter_of(&record, 0, REASON_RULE, "");
    send_batch(&first, false);
    failed(&first, "22021"); /* not UTF-8 */
    table_is("");
    cursor_is(START);
    account_is("0,0,0,0,0,0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_batch_is_one_transaction),
        TEST(two_batches_fly_in_order),
        TEST(the_account_is_exact),
        TEST(a_lost_account_is_made_anew),
        TEST(tombstones_keep_columns_or_clear_them),
        TEST(partitioned_tables_take_batches_too),
        TEST(a_wrong_fence_fails_alone),
        TEST(a_wrong_offset_fails_the_next_too_and_both_go_again),
        TEST(a_known_key_ends_a_plain_insert),
        TEST(a_known_key_ends_a_plain_insert_of_hard_deletes),
        TEST(another_unique_constraint_is_no_key_conflict),
        TEST(prepared_statements_survive_a_failure),
        TEST(a_statement_that_cannot_be_prepared_is_tried_again),
        TEST(a_killed_connection_leaves_both_unknown),
        TEST(what_was_answered_before_the_end_is_known),
        TEST(large_batches_are_sent_in_parts),
        TEST(dead_letters_keep_everything),
        TEST(a_letter_that_comes_again_keeps_its_row),
        TEST(a_letter_that_fails_takes_its_rows_back),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
