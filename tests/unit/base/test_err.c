/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set_fills_and_returns_false(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    strcpy(err.hint, "stale");
    strcpy(err.sqlstate, "40001");
    assert_false(err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "no key in %s", "x.y.Z"));
    assert_int_equal(err.class, ERR_HALT);
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_string_equal(err.text, "no key in x.y.Z");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.sqlstate, "");
}

static void place_and_hint_keep_the_rest(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "gone");
    assert_false(err_place(&err, "%s:%d", "a.conf", 7));
    assert_false(err_hint(&err, "start %s", "it"));
    assert_string_equal(err.text, "gone");
    assert_string_equal(err.place, "a.conf:7");
    assert_string_equal(err.hint, "start it");
}

static void set_may_quote_the_error_it_replaces(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_RETRY, ERR_EXIT_TEMPORARY, "inner");
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    err_place(&err, "p");
    err_place(&err, "%s/q", err.place);
    assert_string_equal(err.place, "p/q");
}

static void long_text_is_cut(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char text[2 * sizeof err.text];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_REJECT, ERR_EXIT_DATA, "%s", text);
    err_hint(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
}

static void null_is_ignored(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_HALT, ERR_EXIT_CONFIG, "x"));
    assert_false(err_place(NULL, "x"));
    assert_false(err_hint(NULL, "x"));
    err_clear(NULL);
}

static void class_names(void **state)
{
    (void)state;
    assert_string_equal(err_class_name(ERR_NONE), "none");
    assert_string_equal(err_class_name(ERR_RETRY), "retry");
    assert_string_equal(err_class_name(ERR_REJECT), "reject");
    assert_string_equal(err_class_name(ERR_HALT), "halt");
}

static void list_keeps_order_while_it_grows(void **state)
{
    (void)state;
    struct errs errs = {0};
    for (int i = 0; i < 100; i++) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "fault %d", i);
        errs_add(&errs, &err);
    }
    assert_int_equal(errs.count, 100);
    assert_string_equal(errs.items[0].text, "fault 0");
    assert_string_equal(errs.items[99].text, "fault 99");
    errs_free(&errs);
    assert_null(errs.items);
    assert_int_equal(errs.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns_false),
        cmocka_unit_test(place_and_hint_keep_the_rest),
        cmocka_unit_test(set_may_quote_the_error_it_replaces),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(null_is_ignored),
        cmocka_unit_test(class_names),
        cmocka_unit_test(list_keeps_order_while_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
