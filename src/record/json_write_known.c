/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write_known: well-known types in their special JSON forms. The loader has checked their
 * shapes, so fields are found by position.
 */
#include "record/instant.h"
#include "record/json_forms.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static bool put_instant(struct json_writer *writer, const ProtobufCMessage *message)
{
    char text[INSTANT_TEXT_MAX];
    struct instant instant = instant_of(message);
    size_t length;
    if (message_type_of(message)->well_known == WELL_KNOWN_TIMESTAMP) {
        if (!instant_is_timestamp(instant))
            return err_set(writer->err, ERR_REJECT, ERR_EXIT_DATA,
                           "timestamp outside years 1 to 9999, or nanos outside 0 to 999999999");
        length = instant_timestamp_text(instant, false, text);
    } else {
        if (!instant_is_duration(instant))
            return err_set(writer->err, ERR_REJECT, ERR_EXIT_DATA,
                           "duration out of range, or seconds and nanos of different sign");
        length = instant_duration_text(instant, text);
    }
    buf_json_string(writer->out, text, length);
    return true;
}

/* null, number, string, boolean, object or array by the case of its oneof. A Value without a case
 * is no legal one; it is written as null, like other implementations do. */
static bool put_any_value(struct json_writer *writer, const ProtobufCMessage *message)
{
    const struct field_type *fields = message_type_of(message)->fields;
    for (unsigned i = 1; i < message_type_of(message)->n_fields; i++) {
        const struct field_type *field = &fields[i];
        if (!message_has(message, field))
            continue;
        const void *at = message_at(message, field, 0);
        if (field->pb->type == PROTOBUF_C_TYPE_DOUBLE && !isfinite(*(const double *)at))
            return err_set(writer->err, ERR_REJECT, ERR_EXIT_DATA,
                           "google.protobuf.Value cannot hold NaN or an infinity");
        return json_put_value(writer, field, at);
    }
    buf_puts(writer->out, "null");
    return true;
}

/* "unit_price" → "unitPrice"; false when the way back would give another name. */
static bool put_mask_path(struct buf *out, const char *path)
{
    for (; *path; path++) {
        if (*path >= 'A' && *path <= 'Z')
            return false;
        if (*path != '_') {
            if (*path == '"' || *path == '\\' || (unsigned char)*path < 0x20)
                return false;
            buf_putc(out, *path);
            continue;
        }
        path++;
        if (*path < 'a' || *path > 'z')
            return false;
        buf_putc(out, (char)(*path - 'a' + 'A'));
    }
    return true;
}

static bool put_field_mask(struct json_writer *writer, const ProtobufCMessage *message)
{
    const struct field_type *paths = &message_type_of(message)->fields[0];
    size_t count = message_count(message, paths);
    buf_putc(writer->out, '"');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_putc(writer->out, ',');
        if (!put_mask_path(writer->out, *(char *const *)message_at(message, paths, i)))
            return err_set(writer->err, ERR_REJECT, ERR_EXIT_DATA,
                           "path of a google.protobuf.FieldMask is not in lower_snake_case");
    }
    buf_putc(writer->out, '"');
    return true;
}

bool json_put_known(struct json_writer *writer, const ProtobufCMessage *message)
{
    const struct message_type *type = message_type_of(message);
    switch (type->well_known) {
    case WELL_KNOWN_TIMESTAMP:
    case WELL_KNOWN_DURATION:
        return put_instant(writer, message);
    case WELL_KNOWN_WRAPPER:
        return json_put_value(writer, &type->fields[0], message_at(message, &type->fields[0], 0));
    case WELL_KNOWN_STRUCT:
        return json_put_map(writer, &type->fields[0], message);
    case WELL_KNOWN_VALUE:
        return put_any_value(writer, message);
    case WELL_KNOWN_LIST_VALUE:
        return json_put_repeated(writer, &type->fields[0], message);
    case WELL_KNOWN_FIELD_MASK:
        return put_field_mask(writer, message);
    case WELL_KNOWN_EMPTY:
        buf_puts(writer->out, "{}");
        return true;
    case WELL_KNOWN_ANY:
        return json_put_any(writer, message);
    default:
        break;
    }
    assert(false && "a type without a special form");
    return false;
}
