/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */
#include "record/decimal.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *text, struct decimal *decimal)
{
    return decimal_parse((struct span){text, strlen(text)}, decimal);
}

static void reads(const char *text, const char *want)
{
    struct decimal decimal;
    char out[DECIMAL_TEXT_MAX];
    if (!parse(text, &decimal))
        fail_msg("%s was refused", text);
    assert_int_equal(decimal_text(&decimal, out), strlen(want));
    assert_string_equal(out, want);
}

static void every_form_is_read(void **state)
{
    (void)state;
    reads("", "0");
    reads("0", "0");
    reads("-0.000", "0");
    reads("+.0e99999999999999999999", "0");
    reads("1", "1e0");
    reads("-1.", "-1e0");
    reads(".5", "5e-1");
    reads("+001200.00", "12e2");
    reads("0.00120", "12e-4");
    reads("10e-1", "1e0");
    reads("1.5E+10", "15e9");
    reads("1e10000", "1e10000");
    reads("99999999999999999999.00000000000000000001",
          "9999999999999999999900000000000000000001e-20");
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-",        "+",   ".",    "e5",      "1e",       "1e+",
        "1 ",       " 1",  "1,5",  "0x1",     "NaN",      "1.2.3",
        "Infinity", "--1", "1e1.", "1e10001", "1e-10001", "1e99999999999999999999"};
    struct decimal decimal;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (parse(texts[i], &decimal))
            fail_msg("%s was taken", texts[i]);
    }
    assert_false(decimal_parse((struct span){"1\0", 2}, &decimal));
    char digits[DECIMAL_DIGITS_MAX + 3];
    memset(digits, '9', sizeof digits);
    assert_true(decimal_parse((struct span){digits, DECIMAL_DIGITS_MAX}, &decimal));
    assert_false(decimal_parse((struct span){digits, DECIMAL_DIGITS_MAX + 1}, &decimal));
    memset(digits + 1, '0', sizeof digits - 1);
    assert_true(decimal_parse((struct span){digits, sizeof digits}, &decimal));
    digits[sizeof digits - 1] = '1';
    assert_false(decimal_parse((struct span){digits, sizeof digits}, &decimal));
}

static void fits(const char *text, unsigned precision, unsigned scale, bool want)
{
    struct decimal decimal;
    assert_true(parse(text, &decimal));
    if (decimal_fits(&decimal, precision, scale) != want)
        fail_msg("%s in numeric(%u,%u)", text, precision, scale);
}

static void nothing_is_rounded(void **state)
{
    (void)state;
    fits("0", 1, 1, true);
    fits("9.99", 3, 2, true);
    fits("9.990", 3, 2, true);
    fits("9.991", 3, 2, false);
    fits("10", 3, 2, false);
    fits("0.1", 1, 1, true);
    fits("1", 1, 1, false);
    fits("1e3", 4, 0, true);
    fits("1e4", 4, 0, false);
    fits("1e-4", 4, 4, true);
    fits("1e-5", 4, 4, false);
    fits("1e9999", 1000, 0, false);
    fits("1e-9999", 1000, 1000, false);
}

static void binary(const char *text, unsigned scale, const char *want, size_t length)
{
    struct decimal decimal;
    char out[DECIMAL_BINARY_MAX];
    assert_true(parse(text, &decimal));
    assert_int_equal(decimal_binary(&decimal, scale, out), length);
    assert_memory_equal(out, want, length);
}

#define BINARY(text, scale, literal) binary(text, scale, literal, sizeof(literal) - 1)

/* Digits, weight, sign, scale, then base-10000 digits. */
static void binary_forms(void **state)
{
    (void)state;
    BINARY("0", 2, "\0\0\0\0\0\0\0\x02");
    BINARY("1", 0, "\0\x01\0\0\0\0\0\0\0\x01");
    BINARY("-1.5", 2, "\0\x02\0\0\x40\0\0\x02\0\x01\x13\x88");
    BINARY("10000", 0, "\0\x01\0\x01\0\0\0\0\0\x01");
    BINARY("10001", 0, "\0\x02\0\x01\0\0\0\0\0\x01\0\x01");
    BINARY("0.0001", 9, "\0\x01\xff\xff\0\0\0\x09\0\x01");
    BINARY("0.00001", 9, "\0\x01\xff\xfe\0\0\0\x09\x03\xe8");
    BINARY("123456.789", 3, "\0\x03\0\x01\0\0\0\x03\0\x0c\x0d\x80\x1e\xd2");
}

static void money(int64_t units, int32_t nanos, const char *want)
{
    struct decimal decimal;
    char out[DECIMAL_TEXT_MAX];
    decimal_of_money(units, nanos, &decimal);
    assert_true(decimal_fits(&decimal, 28, 9));
    decimal_text(&decimal, out);
    assert_string_equal(out, want);
}

static void money_is_units_and_nanos(void **state)
{
    (void)state;
    money(0, 0, "0");
    money(12, 500000000, "125e-1");
    money(0, -1, "-1e-9");
    money(-1, -750000000, "-175e-2");
    money(INT64_MAX, 999999999, "9223372036854775807999999999e-9");
    money(INT64_MIN, -999999999, "-9223372036854775808999999999e-9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),       cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(nothing_is_rounded),       cmocka_unit_test(binary_forms),
        cmocka_unit_test(money_is_units_and_nanos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
