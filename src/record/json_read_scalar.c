/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read_scalar: numbers as numbers or strings, text, booleans, base64, enums, and map keys.
 */
#include "record/json_forms.h"
#include "record/number.h"

#include <math.h>
#include <string.h>

static struct span string_of(struct json_object *value)
{
    return (struct span){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
}

/* An integral double: 1.0 and 1e3 are integers in JSON. Past 2^53 a double may be the rounded form
 * of another integer, which must not be stored in its stead. */
static bool integer_of_double(double value, struct integer *integer)
{
    if (value != trunc(value) || !(fabs(value) <= 9007199254740992.0))
        return false;
    *integer = (struct integer){value < 0, (uint64_t)fabs(value)};
    return true;
}

static bool integer_of_text(struct span text, struct integer *integer)
{
    double value;
    return number_parse_integer(text, integer) ||
           (number_parse_double(text, &value) && integer_of_double(value, integer));
}

static bool take_integer(struct json_reader *reader, struct json_object *value,
                         struct integer *integer)
{
    bool ok = false;
    switch (json_object_get_type(value)) {
    case json_type_int: {
        int64_t number = json_object_get_int64(value);
        *integer = number < 0 ? (struct integer){true, 0 - (uint64_t)number}
                              : (struct integer){false, json_object_get_uint64(value)};
        return true;
    }
    case json_type_double:
        ok = integer_of_double(json_object_get_double(value), integer);
        break;
    case json_type_string:
        ok = integer_of_text(string_of(value), integer);
        break;
    default:
        break;
    }
    return ok ? true : json_fault(reader, "an integer is wanted");
}

/* Stores the integer as `kind` keeps it. */
static bool store_integer(struct json_reader *reader, ProtobufCType kind, struct integer integer,
                          void *at)
{
    int64_t number = 0;
    uint64_t natural = 0;
    bool ok;
    switch (kind) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        ok = number_to_unsigned(integer, UINT32_MAX, &natural);
        memcpy(at, &(uint32_t){(uint32_t)natural}, sizeof(uint32_t));
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        ok = number_to_unsigned(integer, UINT64_MAX, &natural);
        memcpy(at, &natural, sizeof natural);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        ok = number_to_signed(integer, INT64_MIN, INT64_MAX, &number);
        memcpy(at, &number, sizeof number);
        break;
    default:
        ok = number_to_signed(integer, INT32_MIN, INT32_MAX, &number);
        memcpy(at, &(int32_t){(int32_t)number}, sizeof(int32_t));
        break;
    }
    return ok ? true : json_fault(reader, "integer out of range");
}

static bool take_floating(struct json_reader *reader, ProtobufCType kind, struct json_object *value,
                          void *at)
{
    double number = 0;
    bool string = json_object_is_type(value, json_type_string);
    if (string && !number_parse_double(string_of(value), &number))
        return json_fault(reader, "text is no number");
    if (!string && !json_object_is_type(value, json_type_double) &&
        !json_object_is_type(value, json_type_int))
        return json_fault(reader, "a number is wanted");
    if (!string) {
        number = json_object_get_double(value);
        if (!isfinite(number))
            return json_fault(reader, "number past a double's range");
    }
    if (kind == PROTOBUF_C_TYPE_DOUBLE) {
        memcpy(at, &number, sizeof number);
        return true;
    }
    float single = (float)number;
    if (isfinite(number) && !isfinite(single))
        return json_fault(reader, "number past a float's range");
    memcpy(at, &single, sizeof single);
    return true;
}

static bool take_enum(struct json_reader *reader, const struct enum_type *type,
                      struct json_object *value, void *at)
{
    struct integer integer = {0};
    int number;
    if (!value) { /* only google.protobuf.NullValue comes here with null */
        memset(at, 0, sizeof(int32_t));
        return true;
    }
    if (json_object_is_type(value, json_type_string)) {
        struct span text = string_of(value);
        if (!enum_type_number(type, text.data, text.length, &number))
            return json_fault(reader, "%s has no value %.100s", type->full_name, text.data);
        memcpy(at, &number, sizeof number);
        return true;
    }
    if (!take_integer(reader, value, &integer) ||
        !store_integer(reader, PROTOBUF_C_TYPE_ENUM, integer, at))
        return false;
    memcpy(&number, at, sizeof number);
    return type->open || enum_type_name(type, number) ||
           json_fault(reader, "%s has no value %d", type->full_name, number);
}

static bool take_text(struct json_reader *reader, struct span text, void *at)
{
    if (memchr(text.data, 0, text.length))
        return json_fault(reader, "text holds a NUL");
    const char *copy = arena_string(reader->arena, text.data, text.length);
    memcpy(at, &copy, sizeof copy);
    return true;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Both alphabets, with or without padding. */
static bool take_bytes(struct json_reader *reader, struct span text, void *at)
{
    size_t length = text.length;
    while (length && text.length - length < 2 && text.data[length - 1] == '=')
        length--;
    if (length % 4 == 1 || (length < text.length && text.length % 4 != 0))
        return json_fault(reader, "text is no base64");
    ProtobufCBinaryData bytes = {.data = arena_alloc(reader->arena, length / 4 * 3 + 3)};
    uint32_t bits = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return json_fault(reader, "text is no base64");
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4) /* digits 2, 3 and 4 of a group complete a byte each */
            bytes.data[bytes.len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    memcpy(at, &bytes, sizeof bytes);
    return true;
}

bool json_take_scalar(struct json_reader *reader, const struct field_type *field,
                      struct json_object *value, void *at)
{
    struct integer integer = {0};
    switch (field->pb->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return take_floating(reader, field->pb->type, value, at);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_object_is_type(value, json_type_boolean))
            return json_fault(reader, "true or false is wanted");
        memcpy(at, &(protobuf_c_boolean){json_object_get_boolean(value)},
               sizeof(protobuf_c_boolean));
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return take_enum(reader, field->enumeration, value, at);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
        if (!json_object_is_type(value, json_type_string))
            return json_fault(reader, "a string is wanted");
        return field->pb->type == PROTOBUF_C_TYPE_STRING ? take_text(reader, string_of(value), at)
                                                         : take_bytes(reader, string_of(value), at);
    default:
        return take_integer(reader, value, &integer) &&
               store_integer(reader, field->pb->type, integer, at);
    }
}

bool json_take_key(struct json_reader *reader, const struct field_type *field, const char *text,
                   ProtobufCMessage *entry)
{
    struct span span = {text, strlen(text)};
    struct integer integer = {0};
    void *at = (char *)entry + field->pb->offset;
    json_mark_set(field, entry);
    if (field->pb->type == PROTOBUF_C_TYPE_STRING)
        return take_text(reader, span, at);
    if (field->pb->type == PROTOBUF_C_TYPE_BOOL) {
        bool value = span_is(span, "true");
        if (!value && !span_is(span, "false"))
            return json_fault(reader, "map key is neither true nor false");
        memcpy(at, &(protobuf_c_boolean){value}, sizeof(protobuf_c_boolean));
        return true;
    }
    if (!number_parse_integer(span, &integer))
        return json_fault(reader, "map key is no integer");
    return store_integer(reader, field->pb->type, integer, at);
}
