/* SPDX-License-Identifier: Apache-2.0 */
#include "command/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void its_words_are_taken_and_no_shell_reads_them(void **state)
{
    struct tool tool = {0};
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int code = 7;
    (void)state;
    tool_add(&tool, "printf");
    tool_add(&tool, "%%s");
    tool_add(&tool, "%s", "$(id); `id` * \"");
    assert_true(tool_run(&tool, &out, false, &code, &err));
    assert_int_equal(code, 0);
    assert_string_equal(out.data, "$(id); `id` * \"");
    buf_free(&out);
    tool_free(&tool);
}

static void it_may_say_no(void **state)
{
    struct tool tool = {0};
    struct err err = ERR_INIT;
    int code = 0;
    (void)state;
    tool_add(&tool, "ls");
    tool_add(&tool, "/no/such/folder");
    assert_false(tool_run(&tool, NULL, true, &code, &err));
    assert_int_equal(code, 2);
    assert_non_null(strstr(err.text, "ls ended with status 2"));
    tool_free(&tool);
}

static void it_may_not_be_there(void **state)
{
    struct tool tool = {0};
    struct err err = ERR_INIT;
    int code = 0;
    (void)state;
    tool_add(&tool, "no-program-has-this-name");
    assert_false(tool_run(&tool, NULL, true, &code, &err));
    assert_int_equal(code, -1);
    assert_non_null(strstr(err.text, "cannot be run"));
    tool_free(&tool);
}

static void its_folder_goes_with_all_that_is_in_it(void **state)
{
    struct tool tool = {0};
    struct err err = ERR_INIT;
    char path[512], deep[600];
    (void)state;
    char *folder = tool_folder(&err);
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s", folder);
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    tool_add(&tool, "mkdir");
    tool_add(&tool, "-p");
    tool_add(&tool, "%s", deep);
    assert_true(tool_run(&tool, NULL, false, NULL, &err));
    assert_int_equal(access(deep, F_OK), 0);
    tool_folder_remove(folder);
    assert_int_not_equal(access(path, F_OK), 0);
    tool_folder_remove(NULL);
    tool_free(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_words_are_taken_and_no_shell_reads_them),
        cmocka_unit_test(it_may_say_no),
        cmocka_unit_test(it_may_not_be_there),
        cmocka_unit_test(its_folder_goes_with_all_that_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
