/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, apply, read back: what was made is what was wanted, and stays so as the contract grows. */
#include "postgres/apply.h"
#include "postgres/catalog.h"
#include "support/live.h"
#include "support/sample.h"

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
    live_create("catalog");
    conn = live_open();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    live_exec(conn, "DROP SCHEMA IF EXISTS data CASCADE; DROP SCHEMA IF EXISTS sample_v1 CASCADE");
    return 0;
}

static void plan_against(const struct layout *layout, struct plan *plan)
{
    struct err err = ERR_INIT;
    struct shape *want = shape_want(layout), *have = catalog_read(conn, want, &err);
    if (!have)
        fail_msg("%s: %s", err.place, err.text);
    plan_init(plan);
    compare_shapes(have, want, plan);
    shape_free(want);
    shape_free(have);
}

/* Applies what the layout wants; then nothing may be left to do. Returns how many steps it took. */
static unsigned migrate(const struct layout *layout)
{
    struct plan plan;
    struct err err = ERR_INIT;
    plan_against(layout, &plan);
    assert_int_equal(plan.refusals.count, 0);
    unsigned steps = plan.n_steps;
    for (unsigned i = 0; i < steps; i++)
        if (!apply_step(conn, &plan.steps[i], 1000, 1, &err))
            fail_msg("%s: [%s] %s", plan.steps[i].what, err.sqlstate, err.text);
    plan_free(&plan);
    plan_against(layout, &plan);
    if (plan.n_steps > 0)
        fail_msg("still to do: %s", plan.steps[0].what);
    assert_int_equal(plan.refusals.count, 0);
    plan_free(&plan);
    return steps;
}

static void made_as_wanted(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct layout *layout = sample_layout(i & 1, i & 2);
        empty(state);
        assert_int_equal(migrate(layout), 5);
        sample_free(layout);
    }
}

static void comments_reach_table_and_views(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    migrate(layout);
    static const char *const relations[] = {"data.sample", "sample_v1.sample",
                                            "sample_v1.sample_all"};
    for (unsigned i = 0; i < 3; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT col_description('%s'::regclass, 2)", relations[i]);
        assert_string_equal(live_value(conn, sql), "How much, in the owner's cents");
    }
    layout->columns[1].comment = "Other \\ words";
    assert_int_equal(migrate(layout), 1);
    assert_string_equal(live_value(conn, "SELECT col_description('sample_v1.sample'::regclass, 2)"),
                        "Other \\ words");
    sample_free(layout);
}

static void every_type_is_read_back_as_it_was_made(void **state)
{
    (void)state;
    static char names[2 * TYPE_COUNT][24];
    struct layout *layout = sample_layout(false, false);
    for (int id = 0; id < TYPE_COUNT; id++) {
        snprintf(names[id], sizeof names[id], "one_%d", id);
        snprintf(names[TYPE_COUNT + id], sizeof names[id], "many_%d", id);
        sample_add(layout, names[id], (enum type_id)id, false, false, "");
        sample_add(layout, names[TYPE_COUNT + id], (enum type_id)id, true, true, "");
    }
    migrate(layout);
    sample_free(layout);
}

static void columns_are_added_to_rows_that_stand(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    migrate(layout);
    live_exec(conn, "INSERT INTO data.sample VALUES ('a', 1, NULL, '{}', 1, 1, 1, 1, now(), NULL)");
    sample_add(layout, "extra", TYPE_TEXT, false, false, "More");
    sample_add(layout, "count", TYPE_INTEGER, false, true, "");
    sample_add(layout, "words", TYPE_TEXT, true, true, "");
    assert_int_equal(migrate(layout), 5);
    assert_string_equal(
        live_value(conn,
                   "SELECT concat_ws(',', extra IS NULL, count, words) FROM sample_v1.sample"),
        "t,0,{}");
    /* The default is gone, the check stands. */
    struct err err = ERR_INIT;
    assert_false(conn_exec(conn,
                           "INSERT INTO data.sample (id, amount, tags, words, _version, _log,"
                           " _offset, _order_ts, _loaded_at)"
                           " VALUES ('b', 1, '{}', '{}', 1, 1, 1, 1, now())",
                           &err));
    assert_string_equal(err.sqlstate, "23514");
    assert_string_equal(err.place, "sample_count_required");
    assert_int_equal(err.class, ERR_REJECT);
    sample_free(layout);
}

static void views_keep_their_readers(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    migrate(layout);
    live_exec(conn, "CREATE VIEW sample_v1.report AS SELECT id, _order_time"
                    "  FROM sample_v1.sample_all");
    sample_add(layout, "extra", TYPE_TEXT, false, false, "");
    migrate(layout);
    assert_string_equal(live_value(conn, "SELECT attname FROM pg_attribute WHERE attnum = 11"
                                         "  AND attrelid = 'sample_v1.sample_all'::regclass"),
                        "extra");
    sample_free(layout);
}

static void a_name_that_is_taken_is_an_error(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct layout *layout = sample_layout(true, false);
    struct shape *want = shape_want(layout);
    live_exec(conn, "CREATE SCHEMA data; CREATE VIEW data.sample AS SELECT 1 AS id");
    assert_null(catalog_read(conn, want, &err));
    assert_int_equal(err.class, ERR_HALT);
    assert_string_equal(err.place, "data.sample");
    shape_free(want);
    sample_free(layout);
}

static void a_held_lock_is_waited_for_in_bounds(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct layout *layout = sample_layout(true, false);
    struct plan plan;
    migrate(layout);
    PGconn *reader = live_open();
    live_exec(reader, "BEGIN; SELECT count(*) FROM data.sample");
    sample_add(layout, "extra", TYPE_TEXT, false, false, "");
    plan_against(layout, &plan);
    assert_false(apply_step(conn, &plan.steps[0], 50, 2, &err));
    assert_string_equal(err.sqlstate, "55P03");
    assert_true(err.hint[0]);
    live_exec(reader, "COMMIT");
    assert_true(apply_step(conn, &plan.steps[0], 50, 2, &err));
    assert_string_equal(live_value(conn, "SHOW lock_timeout"), "0");
    conn_close(reader);
    plan_free(&plan);
    sample_free(layout);
}

#define TEST(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made_as_wanted),
        TEST(comments_reach_table_and_views),
        TEST(every_type_is_read_back_as_it_was_made),
        TEST(columns_are_added_to_rows_that_stand),
        TEST(views_keep_their_readers),
        TEST(a_name_that_is_taken_is_an_error),
        TEST(a_held_lock_is_waited_for_in_bounds),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
