/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/framing.h"
#include "support/fixture.h"

#include <string.h>

static struct span header_value;

static unsigned one_header(const void *source, struct header *out, unsigned max)
{
    assert_true(max >= 1);
    *out = (struct header){source, header_value};
    return 1;
}

static bool strip(enum framing framing, struct span value, struct frame *frame, struct err *err)
{
    struct record record = {.value = value};
    return framing_strip(framing, &record, frame, err);
}

static void refused(struct span value, const char *why)
{
    struct frame frame;
    struct err err = ERR_INIT;
    assert_false(strip(FRAMING_CONFLUENT, value, &frame, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, why));
}

static void names_are_parsed_and_printed(void **state)
{
    (void)state;
    enum framing framing;
    assert_true(framing_parse("confluent-header", &framing));
    assert_int_equal(framing, FRAMING_CONFLUENT_HEADER);
    assert_string_equal(framing_name(FRAMING_CONFLUENT), "confluent");
    assert_false(framing_parse("avro", &framing));
}

static void raw_is_the_whole_value(void **state)
{
    (void)state;
    struct frame frame;
    struct err err = ERR_INIT;
    assert_true(strip(FRAMING_RAW, FIXTURE_SPAN("\0abc"), &frame, &err));
    assert_int_equal(frame.payload.length, 4);
    assert_int_equal(frame.schema_id, -1);
    assert_int_equal(frame.path_length, 0);
}

static void short_path_is_the_first_message(void **state)
{
    (void)state;
    struct frame frame;
    struct err err = ERR_INIT;
    assert_true(strip(FRAMING_CONFLUENT, FIXTURE_SPAN("\0\0\0\x01\x02\0xyz"), &frame, &err));
    assert_int_equal(frame.schema_id, 258);
    assert_true(framing_path_is(&frame, (int[]){0}, 1));
    assert_true(span_is(frame.payload, "xyz"));
}

static void long_path_is_zigzag(void **state)
{
    (void)state;
    struct frame frame;
    struct err err = ERR_INIT;
    assert_true(
        strip(FRAMING_CONFLUENT, FIXTURE_SPAN("\0\0\0\0\x07\x06\0\x02\x80\x02p"), &frame, &err));
    assert_true(framing_path_is(&frame, (int[]){0, 1, 128}, 3));
    assert_false(framing_path_is(&frame, (int[]){0, 1}, 2)); /* a foreign message index */
    assert_false(framing_path_is(&frame, (int[]){0, 1, 129}, 3));
    assert_true(span_is(frame.payload, "p"));
}

static void wrong_magic_is_refused(void **state)
{
    (void)state;
    struct frame frame;
    struct err err = ERR_INIT;
    assert_false(strip(FRAMING_CONFLUENT, FIXTURE_SPAN("\x0a\x03gbp"), &frame, &err));
    assert_non_null(strstr(err.text, "0x0a"));
    assert_non_null(strstr(err.hint, "raw"));
}

static void cut_prefixes_are_refused(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN(""), "empty");
    refused(FIXTURE_SPAN("\0\0\0\0"), "schema id");
    refused(FIXTURE_SPAN("\0\0\0\0\x01"), "message index path");
    refused(FIXTURE_SPAN("\0\0\0\0\x01\x04\x02"), "message index path");
    refused(FIXTURE_SPAN("\x01guid"), "GUID");
}

static void bad_index_paths_are_refused(void **state)
{
    (void)state;
    refused(FIXTURE_SPAN("\0\0\0\0\x01\x01"), "negative");     /* count -1 */
    refused(FIXTURE_SPAN("\0\0\0\0\x01\x02\x03"), "negative"); /* index -2 */
    refused(FIXTURE_SPAN("\0\0\0\0\x01\x22"), "longer");       /* count 17 */
    refused(FIXTURE_SPAN("\0\0\0\0\x01\xff\xff\xff\xff\xff\x01"), "over-long");
    refused(FIXTURE_SPAN("\0\0\0\0\x01\xff\xff\xff\xff\x7f"), "over-long"); /* past 32 bits */
}

static void header_comes_before_prefix(void **state)
{
    (void)state;
    struct record record = {.value = FIXTURE_SPAN("bare"),
                            .key = FIXTURE_SPAN("barekey"),
                            .headers = one_header,
                            .source = "__value_schema_id"};
    struct frame frame;
    struct err err = ERR_INIT;
    header_value = FIXTURE_SPAN("\x01"
                                "0123456789abcdef"
                                "\x02\x02");
    assert_true(framing_strip(FRAMING_CONFLUENT, &record, &frame, &err));
    assert_true(frame.has_guid);
    assert_memory_equal(frame.guid, "0123456789abcdef", 16);
    assert_true(framing_path_is(&frame, (int[]){1}, 1));
    assert_true(span_is(frame.payload, "bare"));
    record.source = "__key_schema_id";
    assert_true(framing_strip_key(FRAMING_CONFLUENT_HEADER, &record, &frame, &err));
    assert_true(span_is(frame.payload, "barekey"));
}

static void missing_and_malformed_headers_are_refused(void **state)
{
    (void)state;
    struct record record = {.value = FIXTURE_SPAN("\0\0\0\0\x01\0x")};
    struct frame frame;
    struct err err = ERR_INIT;
    assert_false(framing_strip(FRAMING_CONFLUENT_HEADER, &record, &frame, &err));
    assert_non_null(strstr(err.text, "missing"));
    record.headers = one_header;
    record.source = "__value_schema_id";
    header_value = (struct span){NULL, 0};
    assert_false(framing_strip(FRAMING_CONFLUENT_HEADER, &record, &frame, &err));
    assert_non_null(strstr(err.text, "null"));
    header_value = FIXTURE_SPAN("\x01"
                                "0123456789abcdef"
                                "\0left");
    assert_false(framing_strip(FRAMING_CONFLUENT_HEADER, &record, &frame, &err));
    assert_non_null(strstr(err.text, "left over"));
}

/* The cases measured with Confluent's own serializer. */
static void prefixes_are_written_like_confluents(void **state)
{
    (void)state;
    static const struct {
        int path[3];
        unsigned length;
        struct span bytes;
    } cases[] = {
        {{0}, 1, {"\0\0\0\0\x01\0", 6}},
        {{0, 0}, 2, {"\0\0\0\0\x01\x04\0\0", 8}},
        {{0, 1, 0}, 3, {"\0\0\0\0\x01\x06\0\x02\0", 9}},
        {{1}, 1, {"\0\0\0\0\x01\x02\x02", 7}},
        {{300}, 1, {"\0\0\0\0\x01\x02\xd8\x04", 8}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        struct frame frame;
        struct err err = ERR_INIT;
        framing_put_prefix(&out, 1, cases[i].path, cases[i].length);
        assert_int_equal(out.length, cases[i].bytes.length);
        assert_memory_equal(out.data, cases[i].bytes.data, out.length);
        assert_true(strip(FRAMING_CONFLUENT, (struct span){out.data, out.length}, &frame, &err));
        assert_true(framing_path_is(&frame, cases[i].path, cases[i].length));
        assert_int_equal(frame.payload.length, 0);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_parsed_and_printed),
        cmocka_unit_test(raw_is_the_whole_value),
        cmocka_unit_test(short_path_is_the_first_message),
        cmocka_unit_test(long_path_is_zigzag),
        cmocka_unit_test(wrong_magic_is_refused),
        cmocka_unit_test(cut_prefixes_are_refused),
        cmocka_unit_test(bad_index_paths_are_refused),
        cmocka_unit_test(header_comes_before_prefix),
        cmocka_unit_test(missing_and_malformed_headers_are_refused),
        cmocka_unit_test(prefixes_are_written_like_confluents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
