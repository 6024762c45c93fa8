/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/json.h"
#include "support/fixture.h"

#include <string.h>

#define ALL "pactolus.test.v1.AllTypes"

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, "all_types");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void writes(const ProtobufCMessage *message, const struct json_style *style,
                   const char *want)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    assert_true(json_write_message(&out, message, style, &err));
    assert_string_equal(out.data, want);
    buf_free(&out);
}

/* Read, to bytes and back, written again. */
static void becomes(const char *json, const char *want)
{
    static const struct json_style style = {0};
    writes(fixture_message(&fixture, ALL, json), &style, want);
}

static void stays(const char *json)
{
    becomes(json, json);
}

static void refused(const char *json, const char *place, const char *why)
{
    struct err err = ERR_INIT;
    if (json_read_message(fixture_type(&fixture, ALL), (struct span){json, strlen(json)},
                          &fixture.arena, &err))
        fail_msg("%s: accepted", json);
    assert_int_equal(err.class, ERR_REJECT);
    assert_string_equal(err.place, place);
    if (!strstr(err.text, why))
        fail_msg("%s: %s", json, err.text);
}

static void unpacked_writes(struct span bytes, const char *want)
{
    static const struct json_style style = {0};
    struct err err = ERR_INIT;
    const ProtobufCMessage *message =
        message_unpack(fixture_type(&fixture, ALL), bytes, &fixture.arena, &err);
    assert_non_null(message);
    writes(message, &style, want);
}

static void scalars_survive(void **state)
{
    (void)state;
    stays("{}");
    stays("{\"fInt32\":-2147483648,\"fSint32\":2147483647,\"fInt64\":\"-9223372036854775808\","
          "\"fUint32\":4294967295,\"fUint64\":\"18446744073709551615\",\"fFloat\":0.1,"
          "\"fDouble\":0.1,\"fBool\":true,\"fString\":\"a\\\"b\\\\c\\n\\u0001\xc3\xa9\","
          "\"fBytes\":\"AP8Q\",\"fColor\":\"COLOR_BLUE\"}");
    stays("{\"oInt32\":0,\"oString\":\"\",\"oBytes\":\"\",\"customName\":true}");
}

static void both_casings_and_both_forms_of_numbers_are_read(void **state)
{
    (void)state;
    becomes(
        "{\"f_int32\":\"7\",\"f_int64\":8,\"f_uint64\":18446744073709551615,\"f_double\":\"1e3\","
        "\"json_named\":true}",
        "{\"fInt32\":7,\"fInt64\":\"8\",\"fUint64\":\"18446744073709551615\",\"fDouble\":1000,"
        "\"customName\":true}");
    becomes("{\"fInt32\":1e2,\"fUint32\":3.0,\"fInt64\":\"1e2\"}",
            "{\"fInt32\":100,\"fInt64\":\"100\",\"fUint32\":3}");
}

static void doubles_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    stays("{\"rDouble\":[0.1,0.30000000000000004,1e+300,5e-324,1.2345678901234568e+17]}");
    becomes("{\"rDouble\":[-0.0,1.0,100000000000000000000]}", "{\"rDouble\":[-0.0,1,1e+20]}");
    stays("{\"rFloat\":[0.1,16777216,1.1754944e-38,3.4028235e+38,1e-45]}");
    stays("{\"rDouble\":[\"NaN\",\"Infinity\",\"-Infinity\"],\"rFloat\":[\"NaN\"]}");
}

static void null_leaves_a_field_unset(void **state)
{
    (void)state;
    becomes("{\"fInt32\":null,\"oString\":null,\"rInt32\":null,\"mString\":null,\"tree\":null,"
            "\"at\":null,\"cInt32\":null}",
            "{}");
}

static void base64_is_read_in_both_alphabets(void **state)
{
    (void)state;
    becomes("{\"rBytes\":[\"-_8=\",\"+/8\",\"+/8=\",\"\",\"QQ==\",\"QUI\",\"QUJD\"]}",
            "{\"rBytes\":[\"+/8=\",\"+/8=\",\"+/8=\",\"\",\"QQ==\",\"QUI=\",\"QUJD\"]}");
    refused("{\"fBytes\":\"Q\"}", "f_bytes", "base64");
    refused("{\"fBytes\":\"QQ=\"}", "f_bytes", "base64");
    refused("{\"fBytes\":\"Q!==\"}", "f_bytes", "base64");
}

static void enums_are_names_or_numbers(void **state)
{
    (void)state;
    becomes("{\"rColor\":[\"COLOR_CRIMSON\",7,-2,99]}",
            "{\"rColor\":[\"COLOR_RED\",\"COLOR_BLUE\",\"COLOR_INFRARED\",99]}");
    refused("{\"fColor\":\"PUCE\"}", "f_color", "PUCE");
}

static void timestamps_and_durations(void **state)
{
    (void)state;
    stays("{\"rAt\":[\"0001-01-01T00:00:00Z\",\"1969-12-31T23:59:59.999999999Z\","
          "\"2024-02-29T12:00:00.500Z\",\"9999-12-31T23:59:59.000001Z\"]}");
    becomes("{\"at\":\"2026-01-01T01:30:00.25+02:00\"}", "{\"at\":\"2025-12-31T23:30:00.250Z\"}");
    stays("{\"rLasted\":[\"0s\",\"-0.500s\",\"1.000001s\",\"-315576000000.999999999s\"]}");
    refused("{\"at\":\"2023-02-29T00:00:00Z\"}", "at", "RFC 3339");
    refused("{\"at\":\"0000-12-31T23:59:59Z\"}", "at", "RFC 3339");
    refused("{\"at\":\"9999-12-31T23:59:59-01:00\"}", "at", "RFC 3339");
    refused("{\"at\":\"2026-01-01 00:00:00Z\"}", "at", "RFC 3339");
    refused("{\"at\":\"2026-01-01T00:00:60Z\"}", "at", "RFC 3339");
    refused("{\"at\":\"2026-01-01T00:00:00.Z\"}", "at", "RFC 3339");
    refused("{\"at\":\"2026-01-01T00:00:00.1234567891Z\"}", "at", "RFC 3339");
    refused("{\"lasted\":\"315576000001s\"}", "lasted", "duration");
    refused("{\"lasted\":\"1.5\"}", "lasted", "duration");
    refused("{\"lasted\":\".5s\"}", "lasted", "duration");
}

static void wrappers_are_their_value(void **state)
{
    (void)state;
    stays("{\"wDouble\":0,\"wInt64\":\"-1\",\"wUint32\":1,\"wBool\":false,\"wString\":\"\","
          "\"wBytes\":\"AA==\"}");
    stays("{\"rWString\":[\"a\",\"\"]}");
}

static void struct_value_and_list_value(void **state)
{
    (void)state;
    stays("{\"structure\":{\"a\":null,\"b\":[1,\"x\",true,{}],\"c\":{\"d\":[]}},\"value\":null,"
          "\"list\":[null,1.5]}");
    becomes("{\"value\":{\"z\":1,\"a\":2}}", "{\"value\":{\"a\":2,\"z\":1}}");
}

static void field_mask_and_empty(void **state)
{
    (void)state;
    stays("{\"mask\":\"unitPrice,a.bC\",\"nothing\":{}}");
    stays("{\"mask\":\"\"}");
    const struct field_type *mask = message_type_field(fixture_type(&fixture, ALL), "mask");
    const ProtobufCMessage *message =
        fixture_message(&fixture, ALL, "{\"mask\":\"unitPrice,other\"}");
    const ProtobufCMessage *inner = *(ProtobufCMessage *const *)message_at(message, mask, 0);
    assert_string_equal(*(char *const *)message_at(inner, &mask->message->fields[0], 0),
                        "unit_price");
    refused("{\"mask\":\"unit_price\"}", "mask", "lowerCamelCase");
    refused("{\"nothing\":{\"a\":1}}", "nothing", "empty object");
}

static void map_keys_are_sorted(void **state)
{
    (void)state;
    becomes("{\"mString\":{\"b\":1,\"a\":\"2\",\"\":3}}",
            "{\"mString\":{\"\":\"3\",\"a\":\"2\",\"b\":\"1\"}}");
    becomes("{\"mInt32\":{\"10\":{},\"9\":{\"label\":\"x\"},\"-1\":{}},\"mBool\":{\"true\":1,"
            "\"false\":7}}",
            "{\"mInt32\":{\"-1\":{},\"9\":{\"label\":\"x\"},\"10\":{}},\"mBool\":{\"false\":"
            "\"COLOR_BLUE\",\"true\":\"COLOR_RED\"}}");
}

static void of_equal_map_keys_the_last_wins(void **state)
{
    (void)state;
    /* m_string = 73: {"a":1}, {"b":5}, {"a":2}, {} */
    unpacked_writes(FIXTURE_SPAN("\xca\x04\x05\x0a\x01"
                                 "a\x10\x01\xca\x04\x05\x0a\x01"
                                 "b\x10\x05\xca\x04\x05\x0a\x01"
                                 "a\x10\x02\xca\x04\x00"),
                    "{\"mString\":{\"\":\"0\",\"a\":\"2\",\"b\":\"5\"}}");
}

static void a_map_entry_without_value_is_the_empty_message(void **state)
{
    (void)state;
    unpacked_writes(FIXTURE_SPAN("\xd2\x04\x02\x08\x05"), "{\"mInt32\":{\"5\":{}}}");
}

static void oneofs_take_one_field(void **state)
{
    (void)state;
    stays("{\"cString\":\"\"}");
    stays("{\"cTree\":{\"label\":\"x\"}}");
    refused("{\"cInt32\":1,\"cString\":\"x\"}", "c_string", "oneof choice");
}

static void defaults_and_proto_names_can_be_asked_for(void **state)
{
    (void)state;
    static const struct json_style style = {.proto_names = true, .defaults = true};
    struct err err = ERR_INIT;
    const struct message_type *type = fixture_type(&fixture, "pactolus.test.v1.Tree");
    const ProtobufCMessage *tree =
        json_read_message(type, FIXTURE_SPAN("{\"twin\":{\"label\":\"x\"}}"), &fixture.arena, &err);
    writes(
        tree, &style,
        "{\"label\":\"\",\"children\":[],\"twin\":{\"label\":\"x\",\"children\":[],\"named\":{}},"
        "\"named\":{}}");
}

static void one_field_is_written_alone(void **state)
{
    (void)state;
    static const struct json_style style = {0};
    const struct message_type *type = fixture_type(&fixture, ALL);
    const ProtobufCMessage *message =
        fixture_message(&fixture, ALL, "{\"trees\":[{},{\"label\":\"x\"}]}");
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    assert_true(json_write_field(&out, message, message_type_field(type, "trees"), &style, &err));
    buf_putc(&out, ' ');
    assert_true(
        json_write_field(&out, message, message_type_field(type, "m_string"), &style, &err));
    assert_string_equal(out.data, "[{},{\"label\":\"x\"}] {}");
    buf_free(&out);
}

static void out_of_range_instants_are_not_written(void **state)
{
    (void)state;
    static const struct json_style style = {0};
    static const struct span cases[] = {
        {"\xfa\x01\x07\x08\x80\xdb\xcc\xb1\xd6\x07", 10},                 /* at: year 10000 */
        {"\xfa\x01\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14}, /* at: nanos -1 */
        {"\x82\x02\x0d\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 16}, /* signs */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        struct err err = ERR_INIT;
        const ProtobufCMessage *message =
            message_unpack(fixture_type(&fixture, ALL), cases[i], &fixture.arena, &err);
        assert_non_null(message);
        assert_false(json_write_message(&out, message, &style, &err));
        assert_int_equal(err.class, ERR_REJECT);
        buf_free(&out);
    }
}

static void nan_has_no_place_in_a_value(void **state)
{
    (void)state;
    static const struct json_style style = {0};
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    const ProtobufCMessage *message =
        message_unpack(fixture_type(&fixture, ALL),
                       FIXTURE_SPAN("\xea\x04\x09\x11\0\0\0\0\0\0\xf8\x7f"), &fixture.arena, &err);
    assert_non_null(message);
    assert_false(json_write_message(&out, message, &style, &err));
    buf_free(&out);
}

#define MAPPED      "pactolus.test.mapped.v1.Mapped"
#define ADDRESS_URL "\"type.example/pactolus.test.mapped.v1.Card\""

/* JSON → message → JSON, both of `anything`. */
static void any_becomes(const char *json, const char *want)
{
    static const struct json_style style = {.proto_names = true};
    struct fixture other;
    struct buf in = BUF_INIT, out = BUF_INIT;
    fixture_open(&other, "mapped_types");
    buf_printf(&in, "{\"anything\":%s}", json);
    buf_printf(&out, "{\"anything\":%s}", want);
    writes(fixture_message(&other, MAPPED, in.data), &style, out.data);
    buf_free(&in);
    buf_free(&out);
    fixture_close(&other);
}

static void any_is_resolved_in_the_set(void **state)
{
    (void)state;
    any_becomes("{}", "{}");
    any_becomes("{\"@type\":" ADDRESS_URL "}", "{\"@type\":" ADDRESS_URL "}");
    any_becomes("{\"number\":\"n\",\"@type\":" ADDRESS_URL "}",
                "{\"@type\":" ADDRESS_URL ",\"number\":\"n\"}");
    any_becomes("{\"@type\":\"x/google.protobuf.Timestamp\",\"value\":\"1970-01-01T00:00:00Z\"}",
                "{\"@type\":\"x/google.protobuf.Timestamp\",\"value\":\"1970-01-01T00:00:00Z\"}");
    any_becomes("{\"@type\":\"x/google.type.Date\",\"year\":1}",
                "{\"@type\":\"x/google.type.Date\",\"year\":1}");
    any_becomes("{\"@type\":\"x/google.protobuf.Any\",\"value\":{\"@type\":" ADDRESS_URL "}}",
                "{\"@type\":\"x/google.protobuf.Any\",\"value\":{\"@type\":" ADDRESS_URL "}}");
    /* what the set lacks stays as it is */
    any_becomes("{\"type_url\":\"x/no.Such\",\"value\":\"AAEC\"}",
                "{\"type_url\":\"x/no.Such\",\"value\":\"AAEC\"}");
    any_becomes("{\"type_url\":\"pactolus.test.mapped.v1.Card\"}",
                "{\"type_url\":\"pactolus.test.mapped.v1.Card\",\"value\":\"\"}");
}

static void any_refused(const char *json, const char *why, bool reading)
{
    static const struct json_style style = {0};
    struct fixture other;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    fixture_open(&other, "mapped_types");
    const ProtobufCMessage *message = json_read_message(
        fixture_type(&other, MAPPED), (struct span){json, strlen(json)}, &other.arena, &err);
    assert_int_equal(message == NULL, reading);
    assert_false(message && json_write_message(&out, message, &style, &err));
    assert_int_equal(err.class, ERR_REJECT);
    if (!strstr(err.text, why))
        fail_msg("%s: %s", json, err.text);
    buf_free(&out);
    fixture_close(&other);
}

/* Its bytes are as hostile as a record's. */
static void broken_anys_are_refused(void **state)
{
    (void)state;
    any_refused("{\"anything\":{\"@type\":\"x/no.Such\"}}", "has no message x/no.Such", true);
    any_refused("{\"anything\":{\"@type\":1}}", "@type is no string", true);
    any_refused("{\"anything\":{\"@type\":\"x/google.protobuf.Timestamp\"}}", "no member value",
                true);
    any_refused("{\"anything\":{\"@type\":" ADDRESS_URL ",\"numbr\":1}}", "has no field numbr",
                true);
    any_refused("{\"anything\":{\"type_url\":" ADDRESS_URL ",\"value\":\"Cv8=\"}}", "", false);
    any_refused("{\"anything\":{\"type_url\":" ADDRESS_URL ",\"value\":\"CgH/\"}}", "UTF-8", false);
    any_refused("{\"anything\":{\"type_url\":" ADDRESS_URL ",\"value\":\"CgEA\"}}", "NUL", false);
}

/* Each level is one more message in the C stack: there is an end to it. */
static void anys_nest_no_further_than_16(void **state)
{
    (void)state;
    struct buf json = BUF_INIT;
    buf_puts(&json, "{\"anything\":");
    for (int i = 0; i < 17; i++)
        buf_puts(&json, "{\"@type\":\"x/google.protobuf.Any\",\"value\":");
    buf_puts(&json, "{}");
    for (int i = 0; i < 17; i++)
        buf_puts(&json, "}");
    buf_puts(&json, "}");
    any_refused(json.data, "within one another", false);
    buf_free(&json);
}

static void unknown_names_get_the_nearest_as_hint(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    refused("{\"tree\":{\"lable\":1}}", "tree", "no field lable");
    assert_null(json_read_message(fixture_type(&fixture, ALL), FIXTURE_SPAN("{\"f_int23\":1}"),
                                  &fixture.arena, &err));
    assert_string_equal(err.hint, "did you mean f_int32?");
}

static void wrong_values_name_their_place(void **state)
{
    (void)state;
    refused("{\"fInt32\":2147483648}", "f_int32", "out of range");
    refused("{\"fUint32\":-1}", "f_uint32", "out of range");
    refused("{\"fUint64\":\"18446744073709551616\"}", "f_uint64", "integer");
    refused("{\"fInt64\":9223372036854775808}", "f_int64", "out of range");
    refused("{\"fUint64\":18446744073709551616}", "f_uint64", "integer");
    refused("{\"fInt64\":-9223372036854775809}", "f_int64", "integer");
    refused("{\"fString\":\"\\\"99999999999999999999\",\"fInt64\":99999999999999999999}", "f_int64",
            "integer");
    refused("{\"fInt32\":1.5}", "f_int32", "integer");
    refused("{\"fInt32\":true}", "f_int32", "integer");
    refused("{\"fInt64\":\"007\"}", "f_int64", "integer");
    refused("{\"fFloat\":1e39}", "f_float", "float");
    refused("{\"fDouble\":\"1e999\"}", "f_double", "number");
    refused("{\"fBool\":\"true\"}", "f_bool", "true or false");
    refused("{\"fString\":1}", "f_string", "string");
    refused("{\"fString\":\"a\\u0000b\"}", "f_string", "NUL");
    refused("{\"rInt32\":[1,null]}", "r_int32[1]", "null");
    refused("{\"rInt32\":1}", "r_int32", "array");
    refused("{\"tree\":[]}", "tree", "object");
    refused("{\"trees\":[{},{\"children\":[{\"label\":1}]}]}", "trees[1].children[0].label",
            "string");
    refused("{\"mInt32\":{\"x\":{}}}", "m_int32.x", "no integer");
    refused("{\"mBool\":{\"1\":1}}", "m_bool.1", "neither");
    refused("{\"fInt32\":1,\"f_int32\":2}", "", "both casings");
}

static void malformed_json_is_refused(void **state)
{
    (void)state;
    refused("", "", "end of data");
    refused("{", "", "end of data");
    refused("{}{}", "", "");
    refused("{} x", "", "");
    refused("{\"fString\":'x'}", "", "malformed");
    refused("{\"fInt32\":1,}", "", "malformed");
    refused("{\"fDouble\":NaN}", "f_double", "range");
    refused("{\"fString\":\"\xc3(\"}", "", "malformed");
    refused("null", "", "object");
    refused("7", "", "object");
    becomes(" {\"fInt32\" : 1 } \n", "{\"fInt32\":1}");
}

static void text_nested_10000_deep_is_refused(void **state)
{
    (void)state;
    static char text[200001];
    char *at = text;
    for (int i = 0; i < 10000; i++, at += 8)
        memcpy(at, "{\"twin\":", 8);
    struct err err = ERR_INIT;
    assert_null(json_read_message(fixture_type(&fixture, "pactolus.test.v1.Tree"),
                                  (struct span){text, (size_t)(at - text)}, &fixture.arena, &err));
    assert_non_null(strstr(err.text, "nesting"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_survive),
        cmocka_unit_test(both_casings_and_both_forms_of_numbers_are_read),
        cmocka_unit_test(doubles_are_the_shortest_that_read_back),
        cmocka_unit_test(null_leaves_a_field_unset),
        cmocka_unit_test(base64_is_read_in_both_alphabets),
        cmocka_unit_test(enums_are_names_or_numbers),
        cmocka_unit_test(timestamps_and_durations),
        cmocka_unit_test(wrappers_are_their_value),
        cmocka_unit_test(struct_value_and_list_value),
        cmocka_unit_test(field_mask_and_empty),
        cmocka_unit_test(map_keys_are_sorted),
        cmocka_unit_test(of_equal_map_keys_the_last_wins),
        cmocka_unit_test(a_map_entry_without_value_is_the_empty_message),
        cmocka_unit_test(oneofs_take_one_field),
        cmocka_unit_test(defaults_and_proto_names_can_be_asked_for),
        cmocka_unit_test(one_field_is_written_alone),
        cmocka_unit_test(out_of_range_instants_are_not_written),
        cmocka_unit_test(nan_has_no_place_in_a_value),
        cmocka_unit_test(any_is_resolved_in_the_set),
        cmocka_unit_test(broken_anys_are_refused),
        cmocka_unit_test(anys_nest_no_further_than_16),
        cmocka_unit_test(unknown_names_get_the_nearest_as_hint),
        cmocka_unit_test(wrong_values_name_their_place),
        cmocka_unit_test(malformed_json_is_refused),
        cmocka_unit_test(text_nested_10000_deep_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
