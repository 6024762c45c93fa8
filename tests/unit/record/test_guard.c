/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/guard.h"
#include "record/message.h"
#include "support/fixture.h"

#include <stdlib.h>
#include <string.h>

static struct fixture fixture;
static struct drift drift;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "record_types");
    memset(&drift, 0, sizeof drift);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void refused(struct span payload, enum wire_fault want, enum reason reason)
{
    struct guard guard;
    struct err err = ERR_INIT;
    enum wire_fault fault = WIRE_OK;
    guard_init(&guard, &drift);
    assert_false(
        guard_check(&guard, fixture_type(&fixture, "shop.v1.Payment"), payload, &fault, &err));
    assert_int_equal(fault, want);
    assert_int_equal(guard_reason(fault), reason);
    assert_int_equal(err.class, ERR_REJECT);
    assert_string_not_equal(err.text, "");
}

static void passes(const char *type, struct span payload)
{
    struct guard guard;
    struct err err = ERR_INIT;
    enum wire_fault fault = WIRE_TRUNCATED;
    guard_init(&guard, &drift);
    assert_true(guard_check(&guard, fixture_type(&fixture, type), payload, &fault, &err));
    assert_int_equal(fault, WIRE_OK);
    assert_int_equal(guard_reason(fault), REASON_NONE);
}

static void an_empty_payload_is_a_message_of_zeros(void **state)
{
    (void)state;
    passes("shop.v1.Payment", FIXTURE_SPAN(""));
}

static void truncated_bytes_are_malformed(void **state)
{
    (void)state;
    struct span whole =
        fixture_bytes(&fixture, "shop.v1.Payment",
                      "{\"payment_id\":\"p\",\"captured_at\":\"2026-01-01T00:00:00Z\"}");
    passes("shop.v1.Payment", whole);
    refused((struct span){whole.data, whole.length - 1}, WIRE_TRUNCATED, REASON_MALFORMED);
    refused((struct span){whole.data, 1}, WIRE_TRUNCATED, REASON_MALFORMED);
}

static void an_over_long_varint_is_malformed(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), WIRE_VARINT,
            REASON_MALFORMED);
}

static void invalid_utf8_is_bad_text(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN("\x22\x02\xc3\x28"), WIRE_UTF8, REASON_TEXT);
}

static void a_nul_in_text_is_bad_text(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN("\x22\x03"
                         "a\0b"),
            WIRE_NUL, REASON_TEXT);
}

static void a_wrong_wire_type_is_malformed(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN("\x08\x01"), WIRE_TYPE, REASON_MALFORMED); /* payment_id as a varint */
}

static void past_the_record_limit_is_too_large(void **state)
{
    (void)state;
    struct guard guard;
    struct err err = ERR_INIT;
    enum wire_fault fault = WIRE_OK;
    guard_init(&guard, NULL);
    guard.record_max = 3;
    assert_false(guard_check(&guard, fixture_type(&fixture, "shop.v1.Payment"),
                             FIXTURE_SPAN("\x22\x02gb"), &fault, &err));
    assert_int_equal(guard_reason(fault), REASON_TOO_LARGE);
}

/* 10 MB in one field: within the default limit, refused below it. */
static void a_10_mb_field_meets_the_field_limit(void **state)
{
    (void)state;
    enum { LENGTH = 10 * 1000 * 1000 };
    static const char head[] = "\x22\x80\xad\xe2\x04"; /* currency, 10,000,000 bytes */
    char *bytes = malloc(LENGTH + 5);
    struct guard guard;
    struct err err = ERR_INIT;
    enum wire_fault fault = WIRE_OK;
    memcpy(bytes, head, 5);
    memset(bytes + 5, 'x', LENGTH);
    passes("shop.v1.Payment", (struct span){bytes, LENGTH + 5});
    guard_init(&guard, NULL);
    guard.limits.field_max = 1024 * 1024;
    assert_false(guard_check(&guard, fixture_type(&fixture, "shop.v1.Payment"),
                             (struct span){bytes, LENGTH + 5}, &fault, &err));
    assert_int_equal(fault, WIRE_SIZE);
    assert_int_equal(guard_reason(fault), REASON_TOO_LARGE);
    assert_non_null(strstr(err.text, "field 4"));
    free(bytes);
}

/* A message of `depth` Chains within one another, at the end of `bytes`. */
static struct span nest(unsigned depth, char *bytes, size_t size)
{
    size_t at = size, length = 0;
    for (unsigned i = 1; i < depth; i++) {
        char varint[10];
        size_t n = 0;
        for (size_t left = length;; left >>= 7) {
            varint[n++] = (char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
            if (left <= 0x7f)
                break;
        }
        at -= n;
        memcpy(bytes + at, varint, n);
        bytes[--at] = 0x0a;
        length = size - at;
    }
    return (struct span){bytes + at, length};
}

static void nesting_10000_deep_is_too_deep(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    struct guard guard;
    struct err err = ERR_INIT;
    enum wire_fault fault = WIRE_OK;
    guard_init(&guard, NULL);
    const struct message_type *type = fixture_type(&fixture, "shop.v1.Chain");
    assert_false(guard_check(&guard, type, nest(10000, bytes, sizeof bytes), &fault, &err));
    assert_int_equal(guard_reason(fault), REASON_TOO_DEEP);
    passes("shop.v1.Chain", nest(64, bytes, sizeof bytes));
    assert_false(guard_check(&guard, type, nest(65, bytes, sizeof bytes), &fault, &err));
}

static void unknown_fields_are_counted_per_number(void **state)
{
    (void)state;
    passes("shop.v1.Payment", FIXTURE_SPAN("\xa0\x06\x01\xa0\x06\x02\xa8\x06\x03"));
    assert_int_equal(drift.total, 3);
    assert_int_equal(drift.used, 2);
    assert_int_equal(drift.entries[0].number, 100);
    assert_int_equal(drift.entries[0].count, 2);
    assert_ptr_equal(drift.entries[0].type, fixture_type(&fixture, "shop.v1.Payment"));
    assert_int_equal(drift.entries[1].number, 101);
    assert_false(drift.entries[1].enumeration);
}

static void drift_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < DRIFT_MAX + 10; i++)
        drift_count(&drift, &fixture, i, true);
    drift_count(&drift, &fixture, 0, true);
    assert_int_equal(drift.used, DRIFT_MAX);
    assert_int_equal(drift.others, 10);
    assert_int_equal(drift.total, DRIFT_MAX + 11);
    assert_int_equal(drift.entries[0].count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_payload_is_a_message_of_zeros),
        TEST(truncated_bytes_are_malformed),
        TEST(an_over_long_varint_is_malformed),
        TEST(invalid_utf8_is_bad_text),
        TEST(a_nul_in_text_is_bad_text),
        TEST(a_wrong_wire_type_is_malformed),
        TEST(past_the_record_limit_is_too_large),
        TEST(a_10_mb_field_meets_the_field_limit),
        TEST(nesting_10000_deep_is_too_deep),
        TEST(unknown_fields_are_counted_per_number),
        TEST(drift_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
