/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor sets that no compiler writes: each is one error that names what is wrong. */
#include "contract/descriptor.h"

#include "google/protobuf/descriptor.pb-c.h"

#include "fixture.h"

#include <stdlib.h>

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

#define TYPE(name)  GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

/* A set of one proto3 file: the message p.M with the fields a and b, the message p.N with none, the
 * enum p.E. A test spoils one thing. */
static struct sample {
    Google__Protobuf__FileDescriptorSet set;
    Google__Protobuf__FileDescriptorProto file, *files[2];
    message_proto m, n, *messages[2];
    field_proto a, b, *fields[2];
    Google__Protobuf__OneofDescriptorProto oneof, *oneofs[1];
    Google__Protobuf__EnumDescriptorProto e, *enums[1];
    Google__Protobuf__EnumValueDescriptorProto value, *values[1];
    Google__Protobuf__MessageOptions options;
    char *dependencies[1];
    char file_name[16], package[16], syntax[16], m_name[64], n_name[64], a_name[16], b_name[16],
        e_name[16], value_name[16], oneof_name[16], type_name[64], import[64];
} s;

static char *text(char *into, size_t size, const char *value)
{
    snprintf(into, size, "%s", value);
    return into;
}
#define TEXT(member, value) text(s.member, sizeof s.member, value)

static void make_field(field_proto *field, char *name, int number)
{
    google__protobuf__field_descriptor_proto__init(field);
    field->name = name;
    field->has_number = field->has_label = field->has_type = 1;
    field->number = number;
    field->label = LABEL(OPTIONAL);
    field->type = TYPE(INT32);
}

static int setup(void **state)
{
    (void)state;
    google__protobuf__file_descriptor_set__init(&s.set);
    google__protobuf__file_descriptor_proto__init(&s.file);
    google__protobuf__descriptor_proto__init(&s.m);
    google__protobuf__descriptor_proto__init(&s.n);
    google__protobuf__oneof_descriptor_proto__init(&s.oneof);
    google__protobuf__enum_descriptor_proto__init(&s.e);
    google__protobuf__enum_value_descriptor_proto__init(&s.value);
    google__protobuf__message_options__init(&s.options);
    make_field(&s.a, TEXT(a_name, "a"), 1);
    make_field(&s.b, TEXT(b_name, "b"), 2);
    s.fields[0] = &s.a, s.fields[1] = &s.b;
    s.m.name = TEXT(m_name, "M"), s.m.field = s.fields, s.m.n_field = 2;
    s.n.name = TEXT(n_name, "N");
    s.messages[0] = &s.m, s.messages[1] = &s.n;
    s.oneof.name = TEXT(oneof_name, "one"), s.oneofs[0] = &s.oneof;
    s.value.name = TEXT(value_name, "ZERO"), s.value.has_number = 1, s.values[0] = &s.value;
    s.e.name = TEXT(e_name, "E"), s.e.value = s.values, s.e.n_value = 1, s.enums[0] = &s.e;
    s.file.name = TEXT(file_name, "p.proto"), s.file.package = TEXT(package, "p");
    s.file.syntax = TEXT(syntax, "proto3");
    s.file.message_type = s.messages, s.file.n_message_type = 2;
    s.file.enum_type = s.enums, s.file.n_enum_type = 1;
    s.files[0] = s.files[1] = &s.file, s.set.file = s.files, s.set.n_file = 1;
    return 0;
}

static struct descriptor_set *parse(struct err *err)
{
    size_t length = google__protobuf__file_descriptor_set__get_packed_size(&s.set);
    unsigned char *bytes = malloc(length + 1);
    google__protobuf__file_descriptor_set__pack(&s.set, bytes);
    struct descriptor_set *set = descriptor_set_parse(bytes, length, "x.binpb", err);
    free(bytes);
    return set;
}

static void expect_fault(const char *part)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set = parse(&err);
    if (set)
        fail_msg("parsed, although: %s", part);
    assert_contains(err.text, part);
    assert_int_equal(err.class, ERR_HALT);
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_true(*err.place);
}

static void expect_good(void)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set = parse(&err);
    if (!set)
        fail_msg("%s", err.text);
    descriptor_set_free(set);
}

static void test_the_sample_is_good(void **state)
{
    (void)state;
    expect_good();
    assert_int_equal(s.n.n_field, 0);
}

static void test_names(void **state)
{
    (void)state;
    TEXT(m_name, "1M");
    expect_fault("\"1M\" is not the name of a message");
    TEXT(m_name, "M");
    TEXT(a_name, "a.b");
    expect_fault("not the name of a field");
    TEXT(a_name, "b");
    expect_fault("two fields b");
    TEXT(a_name, "");
    expect_fault("field without a name");
    TEXT(a_name, "a");
    TEXT(n_name, "M");
    expect_fault("p.M is defined twice: in p.proto and in p.proto");
    TEXT(n_name, "E");
    expect_fault("p.E is defined twice");
    TEXT(n_name, "N");
    TEXT(package, "p..q");
    expect_fault("not a package name");
    TEXT(package, "p.");
    expect_fault("not a package name");
    TEXT(package, "p.q1");
    expect_good();
}

static void test_numbers(void **state)
{
    (void)state;
    s.b.number = 1;
    expect_fault("fields a and b of p.M have one number, 1");
    s.b.number = 0;
    expect_fault("field p.M.b: its number");
    s.b.number = -1;
    expect_fault("its number");
    s.b.number = 1 << 29;
    expect_fault("its number");
    s.b.number = (1 << 29) - 1;
    expect_good();
}

static void test_types(void **state)
{
    (void)state;
    s.a.type = TYPE(MESSAGE);
    expect_fault("field p.M.a has the type \"\", which is not in the set");
    s.a.type_name = TEXT(type_name, ".p.Missing");
    expect_fault("has the type .p.Missing, which is not in the set");
    TEXT(type_name, ".p.E");
    expect_fault("which is not in the set"); /* an enum where a message should be */
    TEXT(type_name, ".p.N");
    expect_good();
    s.a.has_type = 0;
    expect_good();
    s.a.has_type = 1;
    s.a.type = 19;
    expect_fault("its type does not exist");
    s.a.type = 0;
    expect_fault("its type does not exist");
    s.a.type = -1;
    expect_fault("its type does not exist");
}

static void test_oneofs(void **state)
{
    (void)state;
    s.m.oneof_decl = s.oneofs;
    s.m.n_oneof_decl = 1;
    s.a.has_oneof_index = 1;
    expect_good();
    s.a.oneof_index = 1;
    expect_fault("field p.M.a: its oneof does not exist");
    s.a.oneof_index = -1;
    expect_fault("its oneof does not exist");
    s.a.oneof_index = 0;
    s.a.label = LABEL(REPEATED);
    expect_fault("a member of a oneof cannot be repeated");
    s.a.label = LABEL(OPTIONAL);
    s.a.has_proto3_optional = s.a.proto3_optional = 1;
    expect_good();
    s.b.has_oneof_index = 1;
    expect_fault("stands for an optional field but has 2");
}

static void test_map_entries(void **state)
{
    (void)state;
    s.options.has_map_entry = s.options.map_entry = 1;
    s.m.options = &s.options; /* int32 a = 1, int32 b = 2 has the shape */
    expect_good();
    s.a.type = TYPE(DOUBLE);
    expect_fault("message p.M is marked as a map entry");
    s.a.type = TYPE(INT32);
    s.b.label = LABEL(REPEATED);
    expect_fault("marked as a map entry");
    s.m.n_field = 1;
    expect_fault("marked as a map entry");
    s.m.options = NULL;
    s.n.options = &s.options;
    expect_fault("message p.N is marked as a map entry");
}

static void test_a_map_entry_serves_its_own_field(void **state)
{
    (void)state;
    field_proto outer, *outers[1] = {&outer};
    s.options.has_map_entry = s.options.map_entry = 1;
    s.m.options = &s.options;
    make_field(&outer, TEXT(oneof_name, "outer"), 1);
    outer.type = TYPE(MESSAGE);
    outer.type_name = TEXT(type_name, ".p.M");
    outer.label = LABEL(REPEATED);
    s.n.field = outers;
    s.n.n_field = 1;
    expect_fault("field p.N.outer uses the map entry p.M of another field");
    message_proto *nested[1] = {&s.m};
    s.messages[0] = &s.n;
    s.file.n_message_type = 1;
    s.n.nested_type = nested;
    s.n.n_nested_type = 1;
    TEXT(type_name, ".p.N.M");
    expect_good();
    outer.label = LABEL(OPTIONAL);
    expect_fault("field p.N.outer uses the map entry p.N.M");
}

static void test_enums(void **state)
{
    (void)state;
    s.e.n_value = 0;
    expect_fault("enum p.E has no values");
    s.e.n_value = 1;
    s.value.number = 3;
    expect_fault("the first value of enum p.E is not 0");
    TEXT(syntax, "proto2");
    expect_good();
}

static void test_files(void **state)
{
    (void)state;
    TEXT(syntax, "editions");
    expect_fault("syntax \"editions\" is not supported");
    TEXT(syntax, "proto3");
    s.dependencies[0] = TEXT(import, "google/protobuf/timestamp.proto");
    s.file.dependency = s.dependencies;
    s.file.n_dependency = 1;
    expect_fault("p.proto imports google/protobuf/timestamp.proto, which is not in the set");
    s.file.n_dependency = 0;
    s.set.n_file = 2;
    expect_fault("file p.proto is in the set twice");
    s.set.n_file = 1;
    s.file.name = NULL;
    expect_fault("a file without a usable name");
}

/* Code further on reads well-known types by their fields: another shape must not get that far. */
static void test_false_well_known_types(void **state)
{
    (void)state;
    TEXT(package, "google.protobuf");
    TEXT(m_name, "Timestamp");
    expect_fault("message google.protobuf.Timestamp has not the fields");
    TEXT(a_name, "seconds");
    TEXT(b_name, "nanos");
    s.a.type = TYPE(INT64);
    expect_good();
    s.b.label = LABEL(REPEATED);
    expect_fault("has not the fields");
    s.b.label = LABEL(OPTIONAL);
    TEXT(m_name, "Struct");
    expect_fault("message google.protobuf.Struct has not the fields");
    TEXT(m_name, "Empty");
    expect_fault("message google.protobuf.Empty has not the fields");
}

static void test_extensions(void **state)
{
    (void)state;
    s.file.extension = s.fields;
    s.file.n_extension = 1;
    expect_fault("extension a extends nothing");
    s.a.extendee = TEXT(type_name, ".p.Missing");
    expect_fault("extension a extends .p.Missing, which is not a message");
    TEXT(type_name, ".p.N");
    expect_good();
}

static void test_nesting(void **state)
{
    (void)state;
    static message_proto chain[200], *links[200];
    for (unsigned i = 0; i < 200; i++) {
        google__protobuf__descriptor_proto__init(&chain[i]);
        chain[i].name = s.n_name;
        links[i] = &chain[i];
        if (i > 0) {
            chain[i].nested_type = &links[i - 1];
            chain[i].n_nested_type = 1;
        }
    }
    s.messages[1] = links[DESCRIPTOR_DEPTH_MAX - 1];
    expect_good();
    s.messages[1] = links[DESCRIPTOR_DEPTH_MAX];
    expect_fault("nested deeper than 32");
    s.messages[1] = links[199];
    expect_fault("nested deeper than the limit"); /* the walk over the bytes stops it */
}

static void test_counts(void **state)
{
    (void)state;
    enum { MANY = 100001 };
    field_proto **fields = calloc(MANY, sizeof *fields);
    for (unsigned i = 0; i < MANY; i++)
        fields[i] = &s.a;
    s.m.field = fields;
    s.m.n_field = MANY;
    expect_fault("more than 100000");
    free(fields);
}

/* Cut anywhere, or with any bit flipped: an error or a set, never a crash (this is what ASan and
 * the fuzzer look at more closely). */
static void test_mangled_bytes(void **state)
{
    (void)state;
    s.m.oneof_decl = s.oneofs;
    s.m.n_oneof_decl = 1;
    s.a.has_oneof_index = 1;
    s.b.type = TYPE(MESSAGE);
    s.b.type_name = TEXT(type_name, ".p.M");
    size_t length = google__protobuf__file_descriptor_set__get_packed_size(&s.set);
    unsigned char *bytes = malloc(length);
    google__protobuf__file_descriptor_set__pack(&s.set, bytes);
    unsigned good = 0;
    for (size_t bit = 0; bit < 8 * length; bit++) {
        struct err err = ERR_INIT;
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << bit % 8);
        struct descriptor_set *set = descriptor_set_parse(bytes, length, "x", &err);
        assert_true(set || *err.text);
        good += set != NULL;
        descriptor_set_free(set);
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << bit % 8);
    }
    for (size_t cut = 0; cut < length; cut++) {
        struct err err = ERR_INIT;
        unsigned char *part = malloc(cut + 1);
        memcpy(part, bytes, cut);
        assert_null(descriptor_set_parse(part, cut, "x", &err));
        free(part);
    }
    assert_true(good > 0 && good < 8 * length);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_sample_is_good, setup),
        cmocka_unit_test_setup(test_names, setup),
        cmocka_unit_test_setup(test_numbers, setup),
        cmocka_unit_test_setup(test_types, setup),
        cmocka_unit_test_setup(test_oneofs, setup),
        cmocka_unit_test_setup(test_map_entries, setup),
        cmocka_unit_test_setup(test_a_map_entry_serves_its_own_field, setup),
        cmocka_unit_test_setup(test_enums, setup),
        cmocka_unit_test_setup(test_files, setup),
        cmocka_unit_test_setup(test_false_well_known_types, setup),
        cmocka_unit_test_setup(test_extensions, setup),
        cmocka_unit_test_setup(test_nesting, setup),
        cmocka_unit_test_setup(test_counts, setup),
        cmocka_unit_test_setup(test_mangled_bytes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
