/* SPDX-License-Identifier: Apache-2.0 */
#include "config/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum scan_fault first(const char *text, unsigned *line, char token[64])
{
    struct scan scan;
    *line = 0;
    scan_init(&scan, text, strlen(text));
    return scan_next(&scan, line, token, 64);
}

static void judges_each_integer(void **state)
{
    static const struct {
        const char *text;
        enum scan_fault fault;
    } rows[] = {
        {"a = 2147483647;", SCAN_END},
        {"a = 2147483648;", SCAN_WIDE},
        {"a = 3000000000;", SCAN_WIDE},
        {"a = 4294967296;", SCAN_WIDE},
        {"a = -2147483648;", SCAN_END},
        {"a = -2147483649;", SCAN_WIDE},
        {"a = 4294967296L;", SCAN_END},
        {"a = 4294967296LL;", SCAN_END},
        {"a = 9223372036854775807L;", SCAN_END},
        {"a = 9223372036854775808L;", SCAN_HUGE},
        {"a = 99999999999999999999;", SCAN_HUGE},
        {"a = 0x7fffffff;", SCAN_END},
        {"a = 0xFFFFFFFF;", SCAN_WIDE},
        {"a = 0xFFFFFFFFL;", SCAN_END},
        {"a = 4294967296.0;", SCAN_END},
        {"a = 1e10;", SCAN_END},
        {"a = [ 1, 4294967296 ];", SCAN_WIDE},
        {"a4294967296 = 1;", SCAN_END},
        {"a-4294967296 = 1;", SCAN_END},
        {"a = \"4294967296\";", SCAN_END},
        {"a = \"\\\"4294967296\";", SCAN_END},
        {"# 4294967296", SCAN_END},
        {"// 4294967296", SCAN_END},
        {"/* 4294967296 */", SCAN_END},
        {"/* open 4294967296", SCAN_END},
        {"a = \"open 4294967296", SCAN_END},
        {"@include \"x\"", SCAN_INCLUDE},
        {"a = \"@include\"; # @include", SCAN_END},
        {"", SCAN_END},
    };
    unsigned line;
    char token[64];
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (first(rows[i].text, &line, token) != rows[i].fault)
            fail_msg("%s: not judged as %d", rows[i].text, rows[i].fault);
}

static void tells_line_and_token_of_each(void **state)
{
    const char *text =
        "a = 1; /* two\nlines */ b = 3000000000;\n\nc = (\n  \"x\ny\", 5000000000 );";
    struct scan scan;
    unsigned line;
    char token[64];
    (void)state;
    scan_init(&scan, text, strlen(text));
    assert_int_equal(scan_next(&scan, &line, token, sizeof token), SCAN_WIDE);
    assert_int_equal(line, 2);
    assert_string_equal(token, "3000000000");
    assert_int_equal(scan_next(&scan, &line, token, sizeof token), SCAN_WIDE);
    assert_int_equal(line, 6);
    assert_string_equal(token, "5000000000");
    assert_int_equal(scan_next(&scan, &line, token, sizeof token), SCAN_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_integer),
        cmocka_unit_test(tells_line_and_token_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
