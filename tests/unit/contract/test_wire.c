/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/wire.h"

#include "fixture.h"

#include <stdlib.h>

static struct descriptor_set *set;
static const struct message_type *all, *tree;

static int setup(void **state)
{
    (void)state;
    set = load_set("all_types");
    all = find_type(set, "pactolus.test.v1.AllTypes");
    tree = find_type(set, "pactolus.test.v1.Tree");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    descriptor_set_free(set);
    return 0;
}

static const struct wire_limits limits = {.depth_max = 5, .field_max = 20, .fields_max = 30};

/* The bytes are copied to the heap, so that reading past them shows under ASan. */
static struct wire_walk walk(const struct message_type *type, const void *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1);
    struct wire_walk walk = {.fault = WIRE_OK};
    memcpy(copy, bytes, length);
    bool good =
        wire_check(&walk, &type->pb, (struct span){.data = copy, .length = length}, &limits);
    assert_int_equal(good, walk.fault == WIRE_OK);
    free(copy);
    return walk;
}

#define WALK(type, bytes)         walk(type, bytes, sizeof(bytes) - 1)
#define EXPECT(type, bytes, what) assert_int_equal(WALK(type, bytes).fault, what)

static void test_good_messages(void **state)
{
    (void)state;
    EXPECT(all, "", WIRE_OK);
    EXPECT(all, "\x08\x01", WIRE_OK);                                     /* f_int32 */
    EXPECT(all, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", WIRE_OK); /* -1, ten bytes */
    EXPECT(all,
           "\x72\x03"
           "abc",
           WIRE_OK);                          /* f_string */
    EXPECT(all, "\x7a\x02\x00\xff", WIRE_OK); /* f_bytes takes what text does not */
    EXPECT(all,
           "\x72\x01"
           "a\x08\x01\x72\x01"
           "b",
           WIRE_OK);                                  /* any order, twice */
    EXPECT(all, "\xf8\xff\xff\xff\x0f\x01", WIRE_OK); /* field 2^29-1 */
    struct wire_walk absent = {.fault = WIRE_OK};
    assert_true(wire_check(&absent, &all->pb, (struct span){NULL, 0}, &limits));
}

static void test_packed_or_not(void **state)
{
    (void)state;
    EXPECT(all, "\x9a\x03\x03\x01\xac\x02", WIRE_OK);     /* r_int32 (51) packed: 1, 300 */
    EXPECT(all, "\x98\x03\x01\x98\x03\xac\x02", WIRE_OK); /* the same unpacked */
    EXPECT(all, "\xaa\x03\x08\x01\x02\x03\x04\x05\x06\x07\x08", WIRE_OK); /* r_fixed32 (53) */
    EXPECT(all, "\xaa\x03\x03\x01\x02\x03", WIRE_TRUNCATED);
    EXPECT(all, "\xb2\x03\x04\x01\x02\x03\x04", WIRE_TRUNCATED); /* r_double (54) */
    EXPECT(all, "\x9a\x03\x02\x01\x80", WIRE_TRUNCATED);
    EXPECT(all, "\x9a\x03\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", WIRE_VARINT);
}

static void test_truncated(void **state)
{
    (void)state;
    EXPECT(all, "\x08", WIRE_TRUNCATED);
    EXPECT(all, "\x08\x80", WIRE_TRUNCATED);
    EXPECT(all, "\x80", WIRE_TRUNCATED);
    EXPECT(all, "\x72", WIRE_TRUNCATED);
    EXPECT(all,
           "\x72\x04"
           "abc",
           WIRE_TRUNCATED);
    EXPECT(all, "\x61\x01\x02\x03", WIRE_TRUNCATED);
    EXPECT(all, "\x5d\x01\x02\x03", WIRE_TRUNCATED);
    EXPECT(all, "\x72\xff\xff\xff\xff\x0f", WIRE_TRUNCATED); /* a length of 4 GiB */
}

static void test_varints_and_tags(void **state)
{
    (void)state;
    EXPECT(all, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", WIRE_VARINT);
    EXPECT(all, "\x88\x80\x80\x80\x80\x00\x01", WIRE_VARINT); /* tag of six bytes */
    EXPECT(all, "\xf8\xff\xff\xff\x1f\x01", WIRE_VARINT);     /* tag past 32 bits */
    EXPECT(all, "\x72\x80\x80\x80\x80\x10", WIRE_VARINT);     /* length past 32 bits */
    EXPECT(all, "\x00\x01", WIRE_TAG);                        /* field 0 */
    EXPECT(all, "\x0e\x01", WIRE_TAG);                        /* wire type 6 */
    EXPECT(all, "\x0f\x01", WIRE_TAG);                        /* wire type 7 */
    EXPECT(all, "\x0b\x0c", WIRE_GROUP);
    EXPECT(all, "\xc3\x3e\xc4\x3e", WIRE_GROUP); /* of a field that is not known, too */
}

static void test_wire_types(void **state)
{
    (void)state;
    EXPECT(all, "\x0d\x01\x02\x03\x04", WIRE_TYPE); /* int32 as fixed32 */
    EXPECT(all, "\x0a\x01\x01", WIRE_TYPE);         /* singular int32 is never packed */
    EXPECT(all, "\x70\x01", WIRE_TYPE);             /* string as varint */
    EXPECT(all, "\x58\x01", WIRE_TYPE);             /* float as varint */
    struct wire_walk at = WALK(all, "\x08\x01\x70\x01");
    assert_int_equal(at.offset, 2);
    assert_int_equal(at.field, 14);
    assert_int_equal(at.depth, 1);
}

static void test_text(void **state)
{
    (void)state;
    EXPECT(all, "\x72\x02\xc3\xa4", WIRE_OK);
    EXPECT(all, "\x72\x01\xc3", WIRE_UTF8);
    EXPECT(all, "\x72\x03\xed\xa0\x80", WIRE_UTF8);
    EXPECT(all,
           "\x72\x03"
           "a\x00"
           "b",
           WIRE_NUL);
    /* within a message within a message, with its place */
    struct wire_walk at = WALK(tree, "\x12\x05\x12\x03\x0a\x01\xff");
    assert_int_equal(at.fault, WIRE_UTF8);
    assert_int_equal(at.depth, 3);
    assert_int_equal(at.field, 1);
    assert_int_equal(at.offset, 6);
}

static void test_depth(void **state)
{
    (void)state;
    EXPECT(tree, "\x12\x06\x12\x04\x12\x02\x12\x00", WIRE_OK);            /* five deep */
    EXPECT(tree, "\x12\x08\x12\x06\x12\x04\x12\x02\x12\x00", WIRE_DEPTH); /* six */
    char deep[20000];
    size_t length = 0;
    /* from the inside out, as long as a two-byte length can tell it */
    for (unsigned i = 0; i < 3000; i++) {
        char header[4] = {0x12, (char)((length & 0x7f) | 0x80), (char)(length >> 7), 0};
        size_t bytes = length < 128 ? 2 : 3;
        if (length < 128)
            header[1] = (char)length;
        memmove(deep + bytes, deep, length);
        memcpy(deep, header, bytes);
        length += bytes;
    }
    assert_int_equal(walk(tree, deep, length).fault, WIRE_DEPTH);
}

static void test_sizes(void **state)
{
    (void)state;
    EXPECT(all,
           "\x72\x14"
           "12345678901234567890",
           WIRE_OK);
    EXPECT(all,
           "\x72\x15"
           "123456789012345678901",
           WIRE_SIZE);
    EXPECT(all,
           "\x7a\x15"
           "123456789012345678901",
           WIRE_SIZE);
    char many[62];
    for (unsigned i = 0; i < 31; i++)
        memcpy(many + 2 * i, "\x12\x00", 2);
    assert_int_equal(walk(tree, many, 60).fault, WIRE_OK);
    assert_int_equal(walk(tree, many, 62).fault, WIRE_FIELDS);
}

struct noted {
    unsigned count, last;
    const ProtobufCMessageDescriptor *type;
};

static void note(void *context, const ProtobufCMessageDescriptor *type, unsigned number)
{
    struct noted *noted = context;
    noted->count++;
    noted->last = number;
    noted->type = type;
}

static void test_unknown_fields(void **state)
{
    (void)state;
    struct noted noted = {0};
    struct wire_walk walk = {.on_unknown = note, .context = &noted};
    /* 100: varint; 1 known; tree (71) holding 9: bytes */
    static const char bytes[] = "\xa0\x06\x01\x08\x01\xba\x04\x04\x4a\x02xy";
    struct span span = {.data = bytes, .length = sizeof bytes - 1};
    assert_true(wire_check(&walk, &all->pb, span, &limits));
    assert_int_equal(walk.unknown, 2);
    assert_int_equal(walk.unknown_first, 100);
    assert_int_equal(noted.count, 2);
    assert_int_equal(noted.last, 9);
    assert_ptr_equal(noted.type, &tree->pb);
}

static void test_nothing_fits_the_empty_message(void **state)
{
    (void)state;
    const struct message_type *nothing = find_type(set, "pactolus.test.v1.Nothing");
    struct wire_walk at = WALK(nothing, "\x08\x01");
    assert_int_equal(at.fault, WIRE_OK);
    assert_int_equal(at.unknown, 1);
}

/* Whatever the guard lets pass, protobuf-c can unpack: every cut of a message and every flipped
 * bit. */
static void test_passed_bytes_unpack(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\x96\x01\x72\x02hi\x7a\x01z\x80\x01\x07\x9a\x03\x02\x01\x02"
                                "\xba\x04\x07\x0a\x01t\x12\x02\x0a\x00\xe2\x05\x01o";
    size_t length = sizeof bytes - 1;
    unsigned passed = 0;
    for (size_t bit = 0; bit <= 8 * length; bit++) {
        char copy[sizeof bytes];
        memcpy(copy, bytes, length);
        if (bit < 8 * length)
            copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        for (size_t cut = 0; cut <= length; cut++) {
            if (walk(all, copy, cut).fault != WIRE_OK)
                continue;
            ProtobufCMessage *message =
                protobuf_c_message_unpack(&all->pb, NULL, cut, (const unsigned char *)copy);
            assert_non_null(message);
            protobuf_c_message_free_unpacked(message, NULL);
            passed++;
        }
    }
    assert_true(passed > 1000);
}

static void test_reader(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\xac\x02\x12\x02xy\x1d\x01\x02\x03\x04\x21\x01\x00\x00\x00\x00"
                                "\x00\x00\x80";
    struct wire_reader reader;
    struct wire_field field;
    wire_reader_init(&reader, (struct span){.data = bytes, .length = sizeof bytes - 1});
    assert_true(wire_reader_next(&reader, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.varint, 300);
    assert_true(wire_reader_next(&reader, &field));
    assert_int_equal(field.wire_type, 2);
    assert_true(span_is(field.bytes, "xy"));
    assert_true(wire_reader_next(&reader, &field));
    assert_int_equal(field.varint, 0x04030201);
    assert_true(wire_reader_next(&reader, &field));
    assert_true(field.varint == 0x8000000000000001u);
    assert_false(wire_reader_next(&reader, &field));
    assert_false(reader.failed);

    wire_reader_init(&reader, (struct span){.data = "\x0b\x0c", .length = 2});
    assert_false(wire_reader_next(&reader, &field));
    assert_true(reader.failed);
    wire_reader_init(&reader, (struct span){.data = "\x12\x05x", .length = 3});
    assert_false(wire_reader_next(&reader, &field));
    assert_true(reader.failed);
    wire_reader_init(&reader, (struct span){NULL, 0});
    assert_false(wire_reader_next(&reader, &field));
    assert_false(reader.failed);
}

static void test_every_fault_has_a_text(void **state)
{
    (void)state;
    for (int fault = WIRE_OK; fault <= WIRE_FIELDS; fault++)
        assert_true(strlen(wire_fault_text((enum wire_fault)fault)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_messages),
        cmocka_unit_test(test_packed_or_not),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_varints_and_tags),
        cmocka_unit_test(test_wire_types),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_nothing_fits_the_empty_message),
        cmocka_unit_test(test_passed_bytes_unpack),
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_every_fault_has_a_text),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
