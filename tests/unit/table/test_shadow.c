/* SPDX-License-Identifier: Apache-2.0 */
/* The table beside the live one: its name, and what the statements say. That they do it is shown by
 * tests/e2e/rebuild.py. */
#include "table/shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char name_id[] = "id", name_note[] = "note", name_sum[] = "sum", name_log[] = "_log",
            name_offset[] = "_offset", name_ts[] = "_order_ts", name_loaded[] = "_loaded_at",
            name_deleted[] = "_deleted_at";
static char text_type[] = "text", bigint_type[] = "bigint",
            time_type[] = "timestamp with time zone", zero[] = "0";
static char schema[] = "data", live_table[] = "orders", shadow_table[] = "orders_rebuild_7";
static char *key[] = {name_id}, *required[] = {name_sum};

static struct shape_column live_columns[] = {
    {.name = name_id, .type = text_type, .not_null = true},
    {.name = name_note, .type = bigint_type},
    {.name = name_log, .type = bigint_type, .not_null = true},
    {.name = name_offset, .type = bigint_type, .not_null = true},
    {.name = name_ts, .type = bigint_type, .not_null = true},
    {.name = name_loaded, .type = time_type, .not_null = true},
    {.name = name_deleted, .type = time_type},
};
static struct shape_column shadow_columns_[] = {
    {.name = name_id, .type = text_type, .not_null = true},
    {.name = name_note, .type = text_type},
    {.name = name_sum, .type = bigint_type, .zero = zero},
    {.name = name_log, .type = bigint_type, .not_null = true},
    {.name = name_offset, .type = bigint_type, .not_null = true},
    {.name = name_ts, .type = bigint_type, .not_null = true},
    {.name = name_loaded, .type = time_type, .not_null = true},
    {.name = name_deleted, .type = time_type},
};
static struct shape live = {.schema = schema,
                            .table = live_table,
                            .columns = live_columns,
                            .n_columns = 7,
                            .key = key,
                            .n_key = 1};
static struct shape shadow = {.schema = schema,
                              .table = shadow_table,
                              .columns = shadow_columns_,
                              .n_columns = 8,
                              .key = key,
                              .n_key = 1,
                              .required = required,
                              .n_required = 1};

static void assert_has(const struct buf *text, const char *part)
{
    if (!strstr(text->data, part))
        fail_msg("no \"%s\" in: %s", part, text->data);
}

static void names_fit_and_differ(void **state)
{
    (void)state;
    char one[SHAPE_NAME_MAX + 1], two[SHAPE_NAME_MAX + 1], old[SHAPE_NAME_MAX + 1];
    const char *table = "a_table_with_a_name_that_takes_up_nearly_all_of_sixty_three_bytes";
    shadow_name("orders", 7, one);
    assert_string_equal(one, "orders_rebuild_7");
    shadow_old_name("orders", 7, old);
    assert_string_equal(old, "orders_old_7");
    shadow_name(table, 7, one);
    shadow_name(table, 8, two);
    shadow_old_name(table, 7, old);
    assert_in_range(strlen(one), 20, SHAPE_NAME_MAX);
    assert_string_not_equal(one, two);
    assert_string_not_equal(one, old);
}

static void a_seed_casts_fills_and_keeps_what_is_newer(void **state)
{
    (void)state;
    struct buf sql = BUF_INIT;
    struct err err;
    assert_true(shadow_seed(&sql, &live, &shadow, 7, false, 100, &err));
    assert_has(&sql,
               "SELECT * FROM \"data\".\"orders\" WHERE (\"id\") > ((SELECT r.seed_after[1]::text");
    assert_has(&sql, "ORDER BY \"id\" LIMIT 100");
    assert_has(&sql, "SELECT \"id\", \"note\"::text, 0::bigint, \"_log\"");
    assert_has(&sql, "ON CONFLICT (\"id\") DO UPDATE SET \"note\" = excluded.\"note\"");
    assert_has(&sql, "WHERE (excluded._log >> 48, excluded._order_ts, excluded._log, "
                     "excluded._offset) > (t._log >> 48,");
    buf_free(&sql);
    assert_true(shadow_seed(&sql, &live, &shadow, 7, true, 100, &err));
    assert_null(strstr(sql.data, "r.seed_after[1]"));
    buf_free(&sql);
}

static void rows_without_the_key_cannot_be_copied(void **state)
{
    (void)state;
    struct buf sql = BUF_INIT;
    struct err err;
    struct shape keyless = live;
    keyless.columns = live_columns + 1;
    keyless.n_columns = 6;
    assert_false(shadow_seed(&sql, &keyless, &shadow, 7, true, 100, &err));
    assert_string_equal(err.text, "the live rows have no id, without which there is no row");
    buf_free(&sql);
}

static void only_columns_of_one_type_are_compared(void **state)
{
    (void)state;
    struct shadow_columns columns;
    struct buf sql = BUF_INIT;
    shadow_columns(&live, &shadow, &columns);
    assert_int_equal(columns.n_same, 1);
    assert_string_equal(columns.same[0], "id");
    assert_int_equal(columns.n_other, 2);
    assert_string_equal(columns.other[0], "note (bigint → text)");
    assert_string_equal(columns.other[1], "sum (only new)");
    shadow_compare(&sql, &live, &shadow, &columns);
    assert_null(strstr(sql.data, "\"note\""));
    assert_null(strstr(sql.data, "_loaded_at"));
    buf_free(&sql);
    shadow_columns_free(&columns);
}

static void a_table_is_renamed_with_what_is_named_after_it(void **state)
{
    (void)state;
    struct buf sql = BUF_INIT;
    shadow_rename(&sql, &shadow, "orders_rebuild_7_pkey", shadow_table, live_table, true);
    assert_string_equal(
        sql.data,
        "ALTER TABLE \"data\".\"orders_rebuild_7\" RENAME TO \"orders\";\n"
        "ALTER TABLE \"data\".\"orders\" RENAME CONSTRAINT \"orders_rebuild_7_pkey\" TO "
        "\"orders_pkey\";\n"
        "ALTER TABLE \"data\".\"orders\" RENAME CONSTRAINT \"orders_rebuild_7_sum_required\" TO "
        "\"orders_sum_required\";\n");
    buf_free(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit_and_differ),
        cmocka_unit_test(a_seed_casts_fills_and_keeps_what_is_newer),
        cmocka_unit_test(rows_without_the_key_cannot_be_copied),
        cmocka_unit_test(only_columns_of_one_type_are_compared),
        cmocka_unit_test(a_table_is_renamed_with_what_is_named_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
