/* SPDX-License-Identifier: Apache-2.0 */
#include "table/sql.h"

#include "base/memory.h"
#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_literal(const char *text, const char *expected)
{
    struct buf out = BUF_INIT;
    sql_literal(&out, text);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static void literals_are_quoted(void **state)
{
    (void)state;
    assert_literal("", "''");
    assert_literal("it's", "'it''s'");
    assert_literal("a\\'b", "E'a\\\\''b'");
}

static void identifiers_are_always_quoted(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    sql_qualified(&out, "da\"ta", "select");
    assert_string_equal(out.data, "\"da\"\"ta\".\"select\"");
    buf_free(&out);
}

static void parameters_are_in_the_promised_order(void **state)
{
    (void)state;
    enum { TEXTS = 1009, BIGINTS = 1016, TIMES = 1185, BIGINT = 20, TEXT = 25 };
    static const uint32_t expected[] = {TEXTS,   BIGINTS, TEXTS,  TEXTS,  BIGINTS, BIGINTS,
                                        BIGINTS, BIGINTS, TIMES,  BIGINT, TEXT,    BIGINT,
                                        BIGINT,  BIGINT,  BIGINT, BIGINT};
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(true, false);
    sql_statements(layout, texts);
    for (int kind = STATEMENT_UPSERT; kind <= STATEMENT_INSERT; kind++) {
        assert_int_equal(texts[kind].n_params, 16);
        assert_memory_equal(texts[kind].param_oids, expected, sizeof expected);
    }
    assert_int_equal(texts[STATEMENT_ACCOUNT].n_params, 7);
    assert_memory_equal(texts[STATEMENT_ACCOUNT].param_oids, expected + 9, 7 * sizeof *expected);
    sql_free(texts);
    sample_free(layout);
}

static bool has(const struct statement_text *text, const char *part)
{
    return strstr(text->sql, part) != NULL;
}

static void upsert_compares_whole_places(void **state)
{
    (void)state;
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(true, false);
    sql_statements(layout, texts);
    assert_true(has(&texts[STATEMENT_UPSERT],
                    "WHERE (excluded._version, excluded._log >> 48, excluded._order_ts, "
                    "excluded._log, excluded._offset) >= (t._version, t._log >> 48, t._order_ts, "
                    "t._log, t._offset)"));
    assert_true(has(&texts[STATEMENT_UPSERT], "\"note\" = excluded.\"note\""));
    assert_false(has(&texts[STATEMENT_UPSERT], "\"id\" = "));
    assert_true(has(&texts[STATEMENT_UPSERT], "unnest($4::text[])::text[]"));
    assert_false(has(&texts[STATEMENT_INSERT], "CONFLICT (\""));
    sql_free(texts);
    sample_free(layout);
}

static void unversioned_tables_know_no_version(void **state)
{
    (void)state;
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(false, false);
    sql_statements(layout, texts);
    for (int kind = 0; kind < STATEMENT_COUNT; kind++)
        assert_false(has(&texts[kind], "_version"));
    assert_int_equal(texts[STATEMENT_UPSERT].n_params, 15);
    sql_free(texts);
    sample_free(layout);
}

static void soft_tombstones_keep_data_but_not_bookkeeping(void **state)
{
    (void)state;
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(true, false);
    sql_statements(layout, texts);
    const struct statement_text *soft = &texts[STATEMENT_UPSERT_SOFT];
    assert_true(has(soft, "\"note\" = CASE WHEN excluded._deleted_at IS NULL THEN "
                          "excluded.\"note\" ELSE t.\"note\" END"));
    assert_true(has(soft, "\"_offset\" = excluded.\"_offset\""));
    assert_false(has(&texts[STATEMENT_UPSERT], "CASE"));
    sql_free(texts);
    sample_free(layout);
}

static void soft_tombstones_blank_what_is_personal(void **state)
{
    (void)state;
    static const struct {
        enum classification classification;
        bool blank;
    } cases[] = {{CLASSIFICATION_PUBLIC, false},
                 {CLASSIFICATION_INTERNAL, false},
                 {CLASSIFICATION_PERSONAL, true},
                 {CLASSIFICATION_SECRET, true}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct statement_text texts[STATEMENT_COUNT];
        struct layout *layout = sample_layout(true, false);
        layout->columns[2].classification = cases[i].classification;
        sql_statements(layout, texts);
        for (unsigned k = 0; k < 2; k++) {
            const struct statement_text *soft =
                &texts[k ? STATEMENT_UPSERT_SOFT_BLIND : STATEMENT_UPSERT_SOFT];
            assert_int_equal(has(soft, "\"note\" = excluded.\"note\""), cases[i].blank);
            assert_true(has(soft, "ELSE t.\"amount\" END"));
        }
        sql_free(texts);
        sample_free(layout);
    }
}

/* RETURNING has no xmax in a partitioned table: nothing else may differ. */
static void blind_statements_are_the_same_but_for_xmax(void **state)
{
    (void)state;
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(true, false);
    sql_statements(layout, texts);
    static const enum statement pairs[][2] = {{STATEMENT_UPSERT, STATEMENT_UPSERT_BLIND},
                                              {STATEMENT_UPSERT_SOFT, STATEMENT_UPSERT_SOFT_BLIND}};
    for (unsigned i = 0; i < 2; i++) {
        const struct statement_text *sees = &texts[pairs[i][0]], *blind = &texts[pairs[i][1]];
        size_t until = (size_t)(strstr(sees->sql, "t.xmax") - sees->sql);
        assert_memory_equal(sees->sql, blind->sql, until);
        assert_false(has(blind, "xmax"));
        assert_string_equal(strstr(sees->sql, "INTO pactolus."),
                            strstr(blind->sql, "INTO pactolus."));
        assert_int_equal(sees->n_params, blind->n_params);
    }
    sql_free(texts);
    sample_free(layout);
}

static void appended_rows_never_change(void **state)
{
    (void)state;
    struct statement_text texts[STATEMENT_COUNT];
    struct layout *layout = sample_layout(false, true);
    sql_statements(layout, texts);
    assert_true(has(&texts[STATEMENT_UPSERT], "ON CONFLICT (\"_log\", \"_offset\") DO NOTHING"));
    assert_false(has(&texts[STATEMENT_UPSERT], "DO UPDATE SET \""));
    sql_free(texts);
    sample_free(layout);
}

/* The guard of a redriven letter is the daemon's, to the letter, and no account moves. */
static void redriven_rows_meet_the_same_guard(void **state)
{
    (void)state;
    static const struct {
        enum statement redrive, daemon;
    } pairs[] = {{STATEMENT_REDRIVE, STATEMENT_UPSERT},
                 {STATEMENT_REDRIVE_SOFT, STATEMENT_UPSERT_SOFT}};
    for (int append = 0; append < 2; append++) {
        struct statement_text texts[STATEMENT_COUNT];
        struct layout *layout = sample_layout(!append, append);
        sql_statements(layout, texts);
        for (unsigned i = 0; i < 2; i++) {
            const char *redrive = texts[pairs[i].redrive].sql;
            const char *end = strstr(redrive, " RETURNING t._log, t._offset");
            assert_non_null(end);
            assert_null(strstr(redrive, "pactolus."));
            const char *daemon = strstr(texts[pairs[i].daemon].sql, "INSERT INTO");
            assert_memory_equal(redrive, daemon, (size_t)(end - redrive));
            assert_int_equal(texts[pairs[i].redrive].n_params + 7, texts[pairs[i].daemon].n_params);
        }
        sql_free(texts);
        sample_free(layout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_quoted),
        cmocka_unit_test(identifiers_are_always_quoted),
        cmocka_unit_test(parameters_are_in_the_promised_order),
        cmocka_unit_test(upsert_compares_whole_places),
        cmocka_unit_test(redriven_rows_meet_the_same_guard),
        cmocka_unit_test(unversioned_tables_know_no_version),
        cmocka_unit_test(soft_tombstones_keep_data_but_not_bookkeeping),
        cmocka_unit_test(soft_tombstones_blank_what_is_personal),
        cmocka_unit_test(blind_statements_are_the_same_but_for_xmax),
        cmocka_unit_test(appended_rows_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
