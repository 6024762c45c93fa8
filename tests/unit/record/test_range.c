/* SPDX-License-Identifier: Apache-2.0 */
/* What a range holds, compared as integers at and beside its limits, and how it is said. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/range.h"

#include <string.h>

static struct layout_column columns[] = {{.name = "id"}, {.name = "at"}};
static const struct layout layout = {.columns = columns, .n_columns = 2, .n_data = 2};

static bool holds(const struct range *range, enum type_id type, int64_t value)
{
    char bytes[8];
    struct cell cells[] = {{"x", 1}, {bytes, 8}};
    columns[1].type = type_of(type);
    if (type == TYPE_INTEGER) {
        be32_store(bytes, (uint32_t)(int32_t)value);
        cells[1].length = 4;
    } else {
        be64_store(bytes, (uint64_t)value);
    }
    return range_holds(range, &layout, cells);
}

static void limits_are_low_inclusive_and_high_exclusive(void **state)
{
    (void)state;
    static const enum type_id types[] = {TYPE_INTEGER, TYPE_BIGINT, TYPE_TIMESTAMPTZ};
    struct range range = {.column = 1, .has_low = true, .has_high = true, .low = -5, .high = 7};
    for (unsigned i = 0; i < 3; i++) {
        assert_false(holds(&range, types[i], INT32_MIN));
        assert_false(holds(&range, types[i], -6));
        assert_true(holds(&range, types[i], -5));
        assert_true(holds(&range, types[i], 0));
        assert_true(holds(&range, types[i], 6));
        assert_false(holds(&range, types[i], 7));
        assert_false(holds(&range, types[i], INT32_MAX));
    }
    assert_false(holds(&range, TYPE_BIGINT, INT64_MAX));
    assert_false(holds(&range, TYPE_BIGINT, INT64_MIN));
}

static void a_side_without_a_limit_is_open(void **state)
{
    (void)state;
    struct range low = {.column = 1, .has_low = true, .low = 3};
    struct range high = {.column = 1, .has_high = true, .high = 3};
    struct range none = {0};
    assert_true(holds(&low, TYPE_BIGINT, INT64_MAX));
    assert_false(holds(&low, TYPE_BIGINT, 2));
    assert_true(holds(&high, TYPE_BIGINT, INT64_MIN));
    assert_false(holds(&high, TYPE_BIGINT, 3));
    /* Without limits no cell is looked at. */
    assert_true(range_holds(&none, &layout, NULL));
}

static void null_is_not_judged(void **state)
{
    (void)state;
    struct range range = {.column = 1, .has_low = true, .low = 3};
    struct cell cells[] = {{"x", 1}, {NULL, -1}};
    assert_true(range_holds(&range, &layout, cells));
}

static void says(const struct range *range, enum type_id type, const char *want)
{
    struct err err;
    columns[1].type = type_of(type);
    assert_false(range_refuse(range, &layout, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, "column at is outside"));
    const char *at = strstr(err.text, "hold what is ");
    assert_string_equal(at + strlen("hold what is "), want);
}

static void a_refusal_names_column_and_range(void **state)
{
    (void)state;
    struct range range = {.column = 1, .has_low = true, .has_high = true, .low = -5, .high = 7};
    says(&range, TYPE_INTEGER, "from -5 to before 7");
    /* 2000-01-01 is PostgreSQL's zero; half a second before and a day after. */
    range.low = -500000;
    range.high = INT64_C(86400000000);
    says(&range, TYPE_TIMESTAMPTZ, "from 1999-12-31T23:59:59.500Z to before 2000-01-02T00:00:00Z");
    range.has_low = false;
    says(&range, TYPE_BIGINT, "before 86400000000");
    /* Before 1970 too. */
    range = (struct range){.column = 1, .has_low = true, .low = -INT64_C(946684800000001)};
    says(&range, TYPE_TIMESTAMPTZ, "from 1969-12-31T23:59:59.999999Z");
}

static void ranges_are_the_same_in_what_they_hold(void **state)
{
    (void)state;
    struct range a = {.column = 1, .has_low = true, .low = 3}, b = a;
    assert_true(range_same(&a, &b));
    b.high = 9; /* no limit: says nothing */
    assert_true(range_same(&a, &b));
    b.has_high = true;
    assert_false(range_same(&a, &b));
    b = a;
    b.low = 4;
    assert_false(range_same(&a, &b));
    b = a;
    b.column = 0;
    assert_false(range_same(&a, &b));
    assert_true(range_same(&(struct range){.column = 1}, &(struct range){.column = 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_low_inclusive_and_high_exclusive),
        cmocka_unit_test(a_side_without_a_limit_is_open),
        cmocka_unit_test(null_is_not_judged),
        cmocka_unit_test(a_refusal_names_column_and_range),
        cmocka_unit_test(ranges_are_the_same_in_what_they_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
