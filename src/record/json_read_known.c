/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read_known: well-known types from their special JSON forms. The loader has checked their
 * shapes, so fields are found by position.
 */
#include "record/instant.h"
#include "record/json_forms.h"

#include <assert.h>
#include <string.h>

static bool take_instant(struct json_reader *reader, enum well_known kind,
                         struct json_object *value, ProtobufCMessage *message)
{
    struct instant instant;
    bool timestamp = kind == WELL_KNOWN_TIMESTAMP;
    if (!json_object_is_type(value, json_type_string))
        return json_fault(reader, "a string is wanted");
    struct span text = {json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    if (timestamp ? !instant_parse_timestamp(text, &instant)
                  : !instant_parse_duration(text, &instant))
        return json_fault(reader, timestamp ? "text is no RFC 3339 timestamp of the years 1 to 9999"
                                            : "text is no duration in seconds, like \"1.5s\"");
    instant_store(message, instant);
    return true;
}

/* Positions of google.protobuf.Value's fields. */
static unsigned value_case(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return 0;
    case json_type_double:
    case json_type_int:
        return 1;
    case json_type_string:
        return 2;
    case json_type_boolean:
        return 3;
    case json_type_object:
        return 4;
    case json_type_array:
        break;
    }
    return 5;
}

/* "unitPrice" → "unit_price", one path of `length` bytes. */
static const char *snake_path(struct json_reader *reader, const char *text, size_t length)
{
    char *out = arena_alloc(reader->arena, 2 * length + 1), *at = out;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_' || text[i] == '\0') {
            json_fault(reader, "a path of a field mask is in lowerCamelCase");
            return NULL;
        }
        if (text[i] >= 'A' && text[i] <= 'Z') {
            *at++ = '_';
            *at++ = (char)(text[i] - 'A' + 'a');
        } else {
            *at++ = text[i];
        }
    }
    *at = '\0';
    return out;
}

static bool take_field_mask(struct json_reader *reader, const struct message_type *type,
                            struct json_object *value, ProtobufCMessage *message)
{
    if (!json_object_is_type(value, json_type_string))
        return json_fault(reader, "a string is wanted");
    const char *text = json_object_get_string(value), *end;
    size_t count = 0, length = (size_t)json_object_get_string_len(value);
    if (length == 0)
        return true;
    for (size_t i = 0; i < length; i++)
        count += text[i] == ',';
    const char **paths = arena_alloc(reader->arena, ++count * sizeof *paths);
    for (size_t i = 0; i < count; i++, text = end + 1) {
        size_t rest = length - (size_t)(text - json_object_get_string(value));
        const char *comma = memchr(text, ',', rest);
        end = comma ? comma : text + rest;
        paths[i] = snake_path(reader, text, (size_t)(end - text));
        if (!paths[i])
            return false;
    }
    const ProtobufCFieldDescriptor *pb = type->fields[0].pb;
    memcpy((char *)message + pb->offset, &paths, sizeof paths);
    memcpy((char *)message + pb->quantifier_offset, &count, sizeof count);
    return true;
}

bool json_take_known(struct json_reader *reader, const struct message_type *type,
                     struct json_object *value, ProtobufCMessage *message)
{
    switch (type->well_known) {
    case WELL_KNOWN_TIMESTAMP:
    case WELL_KNOWN_DURATION:
        return take_instant(reader, type->well_known, value, message);
    case WELL_KNOWN_WRAPPER:
        return json_take_single(reader, &type->fields[0], value, message);
    case WELL_KNOWN_STRUCT:
        return json_take_map(reader, &type->fields[0], value, message);
    case WELL_KNOWN_VALUE:
        return json_take_single(reader, &type->fields[value_case(value)], value, message);
    case WELL_KNOWN_LIST_VALUE:
        return json_take_repeated(reader, &type->fields[0], value, message);
    case WELL_KNOWN_FIELD_MASK:
        return take_field_mask(reader, type, value, message);
    case WELL_KNOWN_EMPTY:
        return (json_object_is_type(value, json_type_object) &&
                json_object_object_length(value) == 0) ||
               json_fault(reader, "an empty object is wanted");
    case WELL_KNOWN_ANY:
        return json_take_any(reader, type, value, message);
    default:
        break;
    }
    assert(false && "a type without a special form");
    return false;
}
