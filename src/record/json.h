/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: messages as proto3 JSON, both ways (protobuf.dev, "ProtoJSON Format").
 *
 * Writing serves jsonb columns and `cat`: 64-bit integers are strings, bytes base64, NaN and
 * infinities strings, enum names (unknown numbers as numbers), Timestamp RFC 3339, Duration "1.5s",
 * Any with its message when the descriptor set has the type ({"@type": …}), else as it is
 * ({"type_url": …, "value": base64}); FieldMask, Struct, Value, ListValue, wrappers and Empty in
 * their special forms, map keys sorted (text by its bytes, numbers and booleans by value; of
 * duplicates the last wins) so that equal messages give equal text. Fields without presence are
 * written even at zero when `defaults` is set; unset fields with presence never.
 *
 * Reading serves `produce`: field names in both casings, numbers as strings or numbers, null =
 * unset, unknown names refused (nearest name in the hint), at most one field of a oneof, integers
 * past 53 bits only in integer form. Of a member that stands twice in one object the last is taken.
 */
#ifndef PACTOLUS_RECORD_JSON_H
#define PACTOLUS_RECORD_JSON_H

#include "record/message.h"

struct json_style {
    bool proto_names; /* field names as in the .proto instead of lowerCamelCase */
    bool defaults;    /* write zero values of fields without presence */
};

/* False with err (reject) for out-of-range timestamps and durations, for an Any whose bytes are not
 * of the type that it names, and for Anys within Anys past JSON_ANY_MAX. */
bool json_write_message(struct buf *out, const ProtobufCMessage *message,
                        const struct json_style *style, struct err *err) MUST_CHECK;
/* One field's value (an array or object for repeated and map fields). */
bool json_write_field(struct buf *out, const ProtobufCMessage *message,
                      const struct field_type *field, const struct json_style *style,
                      struct err *err) MUST_CHECK;

/* One JSON object → a message of `type` in the arena. NULL with err (reject), place = JSON path. */
ProtobufCMessage *json_read_message(const struct message_type *type, struct span text,
                                    struct arena *arena, struct err *err);

#endif
