/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of table/sql against a real table. */
#include "support/live.h"
#include "support/sample.h"
#include "table/compare.h"
#include "table/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;
static struct statement_text texts[STATEMENT_COUNT];
static char stream[16];
#define OWNER "6f1c1e0a-0000-4000-8000-000000000001"
static char answer[64];

static void table_make(bool versioned, bool append)
{
    struct plan plan;
    struct layout *layout = sample_layout(versioned, append);
    struct shape *want = shape_want(layout);
    live_exec(conn, "DROP SCHEMA IF EXISTS data CASCADE; DROP SCHEMA IF EXISTS sample_v1 CASCADE");
    sql_free(texts);
    sql_statements(layout, texts);
    plan_init(&plan);
    compare_shapes(NULL, want, &plan);
    for (unsigned i = 0; i < plan.n_steps; i++)
        live_exec(conn, plan.steps[i].sql);
    plan_free(&plan);
    shape_free(want);
    sample_free(layout);
    live_exec(conn, "UPDATE pactolus.accounts SET consumed = 0, applied = 0, stale = 0");
}

static int make(void **state)
{
    (void)state;
    live_create("statements");
    conn = live_open();
    snprintf(stream, sizeof stream, "%u", live_stream(conn));
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    sql_free(texts);
    conn_close(conn);
    return 0;
}

/* The arrays of a versioned table's rows, as text; then consumed. */
struct rows {
    const char *id, *amount, *note, *tags, *version, *log, *offset, *order_ts, *deleted_at;
    const char *consumed;
};

/* "written/met", or the SQLSTATE. */
static const char *run(enum statement kind, const struct rows *rows)
{
    const char *params[18] = {rows->id, rows->amount, rows->note, rows->tags};
    int n = 4;
    if (rows->version)
        params[n++] = rows->version;
    const char *rest[] = {rows->log,
                          rows->offset,
                          rows->order_ts,
                          rows->deleted_at,
                          stream,
                          OWNER,
                          "0",
                          rows->consumed,
                          "0",
                          "0",
                          "0"};
    for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++)
        params[n++] = rest[i];
    assert_int_equal(n, texts[kind].n_params);
    PGresult *result =
        PQexecParams(conn, texts[kind].sql, n, texts[kind].param_oids, params, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        assert_int_equal(PQftype(result, 0), 20);
        assert_int_equal(PQftype(result, 1), 20);
        snprintf(answer, sizeof answer, "%s/%s", PQgetvalue(result, 0, 0),
                 PQgetvalue(result, 0, 1));
    } else {
        const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        snprintf(answer, sizeof answer, "%s", code ? code : PQresStatus(PQresultStatus(result)));
    }
    PQclear(result);
    return answer;
}

static const char *account_text(void)
{
    return live_value(conn, "SELECT consumed || '=' || applied || '+' || stale"
                            "  FROM pactolus.accounts WHERE applied + stale + consumed > 0");
}

static const struct rows two = {"{a,b}", "{1,2}",   "{x,NULL}", "{\"{p,q}\",\"{}\"}", "{5,5}",
                                "{1,1}", "{10,11}", "{0,0}",    "{NULL,NULL}",        "2"};

static void new_rows_are_written_and_counted(void **state)
{
    (void)state;
    table_make(true, false);
    assert_string_equal(run(STATEMENT_UPSERT, &two), "2/0");
    assert_string_equal(account_text(), "2=2+0");
    assert_string_equal(live_value(conn, "SELECT string_agg(concat_ws(':', id, amount, note, tags,"
                                         " _version, _offset), ' ' ORDER BY id) FROM data.sample"),
                        "a:1:x:{p,q}:5:10 b:2:{}:5:11");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM sample_v1.sample"), 2);
}

static void equal_places_are_applied_again(void **state)
{
    (void)state;
    table_make(true, false);
    run(STATEMENT_UPSERT, &two);
    struct rows again = two;
    again.amount = "{7,8}";
    assert_string_equal(run(STATEMENT_UPSERT, &again), "2/2");
    assert_int_equal(live_int(conn, "SELECT sum(amount) FROM data.sample"), 15);
}

/* Each part of the place decides when all before it are equal. */
static void every_part_of_the_place_decides(void **state)
{
    (void)state;
    static const struct {
        const char *version, *log, *offset, *order_ts;
        bool newer;
    } cases[] = {
        {"{6}", "{281474976710657}", "{0}", "{0}", true}, /* version before all */
        {"{4}", "{844424930131969}", "{99}", "{99}", false},
        {"{5}", "{844424930131969}", "{0}", "{0}", true}, /* then generation */
        {"{5}", "{281474976710657}", "{99}", "{99}", false},
        {"{5}", "{562949953421313}", "{0}", "{51}", true}, /* then order_ts */
        {"{5}", "{562949953421399}", "{99}", "{49}", false},
        {"{5}", "{562949953421315}", "{0}", "{50}", true}, /* then log */
        {"{5}", "{562949953421313}", "{99}", "{50}", false},
        {"{5}", "{562949953421314}", "{11}", "{50}", true}, /* then offset */
        {"{5}", "{562949953421314}", "{9}", "{50}", false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rows base = {"{a}",  "{1}",  "{x}",    "{\"{}\"}", "{5}", "{562949953421314}",
                            "{10}", "{50}", "{NULL}", "1"};
        table_make(true, false);
        assert_string_equal(run(STATEMENT_UPSERT, &base), "1/0");
        base.amount = "{2}";
        base.version = cases[i].version;
        base.log = cases[i].log;
        base.offset = cases[i].offset;
        base.order_ts = cases[i].order_ts;
        /* A stale row met its key, too. */
        assert_string_equal(run(STATEMENT_UPSERT, &base), cases[i].newer ? "1/1" : "0/1");
        assert_string_equal(account_text(), cases[i].newer ? "2=2+0" : "2=1+1");
        assert_int_equal(live_int(conn, "SELECT amount FROM data.sample"), cases[i].newer ? 2 : 1);
    }
}

static void tombstones_are_soft_or_hard(void **state)
{
    (void)state;
    struct rows dead = {"{a,z}",
                        "{NULL,NULL}",
                        "{NULL,NULL}",
                        "{NULL,NULL}",
                        "{6,6}",
                        "{1,1}",
                        "{20,21}",
                        "{0,0}",
                        "{2026-01-01,2026-01-01}",
                        "2"};
    table_make(true, false);
    run(STATEMENT_UPSERT, &two);
    assert_string_equal(run(STATEMENT_UPSERT_SOFT, &dead), "2/1");
    assert_string_equal(live_value(conn, "SELECT amount || note FROM data.sample WHERE id = 'a'"),
                        "1x");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM sample_v1.sample"), 1);
    assert_int_equal(live_int(conn, "SELECT count(*) FROM sample_v1.sample_all"), 3);
    dead.offset = "{30,31}";
    run(STATEMENT_UPSERT, &dead);
    assert_int_equal(live_int(conn, "SELECT count(*) FROM data.sample WHERE id = 'a'"
                                    " AND amount IS NULL AND note IS NULL AND tags IS NULL"),
                     1);
    /* A row that comes back with a greater place stands again. */
    struct rows back = two;
    back.version = "{7,7}";
    assert_string_equal(run(STATEMENT_UPSERT_SOFT, &back), "2/2");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM sample_v1.sample"), 2);
}

static void a_plain_insert_stops_at_an_existing_key(void **state)
{
    (void)state;
    table_make(true, false);
    assert_string_equal(run(STATEMENT_INSERT, &two), "2/0");
    assert_string_equal(account_text(), "2=2+0");
    assert_string_equal(run(STATEMENT_INSERT, &two), "23505");
    assert_string_equal(account_text(), "2=2+0");
}

static void required_columns_need_a_value_unless_deleted(void **state)
{
    (void)state;
    struct rows empty = two;
    table_make(true, false);
    empty.amount = "{1,NULL}";
    assert_string_equal(run(STATEMENT_UPSERT, &empty), "23514");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM data.sample"), 0);
}

static void unversioned_rows_go_by_the_rest(void **state)
{
    (void)state;
    struct rows plain = two;
    plain.version = NULL;
    table_make(false, false);
    assert_string_equal(run(STATEMENT_UPSERT, &plain), "2/0");
    plain.offset = "{9,12}";
    assert_string_equal(run(STATEMENT_UPSERT, &plain), "1/2");
}

static void appended_records_come_once(void **state)
{
    (void)state;
    struct rows plain = two;
    plain.version = NULL;
    table_make(false, true);
    assert_string_equal(run(STATEMENT_INSERT, &plain), "2/0");
    assert_string_equal(run(STATEMENT_INSERT, &plain), "23505");
    plain.offset = "{11,12}";
    assert_string_equal(run(STATEMENT_UPSERT, &plain), "1/1");
    assert_string_equal(account_text(), "4=3+1");
}

static void the_account_alone(void **state)
{
    (void)state;
    const char *params[] = {stream, OWNER, "0", "5", "2", "1", "2"};
    table_make(true, false);
    PGresult *result = PQexecParams(conn, texts[STATEMENT_ACCOUNT].sql, 7,
                                    texts[STATEMENT_ACCOUNT].param_oids, params, NULL, NULL, 0);
    assert_string_equal(PQgetvalue(result, 0, 0), "0");
    PQclear(result);
    assert_string_equal(live_value(conn, "SELECT concat_ws(',', consumed, applied, deduplicated,"
                                         " dead_lettered, other_types) FROM pactolus.accounts"),
                        "5,0,2,1,2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_rows_are_written_and_counted),
        cmocka_unit_test(equal_places_are_applied_again),
        cmocka_unit_test(every_part_of_the_place_decides),
        cmocka_unit_test(tombstones_are_soft_or_hard),
        cmocka_unit_test(a_plain_insert_stops_at_an_existing_key),
        cmocka_unit_test(required_columns_need_a_value_unless_deleted),
        cmocka_unit_test(unversioned_rows_go_by_the_rest),
        cmocka_unit_test(appended_records_come_once),
        cmocka_unit_test(the_account_alone),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
