/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/type.h"

#include "fixture.h"

static struct descriptor_set *set;
static const struct message_type *all;

static int setup(void **state)
{
    (void)state;
    set = load_set("all_types");
    all = find_type(set, "pactolus.test.v1.AllTypes");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    descriptor_set_free(set);
    return 0;
}

static void test_the_table_is_whole(void **state)
{
    (void)state;
    for (int id = 0; id < TYPE_COUNT; id++) {
        const struct type *type = type_of((enum type_id)id);
        assert_int_equal(type->id, id);
        assert_true(*type->name && *type->sql && *type->cast && *type->comment);
        assert_true(type->oid && type->array_oid && type->width);
    }
}

static void test_each_field_has_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        enum type_id type;
    } rows[] = {
        {"f_int32", TYPE_INTEGER},      {"f_sint32", TYPE_INTEGER},
        {"f_sfixed32", TYPE_INTEGER},   {"f_int64", TYPE_BIGINT},
        {"f_sint64", TYPE_BIGINT},      {"f_sfixed64", TYPE_BIGINT},
        {"f_uint32", TYPE_BIGINT},      {"f_fixed32", TYPE_BIGINT},
        {"f_uint64", TYPE_NUMERIC_U64}, {"f_fixed64", TYPE_NUMERIC_U64},
        {"f_float", TYPE_REAL},         {"f_double", TYPE_DOUBLE},
        {"f_bool", TYPE_BOOLEAN},       {"f_string", TYPE_TEXT},
        {"f_bytes", TYPE_BYTEA},        {"f_color", TYPE_ENUM},
        {"o_string", TYPE_TEXT},        {"at", TYPE_TIMESTAMPTZ},
        {"lasted", TYPE_INTERVAL},      {"w_double", TYPE_DOUBLE},
        {"w_float", TYPE_REAL},         {"w_int64", TYPE_BIGINT},
        {"w_uint64", TYPE_NUMERIC_U64}, {"w_int32", TYPE_INTEGER},
        {"w_uint32", TYPE_BIGINT},      {"w_bool", TYPE_BOOLEAN},
        {"w_string", TYPE_TEXT},        {"w_bytes", TYPE_BYTEA},
        {"r_int32", TYPE_INTEGER},      {"r_string", TYPE_TEXT},
        {"r_color", TYPE_ENUM},         {"r_at", TYPE_TIMESTAMPTZ},
        {"r_lasted", TYPE_INTERVAL},    {"r_w_string", TYPE_JSONB},
        {"tree", TYPE_JSONB},           {"trees", TYPE_JSONB},
        {"m_string", TYPE_JSONB},       {"m_int32", TYPE_JSONB},
        {"structure", TYPE_JSONB},      {"value", TYPE_JSONB},
        {"list", TYPE_JSONB},           {"mask", TYPE_JSONB},
        {"nothing", TYPE_JSONB},        {"c_tree", TYPE_JSONB},
        {"c_bytes", TYPE_BYTEA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = ERR_INIT;
        const struct type *type = type_for_field(find_field(all, rows[i].field), &err);
        if (!type || type->id != rows[i].type)
            fail_msg("%s is %s", rows[i].field, type ? type->name : err.text);
    }
}

static void test_what_is_not_mapped_is_named(void **state)
{
    (void)state;
    struct descriptor_set *bad = load_set("bad_contracts"), *old = load_set("bad_proto2");
    struct err err = ERR_INIT;
    const struct message_type *type = find_type(bad, "pactolus.test.bad.v1.HasAny");
    assert_null(type_for_field(find_field(type, "anything"), &err));
    assert_string_equal(err.text,
                        "field anything is a google.protobuf.Any, which is not mapped yet");
    assert_int_equal(err.class, ERR_HALT);
    type = find_type(bad, "pactolus.test.bad.v1.HasAnyBelow");
    assert_null(type_for_field(find_field(type, "below"), &err));
    assert_contains(err.text, "pactolus.test.bad.v1.HasAny.anything");
    type = find_type(old, "pactolus.test.bad.v2.HasGroup");
    assert_null(type_for_field(&type->unsupported[0], &err));
    assert_contains(err.text, "field part is a group");
    type = find_type(old, "pactolus.test.bad.v2.HasExtension");
    assert_null(type_for_field(&type->unsupported[0], &err));
    assert_contains(err.text, "field more is an extension");
    type = find_type(old, "pactolus.test.bad.v2.GroupBelow");
    assert_null(type_for_field(find_field(type, "below"), &err));
    assert_contains(err.text, "pactolus.test.bad.v2.HasGroup.part is a group");
    descriptor_set_free(bad);
    descriptor_set_free(old);
}

static void expect_override(const char *field, const char *sql, int id)
{
    struct err err = ERR_INIT;
    const struct type *type = type_override(find_field(all, field), sql, &err);
    if (type ? (int)type->id != id : id >= 0)
        fail_msg("%s as %s: %s", field, sql, type ? type->sql : err.text);
    assert_true(type || *err.text);
}

static void test_overrides(void **state)
{
    (void)state;
    expect_override("f_string", "uuid", TYPE_UUID);
    expect_override("f_string", "text", TYPE_TEXT);
    expect_override("w_string", "uuid", TYPE_UUID);
    expect_override("r_string", "uuid[]", TYPE_UUID);
    expect_override("r_string", "uuid", TYPE_UUID);
    expect_override("f_string", "uuid[]", -1);
    expect_override("f_uint64", "bigint", TYPE_BIGINT);
    expect_override("f_fixed64", "int8", TYPE_BIGINT);
    expect_override("f_uint64", "numeric(20,0)", TYPE_NUMERIC_U64);
    expect_override("f_color", "text", TYPE_ENUM);
    expect_override("tree", "jsonb", TYPE_JSONB);
    expect_override("at", "jsonb", TYPE_JSONB);
    expect_override("at", "timestamptz", TYPE_TIMESTAMPTZ);
    expect_override("r_at", "jsonb", -1);
    expect_override("f_int32", "uuid", -1);
    expect_override("f_int64", "integer", -1);
    expect_override("f_string", "varchar", -1);
    expect_override("f_string", "", -1);
    struct err err = ERR_INIT;
    assert_null(type_override(find_field(all, "f_string"), "inet", &err));
    assert_string_equal(err.text, "field f_string cannot be a column of type inet");
    assert_string_equal(err.hint, "it may be text or uuid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_whole),
        cmocka_unit_test(test_each_field_has_its_type),
        cmocka_unit_test(test_what_is_not_mapped_is_named),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
