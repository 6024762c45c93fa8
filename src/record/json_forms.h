/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_forms: what the json_*.c files share, and key with them; nobody else includes it.
 *
 * Both directions recurse over messages. Writing goes as deep as guard let the bytes nest, reading
 * as deep as json_parse lets the text nest.
 */
#ifndef PACTOLUS_RECORD_JSON_FORMS_H
#define PACTOLUS_RECORD_JSON_FORMS_H

#include "record/json.h"

#include <json-c/json.h>

enum {
    JSON_DEPTH_MAX = 128,
    JSON_ANY_MAX = 16, /* Anys within one another: each may nest as deep as a record may */
};

/* ---- writing ---- */

struct json_writer {
    struct buf *out;
    const struct json_style *style;
    struct err *err;
    unsigned anys; /* that we are in */
};

/* One message in its JSON form, special ones included; NULL is an empty message of `type`. */
bool json_put_message(struct json_writer *writer, const struct message_type *type,
                      const ProtobufCMessage *message) MUST_CHECK;
/* The value at `at` of a singular field, or one element. */
bool json_put_value(struct json_writer *writer, const struct field_type *field,
                    const void *at) MUST_CHECK;
/* A repeated field as an array, a map field as an object with sorted keys. */
bool json_put_repeated(struct json_writer *writer, const struct field_type *field,
                       const ProtobufCMessage *message) MUST_CHECK;
bool json_put_map(struct json_writer *writer, const struct field_type *field,
                  const ProtobufCMessage *message) MUST_CHECK;
/* A message whose type has a special form (well_known_has_json). */
bool json_put_known(struct json_writer *writer, const ProtobufCMessage *message) MUST_CHECK;
/* The members of a message without one, and what stands before the first: "" or ",". */
bool json_put_fields(struct json_writer *writer, const ProtobufCMessage *message,
                     const char *before) MUST_CHECK;
bool json_put_any(struct json_writer *writer, const ProtobufCMessage *message) MUST_CHECK;

/* ---- reading ---- */

/* Where we are in the document, from the innermost out. */
struct json_path {
    const struct json_path *above;
    const char *name; /* NULL: element `index` */
    size_t index;
};

struct json_reader {
    struct arena *arena;
    const struct json_path *path;
    struct err *err;
};

/* One whole JSON document, owned by the caller (json_object_put); a null document is NULL with
 * true. False with err (reject). */
bool json_parse(struct span text, struct json_object **document, struct err *err) MUST_CHECK;

/* A reject at the current path. Returns false. */
bool json_fault(struct json_reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

ProtobufCMessage *json_take_message(struct json_reader *reader, const struct message_type *type,
                                    struct json_object *value);
/* Sets `field` of `message`; null leaves it unset (but for Value and NullValue). */
bool json_take_field(struct json_reader *reader, const struct field_type *field,
                     struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
/* The same for a field that cannot be left out: map keys and values. */
bool json_take_single(struct json_reader *reader, const struct field_type *field,
                      struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
bool json_take_repeated(struct json_reader *reader, const struct field_type *field,
                        struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
bool json_take_map(struct json_reader *reader, const struct field_type *field,
                   struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
/* A scalar into message memory at `at`. */
bool json_take_scalar(struct json_reader *reader, const struct field_type *field,
                      struct json_object *value, void *at) MUST_CHECK;
/* A map key: text, an integer or a boolean, all written as a string. */
bool json_take_key(struct json_reader *reader, const struct field_type *field, const char *text,
                   ProtobufCMessage *entry) MUST_CHECK;
/* A message with a special form, into `message` (new and empty). */
bool json_take_known(struct json_reader *reader, const struct message_type *type,
                     struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
/* The members of an object as the fields of `message`, but for `skip` (may be NULL). */
bool json_take_fields(struct json_reader *reader, const struct message_type *type,
                      struct json_object *value, const char *skip,
                      ProtobufCMessage *message) MUST_CHECK;
bool json_take_any(struct json_reader *reader, const struct message_type *type,
                   struct json_object *value, ProtobufCMessage *message) MUST_CHECK;
/* Record that `field` is set: oneof case or has-flag, where there is one. */
void json_mark_set(const struct field_type *field, ProtobufCMessage *message);

static inline bool json_is_null_value(const struct field_type *field)
{
    return field->enumeration &&
           __builtin_strcmp(field->enumeration->full_name, "google.protobuf.NullValue") == 0;
}
/* Does JSON null say something about this field, rather than leave it unset? */
static inline bool json_null_counts(const struct field_type *field)
{
    return json_is_null_value(field) ||
           (field->message && field->message->well_known == WELL_KNOWN_VALUE);
}

#endif
