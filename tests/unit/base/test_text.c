/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *text)
{
    return text_utf8_valid(text, strlen(text));
}

static void utf8_accepts_every_scalar(void **state)
{
    (void)state;
    assert_true(text_utf8_valid(NULL, 0));
    assert_true(text_utf8_valid("a\0b", 3)); /* NUL is well-formed; others refuse it */
    assert_true(valid("plain ASCII, longer than eight bytes"));
    assert_true(valid("\x7f"));
    assert_true(valid("\xc2\x80"));
    assert_true(valid("\xdf\xbf"));
    assert_true(valid("\xe0\xa0\x80"));
    assert_true(valid("\xed\x9f\xbf"));
    assert_true(valid("\xee\x80\x80"));
    assert_true(valid("\xef\xbf\xbf"));
    assert_true(valid("\xf0\x90\x80\x80"));
    assert_true(valid("\xf4\x8f\xbf\xbf"));
    assert_true(valid("seven77\xe2\x82\xac"
                      "and on it goes"));
}

static void utf8_refuses_the_rest(void **state)
{
    (void)state;
    const char *const bad[] = {
        "\x80", /* a continuation alone */
        "\xbf",
        "\xc0\x80", /* overlong */
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", /* surrogates */
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3", /* cut short */
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc3(", /* a continuation is missing */
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "\xe2(\xac",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(valid(bad[i]));
        /* Behind and among eight-byte steps too. */
        char text[64];
        size_t length = strlen(bad[i]);
        for (size_t at = 0; at < 17; at++) {
            memset(text, 'a', sizeof text);
            memcpy(text + at, bad[i], length);
            assert_false(text_utf8_valid(text, at + length + 16));
            assert_false(text_utf8_valid(text, at + length));
        }
    }
}

static void utf8_count(void **state)
{
    (void)state;
    assert_int_equal(text_utf8_count("", 0), 0);
    assert_int_equal(text_utf8_count("zürich €", strlen("zürich €")), 8);
}

static int64_t size_of(const char *text)
{
    int64_t bytes = -1;
    return text_parse_size(text, &bytes) ? bytes : -2;
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(size_of("0"), 0);
    assert_int_equal(size_of("10"), 10);
    assert_int_equal(size_of("10B"), 10);
    assert_int_equal(size_of("10kB"), 10000);
    assert_int_equal(size_of("5MB"), 5000000);
    assert_int_equal(size_of("64KiB"), 65536);
    assert_int_equal(size_of("8MiB"), 8388608);
    assert_int_equal(size_of("1GiB"), 1073741824);
    assert_true(size_of("9223372036854775807") == INT64_MAX);
    const char *const bad[] = {"",
                               "B",
                               "-1",
                               "+1",
                               " 1",
                               "1 ",
                               "1 MiB",
                               "1mib",
                               "1.5MiB",
                               "1KiBB",
                               "0x10",
                               "9223372036854775808",
                               "9999999999GiB"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(size_of(bad[i]), -2);
}

static int64_t duration_of(const char *text)
{
    int64_t us = -1;
    return text_parse_duration(text, &us) ? us : -2;
}

static void durations(void **state)
{
    (void)state;
    assert_int_equal(duration_of("0"), 0);
    assert_int_equal(duration_of("0s"), 0);
    assert_int_equal(duration_of("250us"), 250);
    assert_int_equal(duration_of("5ms"), 5000);
    assert_int_equal(duration_of("60s"), 60000000);
    assert_int_equal(duration_of("5m"), 300000000);
    assert_int_equal(duration_of("1h"), 3600000000);
    assert_int_equal(duration_of("7d"), 604800000000);
    const char *const bad[] = {"",   "s",    "10",   "00",    "-5s",          "5 s",
                               "5S", "1.5s", "5sec", "1h30m", "999999999999d"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(duration_of(bad[i]), -2);
}

static void integers(void **state)
{
    (void)state;
    int64_t value;
    assert_true(text_parse_int("0", &value) && value == 0);
    assert_true(text_parse_int("-0", &value) && value == 0);
    assert_true(text_parse_int("-42", &value) && value == -42);
    assert_true(text_parse_int("9223372036854775807", &value) && value == INT64_MAX);
    assert_true(text_parse_int("-9223372036854775808", &value) && value == INT64_MIN);
    value = 77;
    const char *const bad[] = {"",
                               "-",
                               "+1",
                               " 1",
                               "1 ",
                               "1x",
                               "0x1",
                               "1.0",
                               "--1",
                               "9223372036854775808",
                               "-9223372036854775809"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_parse_int(bad[i], &value));
    assert_int_equal(value, 77);
}

static void nearest(void **state)
{
    (void)state;
    const char *const names[] = {"topics", "descriptors", "framing", "start", "dlq", NULL};
    assert_string_equal(text_nearest("topic", names), "topics");
    assert_string_equal(text_nearest("topcis", names), "topics");
    assert_string_equal(text_nearest("descripters", names), "descriptors");
    assert_string_equal(text_nearest("FRAMING", names), "framing");
    assert_string_equal(text_nearest("dql", names), "dlq");
    assert_string_equal(text_nearest("dlq", names), "dlq");
    assert_null(text_nearest("password", names));
    assert_null(text_nearest("", names));
    const char *const none[] = {NULL};
    assert_null(text_nearest("topics", none));
    char endless[500];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(text_nearest(endless, names));
    const char *const long_names[] = {endless, "topics", NULL};
    assert_string_equal(text_nearest("topics", long_names), "topics");
}

static void check_snake(const char *name, const char *expected)
{
    char out[64];
    assert_int_equal(text_snake(name, out, sizeof out), strlen(expected));
    assert_string_equal(out, expected);
}

static void snake(void **state)
{
    (void)state;
    check_snake("", "");
    check_snake("PaymentCaptured", "payment_captured");
    check_snake("HTTPServer2", "http_server2");
    check_snake("Order2Ship", "order2_ship");
    check_snake("already_snake", "already_snake");
    check_snake("Mixed_Case", "mixed_case");
    check_snake("ID", "id");
    check_snake("paymentID", "payment_id");
}

static void snake_is_cut_like_snprintf(void **state)
{
    (void)state;
    char out[6] = "?????";
    assert_int_equal(text_snake("PaymentCaptured", out, sizeof out), 16);
    assert_string_equal(out, "payme");
    assert_int_equal(text_snake("PaymentCaptured", out, 1), 16);
    assert_string_equal(out, "");
    assert_int_equal(text_snake("PaymentCaptured", NULL, 0), 16);
}

static void for_people(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(text_thousands(0, out), "0");
    assert_string_equal(text_thousands(999, out), "999");
    assert_string_equal(text_thousands(1000, out), "1,000");
    assert_string_equal(text_thousands(-1234567, out), "-1,234,567");
    assert_string_equal(text_thousands(INT64_MIN, out), "-9,223,372,036,854,775,808");
    assert_string_equal(text_duration(0, out), "0 us");
    assert_string_equal(text_duration(340000, out), "340 ms");
    assert_string_equal(text_duration(1250000, out), "1.2 s");
    assert_string_equal(text_duration(59999999, out), "59.9 s");
    assert_string_equal(text_duration(200000000, out), "3 min 20 s");
    assert_string_equal(text_duration(7500000000, out), "2 h 5 min");
    assert_string_equal(text_duration(-180000000000, out), "-2 d 2 h");
    assert_string_equal(text_bytes(0, out), "0 B");
    assert_string_equal(text_bytes(1023, out), "1023 B");
    assert_string_equal(text_bytes(13107200, out), "12.5 MiB");
    assert_string_equal(text_bytes(INT64_MIN, out), "-8.0 EiB");
}

static void broken_characters_are_mended(void **state)
{
    (void)state;
    char cut[] = "caf\xc3\xa9 caf\xc3";
    text_utf8_mend(cut, strlen(cut));
    assert_string_equal(cut, "caf\xc3\xa9 caf?");
    char wild[] = "\xff\xe2\x82\xac\xe2\x82z\xc0\x80";
    text_utf8_mend(wild, strlen(wild));
    assert_string_equal(wild, "?\xe2\x82\xac??z??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_characters_are_mended),
        cmocka_unit_test(utf8_accepts_every_scalar),
        cmocka_unit_test(utf8_refuses_the_rest),
        cmocka_unit_test(utf8_count),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(integers),
        cmocka_unit_test(nearest),
        cmocka_unit_test(snake),
        cmocka_unit_test(snake_is_cut_like_snprintf),
        cmocka_unit_test(for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
