/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/record.h"

#include <string.h>

static void log_pack_keeps_its_three_parts_apart(void **state)
{
    (void)state;
    log_id log = log_pack(0x7fff, 0xffffff, 0xffffff);
    assert_int_equal(log, INT64_MAX);
    log = log_pack(3, 5, 7);
    assert_int_equal(log >> 48, 3);
    assert_int_equal(log >> 24 & 0xffffff, 5);
    assert_int_equal(log & 0xffffff, 7);
}

/* Each component decides against all that come after it. */
static void each_component_outranks_the_later_ones(void **state)
{
    (void)state;
    const struct place rising[] = {
        {-1, 900, log_pack(9, 9, 9), 900},     {0, 900, log_pack(0, 9, 9), 900},
        {1, 900, log_pack(0, 9, 9), 900},      {1, 5, log_pack(1, 0, 0), 900},
        {1, 6, log_pack(1, 0, 0), 900},        {1, 6, log_pack(1, 0, 1), 1},
        {1, 6, log_pack(1, 1, 0), 0},          {1, 6, log_pack(1, 1, 0), 1},
        {INT64_MAX, -1, log_pack(0, 0, 0), 0},
    };
    enum { N = sizeof rising / sizeof *rising };
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            int order = place_compare(&rising[i], &rising[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static unsigned two_headers(const void *source, struct header *out, unsigned max)
{
    static const struct header headers[] = {{"v", {"old", 3}}, {"w", {NULL, 0}}, {"v", {"new", 3}}};
    (void)source;
    memcpy(out, headers, (max < 3 ? max : 3) * sizeof *headers);
    return 3;
}

static void the_last_header_of_a_name_counts(void **state)
{
    (void)state;
    struct record record = {.headers = two_headers};
    struct span value;
    assert_true(record_header(&record, "v", &value));
    assert_true(span_is(value, "new"));
    assert_true(record_header(&record, "w", &value));
    assert_null(value.data);
    assert_false(record_header(&record, "V", &value));
    record.headers = NULL;
    assert_false(record_header(&record, "v", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_pack_keeps_its_three_parts_apart),
        cmocka_unit_test(each_component_outranks_the_later_ones),
        cmocka_unit_test(the_last_header_of_a_name_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
