/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, apply, read back: what was made is what was wanted, and stays so as the contract grows. */
#include "postgres/apply.h"
#include "postgres/catalog.h"
#include "support/live.h"
#include "support/sample.h"
#include "table/widen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;
static const struct patience at_once = {1000, 1};

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

/* Gives the only column of data.<table> another type; true when its file, and those of its indexes,
 * are those of before. */
static bool is_left_alone(const char *table, const char *type)
{
    char files[256], before[64], sql[128];
    snprintf(files, sizeof files,
             "SELECT string_agg(pg_relation_filenode(oid)::text, ' ' ORDER BY oid) FROM pg_class"
             " WHERE oid = 'data.%s'::regclass OR oid IN"
             "   (SELECT indexrelid FROM pg_index WHERE indrelid = 'data.%s'::regclass)",
             table, table);
    snprintf(before, sizeof before, "%s", live_value(conn, files));
    snprintf(sql, sizeof sql, "ALTER TABLE data.%s ALTER c TYPE %s", table, type);
    live_exec(conn, sql);
    return strcmp(before, live_value(conn, files)) == 0;
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
        if (!apply_step(conn, &plan.steps[i], &at_once, &err))
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
    assert_int_equal(migrate(layout), 7);
    assert_string_equal(
        live_value(conn,
                   "SELECT concat_ws(',', extra IS NULL, count, words) FROM sample_v1.sample"),
        "t,0,{}");
    /* A writer that does not know the column yet writes its zero; one that does must say. */
    live_exec(conn, "INSERT INTO data.sample (id, amount, tags, _version, _log, _offset, _order_ts,"
                    " _loaded_at) VALUES ('c', 1, '{}', 1, 1, 1, 1, now())");
    struct err err = ERR_INIT;
    assert_false(
        conn_exec(conn,
                  "INSERT INTO data.sample (id, amount, tags, words, count, _version, _log,"
                  " _offset, _order_ts, _loaded_at)"
                  " VALUES ('b', 1, '{}', '{}', NULL, 1, 1, 1, 1, now())",
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
    live_exec(conn, "ALTER VIEW sample_v1.sample SET (security_barrier = true, check_option ="
                    "  local)");
    sample_add(layout, "extra", TYPE_TEXT, false, false, "");
    migrate(layout);
    assert_string_equal(live_value(conn, "SELECT attname FROM pg_attribute WHERE attnum = 11"
                                         "  AND attrelid = 'sample_v1.sample_all'::regclass"),
                        "extra");
    assert_string_equal(live_value(conn, "SELECT array_to_string(reloptions, ' ') FROM pg_class"
                                         " WHERE oid = 'sample_v1.sample'::regclass"),
                        "security_barrier=true check_option=local");
    sample_free(layout);
}

/* ---- wider columns ---- */

#define WIDENED                                                                                    \
    X(varying, "character varying(20)", "text")                                                    \
    X(unbounded, "character varying", "text")                                                      \
    X(net, "cidr", "inet")                                                                         \
    X(price, "numeric(10,2)", "numeric(14,2)")                                                     \
    X(whole, "numeric(20,0)", "numeric(38,0)")                                                     \
    X(anything, "numeric(10,2)", "numeric")

/* Each in a table of its own, since one rewrite rewrites all; the key too, whose index stays. */
static void what_is_called_free_touches_no_row(void **state)
{
    (void)state;
    live_exec(conn, "CREATE SCHEMA data");
#define X(name, from, to)                                                                          \
    live_exec(conn, "CREATE TABLE data." #name " (c " from " PRIMARY KEY);"                        \
                    "INSERT INTO data." #name " VALUES ('10')");                                   \
    assert_int_equal(widen(from, to), WIDEN_FREE);                                                 \
    assert_true(is_left_alone(#name, to));
    WIDENED
#undef X
}

static void what_is_called_a_rewrite_is_one(void **state)
{
    (void)state;
    live_exec(conn,
              "CREATE SCHEMA data;"
              "CREATE TABLE data.grown (c integer); CREATE TABLE data.scaled (c numeric(10,2))");
    assert_int_equal(widen("integer", "bigint"), WIDEN_REWRITE);
    assert_false(is_left_alone("grown", "bigint"));
    assert_int_equal(widen("numeric(10,2)", "numeric(12,4)"), WIDEN_REWRITE);
    assert_false(is_left_alone("scaled", "numeric(12,4)"));
}

/* The sample, with `note` as it was made in the database: varchar(20). */
static struct layout *narrow(void)
{
    struct layout *layout = sample_layout(true, false);
    migrate(layout);
    live_exec(conn, "DROP VIEW sample_v1.sample; DROP VIEW sample_v1.sample_all;"
                    "ALTER TABLE data.sample ALTER note TYPE varchar(20)");
    live_exec(conn, "CREATE VIEW sample_v1.sample AS SELECT id, amount, note, tags FROM data.sample"
                    "  WHERE _deleted_at IS NULL;"
                    "CREATE VIEW sample_v1.sample_all AS SELECT id, amount, note, tags, _version,"
                    "  _log, _offset, to_timestamp(_order_ts / 1000.0) AS _order_time, _loaded_at,"
                    "  _deleted_at FROM data.sample");
    return layout;
}

#define VIEW_STATE                                                                                 \
    "SELECT concat_ws(' | ', pg_get_userbyid(relowner), relacl, reloptions,"                       \
    "   obj_description(oid, 'pg_class'), (SELECT string_agg(concat_ws(' ', attname, attacl,"      \
    "     col_description(attrelid, attnum)), ', ' ORDER BY attnum) FROM pg_attribute"             \
    "     WHERE attrelid = c.oid)) FROM pg_class c WHERE oid = 'sample_v1.sample'::regclass"

static void views_made_anew_keep_what_they_had(void **state)
{
    (void)state;
    char before[4096];
    struct layout *layout = narrow();
    live_exec(conn,
              "DROP ROLE IF EXISTS catalog_reader, catalog_owner, catalog_other;"
              "CREATE ROLE catalog_reader; CREATE ROLE catalog_owner; CREATE ROLE catalog_other;"
              "GRANT ALL ON SCHEMA sample_v1 TO catalog_owner;"
              "COMMENT ON VIEW sample_v1.sample IS 'Ours';"
              "COMMENT ON COLUMN sample_v1.sample.id IS 'Which one';"
              "COMMENT ON COLUMN sample_v1.sample.note IS 'Theirs';"
              "COMMENT ON COLUMN sample_v1.sample.amount IS 'How much, in the owner''s cents';"
              "GRANT SELECT ON sample_v1.sample TO catalog_reader WITH GRANT OPTION;"
              "GRANT SELECT (id, note) ON sample_v1.sample TO PUBLIC;"
              "ALTER VIEW sample_v1.sample SET (security_barrier = true);"
              "ALTER VIEW sample_v1.sample OWNER TO catalog_owner");
    snprintf(before, sizeof before, "%s", live_value(conn, VIEW_STATE));
    /* What a new view would be given was taken from the old one, or never given. */
    live_exec(conn, "ALTER DEFAULT PRIVILEGES IN SCHEMA sample_v1 GRANT SELECT ON TABLES TO"
                    "  catalog_other");
    migrate(layout);
    assert_string_equal(live_value(conn, VIEW_STATE), before);
    assert_string_equal(live_value(conn, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                                         " WHERE attrelid = 'sample_v1.sample'::regclass"
                                         "   AND attname = 'note'"),
                        "text");
    live_exec(conn, "DROP SCHEMA sample_v1 CASCADE; DROP OWNED BY catalog_reader, catalog_other;"
                    "DROP ROLE catalog_reader, catalog_owner, catalog_other");
    sample_free(layout);
}

/* A plan may be old when it runs: it was printed, looked at, and waited for a lock. What somebody
 * gave to the view meanwhile is not lost. */
static void a_view_that_has_changed_since_the_plan_is_left_alone(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "GRANT SELECT ON sample_v1.sample TO PUBLIC",
        "GRANT SELECT (id) ON sample_v1.sample_all TO PUBLIC",
        "ALTER VIEW sample_v1.sample SET (security_barrier = true)",
        "COMMENT ON VIEW sample_v1.sample_all IS 'Mine'",
        "COMMENT ON COLUMN sample_v1.sample.note IS 'Don''t \\ lose it'",
    };
    struct err err = ERR_INIT;
    struct layout *layout = narrow();
    for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct plan plan;
        plan_against(layout, &plan);
        live_exec(conn, changes[i]);
        if (apply_step(conn, &plan.steps[0], &at_once, &err))
            fail_msg("%s", changes[i]);
        assert_string_equal(err.sqlstate, "40001");
        assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
        plan_free(&plan);
    }
    migrate(layout);
    assert_true(live_int(conn, "SELECT has_table_privilege('public', 'sample_v1.sample', 'SELECT')"
                               "::int"));
    assert_string_equal(live_value(conn, "SELECT col_description('sample_v1.sample'::regclass, 3)"),
                        "Don't \\ lose it");
    sample_free(layout);
}

static void hear(void *heard, const PGresult *notice)
{
    const char *message = PQresultErrorMessage(notice);
    *(bool *)heard |= strstr(message, "verifying table") || strstr(message, "rewriting table");
}

/* Neither written nor read: the check of a required column is put to the rows in a step of its own,
 * under a lock that is in nobody's way. PostgreSQL tells what it does at DEBUG1. */
static void a_wider_column_with_a_check_is_not_read_under_the_lock(void **state)
{
    (void)state;
    bool read = false;
    struct err err = ERR_INIT;
    struct plan plan;
    struct layout *layout = narrow();
    layout->columns[2].required = true;
    live_exec(conn, "ALTER TABLE data.sample ADD CONSTRAINT sample_note_required"
                    "  CHECK (_deleted_at IS NOT NULL OR note IS NOT NULL);"
                    "INSERT INTO data.sample VALUES ('a', 1, '', '{}', 1, 1, 1, 1, now(), NULL)");
    plan_against(layout, &plan);
    assert_int_equal(plan.n_steps, 2);
    assert_int_equal(plan.steps[0].kind, STEP_WIDEN);
    assert_int_equal(plan.steps[1].kind, STEP_VALIDATE);
    PQnoticeReceiver before = PQsetNoticeReceiver(conn, hear, &read);
    live_exec(conn, "SET client_min_messages = debug1");
    assert_true(apply_step(conn, &plan.steps[0], &at_once, &err));
    assert_false(read);
    live_exec(conn, "ALTER TABLE data.sample ADD CONSTRAINT other CHECK (note <> 'x')");
    assert_true(read); /* it would have been heard */
    assert_true(apply_step(conn, &plan.steps[1], &at_once, &err));
    live_exec(conn, "SET client_min_messages = warning");
    PQsetNoticeReceiver(conn, before, NULL);
    plan_free(&plan);
    assert_int_equal(migrate(layout), 0);
    sample_free(layout);
}

/* The timeout counts for each lock anew, and who waits for the first waits for all of them. */
static void locks_share_the_time_to_wait(void **state)
{
    (void)state;
    struct plan plan;
    struct buf text = BUF_INIT;
    struct layout *layout = narrow();
    plan_against(layout, &plan);
    assert_int_equal(plan.steps[0].kind, STEP_WIDEN);
    assert_int_equal(plan.steps[0].n_exclusive, 3); /* two views and the table */
    apply_text(&plan.steps[0], 900, &text);
    assert_non_null(strstr(text.data, "SET LOCAL lock_timeout = 300;"));
    text.length = 0;
    apply_text(&plan.steps[0], 2, &text);
    assert_non_null(strstr(text.data, "SET LOCAL lock_timeout = 1;")); /* 0 would be for ever */
    buf_free(&text);
    plan_free(&plan);
    sample_free(layout);
}

static void refused(const struct layout *layout, const char *place, const char *first,
                    const char *second)
{
    struct plan plan;
    plan_against(layout, &plan);
    const struct err *found = NULL;
    for (unsigned i = 0; i < plan.refusals.count; i++)
        if (strcmp(plan.refusals.items[i].place, place) == 0)
            found = &plan.refusals.items[i];
    if (!found)
        fail_msg("%s is not refused", place);
    if (!strstr(found->text, first) || !strstr(found->text, second))
        fail_msg("%s", found->text);
    assert_non_null(strstr(found->hint, "new major version"));
    plan_free(&plan);
}

/* Views upon views, materialized ones, and what is built on the table itself. */
static void a_wider_column_that_others_are_built_on_is_refused(void **state)
{
    (void)state;
    struct layout *layout = narrow();
    live_exec(conn,
              "CREATE VIEW sample_v1.daily AS SELECT note FROM sample_v1.sample;"
              "CREATE MATERIALIZED VIEW sample_v1.weekly AS SELECT note FROM sample_v1.daily");
    refused(layout, "sample_v1.sample", "sample_v1.daily", "sample_v1.weekly");
    live_exec(conn, "DROP VIEW sample_v1.daily CASCADE;"
                    "CREATE VIEW data.direct AS SELECT note FROM data.sample");
    refused(layout, "data.sample", "data.direct", "wider");
    live_exec(conn, "DROP VIEW data.direct;"
                    "CREATE FUNCTION data.nothing() RETURNS trigger LANGUAGE plpgsql AS"
                    "  'BEGIN RETURN NULL; END';"
                    "CREATE TRIGGER into_nothing INSTEAD OF INSERT ON sample_v1.sample_all"
                    "  FOR EACH ROW EXECUTE FUNCTION data.nothing()");
    refused(layout, "sample_v1.sample_all", "into_nothing", "trigger");
    live_exec(conn, "DROP TRIGGER into_nothing ON sample_v1.sample_all");
    migrate(layout);
    sample_free(layout);
}

/* What PostgreSQL would refuse in the middle of a plan, or would take long for under the lock. */
static void what_hangs_on_a_column_keeps_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *make, *name, *drop;
    } users[] = {
        {"CREATE POLICY own ON data.sample USING (note <> '')", "policy own",
         "DROP POLICY own"
         " ON data.sample"},
        {"CREATE TRIGGER heard AFTER UPDATE OF note ON data.sample FOR EACH ROW"
         "  EXECUTE FUNCTION suppress_redundant_updates_trigger()",
         "trigger heard", "DROP TRIGGER heard ON data.sample"},
        {"ALTER TABLE data.sample ADD long integer GENERATED ALWAYS AS (length(note)) STORED",
         "column long", "ALTER TABLE data.sample DROP long"},
        {"CREATE INDEX low ON data.sample (lower(note))", "index data.low", "DROP INDEX data.low"},
        {"CREATE INDEX part ON data.sample (amount) WHERE note <> ''", "index data.part",
         "DROP INDEX data.part"},
        {"ALTER TABLE data.sample ADD CONSTRAINT short CHECK (length(note) < 9)",
         "constraint short", "ALTER TABLE data.sample DROP CONSTRAINT short"},
    };
    struct layout *layout = narrow();
    for (unsigned i = 0; i < sizeof users / sizeof *users; i++) {
        live_exec(conn, users[i].make);
        refused(layout, "data.sample", users[i].name, "wider");
        live_exec(conn, users[i].drop);
    }
    /* Of other columns, or of no consequence. */
    live_exec(conn, "CREATE INDEX plain ON data.sample (note);"
                    "ALTER TABLE data.sample ADD CONSTRAINT few CHECK (amount < 9)");
    migrate(layout);
    sample_free(layout);
}

static void a_view_that_would_lose_a_column_names_its_users(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    sample_add(layout, "extra", TYPE_TEXT, false, false, "");
    migrate(layout);
    sample_free(layout);
    live_exec(conn, "CREATE VIEW sample_v1.daily AS SELECT extra FROM sample_v1.sample_all;"
                    "CREATE VIEW sample_v1.weekly AS SELECT extra FROM sample_v1.daily");
    layout = sample_layout(true, false);
    refused(layout, "sample_v1.sample_all", "sample_v1.daily", "sample_v1.weekly");
    sample_free(layout);
}

/* ---- checks, readers ---- */

static void rows_that_break_a_check_are_counted(void **state)
{
    (void)state;
    struct plan plan;
    struct err err = ERR_INIT;
    struct layout *layout = sample_layout(true, false);
    migrate(layout);
    live_exec(conn, "INSERT INTO data.sample SELECT 'k' || n, 1, NULL, '{}', 1, 1, n, 1, now(),"
                    "  CASE WHEN n > 5 THEN now() END FROM generate_series(1, 7) n");
    layout->columns[2].required = true;
    plan_against(layout, &plan);
    assert_int_equal(plan.n_steps, 2);
    assert_true(apply_step(conn, &plan.steps[0], &at_once, &err));
    assert_false(apply_step(conn, &plan.steps[1], &at_once, &err));
    assert_int_equal(err.exit, ERR_EXIT_DATA);
    assert_string_equal(err.place, "sample_note_required");
    assert_non_null(strstr(err.text, ": 5"));
    assert_true(err.hint[0]);
    plan_free(&plan);
    /* New rows are held to it, and the old ones are asked for again. */
    assert_false(conn_exec(
        conn, "INSERT INTO data.sample VALUES ('x', 1, NULL, '{}', 1, 1, 9, 1, now())", &err));
    live_exec(conn, "UPDATE data.sample SET note = '' WHERE _deleted_at IS NULL");
    assert_int_equal(migrate(layout), 1);
    sample_free(layout);
}

static void readers_get_only_what_they_lack(void **state)
{
    (void)state;
    static const char *const roles[] = {"catalog_reader", "nobody \"at\" all"};
    struct err err = ERR_INIT;
    struct plan plan;
    struct layout *layout = sample_layout(true, false);
    struct shape *want = shape_want(layout);
    live_exec(conn, "DROP ROLE IF EXISTS catalog_reader; CREATE ROLE catalog_reader");
    migrate(layout);
    live_exec(conn, "GRANT USAGE ON SCHEMA sample_v1 TO PUBLIC");
    shape_want_readers(want, roles, 2);
    struct shape *have = catalog_read(conn, want, &err);
    plan_init(&plan);
    compare_shapes(have, want, &plan);
    assert_int_equal(plan.refusals.count, 1);
    assert_string_equal(plan.refusals.items[0].place, roles[1]);
    assert_int_equal(plan.n_steps, 1);
    assert_null(strstr(plan.steps[0].sql, "USAGE"));
    assert_true(apply_step(conn, &plan.steps[0], &at_once, &err));
    assert_true(live_int(conn, "SELECT (has_table_privilege('catalog_reader', 'sample_v1.sample',"
                               " 'SELECT') AND has_table_privilege('catalog_reader',"
                               " 'sample_v1.sample_all', 'SELECT') AND NOT has_table_privilege("
                               " 'catalog_reader', 'data.sample', 'SELECT'))::int"));
    plan_free(&plan);
    shape_free(have);
    have = catalog_read(conn, want, &err);
    compare_shapes(have, want, &plan);
    assert_int_equal(plan.n_steps, 0);
    plan_free(&plan);
    shape_free(have);
    shape_free(want);
    live_exec(conn, "DROP OWNED BY catalog_reader; DROP ROLE catalog_reader");
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
    assert_false(apply_step(conn, &plan.steps[0], &(struct patience){50, 2}, &err));
    assert_string_equal(err.sqlstate, "55P03");
    assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
    /* Who is in the way, and with what. */
    char pid[32];
    snprintf(pid, sizeof pid, "process %d ", PQbackendPID(reader));
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, "SELECT count(*) FROM data.sample"));
    assert_true(err.hint[0]);
    live_exec(reader, "COMMIT");
    assert_true(apply_step(conn, &plan.steps[0], &(struct patience){50, 2}, &err));
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
        TEST(what_is_called_free_touches_no_row),
        TEST(what_is_called_a_rewrite_is_one),
        TEST(views_made_anew_keep_what_they_had),
        TEST(a_view_that_has_changed_since_the_plan_is_left_alone),
        TEST(a_wider_column_with_a_check_is_not_read_under_the_lock),
        TEST(locks_share_the_time_to_wait),
        TEST(a_wider_column_that_others_are_built_on_is_refused),
        TEST(what_hangs_on_a_column_keeps_its_type),
        TEST(a_view_that_would_lose_a_column_names_its_users),
        TEST(rows_that_break_a_check_are_counted),
        TEST(readers_get_only_what_they_lack),
        TEST(a_name_that_is_taken_is_an_error),
        TEST(a_held_lock_is_waited_for_in_bounds),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
