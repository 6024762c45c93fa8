/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds as PostgreSQL prints them → limits, and the union of several. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "postgres/partitions.h"

#include <string.h>

#define NONE INT64_MIN
#define DAY  INT64_C(86400000000)

static const struct {
    enum type_id type;
    const char *bound;
    int64_t low, high; /* NONE: no limit */
} cases[] = {
    {TYPE_BIGINT, "FOR VALUES FROM ('0') TO ('100')", 0, 100},
    {TYPE_BIGINT, "FOR VALUES FROM ('-9223372036854775807') TO ('9223372036854775807')", -INT64_MAX,
     INT64_MAX},
    {TYPE_INTEGER, "FOR VALUES FROM ('-5') TO (7)", -5, 7},
    {TYPE_INTEGER, "FOR VALUES FROM (MINVALUE) TO (7)", NONE, 7},
    {TYPE_INTEGER, "FOR VALUES FROM (7) TO (MAXVALUE)", 7, NONE},
    {TYPE_BIGINT, "FOR VALUES FROM (MINVALUE) TO (MAXVALUE)", NONE, NONE},
    {TYPE_BIGINT, "DEFAULT", NONE, NONE},
    {TYPE_BIGINT, "FOR VALUES IN ('1', '2')", NONE, NONE},
    {TYPE_BIGINT, "FOR VALUES WITH (modulus 2, remainder 1)", NONE, NONE},
    {TYPE_BIGINT, "FOR VALUES FROM ('1x') TO ()", NONE, NONE},
    {TYPE_BIGINT, "FOR VALUES FROM ('1", NONE, NONE},
    {TYPE_TIMESTAMPTZ, "FOR VALUES FROM ('2000-01-01 00:00:00+00') TO ('2000-01-02 00:00:00+00')",
     0, DAY},
    {TYPE_TIMESTAMPTZ,
     "FOR VALUES FROM ('1999-12-31 23:59:59.5+00') TO ('2000-01-01 00:00:00.000001+00')", -500000,
     1},
    {TYPE_TIMESTAMPTZ,
     "FOR VALUES FROM ('2000-01-01 00:00:00-01') TO ('2000-01-02 05:30:00+05:30')", DAY / 24, DAY},
    {TYPE_TIMESTAMPTZ, "FOR VALUES FROM (MINVALUE) TO ('infinity')", NONE, NONE},
    {TYPE_TIMESTAMPTZ, "FOR VALUES FROM ('-infinity') TO ('2000-01-01 00:00:00+00')", NONE, 0},
    /* No record is older than year 1 or younger than 9999, so these limit nothing. */
    {TYPE_TIMESTAMPTZ,
     "FOR VALUES FROM ('0044-03-15 00:00:00+00 BC') TO ('10000-01-01 00:00:00+00')", NONE, NONE},
};

static void bounds_are_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct range span = {.has_low = true, .has_high = true};
        partition_span(cases[i].bound, cases[i].type, &span);
        int64_t low = span.has_low ? span.low : NONE, high = span.has_high ? span.high : NONE;
        if (low != cases[i].low || high != cases[i].high)
            fail_msg("%s: %lld to %lld", cases[i].bound, (long long)low, (long long)high);
    }
}

static void spans_widen_one_another(void **state)
{
    (void)state;
    struct range range = {.has_low = true, .has_high = true, .low = 10, .high = 20};
    partition_widen(&range,
                    &(struct range){.has_low = true, .has_high = true, .low = 30, .high = 40});
    assert_int_equal(range.low, 10);
    assert_int_equal(range.high, 40);
    partition_widen(&range,
                    &(struct range){.has_low = true, .has_high = true, .low = 0, .high = 5});
    assert_int_equal(range.low, 0);
    assert_int_equal(range.high, 40);
    partition_widen(&range, &(struct range){.has_low = true, .low = 50});
    assert_true(range.has_low);
    assert_false(range.has_high);
    partition_widen(&range, &(struct range){0}); /* DEFAULT */
    assert_false(range.has_low || range.has_high);
    /* An open side is never closed again. */
    partition_widen(&range,
                    &(struct range){.has_low = true, .has_high = true, .low = 1, .high = 2});
    assert_false(range.has_low || range.has_high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_read),
        cmocka_unit_test(spans_widen_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
