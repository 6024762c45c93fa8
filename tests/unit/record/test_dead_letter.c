/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/dead_letter.h"
#include "support/fixture.h"

#include <string.h>

static unsigned some_headers(const void *source, struct header *out, unsigned max)
{
    unsigned count = *(const unsigned *)source;
    for (unsigned i = 0; i < count && i < max; i++)
        out[i] = (struct header){"name", i ? (struct span){NULL, 0} : (struct span){"value", 5}};
    return count;
}

static void every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        assert_non_null(reason_name((enum reason)i));
        assert_non_null(reason_text((enum reason)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reason_name((enum reason)i), reason_name((enum reason)j));
    }
    /* These stand in ledgers and headers: never renamed. */
    assert_string_equal(reason_name(REASON_KEY_MISMATCH), "key_mismatch");
    assert_string_equal(reason_name(REASON_TOO_LARGE), "too_large");
}

static void a_letter_outlives_its_record(void **state)
{
    (void)state;
    struct arena arena;
    struct dead_letter letter;
    struct err err = ERR_INIT;
    char value[] = "b\0d";
    unsigned count = 2;
    struct record record = {.topic = "payments",
                            .partition = 3,
                            .offset = 42,
                            .timestamp = 1000,
                            .value = {value, 3},
                            .headers = some_headers,
                            .source = &count};
    struct place place = {.log = 7, .offset = 42, .order_ts = 2000};
    err_set(&err, ERR_REJECT, ERR_EXIT_DATA, "truncated");
    arena_init(&arena, 4096);
    const struct kept_record *kept = record_keep(&record, "payments", "shop.v1.Payment", &arena);
    dead_letter_make(&letter, kept, &place, REASON_MALFORMED, &err, &arena);
    memset(value, 'X', sizeof value - 1);
    err_clear(&err);
    assert_string_equal(kept->topic, "payments");
    assert_int_equal(kept->partition, 3);
    assert_int_equal(letter.place.offset, 42);
    assert_int_equal(kept->timestamp, 1000);
    assert_int_equal(letter.place.order_ts, 2000);
    assert_int_equal(letter.place.log, 7);
    assert_null(kept->key.data);
    assert_int_equal(kept->value.length, 3);
    assert_memory_equal(kept->value.data, "b\0d", 3);
    assert_int_equal(letter.reason, REASON_MALFORMED);
    assert_string_equal(letter.detail, "truncated");
    assert_string_equal(letter.sqlstate, "");
    assert_int_equal(letter.attempts, 1);
    assert_ptr_equal(letter.record, kept);
    assert_string_equal(kept->contract, "shop.v1.Payment");
    assert_int_equal(kept->n_headers, 2);
    assert_true(span_is(kept->headers[0].value, "value"));
    assert_null(kept->headers[1].value.data);
    arena_free(&arena);
}

static void empty_is_not_null_and_headers_are_bounded(void **state)
{
    (void)state;
    struct arena arena;
    struct dead_letter letter;
    unsigned count = RECORD_HEADERS_MAX + 5;
    struct record record = {
        .topic = "t", .key = FIXTURE_SPAN(""), .headers = some_headers, .source = &count};
    struct place place = {0};
    arena_init(&arena, 4096);
    const struct kept_record *kept = record_keep(&record, "t", NULL, &arena);
    dead_letter_make(&letter, kept, &place, REASON_TOMBSTONE, NULL, &arena);
    assert_non_null(kept->key.data);
    assert_int_equal(kept->key.length, 0);
    assert_null(kept->value.data);
    assert_int_equal(kept->n_headers, RECORD_HEADERS_MAX);
    assert_string_equal(letter.detail, "");
    assert_string_equal(kept->contract, "");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
        cmocka_unit_test(a_letter_outlives_its_record),
        cmocka_unit_test(empty_is_not_null_and_headers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
