/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: payload bytes → a protobuf-c message in the arena. Only for bytes that guard passed.
 */
#ifndef PACTOLUS_RECORD_MESSAGE_H
#define PACTOLUS_RECORD_MESSAGE_H

#include "record/record.h"

/* The message lives in the arena; never free it singly. NULL with err (reject) when protobuf-c
 * refuses the bytes (a missing proto2 required field). */
ProtobufCMessage *message_unpack(const struct message_type *type, struct span payload,
                                 struct arena *arena, struct err *err);

/* An empty message of `type` in the arena, fields at their defaults. (protobuf_c_message_init calls
 * message_init, which descriptors made at run time do not have.) */
ProtobufCMessage *message_new(const struct message_type *type, struct arena *arena);
/* The same in `memory` of type->pb.sizeof_message bytes, aligned for any type. */
void message_init(const struct message_type *type, void *memory);

/* Bytes of one value of that kind in message memory. */
size_t message_value_size(ProtobufCType kind);

/* The run-time type of a message that was made from one. */
static inline const struct message_type *message_type_of(const ProtobufCMessage *message)
{
    return (const struct message_type *)message->descriptor;
}

/* A ProtobufCAllocator over the arena (free does nothing). */
ProtobufCAllocator message_allocator(struct arena *arena);

/* Field access on a message of a run-time type. `message_has`: set (presence), or for fields
 * without presence: differs from zero; repeated: not empty. `message_count`: elements of a repeated
 * or map field. `message_at` gives the address of element i (i = 0 for singular fields): int32_t,
 * int64_t, float, double, protobuf_c_boolean, char *, ProtobufCBinaryData or ProtobufCMessage *. */
bool message_has(const ProtobufCMessage *message, const struct field_type *field);
size_t message_count(const ProtobufCMessage *message, const struct field_type *field);
const void *message_at(const ProtobufCMessage *message, const struct field_type *field, size_t i);

#endif
