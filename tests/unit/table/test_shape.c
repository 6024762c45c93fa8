/* SPDX-License-Identifier: Apache-2.0 */
#include "table/shape.h"

#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void only_key_and_bookkeeping_are_not_null(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    struct shape *shape = shape_want(layout);
    assert_true(shape_column(shape, "id")->not_null);
    assert_false(shape_column(shape, "amount")->not_null);
    assert_true(shape_column(shape, "_version")->not_null);
    assert_true(shape_column(shape, "_loaded_at")->not_null);
    assert_false(shape_column(shape, "_deleted_at")->not_null);
    assert_null(shape_column(shape, "absent"));
    assert_int_equal(shape->n_required, 2);
    assert_string_equal(shape->required[0], "amount");
    assert_string_equal(shape->required[1], "tags");
    assert_string_equal(shape->key_constraint, "sample_pkey");
    shape_free(shape);
    sample_free(layout);
}

static void types_read_as_the_catalog_prints_them(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(false, false);
    struct shape *shape = shape_want(layout);
    assert_string_equal(shape_column(shape, "tags")->type, "text[]");
    assert_string_equal(shape_column(shape, "_loaded_at")->type, "timestamp with time zone");
    assert_string_equal(shape_column(shape, "tags")->zero, "'{}'");
    assert_string_equal(shape_column(shape, "amount")->zero, "0");
    assert_null(shape_column(shape, "note")->zero);
    shape_free(shape);
    sample_free(layout);
}

static void views_show_time_not_milliseconds(void **state)
{
    (void)state;
    struct layout *layout = sample_layout(true, false);
    struct shape *shape = shape_want(layout);
    assert_int_equal(shape->n_view_columns, 4);
    assert_int_equal(shape->n_view_all_columns, 10);
    assert_string_equal(shape->view_all_columns[4], "_version");
    assert_string_equal(shape->view_all_columns[7], "_order_time");
    shape_free(shape);
    sample_free(layout);
}

static void long_names_are_cut_without_meeting(void **state)
{
    (void)state;
    char one[SHAPE_NAME_MAX + 1], two[SHAPE_NAME_MAX + 1];
    const char *table = "a_table_with_a_name_that_is_exactly_sixty_three_bytes_long_00000";
    shape_constraint_name(table, "first", "required", one);
    shape_constraint_name(table, "second", "required", two);
    assert_int_equal(strlen(one), SHAPE_NAME_MAX);
    assert_string_equal(one + SHAPE_NAME_MAX - 9, "_required");
    assert_string_not_equal(one, two);
    shape_constraint_name("t", "c", "required", one);
    assert_string_equal(one, "t_c_required");
}

static void cutting_never_splits_a_character(void **state)
{
    (void)state;
    char name[SHAPE_NAME_MAX + 1], shifted[SHAPE_NAME_MAX + 1];
    /* 40 two-byte letters: whichever byte the cut falls on, one of the two has it in a letter. */
    char table[82] = "", *at = table;
    for (int i = 0; i < 40; i++, at += 2)
        memcpy(at, "\xc3\xa4", 3);
    shape_constraint_name(table, NULL, "pkey", name);
    memmove(table + 1, table, 81);
    table[0] = 'x';
    shape_constraint_name(table, NULL, "pkey", shifted);
    const char *cut = strrchr(name, '_') - 9, *other = strrchr(shifted, '_') - 9;
    assert_int_equal(*cut, '_');
    assert_int_equal(*other, '_');
    assert_int_equal((cut - name) % 2, 0);
    assert_int_equal((other - shifted) % 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_key_and_bookkeeping_are_not_null),
        cmocka_unit_test(types_read_as_the_catalog_prints_them),
        cmocka_unit_test(views_show_time_not_milliseconds),
        cmocka_unit_test(long_names_are_cut_without_meeting),
        cmocka_unit_test(cutting_never_splits_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
