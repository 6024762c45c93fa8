/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/type.h"

#include "fixture.h"

static struct descriptor_set *set;
static const struct message_type *all, *mapped;
static struct descriptor_set *mapped_set;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    set = load_set("all_types");
    all = find_type(set, "pactolus.test.v1.AllTypes");
    mapped_set = load_set("mapped_types");
    mapped = find_type(mapped_set, "pactolus.test.mapped.v1.Mapped");
    arena_init(&arena, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    descriptor_set_free(set);
    descriptor_set_free(mapped_set);
    arena_free(&arena);
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
        {"nothing", TYPE_BOOLEAN},      {"c_tree", TYPE_JSONB},
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
    const struct message_type *type = find_type(bad, "pactolus.test.bad.v1.BareDecimal");
    assert_null(type_for_field(find_field(type, "rate"), &err));
    assert_contains(err.text, "field rate is a google.type.Decimal");
    assert_contains(err.hint, "numeric(p,s)");
    assert_int_equal(err.class, ERR_HALT);
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

static void expect_mapped(const char *field, const char *sql, const char *got)
{
    struct err err = ERR_INIT;
    const struct type *type = type_override(find_field(mapped, field), sql, &arena, &err);
    if (type ? !got || strcmp(type->sql, got) != 0 : got != NULL)
        fail_msg("%s as %s: %s", field, sql, type ? type->sql : err.text);
    assert_true(type || (*err.text && *err.hint));
}

static void test_google_type_overrides(void **state)
{
    (void)state;
    expect_mapped("day", "date", "date");
    expect_mapped("day", "text", "text");
    expect_mapped("day", "jsonb", "jsonb");
    expect_mapped("day", "uuid", NULL);
    expect_mapped("opens", "time", "time without time zone");
    expect_mapped("opens", "text", NULL);
    expect_mapped("price", "jsonb", "jsonb");
    expect_mapped("price", "numeric(28,9)", NULL);
    expect_mapped("rate", "numeric(12,4)", "numeric(12,4)");
    expect_mapped("rate", "numeric(1000, 1000)", "numeric(1000,1000)");
    expect_mapped("rate", "numeric(1,0)", "numeric(1,0)");
    expect_mapped("rate", "text", "text");
    expect_mapped("rate", "jsonb", "jsonb");
    static const char *const no_digits[] = {"numeric",         "numeric(p,s)",    "numeric(0,0)",
                                            "numeric(1001,0)", "numeric(3,4)",    "numeric(3)",
                                            "numeric(03,1)",   "numeric(3,1) ",   "numeric(3,-1)",
                                            "numeric(3,1",     "numeric(30000,1)"};
    for (size_t i = 0; i < sizeof no_digits / sizeof *no_digits; i++)
        expect_mapped("rate", no_digits[i], NULL);
    expect_mapped("valid", "tstzrange", "tstzrange");
    expect_mapped("valid", "jsonb", "jsonb");
    expect_mapped("days", "date[]", NULL); /* a list of messages is jsonb */
    expect_mapped("host", "inet", "inet");
    expect_mapped("hosts", "cidr[]", "cidr");
    expect_mapped("amounts", "numeric(4,1)[]", "numeric(4,1)");
    expect_mapped("amount", "jsonb", NULL);
    expect_mapped("phone", "jsonb", "jsonb");
    expect_mapped("anything", "text", NULL);
}

static void expect_override(const char *field, const char *sql, int id)
{
    struct err err = ERR_INIT;
    const struct type *type = type_override(find_field(all, field), sql, &arena, &err);
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
    expect_override("f_int32", "bigint", TYPE_BIGINT);
    expect_override("w_bool", "jsonb", -1);
    expect_override("f_bool", "jsonb", -1);
    expect_override("nothing", "jsonb", TYPE_JSONB);
    expect_override("f_int64", "integer", -1);
    expect_override("f_string", "varchar", -1);
    expect_override("f_string", "", -1);
    struct err err = ERR_INIT;
    assert_null(type_override(find_field(all, "f_string"), "point", &arena, &err));
    assert_string_equal(err.text, "field f_string cannot be a column of type point");
    assert_string_equal(err.hint, "it may be text or uuid or inet or cidr or numeric(p,s)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_whole),
        cmocka_unit_test(test_each_field_has_its_type),
        cmocka_unit_test(test_what_is_not_mapped_is_named),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_google_type_overrides),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
