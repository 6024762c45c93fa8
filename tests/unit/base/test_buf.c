/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        buf_putc(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.data[buf.length], '\0');
    }
    assert_int_equal(buf.length, 1000);
    assert_int_equal(buf.data[999], 'a' + 999 % 26);
    char *kept = buf.data;
    buf_reset(&buf);
    assert_string_equal(buf.data, "");
    buf_puts(&buf, "again");
    assert_ptr_equal(buf.data, kept);
    buf_free(&buf);
    assert_null(buf.data);
}

static void empty_writes_terminate(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_put(&buf, NULL, 0);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf.length, 0);
    buf_free(&buf);
}

static void failure_is_remembered(void **state)
{
    (void)state;
    struct buf buf = {.limit = 10};
    buf_puts(&buf, "0123456789");
    assert_false(buf.failed); /* the limit itself may be used */
    buf_putc(&buf, 'x');
    assert_true(buf.failed);
    assert_null(buf_reserve(&buf, 0));
    assert_string_equal(buf.data, "0123456789");
    buf_reset(&buf);
    assert_false(buf.failed);
    buf_puts(&buf, "01234567");
    buf_puts(&buf, "too long");
    buf_puts(&buf, "9"); /* would fit, but what came before it is missing */
    assert_true(buf.failed);
    assert_string_equal(buf.data, "01234567");
    buf_free(&buf);
}

static void formatting_grows_and_respects_the_limit(void **state)
{
    (void)state;
    struct buf buf = {.limit = 300};
    buf_printf(&buf, "%d|", 42);
    buf_printf(&buf, "%0200d", 7);
    assert_int_equal(buf.length, 203);
    assert_memory_equal(buf.data, "42|0000", 7);
    assert_int_equal(buf.data[202], '7');
    buf_printf(&buf, "%0200d", 8);
    assert_true(buf.failed);
    assert_int_equal(strlen(buf.data), 203);
    buf_free(&buf);
}

static void absurd_sizes_fail(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    buf_reset(&buf);
    buf_puts(&buf, "x");
    assert_null(buf_reserve(&buf, SIZE_MAX - 1));
    buf_free(&buf);
}

static void reserve_lets_the_caller_write(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_puts(&buf, "ab");
    char *at = buf_reserve(&buf, 500);
    memset(at, 'c', 500);
    buf.length += 500;
    buf_putc(&buf, 'd');
    assert_int_equal(buf.length, 503);
    assert_int_equal(buf.data[501], 'c');
    assert_string_equal(buf.data + 502, "d");
    buf_free(&buf);
}

static void integers_are_big_endian(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_put16(&buf, 0x0102);
    buf_put32(&buf, 0x03040506);
    buf_put64(&buf, 0x0708090a0b0c0d0e);
    assert_int_equal(buf.length, 14);
    for (int i = 0; i < 14; i++)
        assert_int_equal(buf.data[i], i + 1);
    assert_int_equal(be16_load(buf.data), 0x0102);
    assert_int_equal(be32_load(buf.data + 2), 0x03040506);
    assert_true(be64_load(buf.data + 6) == 0x0708090a0b0c0d0e);
    buf_free(&buf);
}

static void check_json(const char *text, size_t length, const char *expected)
{
    struct buf buf = BUF_INIT;
    buf_json_string(&buf, text, length);
    assert_string_equal(buf.data, expected);
    buf_free(&buf);
}

static void json_strings(void **state)
{
    (void)state;
    check_json("", 0, "\"\"");
    check_json(NULL, 0, "\"\"");
    check_json("plain", 5, "\"plain\"");
    check_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    check_json("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    check_json("\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\"");
    check_json("zürich €", 10 + 1, "\"zürich €\"");
}

static void check_base64(const char *text, const char *expected)
{
    struct buf buf = BUF_INIT;
    buf_base64(&buf, text, strlen(text));
    assert_string_equal(buf.data, expected);
    buf_free(&buf);
}

/* The test vectors of RFC 4648 §10. */
static void base64(void **state)
{
    (void)state;
    check_base64("", "");
    check_base64("f", "Zg==");
    check_base64("fo", "Zm8=");
    check_base64("foo", "Zm9v");
    check_base64("foob", "Zm9vYg==");
    check_base64("fooba", "Zm9vYmE=");
    check_base64("foobar", "Zm9vYmFy");
    check_base64("\xff\xff\xfe", "///+");
}

static void hex(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_hex(&buf, "\x00\x7f\xff\xa0", 4);
    assert_string_equal(buf.data, "007fffa0");
    buf_free(&buf);
}

static void spans(void **state)
{
    (void)state;
    struct span span = {"abcd", 3};
    assert_true(span_is(span, "abc"));
    assert_false(span_is(span, "abcd"));
    assert_false(span_is(span, "abx"));
    assert_false(span_is((struct span){NULL, 0}, "")); /* absent is not empty */
    assert_true(span_is((struct span){"x", 0}, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(empty_writes_terminate),
        cmocka_unit_test(failure_is_remembered),
        cmocka_unit_test(formatting_grows_and_respects_the_limit),
        cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(reserve_lets_the_caller_write),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(base64),
        cmocka_unit_test(hex),
        cmocka_unit_test(spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
