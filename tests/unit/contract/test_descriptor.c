/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/descriptor.h"

#include "fixture.h"

#include <stdlib.h>

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

static void test_names_and_comments(void **state)
{
    (void)state;
    assert_true(descriptor_set_has_source_info(set));
    assert_string_equal(all->full_name, "pactolus.test.v1.AllTypes");
    assert_string_equal(all->package, "pactolus.test.v1");
    assert_string_equal(all->file, "all_types.proto");
    assert_string_equal(all->comment, "All of them.\nOn two lines.");
    assert_int_equal(all->line, 16);
    assert_true(all->proto3);
    const struct field_type *field = find_field(all, "f_int32");
    assert_string_equal(field->comment, "trailing comment");
    assert_int_equal(field->line, 17);
    assert_string_equal(find_field(all, "f_string")->comment, "Leading comment.");
    assert_string_equal(find_field(all, "f_bytes")->comment, "");
    assert_string_equal(field->json_name, "fInt32");
    assert_string_equal(find_field(all, "json_named")->json_name, "customName");
    assert_ptr_equal(descriptor_set_message(set, ".pactolus.test.v1.Tree"),
                     find_type(set, "pactolus.test.v1.Tree"));
    assert_null(descriptor_set_message(set, "pactolus.test.v1.Color")); /* an enum */
    assert_null(descriptor_set_message(set, "pactolus.test.v1.Trees"));
}

static void test_fields_by_number_and_name(void **state)
{
    (void)state;
    assert_int_equal(all->n_fields, all->pb.n_fields);
    for (unsigned i = 0; i < all->n_fields; i++) {
        const struct field_type *field = &all->fields[i];
        assert_ptr_equal(field->pb, &all->pb.fields[i]);
        assert_true(i == 0 || field->pb->id > field[-1].pb->id);
        assert_ptr_equal(message_type_field(all, field->name), field);
        assert_ptr_equal(message_type_field_number(all, field->pb->id), field);
        assert_ptr_equal(protobuf_c_message_descriptor_get_field(&all->pb, field->pb->id),
                         field->pb);
        assert_ptr_equal(protobuf_c_message_descriptor_get_field_by_name(&all->pb, field->name),
                         field->pb);
    }
    assert_null(message_type_field(all, "none"));
    assert_null(message_type_field_number(all, 17));
    assert_null(message_type_field_number(all, 0));
    const struct message_type *nothing = find_type(set, "pactolus.test.v1.Nothing");
    assert_null(nothing->pb.fields);
    assert_null(message_type_field(nothing, "x"));
}

static void test_presence_and_labels(void **state)
{
    (void)state;
    assert_false(find_field(all, "f_int32")->presence);
    assert_int_equal(find_field(all, "f_int32")->pb->label, PROTOBUF_C_LABEL_NONE);
    assert_ptr_equal(find_field(all, "f_string")->pb->default_value, protobuf_c_empty_string);
    assert_true(find_field(all, "o_int32")->presence);
    assert_null(find_field(all, "o_int32")->oneof);
    assert_int_equal(find_field(all, "o_int32")->oneof_index, -1);
    assert_true(find_field(all, "o_string")->presence);
    assert_null(find_field(all, "o_string")->pb->default_value);
    assert_true(find_field(all, "at")->presence);
    assert_false(find_field(all, "r_int32")->presence);
    assert_true(find_field(all, "r_int32")->repeated);
    assert_true(find_field(all, "r_int32")->pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
    assert_false(find_field(all, "r_unpacked")->pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
    assert_false(find_field(all, "r_string")->pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
    const struct field_type *member = find_field(all, "c_string");
    assert_true(member->presence);
    assert_string_equal(member->oneof, "choice");
    assert_int_equal(member->oneof_index, 0);
    assert_int_equal(all->n_oneofs, 1);
    assert_string_equal(all->oneofs[0].name, "choice");
    assert_int_equal(member->pb->offset, find_field(all, "c_bytes")->pb->offset);
    const struct field_type *map = find_field(all, "m_int32");
    assert_true(map->map);
    assert_false(map->repeated);
    assert_true(map->message->map_entry);
    assert_string_equal(map->message->fields[1].message->full_name, "pactolus.test.v1.Tree");
    assert_int_equal(find_field(all, "f_color")->enumeration->n_values, 5);
}

/* Members must neither overlap (but for oneofs) nor stick out, and must be aligned. */
static void test_layout(void **state)
{
    (void)state;
    const struct message_type *type;
    for (unsigned i = 0; (type = descriptor_set_message_at(set, i)); i++) {
        unsigned char *used = calloc(1, type->pb.sizeof_message);
        memset(used, 1, sizeof(ProtobufCMessage));
        bool oneof_seen[8] = {false};
        for (unsigned j = 0; j < type->n_fields; j++) {
            const struct field_type *field = &type->fields[j];
            bool many = field->repeated || field->map;
            size_t bytes = many ? sizeof(void *) : 4;
            if (!many && (field->pb->type == PROTOBUF_C_TYPE_BYTES))
                bytes = sizeof(ProtobufCBinaryData);
            else if (field->pb->type == PROTOBUF_C_TYPE_STRING ||
                     field->pb->type == PROTOBUF_C_TYPE_MESSAGE ||
                     field->pb->type == PROTOBUF_C_TYPE_DOUBLE ||
                     field->pb->type == PROTOBUF_C_TYPE_INT64 ||
                     field->pb->type == PROTOBUF_C_TYPE_UINT64)
                bytes = 8;
            assert_true(field->pb->offset + bytes <= type->pb.sizeof_message);
            assert_int_equal(field->pb->offset % (bytes > 8 ? 8 : bytes), 0);
            if (field->oneof_index >= 0 && oneof_seen[field->oneof_index])
                continue;
            if (field->oneof_index >= 0)
                oneof_seen[field->oneof_index] = true;
            for (size_t k = 0; k < bytes; k++)
                assert_int_equal(used[field->pb->offset + k]++, 0);
            size_t quantifier = many ? sizeof(size_t) : field->pb->quantifier_offset ? 4 : 0;
            for (size_t k = 0; k < quantifier; k++)
                assert_int_equal(used[field->pb->quantifier_offset + k]++, 0);
        }
        free(used);
    }
}

static const void *member(const ProtobufCMessage *message, const char *name)
{
    return (const char *)message +
           find_field((const struct message_type *)message->descriptor, name)->pb->offset;
}

/* Bytes in, members read, bytes out: the same bytes, since fields are written in number order. */
static void test_unpack_and_pack(void **state)
{
    (void)state;
    static const unsigned char good[] =
        "\x08\x96\x01"                         /* 1 f_int32 = 150 */
        "\x10\x03"                             /* 2 f_sint32 = -2 */
        "\x61\x00\x00\x00\x00\x00\x00\xf8\x3f" /* 12 f_double = 1.5 */
        "\x68\x01"                             /* 13 f_bool */
        "\x72\x02hi"                           /* 14 f_string */
        "\x80\x01\x07"                         /* 16 f_color = BLUE */
        "\xa8\x01\x00"                         /* 21 o_int32 = 0, set */
        "\xca\x01\x00"                         /* 25 o_string = "", set */
        "\xfa\x01\x02\x08\x05"                 /* 31 at = 5 s */
        "\x9a\x03\x03\x01\xac\x02"             /* 51 r_int32 = 1, 300 */
        "\xba\x03\x02\x01\x00"                 /* 55 r_bool packed */
        "\xc2\x03\x01"
        "a\xc2\x03\x01"
        "b"                                       /* 56 r_string */
        "\xba\x04\x09\x0a\x01t\x12\x04\x0a\x02xx" /* 71 tree with a child */
        "\xca\x04\x05\x0a\x01k\x10\x2a"           /* 73 m_string k → 42 */
        "\xe2\x05\x01o"                           /* 92 c_string */
        "\xf8\xff\xff\xff\x0f\x01";               /* 536870911 */
    size_t length = sizeof good - 1;
    ProtobufCMessage *message = protobuf_c_message_unpack(&all->pb, NULL, length, good);
    assert_non_null(message);
    assert_int_equal(*(const int32_t *)member(message, "f_int32"), 150);
    assert_int_equal(*(const int32_t *)member(message, "f_sint32"), -2);
    assert_true(*(const double *)member(message, "f_double") == 1.5);
    assert_int_equal(*(const protobuf_c_boolean *)member(message, "f_bool"), 1);
    assert_string_equal(*(char *const *)member(message, "f_string"), "hi");
    assert_string_equal(*(char *const *)member(message, "c_string"), "o");
    assert_int_equal(((const int32_t *const *)member(message, "r_int32"))[0][1], 300);
    const ProtobufCMessage *tree = *(ProtobufCMessage *const *)member(message, "tree");
    assert_string_equal(tree->descriptor->name, "pactolus.test.v1.Tree");
    assert_int_equal(message->n_unknown_fields, 0);

    unsigned char *packed = malloc(protobuf_c_message_get_packed_size(message));
    assert_int_equal(protobuf_c_message_pack(message, packed), length);
    assert_memory_equal(packed, good, length);
    free(packed);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void test_the_last_member_of_a_oneof_wins(void **state)
{
    (void)state;
    static const unsigned char bytes[] = "\xe2\x05\x01o\xea\x05\x03xyz\xd8\x05\x09";
    ProtobufCMessage *message = protobuf_c_message_unpack(&all->pb, NULL, sizeof bytes - 1, bytes);
    assert_non_null(message);
    const ProtobufCFieldDescriptor *pb = find_field(all, "c_int32")->pb;
    assert_int_equal(*(const uint32_t *)((const char *)message + pb->quantifier_offset), 91);
    assert_int_equal(*(const int32_t *)member(message, "c_int32"), 9);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void test_enums(void **state)
{
    (void)state;
    const struct enum_type *color = find_field(all, "f_color")->enumeration;
    int number = 0;
    assert_true(color->open);
    assert_string_equal(color->full_name, "pactolus.test.v1.Color");
    assert_string_equal(enum_type_name(color, 1), "COLOR_RED"); /* not its alias */
    assert_string_equal(enum_type_name(color, 7), "COLOR_BLUE");
    assert_string_equal(enum_type_name(color, -2), "COLOR_INFRARED");
    assert_null(enum_type_name(color, 2));
    assert_int_equal(color->n_by_number, 4);
    assert_true(enum_type_number(color, "COLOR_CRIMSONish", 13, &number));
    assert_int_equal(number, 1);
    assert_false(enum_type_number(color, "COLOR_CRIMSO", 12, &number));
}

static void test_index_paths(void **state)
{
    (void)state;
    int path[8] = {0};
    const struct message_type *innermost =
        find_type(set, "pactolus.test.v1.AllTypes.Inner.Innermost");
    unsigned length = descriptor_index_path(innermost, path, 8);
    assert_int_equal(length, 3);
    assert_int_equal(path[0], 0);
    assert_int_equal(path[2], 0);
    assert_ptr_equal(descriptor_set_by_index(set, "all_types.proto", path, length), innermost);
    assert_int_equal(descriptor_index_path(innermost, path, 2), 2);
    assert_ptr_equal(descriptor_set_by_index(set, "all_types.proto", (int[]){1}, 1),
                     find_type(set, "pactolus.test.v1.Tree"));
    assert_null(descriptor_set_by_index(set, "all_types.proto", (int[]){99}, 1));
    assert_null(descriptor_set_by_index(set, "all_types.proto", (int[]){-1}, 1));
    assert_null(descriptor_set_by_index(set, "all_types.proto", path, 0));
    assert_null(descriptor_set_by_index(set, "other.proto", path, 1));
}

static void test_well_known(void **state)
{
    (void)state;
    assert_int_equal(find_field(all, "at")->message->well_known, WELL_KNOWN_TIMESTAMP);
    assert_int_equal(find_field(all, "w_uint64")->message->well_known, WELL_KNOWN_WRAPPER);
    assert_int_equal(find_field(all, "value")->message->well_known, WELL_KNOWN_VALUE);
    assert_int_equal(find_field(all, "nothing")->message->well_known, WELL_KNOWN_EMPTY);
    assert_int_equal(find_field(all, "tree")->message->well_known, WELL_KNOWN_NONE);
}

static void test_proto2(void **state)
{
    (void)state;
    struct descriptor_set *other = load_set("proto2_types");
    const struct message_type *type = find_type(other, "pactolus.test.v2.Proto2");
    assert_false(type->proto3);
    assert_true(find_field(type, "id")->proto2_required);
    assert_true(find_field(type, "number")->presence);
    assert_null(find_field(type, "text")->pb->default_value);
    assert_false(find_field(type, "plain")->pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
    assert_true(find_field(type, "packed")->pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
    assert_false(find_field(type, "kind")->enumeration->open);
    /* an entry without key or value reads as zero values, as in proto3 */
    const struct message_type *entry = find_field(type, "names")->message;
    assert_false(entry->fields[0].presence);
    static const unsigned char bytes[] = "\x0a\x01x\x42\x00";
    ProtobufCMessage *message = protobuf_c_message_unpack(&type->pb, NULL, sizeof bytes - 1, bytes);
    assert_non_null(message);
    protobuf_c_message_free_unpacked(message, NULL);
    assert_null(protobuf_c_message_unpack(&type->pb, NULL, 2, bytes + 3)); /* id is missing */
    descriptor_set_free(other);
}

static void test_groups_and_extensions_are_kept_aside(void **state)
{
    (void)state;
    struct descriptor_set *other = load_set("bad_proto2");
    const struct message_type *group = find_type(other, "pactolus.test.bad.v2.HasGroup");
    assert_int_equal(group->n_fields, 1);
    assert_int_equal(group->n_unsupported, 1);
    assert_int_equal(group->unsupported[0].unsupported, FIELD_GROUP);
    assert_string_equal(group->unsupported[0].name, "part");
    const struct message_type *extended = find_type(other, "pactolus.test.bad.v2.HasExtension");
    assert_int_equal(extended->n_unsupported, 1);
    assert_int_equal(extended->unsupported[0].unsupported, FIELD_EXTENSION);
    assert_string_equal(extended->unsupported[0].name, "more");
    assert_true(extended->unsupported[0].line > 0);
    descriptor_set_free(other);
}

static void test_files_that_are_no_sets(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(descriptor_set_load("/nonexistent/x.binpb", &err));
    assert_int_equal(err.class, ERR_HALT);
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_contains(err.hint, "--include_imports");
    assert_string_equal(err.place, "/nonexistent/x.binpb");
    assert_null(descriptor_set_load("/", &err));
    assert_null(descriptor_set_load("/dev/null", &err));
    assert_contains(err.text, "0");
    assert_null(descriptor_set_parse("garbage", 7, "x.binpb", &err));
    assert_contains(err.text, "not a descriptor set");
    assert_null(descriptor_set_load("/dev/zero", &err)); /* endless: stops at the limit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_comments),
        cmocka_unit_test(test_fields_by_number_and_name),
        cmocka_unit_test(test_presence_and_labels),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_unpack_and_pack),
        cmocka_unit_test(test_the_last_member_of_a_oneof_wins),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_index_paths),
        cmocka_unit_test(test_well_known),
        cmocka_unit_test(test_proto2),
        cmocka_unit_test(test_groups_and_extensions_are_kept_aside),
        cmocka_unit_test(test_files_that_are_no_sets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
