/* SPDX-License-Identifier: Apache-2.0 */
#include "record/message.h"

#include <string.h>

static void *arena_take(void *arena, size_t bytes)
{
    return arena_alloc(arena, bytes);
}

static void arena_leave(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

ProtobufCAllocator message_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){.alloc = arena_take, .free = arena_leave, .allocator_data = arena};
}

ProtobufCMessage *message_unpack(const struct message_type *type, struct span payload,
                                 struct arena *arena, struct err *err)
{
    ProtobufCAllocator allocator = message_allocator(arena);
    struct arena_mark before = arena_mark(arena);
    ProtobufCMessage *message = protobuf_c_message_unpack(&type->pb, &allocator, payload.length,
                                                          (const uint8_t *)payload.data);
    if (!message) {
        arena_rewind(arena, before);
        err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                "the bytes are no %s (a required field may be missing)", type->full_name);
    }
    return message;
}

size_t message_value_size(ProtobufCType kind)
{
    switch (kind) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return sizeof(void *);
}

void message_init(const struct message_type *type, void *memory)
{
    ProtobufCMessage *message = memory;
    memset(memory, 0, type->pb.sizeof_message);
    message->descriptor = &type->pb;
    for (unsigned i = 0; i < type->pb.n_fields; i++) {
        const ProtobufCFieldDescriptor *pb = &type->pb.fields[i];
        if (!pb->default_value || pb->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        void *at = (char *)memory + pb->offset;
        /* The default of text is the pointer itself, of all else what it points to. */
        if (pb->type == PROTOBUF_C_TYPE_STRING)
            memcpy(at, &pb->default_value, sizeof pb->default_value);
        else if (pb->type != PROTOBUF_C_TYPE_MESSAGE)
            memcpy(at, pb->default_value, message_value_size(pb->type));
    }
}

ProtobufCMessage *message_new(const struct message_type *type, struct arena *arena)
{
    void *memory = arena_alloc(arena, type->pb.sizeof_message);
    message_init(type, memory);
    return memory;
}

/* Does a value of a field without presence differ from zero? Negative zero does (its bits do). */
static bool differs_from_zero(const ProtobufCFieldDescriptor *pb, const void *at)
{
    static const char zero[8];
    switch (pb->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)at;
        return text && *text;
    }
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len > 0;
    default:
        return memcmp(at, zero, message_value_size(pb->type)) != 0;
    }
}

bool message_has(const ProtobufCMessage *message, const struct field_type *field)
{
    const ProtobufCFieldDescriptor *pb = field->pb;
    const char *base = (const char *)message;
    const void *at = base + pb->offset;
    if (pb->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(base + pb->quantifier_offset) > 0;
    if (pb->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(base + pb->quantifier_offset) == pb->id;
    if (pb->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(ProtobufCMessage *const *)at != NULL;
    if (!field->presence)
        return differs_from_zero(pb, at);
    if (pb->type == PROTOBUF_C_TYPE_STRING) {
        const void *text = *(char *const *)at;
        return text && (text != pb->default_value || pb->label == PROTOBUF_C_LABEL_REQUIRED);
    }
    if (pb->label == PROTOBUF_C_LABEL_OPTIONAL)
        return *(const protobuf_c_boolean *)(base + pb->quantifier_offset) != 0;
    return true; /* proto2 required: unpacking refuses a message without it */
}

size_t message_count(const ProtobufCMessage *message, const struct field_type *field)
{
    return *(const size_t *)((const char *)message + field->pb->quantifier_offset);
}

const void *message_at(const ProtobufCMessage *message, const struct field_type *field, size_t i)
{
    const char *at = (const char *)message + field->pb->offset;
    if (field->pb->label != PROTOBUF_C_LABEL_REPEATED)
        return at;
    return *(const char *const *)at + i * message_value_size(field->pb->type);
}
