/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/wire.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

/* Wire types of the encoding (protobuf.dev, "Encoding"). */
enum {
    WIRE_VARINT_VALUE = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_START = 3,
    WIRE_END = 4,
    WIRE_32 = 5
};

enum { TAG_BYTES_MAX = 5, VARINT_BYTES_MAX = 10 };

static const char *const fault_texts[] = {
    [WIRE_OK] = "no fault",
    [WIRE_TRUNCATED] = "a length or number runs past the end",
    [WIRE_VARINT] = "varint of more than 10 bytes, or a tag or length past 32 bits",
    [WIRE_TAG] = "field number or wire type that does not exist",
    [WIRE_GROUP] = "group delimiter",
    [WIRE_TYPE] = "known field with a wire type that it cannot have",
    [WIRE_DEPTH] = "nested deeper than the limit",
    [WIRE_UTF8] = "text that is not valid UTF-8",
    [WIRE_NUL] = "text with a NUL byte",
    [WIRE_SIZE] = "field longer than the limit",
    [WIRE_FIELDS] = "more fields than the limit",
};

const char *wire_fault_text(enum wire_fault fault)
{
    assert((size_t)fault < sizeof fault_texts / sizeof *fault_texts);
    return fault_texts[fault];
}

/* The wire type of one value of each ProtobufCType. */
static const unsigned char wire_types[] = {
    [PROTOBUF_C_TYPE_INT32] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_SINT32] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_SFIXED32] = WIRE_32,
    [PROTOBUF_C_TYPE_INT64] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_SINT64] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_SFIXED64] = WIRE_64,
    [PROTOBUF_C_TYPE_UINT32] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_FIXED32] = WIRE_32,
    [PROTOBUF_C_TYPE_UINT64] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_FIXED64] = WIRE_64,
    [PROTOBUF_C_TYPE_FLOAT] = WIRE_32,
    [PROTOBUF_C_TYPE_DOUBLE] = WIRE_64,
    [PROTOBUF_C_TYPE_BOOL] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_ENUM] = WIRE_VARINT_VALUE,
    [PROTOBUF_C_TYPE_STRING] = WIRE_BYTES,
    [PROTOBUF_C_TYPE_BYTES] = WIRE_BYTES,
    [PROTOBUF_C_TYPE_MESSAGE] = WIRE_BYTES,
};

/* Length of the varint at `at`: 0 when it runs past the end, more than `max` when over-long. */
static unsigned varint_length(const unsigned char *at, const unsigned char *end, unsigned max)
{
    for (unsigned i = 0; i < max; i++) {
        if (at + i == end)
            return 0;
        if (at[i] < 0x80)
            return i + 1;
    }
    return max + 1;
}

static uint64_t varint_value(const unsigned char *at, unsigned length)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < length; i++)
        value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
    return value;
}

/* A tag or a length: at most five bytes and 32 bits, which is all that protobuf-c takes. */
static enum wire_fault read_u32(const unsigned char **at, const unsigned char *end, uint32_t *value)
{
    if (*at < end && **at < 0x80) {
        *value = *(*at)++;
        return WIRE_OK;
    }
    unsigned length = varint_length(*at, end, TAG_BYTES_MAX);
    if (length == 0)
        return WIRE_TRUNCATED;
    if (length > TAG_BYTES_MAX)
        return WIRE_VARINT;
    uint64_t wide = varint_value(*at, length);
    if (wide > UINT32_MAX)
        return WIRE_VARINT;
    *value = (uint32_t)wide;
    *at += length;
    return WIRE_OK;
}

struct scan {
    struct wire_walk *walk;
    const struct wire_limits *limits;
    const unsigned char *start;
    size_t fields;
};

static bool fault_at(struct scan *scan, enum wire_fault fault, const unsigned char *at,
                     unsigned field, unsigned depth)
{
    scan->walk->fault = fault;
    scan->walk->offset = (size_t)(at - scan->start);
    scan->walk->field = field;
    scan->walk->depth = depth;
    return false;
}

/* The field with that number, by the ranges of consecutive numbers that a descriptor carries. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
                                                  unsigned number)
{
    unsigned low = 0, high = type->n_field_ranges;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const ProtobufCIntRange *range = &type->field_ranges[middle];
        unsigned start = (unsigned)range->start_value;
        if (number < start)
            high = middle;
        else if (number - start >= range[1].orig_index - range->orig_index)
            low = middle + 1;
        else
            return &type->fields[range->orig_index + (number - start)];
    }
    return NULL;
}

static enum wire_fault check_text(const unsigned char *at, size_t length)
{
    const char *text = (const char *)at;
    if (memchr(text, 0, length))
        return WIRE_NUL;
    return text_utf8_valid(text, length) ? WIRE_OK : WIRE_UTF8;
}

/* Elements of a packed field: whole ones, none over-long. */
static enum wire_fault check_packed(unsigned wire_type, const unsigned char *at, size_t length)
{
    if (wire_type == WIRE_32)
        return length % 4 ? WIRE_TRUNCATED : WIRE_OK;
    if (wire_type == WIRE_64)
        return length % 8 ? WIRE_TRUNCATED : WIRE_OK;
    const unsigned char *end = at + length;
    while (at < end) {
        unsigned n = varint_length(at, end, VARINT_BYTES_MAX);
        if (n == 0)
            return WIRE_TRUNCATED;
        if (n > VARINT_BYTES_MAX)
            return WIRE_VARINT;
        at += n;
    }
    return WIRE_OK;
}

static bool walk_message(struct scan *scan, const ProtobufCMessageDescriptor *type,
                         const unsigned char *at, const unsigned char *end, unsigned depth);

/* The contents of a known length-delimited field. */
static bool walk_bytes(struct scan *scan, const ProtobufCFieldDescriptor *field,
                       const unsigned char *at, size_t length, unsigned depth)
{
    enum wire_fault fault = WIRE_OK;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (depth >= scan->limits->depth_max)
            return fault_at(scan, WIRE_DEPTH, at, field->id, depth + 1);
        return walk_message(scan, field->descriptor, at, at + length, depth + 1);
    }
    if (scan->limits->field_max && length > scan->limits->field_max)
        fault = WIRE_SIZE;
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        fault = check_text(at, length);
    else if (field->type != PROTOBUF_C_TYPE_BYTES)
        fault = check_packed(wire_types[field->type], at, length);
    return fault == WIRE_OK || fault_at(scan, fault, at, field->id, depth);
}

/* Step over the value of wire type `wire_type` at *at; a length-delimited one leaves its contents
 * in `contents`. */
static enum wire_fault skip_value(unsigned wire_type, const unsigned char **at,
                                  const unsigned char *end, struct span *contents)
{
    size_t left = (size_t)(end - *at), size = 0;
    switch (wire_type) {
    case WIRE_VARINT_VALUE:
        size = varint_length(*at, end, VARINT_BYTES_MAX);
        if (size == 0)
            return WIRE_TRUNCATED;
        if (size > VARINT_BYTES_MAX)
            return WIRE_VARINT;
        break;
    case WIRE_64:
        size = 8;
        break;
    case WIRE_32:
        size = 4;
        break;
    case WIRE_BYTES: {
        uint32_t length = 0;
        enum wire_fault fault = read_u32(at, end, &length);
        if (fault != WIRE_OK)
            return fault;
        left = (size_t)(end - *at);
        size = length;
        contents->data = (const char *)*at;
        contents->length = length;
        break;
    }
    case WIRE_START:
    case WIRE_END:
        return WIRE_GROUP;
    default:
        return WIRE_TAG;
    }
    if (size > left)
        return WIRE_TRUNCATED;
    *at += size;
    return WIRE_OK;
}

static void note_unknown(struct scan *scan, const ProtobufCMessageDescriptor *type, unsigned number)
{
    struct wire_walk *walk = scan->walk;
    if (walk->unknown++ == 0)
        walk->unknown_first = number;
    if (walk->on_unknown)
        walk->on_unknown(walk->context, type, number);
}

/* May a field of this kind arrive with that wire type? Repeated numbers come packed or not. */
static bool wire_type_fits(const ProtobufCFieldDescriptor *field, unsigned wire_type)
{
    return wire_types[field->type] == wire_type ||
           (wire_type == WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED);
}

static bool walk_message(struct scan *scan, const ProtobufCMessageDescriptor *type,
                         const unsigned char *at, const unsigned char *end, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = type->fields;
    const ProtobufCFieldDescriptor *last = type->n_fields ? field + type->n_fields - 1 : NULL;
    while (at < end) {
        const unsigned char *start = at;
        uint32_t tag = 0;
        enum wire_fault fault = read_u32(&at, end, &tag);
        if (fault != WIRE_OK)
            return fault_at(scan, fault, start, 0, depth);
        unsigned number = tag >> 3, wire_type = tag & 7;
        if (number == 0)
            return fault_at(scan, WIRE_TAG, start, 0, depth);
        scan->fields++;
        if (scan->limits->fields_max && scan->fields > scan->limits->fields_max)
            return fault_at(scan, WIRE_FIELDS, start, number, depth);

        /* Writers send fields in number order: it is the last one again, or the next. */
        if (!field || field->id != number) {
            if (field && field < last && field[1].id == number)
                field++;
            else
                field = find_field(type, number);
        }
        struct span contents = {NULL, 0};
        fault = skip_value(wire_type, &at, end, &contents);
        if (fault != WIRE_OK)
            return fault_at(scan, fault, start, number, depth);
        if (!field) {
            note_unknown(scan, type, number);
            field = type->fields;
            continue;
        }
        if (!wire_type_fits(field, wire_type))
            return fault_at(scan, WIRE_TYPE, start, number, depth);
        if (wire_type == WIRE_BYTES &&
            !walk_bytes(scan, field, (const unsigned char *)contents.data, contents.length, depth))
            return false;
    }
    return true;
}

bool wire_check(struct wire_walk *walk, const ProtobufCMessageDescriptor *type, struct span bytes,
                const struct wire_limits *limits)
{
    static const unsigned char nothing[1];
    const unsigned char *start = bytes.data ? (const unsigned char *)bytes.data : nothing;
    struct scan scan = {.walk = walk, .limits = limits, .start = start};
    if (limits->depth_max == 0)
        return fault_at(&scan, WIRE_DEPTH, start, 0, 1);
    return walk_message(&scan, type, start, start + bytes.length, 1);
}

void wire_reader_init(struct wire_reader *reader, struct span bytes)
{
    reader->at = (const unsigned char *)bytes.data;
    reader->end = bytes.data ? reader->at + bytes.length : reader->at;
    reader->failed = false;
}

/* Little-endian, as fixed32 and fixed64 are on the wire. */
static uint64_t fixed_value(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

bool wire_reader_next(struct wire_reader *reader, struct wire_field *field)
{
    memset(field, 0, sizeof *field);
    if (reader->failed || reader->at == reader->end)
        return false;
    uint32_t tag = 0;
    reader->failed = true;
    if (read_u32(&reader->at, reader->end, &tag) != WIRE_OK || tag >> 3 == 0)
        return false;
    field->number = tag >> 3;
    field->wire_type = tag & 7;
    const unsigned char *value = reader->at;
    if (skip_value(field->wire_type, &reader->at, reader->end, &field->bytes) != WIRE_OK)
        return false;
    if (field->wire_type == WIRE_VARINT_VALUE)
        field->varint = varint_value(value, (unsigned)(reader->at - value));
    else if (field->wire_type != WIRE_BYTES)
        field->varint = fixed_value(value, field->wire_type == WIRE_32 ? 4 : 8);
    reader->failed = false;
    return true;
}
