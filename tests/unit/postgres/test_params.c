/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters byte for byte, as array_recv and int8recv read them. */
#include "postgres/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct params params;

static int set_up(void **state)
{
    (void)state;
    params_reset(&params);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    params_free(&params);
    return 0;
}

static void is_bytes(unsigned i, const char *want, size_t length)
{
    assert_true(i < params.count);
    assert_int_equal(params.formats[i], 1);
    assert_int_equal(params.lengths[i], length);
    assert_memory_equal(params.values[i], want, length);
}

#define IS(i, literal) is_bytes(i, literal, sizeof(literal) - 1)

static void scalars_are_big_endian(void **state)
{
    (void)state;
    params_int8(&params, 0x0102030405060708);
    params_int8(&params, -2);
    params_text(&params, "abc");
    params_text(&params, "");
    params_finish(&params);
    assert_int_equal(params.count, 4);
    IS(0, "\1\2\3\4\5\6\7\x08");
    IS(1, "\xff\xff\xff\xff\xff\xff\xff\xfe");
    IS(2, "abc");
    IS(3, "");
}

/* dimensions · has nulls · element oid · length · lower bound · (length, bytes)… */
static void arrays_have_one_dimension_from_one(void **state)
{
    (void)state;
    params_array(&params, 20, 2);
    params_element_int8(&params, 5);
    params_element_int8(&params, -1);
    params_finish(&params);
    assert_int_equal(params.count, 1);
    IS(0, "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
          "\0\0\0\x08\0\0\0\0\0\0\0\5\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void a_null_raises_its_own_arrays_flag(void **state)
{
    (void)state;
    params_array(&params, 23, 1);
    params_element_int4(&params, 7);
    params_array(&params, 17, 3);
    params_element_span(&params, (struct span){"\0x", 2});
    params_element_span(&params, (struct span){NULL, 0});
    params_element_span(&params, (struct span){"", 0});
    params_array(&params, 25, 1);
    params_element_text(&params, "t");
    params_finish(&params);
    assert_int_equal(params.count, 3);
    IS(0, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\7");
    IS(1, "\0\0\0\1\0\0\0\1\0\0\0\x11\0\0\0\3\0\0\0\1\0\0\0\2\0x\xff\xff\xff\xff\0\0\0\0");
    IS(2, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1t");
}

static void an_empty_array_has_no_dimension(void **state)
{
    (void)state;
    params_array(&params, 20, 0);
    params_int8(&params, 1);
    params_finish(&params);
    IS(0, "\0\0\0\0\0\0\0\0\0\0\0\x14");
    IS(1, "\0\0\0\0\0\0\0\1");
}

/* The buffer moves while it grows; what was written before must be found again. */
static void large_parameters_move_nothing(void **state)
{
    (void)state;
    enum { BYTES = 300000 };
    char *large = malloc(BYTES);
    memset(large, 'x', BYTES);
    params_text(&params, "first");
    params_array(&params, 25, 2);
    params_element(&params, large, BYTES);
    params_element(&params, NULL, -1);
    params_text(&params, "last");
    params_finish(&params);
    IS(0, "first");
    assert_int_equal(params.lengths[1], 20 + 4 + BYTES + 4);
    assert_memory_equal(params.values[1], "\0\0\0\1\0\0\0\1", 8);
    assert_memory_equal(params.values[1] + 24, large, BYTES);
    IS(2, "last");
    free(large);
}

static void a_reset_forgets_all(void **state)
{
    (void)state;
    params_text(&params, "gone");
    params_finish(&params);
    params_reset(&params);
    assert_int_equal(params.count, 0);
    params_int8(&params, 3);
    params_finish(&params);
    assert_int_equal(params.count, 1);
    IS(0, "\0\0\0\0\0\0\0\3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(scalars_are_big_endian, set_up),
        cmocka_unit_test_setup(arrays_have_one_dimension_from_one, set_up),
        cmocka_unit_test_setup(a_null_raises_its_own_arrays_flag, set_up),
        cmocka_unit_test_setup(an_empty_array_has_no_dimension, set_up),
        cmocka_unit_test_setup(large_parameters_move_nothing, set_up),
        cmocka_unit_test_setup(a_reset_forgets_all, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
