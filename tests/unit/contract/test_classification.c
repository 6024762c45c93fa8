/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/classification.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void names_are_read_and_written(void **state)
{
    (void)state;
    enum classification read;
    for (int i = 0; i < CLASSIFICATION_COUNT; i++) {
        assert_true(classification_parse(classification_name((enum classification)i), &read));
        assert_int_equal(read, i);
    }
    assert_true(classification_parse(NULL, &read));
    assert_int_equal(read, CLASSIFICATION_NONE);
}

static void other_words_protect_nothing(void **state)
{
    (void)state;
    static const char *const words[] = {"Personal", "pii", "personal ", "confidential"};
    enum classification read = CLASSIFICATION_COUNT;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        assert_false(classification_parse(words[i], &read));
    assert_int_equal(read, CLASSIFICATION_COUNT);
}

static void the_order_is_from_open_to_close(void **state)
{
    (void)state;
    assert_true(CLASSIFICATION_PUBLIC < CLASSIFICATION_INTERNAL);
    assert_true(CLASSIFICATION_INTERNAL < CLASSIFICATION_PERSONAL);
    assert_true(CLASSIFICATION_PERSONAL < CLASSIFICATION_SECRET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_and_written),
        cmocka_unit_test(other_words_protect_nothing),
        cmocka_unit_test(the_order_is_from_open_to_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
