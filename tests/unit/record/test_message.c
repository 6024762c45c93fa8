/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/message.h"
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

static const struct field_type *field(const char *name)
{
    const struct field_type *found = message_type_field(fixture_type(&fixture, ALL), name);
    assert_non_null(found);
    return found;
}

static bool has(const char *json, const char *name)
{
    return message_has(fixture_message(&fixture, ALL, json), field(name));
}

static void fields_without_presence_are_set_when_not_zero(void **state)
{
    (void)state;
    static const char *const names[] = {"f_int32", "f_uint64", "f_double", "f_bool",  "f_string",
                                        "f_bytes", "f_color",  "r_int32",  "m_string"};
    const char *json = "{\"f_int32\":1,\"f_uint64\":1,\"f_double\":0.5,\"f_bool\":true,"
                       "\"f_string\":\"x\",\"f_bytes\":\"AA==\",\"f_color\":\"COLOR_BLUE\","
                       "\"r_int32\":[0],\"m_string\":{\"\":0}}";
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(has("{}", names[i]));
        assert_true(has(json, names[i]));
    }
}

static void fields_with_presence_are_set_even_at_zero(void **state)
{
    (void)state;
    static const char *const names[] = {"o_int32", "o_double", "o_bool", "o_string", "o_bytes",
                                        "o_color", "w_int64",  "at",     "tree",     "c_string"};
    const char *json = "{\"o_int32\":0,\"o_double\":0,\"o_bool\":false,\"o_string\":\"\","
                       "\"o_bytes\":\"\",\"o_color\":0,\"w_int64\":\"0\","
                       "\"at\":\"1970-01-01T00:00:00Z\",\"tree\":{},\"c_string\":\"\"}";
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(has("{}", names[i]));
        assert_true(has(json, names[i]));
    }
    assert_false(has(json, "c_int32")); /* of the same oneof */
}

static void elements_are_found(void **state)
{
    (void)state;
    const ProtobufCMessage *message = fixture_message(
        &fixture, ALL,
        "{\"f_int64\":\"-5\",\"r_string\":[\"a\",\"b\"],\"r_bool\":[true,false,true]}");
    assert_int_equal(*(const int64_t *)message_at(message, field("f_int64"), 0), -5);
    assert_int_equal(message_count(message, field("r_string")), 2);
    assert_string_equal(*(char *const *)message_at(message, field("r_string"), 1), "b");
    assert_int_equal(message_count(message, field("r_bool")), 3);
    assert_true(*(const protobuf_c_boolean *)message_at(message, field("r_bool"), 2));
    assert_int_equal(message_count(message, field("r_int32")), 0);
    assert_ptr_equal(message_type_of(message), fixture_type(&fixture, ALL));
}

static void new_messages_pack_to_nothing(void **state)
{
    (void)state;
    ProtobufCMessage *message = message_new(fixture_type(&fixture, ALL), &fixture.arena);
    assert_int_equal(protobuf_c_message_get_packed_size(message), 0);
    assert_string_equal(*(char *const *)message_at(message, field("f_string"), 0), "");
}

static void proto2_fields_with_a_default_are_unset_until_written(void **state)
{
    (void)state;
    struct fixture two;
    fixture_open(&two, "proto2_types");
    const struct message_type *type = fixture_type(&two, "pactolus.test.v2.Proto2");
    const struct field_type *number = message_type_field(type, "number");
    const struct field_type *text = message_type_field(type, "text");
    const ProtobufCMessage *message =
        fixture_message(&two, "pactolus.test.v2.Proto2", "{\"id\":\"\"}");
    assert_true(message_has(message, message_type_field(type, "id")));
    assert_false(message_has(message, number));
    assert_false(message_has(message, text));
    message = fixture_message(&two, "pactolus.test.v2.Proto2",
                              "{\"id\":\"\",\"number\":7,\"text\":\"seven\"}");
    assert_true(message_has(message, number));
    assert_true(message_has(message, text));
    fixture_close(&two);
}

static void a_missing_required_field_is_refused(void **state)
{
    (void)state;
    struct fixture two;
    struct err err = ERR_INIT;
    fixture_open(&two, "proto2_types");
    struct arena_mark before = arena_mark(&two.arena);
    assert_null(message_unpack(fixture_type(&two, "pactolus.test.v2.Proto2"),
                               FIXTURE_SPAN("\x10\x01"), &two.arena, &err));
    assert_int_equal(err.class, ERR_REJECT);
    assert_int_equal(arena_mark(&two.arena).used, before.used); /* nothing is left behind */
    fixture_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_without_presence_are_set_when_not_zero),
        cmocka_unit_test(fields_with_presence_are_set_even_at_zero),
        cmocka_unit_test(elements_are_found),
        cmocka_unit_test(new_messages_pack_to_nothing),
        cmocka_unit_test(proto2_fields_with_a_default_are_unset_until_written),
        cmocka_unit_test(a_missing_required_field_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
