/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a batch's statements, element by element, and the list of prepared names. */
#include "postgres/statements.h"
#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct batch batch;
static const struct account account = {.stream_id = 99, .owner = "owner-of-99", .lane = 3};
static struct params params;
static struct layout *layout;

static int set_up(void **state)
{
    (void)state;
    batch_init(&batch, &(struct batch_limits){.rows = 10, .bytes = 1 << 20});
    layout = sample_layout(true, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    batch_free(&batch);
    params_free(&params);
    sample_free(layout);
    return 0;
}

/* Reads an array parameter as "oid[a,b,…]": eight-byte elements as numbers if the oid is a number's
 * or a time's, others as text with unprintable bytes in hex. */
static const char *array_text(unsigned i)
{
    static char text[2048];
    const char *at = params.values[i];
    uint32_t oid = be32_load(at + 8), n = be32_load(at) ? be32_load(at + 12) : 0;
    int out = snprintf(text, sizeof text, "%u[", oid);
    at += n ? 20 : 12;
    for (uint32_t e = 0; e < n; e++) {
        int32_t length = (int32_t)be32_load(at);
        at += 4;
        out += snprintf(text + out, sizeof text - (size_t)out, e ? "|" : "");
        if (length < 0) {
            out += snprintf(text + out, sizeof text - (size_t)out, "NULL");
            continue;
        }
        if (oid == 20 || oid == 1184)
            out +=
                snprintf(text + out, sizeof text - (size_t)out, "%lld", (long long)be64_load(at));
        else if (oid == 23)
            out += snprintf(text + out, sizeof text - (size_t)out, "%d", (int)be32_load(at));
        else
            out += snprintf(text + out, sizeof text - (size_t)out, "%.*s", (int)length, at);
        at += length;
    }
    assert_ptr_equal(at, params.values[i] + params.lengths[i]);
    snprintf(text + out, sizeof text - (size_t)out, "]");
    return text;
}

static void parameters_are(const char *const *want, unsigned n)
{
    params_finish(&params);
    assert_int_equal(params.count, n);
    for (unsigned i = 0; i < n; i++) {
        char text[64];
        if (params.lengths[i] == 8) { /* a number alone */
            snprintf(text, sizeof text, "%lld", (long long)be64_load(params.values[i]));
            assert_string_equal(text, want[i]);
        } else if (strncmp(want[i], "owner", 5) == 0) { /* a text alone */
            assert_int_equal(params.lengths[i], strlen(want[i]));
            assert_memory_equal(params.values[i], want[i], strlen(want[i]));
        } else {
            assert_string_equal(array_text(i), want[i]);
        }
    }
}

static void the_fence_gets_every_move(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct move *move = batch_move(&batch, (unsigned)i);
        *move = (struct move){.cursor = move,
                              .cursor_id = 10 + i,
                              .fence = 20 + i,
                              .token = -30 - i,
                              .expected = 40 + i,
                              .next = 50 + i,
                              .order_ts = 60 + i,
                              .consumed = 70 + i,
                              .gaps = 80 + i,
                              .skipped = 90 + i};
    }
    batch_seal(&batch);
    static const char *const want[] = {"20[10|11]", "20[20|21]", "20[-30|-31]",
                                       "20[40|41]", "20[50|51]", "20[60|61]",
                                       "20[70|71]", "20[80|81]", "20[90|91]"};
    statement_advance_params(&params, &batch);
    parameters_are(want, 9);
}

static void add_row(const char *id, int64_t version, bool tombstone)
{
    struct cell *cells = arena_alloc(&batch.arena, 4 * sizeof *cells);
    char *amount = arena_alloc(&batch.arena, 8);
    be64_store(amount, (uint64_t)version * 100);
    cells[0] = (struct cell){id, (int32_t)strlen(id)};
    cells[1] = tombstone ? (struct cell){NULL, -1} : (struct cell){amount, 8};
    cells[2] = (struct cell){NULL, -1};
    cells[3] = tombstone ? (struct cell){NULL, -1} : (struct cell){"{a,b}", 5};
    struct row row = {.place = {version, 3, log_pack(1, 1, 1), 4 + version},
                      .cells = cells,
                      .key = {id, strlen(id)},
                      .hash = (uint64_t)*id,
                      .tombstone = tombstone,
                      .deleted_at = INT64_C(946684800000000) + 5};
    assert_int_equal(batch_add(&batch, &row, true, true), BATCH_ADDED);
}

static void whole_batch(void)
{
    struct row_values values = statement_row_values(&batch);
    statement_row_params(&params, layout, &values, &account);
}

static void rows_go_column_by_column_in_key_order(void **state)
{
    (void)state;
    add_row("b", 7, false);
    add_row("a", 8, true);
    batch.consumed = 9;
    batch.deduplicated = 5;
    batch.other_types = 2;
    batch_add_letter(&batch);
    batch_seal(&batch);
    whole_batch();
    static const char *const want[] = {"25[a|b]",
                                       "20[NULL|700]",
                                       "25[NULL|NULL]",
                                       "25[NULL|{a,b}]",
                                       "20[8|7]",
                                       "20[281474993487873|281474993487873]",
                                       "20[12|11]",
                                       "20[3|3]",
                                       "1184[5|NULL]",
                                       "99",
                                       "owner-of-99",
                                       "3",
                                       "9",
                                       "5",
                                       "1",
                                       "2"};
    parameters_are(want, 16);
}

static void unversioned_rows_have_no_version(void **state)
{
    (void)state;
    layout->versioned = false;
    add_row("b", 7, false);
    batch_seal(&batch);
    whole_batch();
    params_finish(&params);
    assert_int_equal(params.count, 15);
    assert_string_equal(array_text(4), "20[281474993487873]");
}

static void without_rows_there_is_only_the_account(void **state)
{
    (void)state;
    batch.consumed = 3;
    batch_seal(&batch);
    whole_batch();
    static const char *const want[] = {"99", "owner-of-99", "3", "3", "0", "0", "0"};
    parameters_are(want, 7);
}

static void letters_carry_headers_as_literals(void **state)
{
    (void)state;
    static struct header headers[] = {
        {"a \"b\\", {"\0\xff", 2}}, {"n", {NULL, 0}}, {"\xff\xfe", {"", 0}}};
    const struct kept_record first = {.topic = "t",
                                      .contract = "c",
                                      .partition = 3,
                                      .timestamp = 5,
                                      .value = {"v", 1},
                                      .headers = headers,
                                      .n_headers = 3};
    const struct kept_record second = {.topic = "t", .contract = "", .key = {"k", 1}};
    const struct dead_letter letters[] = {{.record = &first,
                                           .place = {.offset = 4, .order_ts = 6, .log = 7},
                                           .reason = REASON_RULE,
                                           .detail = "why",
                                           .sqlstate = "",
                                           .attempts = 1},
                                          {.record = &second,
                                           .reason = REASON_DATABASE,
                                           .detail = "",
                                           .sqlstate = "22001",
                                           .attempts = 5}};
    statement_letters_params(&params, 12, letters, 2, "t.dlq");
    params_finish(&params);
    assert_int_equal(params.count, 17);
    assert_int_equal(be64_load(params.values[0]), 12);
    assert_memory_equal(params.values[1], "t.dlq", 5);
    static const char *const want[] = {
        "20[7|0]",
        "25[t|t]",
        "23[3|0]",
        "20[4|0]",
        "20[5|0]",
        "20[6|0]",
        "25[rule|database]",
        "25[why|]",
        "25[|22001]",
        "25[c|]",
        "17[NULL|k]",
        "17[v|NULL]",
        "25[{\"a \\\"b\\\\\",\"n\",\"hex:fffe\"}|{}]",
        "25[{\"\\\\x00ff\",NULL,\"\\\\x\"}|{}]",
        "23[1|5]",
    };
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++)
        assert_string_equal(array_text(i + 2), want[i]);
}

static void names_are_per_stream_edition_and_statement(void **state)
{
    (void)state;
    char a[STATEMENT_NAME_MAX], b[STATEMENT_NAME_MAX];
    statement_name(a, 12, 0, STATEMENT_UPSERT);
    statement_name(b, 1, 20, STATEMENT_UPSERT_SOFT);
    assert_string_equal(a, "s12_0_0");
    assert_string_equal(b, "s1_20_1");
    statement_name(a, UINT32_MAX, UINT32_MAX, STATEMENT_ACCOUNT);
    assert_string_equal(a, "s4294967295_4294967295_3");
}

static void the_tables_key_is_known_by_its_constraint(void **state)
{
    (void)state;
    assert_true(statement_is_key(layout, "sample_pkey"));
    assert_false(statement_is_key(layout, "sample_pkey1"));
    assert_false(statement_is_key(layout, "sample_note_key"));
}

static void prepared_names_come_and_go(void **state)
{
    (void)state;
    struct statements prepared = {0};
    char name[STATEMENT_NAME_MAX];
    for (unsigned i = 0; i < 50; i++) {
        statement_name(name, i, 1, STATEMENT_UPSERT);
        assert_false(statements_known(&prepared, name));
        statements_add(&prepared, name);
    }
    statements_remove(&prepared, "s7_1_0");
    statements_remove(&prepared, "s49_1_0");
    statements_remove(&prepared, "never");
    for (unsigned i = 0; i < 50; i++) {
        statement_name(name, i, 1, STATEMENT_UPSERT);
        assert_int_equal(statements_known(&prepared, name), i != 7 && i != 49);
    }
    statements_free(&prepared);
    assert_false(statements_known(&prepared, "s1_0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fence_gets_every_move),
        TEST(rows_go_column_by_column_in_key_order),
        TEST(unversioned_rows_have_no_version),
        TEST(without_rows_there_is_only_the_account),
        TEST(letters_carry_headers_as_literals),
        TEST(names_are_per_stream_edition_and_statement),
        TEST(the_tables_key_is_known_by_its_constraint),
        TEST(prepared_names_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
