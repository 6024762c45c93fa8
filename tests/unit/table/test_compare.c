/* SPDX-License-Identifier: Apache-2.0 */
#include "table/compare.h"

#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `have` begins as a copy of what is wanted; a test then changes one of both. */
struct pair {
    struct layout *layout;
    struct shape *have, *want;
    struct plan plan;
};

static int pair_setup(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair->layout = sample_layout(true, false);
    pair->have = shape_want(pair->layout);
    pair->want = shape_want(pair->layout);
    plan_init(&pair->plan);
    *state = pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair *pair = *state;
    plan_free(&pair->plan);
    shape_free(pair->have);
    shape_free(pair->want);
    sample_free(pair->layout);
    free(pair);
    return 0;
}

static void pair_want_again(struct pair *pair)
{
    shape_free(pair->want);
    pair->want = shape_want(pair->layout);
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = strdup(with);
}

static void compare(struct pair *pair, unsigned steps, unsigned refusals)
{
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.n_steps, steps);
    assert_int_equal(pair->plan.refusals.count, refusals);
    for (unsigned i = 0; i < refusals; i++) {
        assert_int_equal(pair->plan.refusals.items[i].class, ERR_HALT);
        assert_int_equal(pair->plan.refusals.items[i].exit, ERR_EXIT_DATA);
        assert_true(pair->plan.refusals.items[i].hint[0]);
        assert_true(pair->plan.refusals.items[i].place[0]);
    }
}

static void equal_shapes_need_nothing(void **state)
{
    compare(*state, 0, 0);
}

static void nothing_there_makes_everything_once(void **state)
{
    struct pair *pair = *state;
    compare_shapes(NULL, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 0);
    assert_int_equal(pair->plan.n_steps, 5);
    assert_int_equal(pair->plan.steps[0].kind, STEP_SCHEMA);
    assert_int_equal(pair->plan.steps[2].kind, STEP_TABLE);
    assert_true(pair->plan.steps[2].needed_to_run);
    assert_non_null(strstr(pair->plan.steps[2].sql, "CHECK (_deleted_at IS NOT NULL OR \"amount\" "
                                                    "IS NOT NULL)"));
    assert_int_equal(pair->plan.steps[3].kind, STEP_VIEW);
    assert_false(pair->plan.steps[3].needed_to_run);
    assert_string_equal(pair->plan.steps[3].what, "create view sample_v1.sample (4 columns)");
    /* A second stream in the same schemas plans them no second time. */
    replace(&pair->want->table, "other");
    replace(&pair->want->view, "other");
    compare_shapes(NULL, pair->want, &pair->plan);
    assert_int_equal(pair->plan.n_steps, 8);
}

/* A message that was jsonb and has columns now: nothing is changed, and both ways out are named. */
static void a_message_that_was_jsonb_may_stay_so(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "address", TYPE_JSONB, false, false, "");
    sample_add(pair->layout, "price", TYPE_JSONB, false, false, "");
    shape_free(pair->have);
    pair->have = shape_want(pair->layout);
    struct layout_column *columns = pair->layout->columns;
    for (unsigned i = 0; i < pair->layout->n_columns; i++) {
        if (strcmp(columns[i].name, "address") == 0) {
            columns[i].name = "address_street";
            columns[i].type = type_of(TYPE_TEXT);
        } else if (strcmp(columns[i].name, "price") == 0) {
            columns[i].type = type_of_money();
        }
    }
    pair_want_again(pair);
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 3); /* the type, and address in both views */
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(strstr(pair->plan.refusals.items[i].hint, "type = \"jsonb\""));
        assert_non_null(strstr(pair->plan.refusals.items[i].hint, "new major version"));
    }
}

static void a_nullable_column_is_added_and_shown(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "extra", TYPE_JSONB, false, false, "More");
    pair_want_again(pair);
    compare(pair, 3, 0);
    assert_int_equal(pair->plan.steps[0].kind, STEP_COLUMN);
    assert_true(pair->plan.steps[0].needed_to_run);
    assert_string_equal(pair->plan.steps[0].what, "add column data.sample.extra jsonb");
    assert_null(strstr(pair->plan.steps[0].sql, "DEFAULT"));
    /* Behind the bookkeeping columns: PostgreSQL only appends to a view. */
    assert_non_null(strstr(pair->plan.steps[2].sql, "\"_deleted_at\", \"extra\" FROM"));
}

/* The default serves rows that stand, and a daemon that still runs with the contract of before. */
static void a_required_column_comes_with_its_zero(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "count", TYPE_INTEGER, false, true, "");
    pair_want_again(pair);
    compare(pair, 4, 0);
    const char *sql = pair->plan.steps[0].sql;
    assert_non_null(strstr(sql, "DEFAULT 0"));
    assert_null(strstr(sql, "DROP DEFAULT"));
    assert_non_null(strstr(sql, "\"sample_count_required\" CHECK"));
    assert_non_null(strstr(sql, "NOT VALID"));
    assert_int_equal(pair->plan.steps[3].kind, STEP_VALIDATE);
    assert_non_null(strstr(pair->plan.steps[3].sql, "VALIDATE CONSTRAINT"));
    assert_false(pair->plan.steps[3].needed_to_run);
}

static void a_required_column_without_zero_is_refused(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "reference", TYPE_UUID, false, true, "");
    pair_want_again(pair);
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 1);
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "reference"));
}

static void another_type_is_refused(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->columns[1].type, "integer");
    compare(pair, 0, 1);
    assert_string_equal(pair->plan.refusals.items[0].place, "data.sample.amount");
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "integer"));
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "bigint"));
    /* It would be lossless by hand, but not for those who wait. */
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "anew"));
    assert_non_null(strstr(pair->plan.refusals.items[0].hint, "new major version"));
}

/* `note`, which is text, as it was: its views show it as that too. */
static void note_was(struct pair *pair, const char *type)
{
    replace(&pair->have->columns[2].type, type);
    for (unsigned i = 0; i < pair->have->n_view_columns; i++)
        shape_names_add(&pair->have->view_has.types, &pair->have->view_has.n_types,
                        pair->have->columns[i].type);
    pair->have->view_has.known = true;
    pair->have->view_has.owner = strdup("analytics");
    pair->have->view_has.options = strdup("security_barrier=true");
    pair->have->view_has.comment = strdup("Words of its own");
}

static void a_wider_column_takes_its_views_along(void **state)
{
    struct pair *pair = *state;
    note_was(pair, "character varying(20)");
    compare(pair, 1, 0);
    const struct step *step = &pair->plan.steps[0];
    assert_int_equal(step->kind, STEP_WIDEN);
    assert_true(step->needed_to_run);
    const char *dropped = strstr(step->sql, "DROP VIEW \"sample_v1\".\"sample\"");
    const char *wider = strstr(step->sql, "ALTER COLUMN \"note\" TYPE text");
    const char *made = strstr(step->sql, "CREATE OR REPLACE VIEW \"sample_v1\".\"sample\" ");
    const char *owned = strstr(step->sql, "OWNER TO \"analytics\"");
    assert_true(dropped && wider && made && owned);
    assert_true(dropped < wider && wider < made && made < owned);
    assert_non_null(strstr(step->sql, "SET (security_barrier=true)"));
}

static void what_is_built_on_a_view_is_named(void **state)
{
    struct pair *pair = *state;
    note_was(pair, "character varying(20)");
    shape_names_add(&pair->have->view_has.users, &pair->have->view_has.n_users, "reports.daily");
    compare(pair, 0, 1);
    assert_string_equal(pair->plan.refusals.items[0].place, "sample_v1.sample");
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "reports.daily"));
}

static void a_column_that_partitions_keeps_its_type(void **state)
{
    struct pair *pair = *state;
    note_was(pair, "character varying(20)");
    pair->have->columns[2].partitions = true;
    compare(pair, 0, 1);
    assert_string_equal(pair->plan.refusals.items[0].place, "data.sample.note");
}

static void readers_get_what_they_lack(void **state)
{
    static const char *const roles[] = {"one", "two", "three"};
    struct pair *pair = *state;
    shape_want_readers(pair->want, roles, 3);
    shape_want_readers(pair->have, roles, 3);
    pair->have->readers[1].view_all = false;
    compare(pair, 1, 0);
    assert_int_equal(pair->plan.steps[0].kind, STEP_GRANT);
    assert_string_equal(pair->plan.steps[0].sql,
                        "GRANT SELECT ON \"sample_v1\".\"sample_all\" TO \"two\";\n");
    pair->have->readers[2].exists = false;
    compare(pair, 1, 1);
    assert_string_equal(pair->plan.refusals.items[0].place, "three");
}

/* What could refuse the rows of a daemon that does not know the contract yet comes after the note
 * of it. */
static void the_note_stands_before_what_may_refuse_rows(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->required[0], "note");
    compare_shapes(pair->have, pair->want, &pair->plan);
    plan_note(&pair->plan, strdup("note"), strdup("SELECT 1;\n"));
    static const enum step_kind kinds[] = {STEP_CHECK, STEP_NOTE, STEP_REQUIRE, STEP_VALIDATE};
    assert_int_equal(pair->plan.n_steps, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pair->plan.steps[i].kind, kinds[i]);
}

static void another_key_is_refused(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->key[0], "note");
    compare(pair, 0, 1);
    assert_int_equal(pair->plan.stopped_by, 1);
}

/* A column that a newer contract has brought or widened: this one's daemon can write, though
 * migrate goes no way back. */
static void what_a_newer_contract_did_stops_no_daemon(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "count", TYPE_INTEGER, false, true, "");
    shape_free(pair->have);
    pair->have = shape_want(pair->layout);
    struct shape_column *count =
        (struct shape_column *)(uintptr_t)shape_column(pair->have, "count");
    count->has_default = true;
    replace(&pair->want->columns[2].type, "character varying(20)");
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 3); /* the type, and a column of each view */
    assert_int_equal(pair->plan.stopped_by, 0);
    for (unsigned i = 0; i < pair->plan.n_steps; i++)
        assert_false(pair->plan.steps[i].needed_to_run);
    /* Without a default, what it writes breaks the check. */
    plan_free(&pair->plan);
    count->has_default = false;
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.n_steps, 1);
    assert_true(pair->plan.steps[0].needed_to_run);
    plan_free(&pair->plan);
    replace(&pair->want->columns[2].type, "uuid");
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.stopped_by, 1);
}

static void a_key_of_another_name_is_renamed(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->key_constraint, "by_hand");
    compare(pair, 1, 0);
    assert_true(pair->plan.steps[0].needed_to_run);
    assert_non_null(strstr(pair->plan.steps[0].sql, "RENAME CONSTRAINT \"by_hand\""));
}

static void a_version_cannot_be_added(void **state)
{
    struct pair *pair = *state;
    struct layout *plain = sample_layout(false, false);
    shape_free(pair->have);
    pair->have = shape_want(plain);
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 1);
    assert_non_null(strstr(pair->plan.refusals.items[0].text, "_version"));
    sample_free(plain);
}

static void a_view_never_loses_a_column(void **state)
{
    struct pair *pair = *state;
    shape_names_add(&pair->have->view_columns, &pair->have->n_view_columns, "gone");
    sample_add(pair->layout, "extra", TYPE_TEXT, false, false, "");
    pair_want_again(pair);
    compare_shapes(pair->have, pair->want, &pair->plan);
    assert_int_equal(pair->plan.refusals.count, 1);
    assert_string_equal(pair->plan.refusals.items[0].place, "sample_v1.sample");
    for (unsigned i = 0; i < pair->plan.n_steps; i++)
        assert_null(strstr(pair->plan.steps[i].what, "view sample_v1.sample "));
}

static void extra_columns_may_stay_if_they_allow_writing(void **state)
{
    struct pair *pair = *state;
    sample_add(pair->layout, "old", TYPE_TEXT, false, false, "");
    shape_free(pair->have);
    pair->have = shape_want(pair->layout);
    pair->have->n_view_columns--;
    free(pair->have->view_columns[pair->have->n_view_columns]);
    for (unsigned i = 0; i < pair->have->n_view_all_columns; i++)
        if (strcmp(pair->have->view_all_columns[i], "old") == 0)
            replace(&pair->have->view_all_columns[i], "note");
    compare(pair, 0, 0);
    struct shape_column *old = (struct shape_column *)(uintptr_t)shape_column(pair->have, "old");
    old->not_null = true;
    old->has_default = true;
    compare(pair, 0, 0);
    old->has_default = false;
    compare(pair, 0, 1);
}

static void checks_follow_the_contract(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->required[0], "note");
    compare(pair, 3, 0);
    assert_non_null(strstr(pair->plan.steps[0].sql, "DROP CONSTRAINT \"sample_note_required\""));
    assert_true(pair->plan.steps[0].needed_to_run);
    assert_non_null(strstr(pair->plan.steps[1].sql, "ADD CONSTRAINT \"sample_amount_required\""));
    assert_non_null(strstr(pair->plan.steps[1].sql, "NOT VALID"));
    assert_false(pair->plan.steps[1].needed_to_run);
    assert_int_equal(pair->plan.steps[2].kind, STEP_VALIDATE);
    assert_string_equal(pair->plan.steps[2].count,
                        "SELECT count(*) FROM \"data\".\"sample\""
                        " WHERE _deleted_at IS NULL AND \"amount\" IS NULL");
}

/* Rows that broke it when it was made keep it from being valid, until migrate runs again. */
static void a_check_that_is_not_valid_is_put_to_the_rows_again(void **state)
{
    struct pair *pair = *state;
    shape_names_add(&pair->have->unvalidated, &pair->have->n_unvalidated, "amount");
    compare(pair, 1, 0);
    assert_int_equal(pair->plan.steps[0].kind, STEP_VALIDATE);
}

static void comments_follow_the_contract(void **state)
{
    struct pair *pair = *state;
    replace(&pair->have->columns[1].comment, "Old words");
    replace(&pair->have->comment, "Old words");
    compare(pair, 2, 0);
    assert_int_equal(pair->plan.steps[1].kind, STEP_COMMENT);
    assert_false(pair->plan.steps[1].needed_to_run);
    assert_non_null(strstr(pair->plan.steps[1].sql, "COMMENT ON COLUMN \"sample_v1\".\"sample_all\""
                                                    ".\"amount\" IS 'How much, in the owner''s"
                                                    " cents'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_shapes_need_nothing),
        TEST(nothing_there_makes_everything_once),
        TEST(a_message_that_was_jsonb_may_stay_so),
        TEST(a_nullable_column_is_added_and_shown),
        TEST(a_required_column_comes_with_its_zero),
        TEST(a_required_column_without_zero_is_refused),
        TEST(another_type_is_refused),
        TEST(a_wider_column_takes_its_views_along),
        TEST(what_is_built_on_a_view_is_named),
        TEST(a_column_that_partitions_keeps_its_type),
        TEST(readers_get_what_they_lack),
        TEST(the_note_stands_before_what_may_refuse_rows),
        TEST(another_key_is_refused),
        TEST(what_a_newer_contract_did_stops_no_daemon),
        TEST(a_key_of_another_name_is_renamed),
        TEST(a_version_cannot_be_added),
        TEST(a_view_never_loses_a_column),
        TEST(extra_columns_may_stay_if_they_allow_writing),
        TEST(checks_follow_the_contract),
        TEST(a_check_that_is_not_valid_is_put_to_the_rows_again),
        TEST(comments_follow_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
