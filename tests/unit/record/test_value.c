/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/message.h"
#include "record/value.h"
#include "support/fixture.h"

#include <string.h>

#define ALL "pactolus.test.v1.AllTypes"

static struct fixture fixture, records;
static const struct contract *all, *keyed;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "all_types");
    fixture_open(&records, "record_types");
    all = fixture_contract(&fixture, ALL,
                           &(struct fixture_says){.append = true,
                                                  .columns = {{"c_string", "uuid"},
                                                              {"f_fixed64", "bigint"},
                                                              {"f_string", "uuid"},
                                                              {"tree", "jsonb"}}});
    keyed = fixture_contract(&records, "shop.v1.Keyed",
                             &(struct fixture_says){.append = true, .columns = {{"text", "uuid"}}});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    fixture_close(&records);
    return 0;
}

static struct cell cell_of(const char *json, const char *column)
{
    struct cell cell;
    struct err err = ERR_INIT;
    if (!value_cell(fixture_column(all, column), fixture_message(&fixture, ALL, json),
                    &fixture.arena, NULL, &cell, &err))
        fail_msg("%s: %s", column, err.text);
    return cell;
}

static void is(struct cell cell, const void *bytes, int length)
{
    assert_int_equal(cell.length, length);
    if (length > 0)
        assert_memory_equal(cell.data, bytes, (size_t)length);
}

#define IS(json, column, literal) is(cell_of(json, column), literal, (int)sizeof(literal) - 1)

static void is_null(const char *json, const char *column)
{
    struct cell cell = cell_of(json, column);
    assert_int_equal(cell.length, -1);
    assert_null(cell.data);
}

static void refused_json(const char *json, const char *column, const char *why)
{
    struct cell cell;
    struct err err = ERR_INIT;
    assert_false(value_cell(fixture_column(all, column), fixture_message(&fixture, ALL, json),
                            &fixture.arena, NULL, &cell, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, why));
    assert_non_null(strstr(err.text, column));
}

static void refused_bytes(struct span bytes, const char *column, const char *why)
{
    struct cell cell;
    struct err err = ERR_INIT;
    const ProtobufCMessage *message =
        message_unpack(fixture_type(&fixture, ALL), bytes, &fixture.arena, &err);
    assert_non_null(message);
    assert_false(
        value_cell(fixture_column(all, column), message, &fixture.arena, NULL, &cell, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_non_null(strstr(err.text, why));
}

static void integers(void **state)
{
    (void)state;
    IS("{\"f_int32\":-2}", "f_int32", "\xff\xff\xff\xfe");
    IS("{\"f_sint32\":258}", "f_sint32", "\0\0\x01\x02");
    IS("{\"f_uint32\":4294967295}", "f_uint32", "\0\0\0\0\xff\xff\xff\xff");
    IS("{\"f_int64\":\"-1\"}", "f_int64", "\xff\xff\xff\xff\xff\xff\xff\xff");
    IS("{}", "f_int64", "\0\0\0\0\0\0\0\0");
    IS("{\"f_fixed64\":\"9223372036854775807\"}", "f_fixed64", "\x7f\xff\xff\xff\xff\xff\xff\xff");
    refused_json("{\"f_fixed64\":\"9223372036854775808\"}", "f_fixed64", "bigint");
}

/* Digits, weight, sign, scale, then base-10000 digits. */
static void numeric_of_uint64(void **state)
{
    (void)state;
    IS("{}", "f_uint64", "\0\0\0\0\0\0\0\0");
    IS("{\"f_uint64\":\"1\"}", "f_uint64", "\0\x01\0\0\0\0\0\0\0\x01");
    IS("{\"f_uint64\":\"10000\"}", "f_uint64", "\0\x01\0\x01\0\0\0\0\0\x01");
    IS("{\"f_uint64\":\"12345678\"}", "f_uint64", "\0\x02\0\x01\0\0\0\0\x04\xd2\x16\x2e");
    IS("{\"f_uint64\":\"18446744073709551615\"}", "f_uint64",
       "\000\005\000\004\000\000\000\000\007\064\032\130\002\341\003\273\006\117");
}

static void floats_and_booleans(void **state)
{
    (void)state;
    IS("{\"f_float\":1.5}", "f_float", "\x3f\xc0\0\0");
    IS("{\"f_double\":\"-Infinity\"}", "f_double", "\xff\xf0\0\0\0\0\0\0");
    IS("{\"f_bool\":true}", "f_bool", "\x01");
    IS("{}", "f_bool", "\0");
}

static void text_and_bytes_point_into_the_message(void **state)
{
    (void)state;
    const ProtobufCMessage *message =
        fixture_message(&fixture, ALL, "{\"o_string\":\"h\xc3\xa9\",\"f_bytes\":\"AAE=\"}");
    const struct column *column = fixture_column(all, "o_string");
    struct cell cell;
    struct err err = ERR_INIT;
    assert_true(value_cell(column, message, &fixture.arena, NULL, &cell, &err));
    is(cell, "h\xc3\xa9", 3);
    assert_ptr_equal(cell.data, *(char *const *)message_at(message, column->field, 0));
    IS("{\"f_bytes\":\"AAE=\"}", "f_bytes", "\0\x01");
    IS("{}", "f_bytes", "");
}

static void unset_is_null_and_zero_is_not(void **state)
{
    (void)state;
    is_null("{}", "o_int32");
    IS("{\"o_int32\":0}", "o_int32", "\0\0\0\0");
    is_null("{}", "o_string");
    IS("{\"o_string\":\"\"}", "o_string", "");
    is_null("{}", "at");
    is_null("{}", "tree");
    is_null("{}", "value");
    is_null("{\"c_string\":\"x\"}", "c_int32");
    IS("{\"c_int32\":0}", "c_int32", "\0\0\0\0");
}

static void wrappers_are_nullable_scalars(void **state)
{
    (void)state;
    is_null("{}", "w_int64");
    IS("{\"w_int64\":\"0\"}", "w_int64", "\0\0\0\0\0\0\0\0");
    IS("{\"w_string\":\"x\"}", "w_string", "x");
    IS("{\"w_bool\":false}", "w_bool", "\0");
    IS("{\"w_uint32\":1}", "w_uint32", "\0\0\0\0\0\0\0\x01");
}

static void enums_are_names_and_unknown_numbers_digits(void **state)
{
    (void)state;
    static struct drift drift;
    struct cell cell;
    struct err err = ERR_INIT;
    IS("{\"f_color\":\"COLOR_CRIMSON\"}", "f_color", "COLOR_RED");
    IS("{}", "f_color", "COLOR_UNSPECIFIED");
    const struct column *column = fixture_column(all, "f_color");
    assert_true(value_cell(column, fixture_message(&fixture, ALL, "{\"f_color\":-77}"),
                           &fixture.arena, &drift, &cell, &err));
    is(cell, "-77", 3);
    assert_int_equal(drift.used, 1);
    assert_int_equal(drift.entries[0].number, -77);
    assert_true(drift.entries[0].enumeration);
    assert_ptr_equal(drift.entries[0].type, column->field->enumeration);
}

static void timestamps_are_floored_to_microseconds(void **state)
{
    (void)state;
    IS("{\"at\":\"2000-01-01T00:00:00.000001999Z\"}", "at", "\0\0\0\0\0\0\0\x01");
    IS("{\"at\":\"1999-12-31T23:59:59.999999999Z\"}", "at", "\xff\xff\xff\xff\xff\xff\xff\xff");
    IS("{\"at\":\"0001-01-01T00:00:00Z\"}", "at", "\377\037\342\377\305\234\140\000");
    IS("{\"at\":\"9999-12-31T23:59:59.999999999Z\"}", "at", "\003\200\347\013\221\073\177\377");
}

static void a_timestamp_out_of_range_is_refused(void **state)
{
    (void)state;
    refused_bytes(FIXTURE_SPAN("\xfa\x01\x07\x08\x80\xdb\xcc\xb1\xd6\x07"), "at", "timestamp");
    refused_bytes(FIXTURE_SPAN("\xfa\x01\x06\x10\x80\x94\xeb\xdc\x03"), "at", "nanos");
    refused_bytes(FIXTURE_SPAN("\xfa\x01\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "at",
                  "nanos");
}

static void durations_are_cut_toward_zero(void **state)
{
    (void)state;
    IS("{\"lasted\":\"1.000001999s\"}", "lasted", "\0\0\0\0\0\x0f\x42\x41\0\0\0\0\0\0\0\0");
    IS("{\"lasted\":\"-0.000001999s\"}", "lasted",
       "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0");
    refused_bytes(FIXTURE_SPAN("\x82\x02\x0d\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                  "lasted", "sign");
}

static void uuids_are_16_bytes(void **state)
{
    (void)state;
    IS("{\"c_string\":\"00112233-4455-6677-8899-AABBccddeeff\"}", "c_string",
       "\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff");
    is_null("{}", "c_string");
    refused_json("{\"c_string\":\"{00112233-4455-6677-8899-aabbccddeeff}\"}", "c_string", "uuid");
    refused_json("{\"c_string\":\"00112233445566778899aabbccddeeff\"}", "c_string", "uuid");
    refused_json("{\"c_string\":\"0011223-34455-6677-8899-aabbccddeeff\"}", "c_string", "uuid");
    refused_json("{\"c_string\":\"\"}", "c_string", "empty");
    refused_json("{}", "f_string", "empty"); /* without presence, unset is empty */
}

static void arrays_are_literals(void **state)
{
    (void)state;
    IS("{}", "r_int32", "{}");
    IS("{\"r_int32\":[1,-2]}", "r_int32", "{1,-2}");
    IS("{\"r_uint64\":[\"18446744073709551615\"]}", "r_uint64", "{18446744073709551615}");
    IS("{\"r_double\":[0.1,\"NaN\",\"-Infinity\"]}", "r_double", "{0.1,NaN,-Infinity}");
    IS("{\"r_float\":[0.1]}", "r_float", "{0.1}");
    IS("{\"r_bool\":[true,false]}", "r_bool", "{t,f}");
    IS("{\"r_string\":[\"\",\"NULL\",\"a,b}\",\"q\\\"\\\\\"]}", "r_string",
       "{\"\",\"NULL\",\"a,b}\",\"q\\\"\\\\\"}");
    IS("{\"r_bytes\":[\"\",\"AP8=\"]}", "r_bytes", "{\"\\\\x\",\"\\\\x00ff\"}");
    IS("{\"r_color\":[1,99]}", "r_color", "{\"COLOR_RED\",\"99\"}");
    IS("{\"r_at\":[\"2026-01-01T00:00:00.123456789Z\"]}", "r_at", "{2026-01-01T00:00:00.123456Z}");
    IS("{\"r_lasted\":[\"-45296.789s\",\"0s\"]}", "r_lasted", "{-12:34:56.789000,0:00:00.000000}");
}

/* Snake names and defaults: see value.c. */
static void messages_are_jsonb_with_a_version_byte(void **state)
{
    (void)state;
    IS("{\"tree\":{}}", "tree", "\x01{\"label\":\"\",\"children\":[],\"named\":{}}");
    IS("{}", "trees", "\x01[]");
    IS("{\"m_string\":{\"b\":1,\"a\":2}}", "m_string", "\x01{\"a\":\"2\",\"b\":\"1\"}");
    IS("{\"structure\":{}}", "structure", "\x01{}");
    IS("{\"value\":null}", "value", "\x01null");
    IS("{\"r_w_string\":[\"x\"]}", "r_w_string", "\x01[\"x\"]");
}

static bool from_text(const char *column, struct span text, struct cell *cell, struct err *err)
{
    return value_from_text(fixture_column(keyed, column), text, &records.arena, cell, err);
}

/* The cell that text gives is the one that the message gives. */
static void same(const char *column, const char *text, const char *json)
{
    struct cell a, b;
    struct err err = ERR_INIT;
    if (!from_text(column, (struct span){text, strlen(text)}, &a, &err))
        fail_msg("%s: %s", column, err.text);
    assert_true(value_cell(fixture_column(keyed, column),
                           fixture_message(&records, "shop.v1.Keyed", json), &records.arena, NULL,
                           &b, &err));
    is(a, b.data, b.length);
}

static void bad_text(const char *column, struct span text)
{
    struct cell cell;
    struct err err = ERR_INIT;
    assert_false(from_text(column, text, &cell, &err));
    assert_int_equal(err.class, ERR_REJECT);
}

static void text_gives_the_same_cells_as_messages(void **state)
{
    (void)state;
    same("number", "-2147483648", "{\"number\":-2147483648}");
    same("natural", "4294967295", "{\"natural\":4294967295}");
    same("large", "18446744073709551615", "{\"large\":\"18446744073709551615\"}");
    same("flag", "true", "{\"flag\":true}");
    same("flag", "false", "{}");
    same("text", "00112233-4455-6677-8899-AABBCCDDEEFF",
         "{\"text\":\"00112233-4455-6677-8899-aabbccddeeff\"}");
    same("data", "raw", "{\"data\":\"cmF3\"}");
    same("status", "CAPTURED", "{\"status\":1}");
    same("status", "1", "{\"status\":1}");
    same("status", "-9", "{\"status\":-9}");
    same("at", "2026-01-01T00:00:00.123456789+01:00", "{\"at\":\"2025-12-31T23:00:00.123456Z\"}");
    same("wrapped", "-1", "{\"wrapped\":\"-1\"}");
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    bad_text("number", FIXTURE_SPAN("2147483648"));
    bad_text("number", FIXTURE_SPAN(""));
    bad_text("number", FIXTURE_SPAN("1 "));
    bad_text("number", FIXTURE_SPAN("+1"));
    bad_text("number", FIXTURE_SPAN("01"));
    bad_text("number", FIXTURE_SPAN("-0"));
    bad_text("natural", FIXTURE_SPAN("-1"));
    bad_text("large", FIXTURE_SPAN("18446744073709551616"));
    bad_text("flag", FIXTURE_SPAN("TRUE"));
    bad_text("text", FIXTURE_SPAN("not a uuid"));
    bad_text("status", FIXTURE_SPAN("captured"));
    bad_text("status", FIXTURE_SPAN("2147483648"));
    bad_text("at", FIXTURE_SPAN("yesterday"));
    bad_text("wrapped", FIXTURE_SPAN("9223372036854775808"));
    bad_text("ratio", FIXTURE_SPAN("1.5"));
    bad_text("number", (struct span){NULL, 0});
}

static void text_of_a_text_column_is_utf8_without_nul(void **state)
{
    (void)state;
    const struct column *column = fixture_column(all, "o_string");
    struct cell cell;
    struct err err = ERR_INIT;
    assert_true(value_from_text(column, FIXTURE_SPAN("h\xc3\xa9"), &fixture.arena, &cell, &err));
    is(cell, "h\xc3\xa9", 3);
    assert_false(value_from_text(column, FIXTURE_SPAN("a\0b"), &fixture.arena, &cell, &err));
    assert_non_null(strstr(err.text, "NUL"));
    assert_false(value_from_text(column, FIXTURE_SPAN("\xff"), &fixture.arena, &cell, &err));
    assert_non_null(strstr(err.text, "UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(numeric_of_uint64),
        cmocka_unit_test(floats_and_booleans),
        cmocka_unit_test(text_and_bytes_point_into_the_message),
        cmocka_unit_test(unset_is_null_and_zero_is_not),
        cmocka_unit_test(wrappers_are_nullable_scalars),
        cmocka_unit_test(enums_are_names_and_unknown_numbers_digits),
        cmocka_unit_test(timestamps_are_floored_to_microseconds),
        cmocka_unit_test(a_timestamp_out_of_range_is_refused),
        cmocka_unit_test(durations_are_cut_toward_zero),
        cmocka_unit_test(uuids_are_16_bytes),
        cmocka_unit_test(arrays_are_literals),
        cmocka_unit_test(messages_are_jsonb_with_a_version_byte),
        cmocka_unit_test(text_gives_the_same_cells_as_messages),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(text_of_a_text_column_is_utf8_without_nul),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
