/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text: text of a Kafka key or header → cell. The bytes of a cell are those that value_cell
 * would give for the same value, because tombstones find their row by them.
 */
#include "base/clock.h"
#include "base/text.h"
#include "record/decimal.h"
#include "record/instant.h"
#include "record/number.h"
#include "record/value_forms.h"

#include <string.h>

/* Values of hexadecimal digits plus one; 0 = no digit. */
static const unsigned char hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool value_parse_uuid(struct span text, char out[16])
{
    /* Where each byte's two digits stand between the hyphens. */
    static const unsigned char places[16] = {0,  2,  4,  6,  9,  11, 14, 16,
                                             19, 21, 24, 26, 28, 30, 32, 34};
    const unsigned char *at = (const unsigned char *)text.data;
    if (text.length != 36 || at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        return false;
    bool digits = true;
    for (unsigned i = 0; i < 16; i++) {
        unsigned high = hex_digits[at[places[i]]], low = hex_digits[at[places[i] + 1]];
        digits &= high && low;
        out[i] = (char)((high - 1) << 4 | ((low - 1) & 0xf));
    }
    return digits;
}

static bool from_boolean(const struct column *column, struct span text, struct arena *arena,
                         struct cell *cell, struct err *err)
{
    bool value = span_is(text, "true");
    if (!value && !span_is(text, "false"))
        return value_refuse(err, column, "text is neither true nor false");
    char *at = arena_alloc(arena, 1);
    *at = value;
    value_put(cell, at, 1);
    return true;
}

static bool from_integer(const struct column *column, struct span text, struct arena *arena,
                         struct cell *cell, struct err *err)
{
    struct integer integer;
    int64_t least = INT64_MIN, greatest = INT64_MAX, value;
    uint64_t natural;
    if (!number_parse_integer(text, &integer))
        return value_refuse(err, column, "text is no integer");
    if (column->type->id == TYPE_NUMERIC_U64) {
        if (!number_to_unsigned(integer, UINT64_MAX, &natural))
            return value_refuse(err, column, "integer out of range");
        char *at = arena_alloc(arena, VALUE_NUMERIC_MAX);
        value_put(cell, at, value_numeric_u64(natural, at));
        return true;
    }
    switch (value_field(column)->pb->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        least = INT32_MIN;
        greatest = INT32_MAX;
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        least = 0;
        greatest = UINT32_MAX;
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        least = 0;
        break;
    default:
        break;
    }
    if (!number_to_signed(integer, least, greatest, &value))
        return value_refuse(err, column, "integer out of range");
    if (column->type->id == TYPE_INTEGER)
        value_put32(cell, arena, (uint32_t)value);
    else
        value_put64(cell, arena, (uint64_t)value);
    return true;
}

static bool from_plain(const struct column *column, struct span text, struct arena *arena,
                       struct cell *cell, struct err *err)
{
    if (memchr(text.data, 0, text.length))
        return value_refuse(err, column, "text holds a NUL");
    if (!text_utf8_valid(text.data, text.length))
        return value_refuse(err, column, "text is not UTF-8");
    value_put(cell, arena_string(arena, text.data, text.length), text.length);
    return true;
}

/* A name (aliases included) becomes the first name of its number, as a value's would. */
static bool from_enum(const struct column *column, struct span text, struct arena *arena,
                      struct cell *cell, struct err *err)
{
    const struct enum_type *type = value_field(column)->enumeration;
    struct integer integer;
    int number;
    int64_t value;
    if (enum_type_number(type, text.data, text.length, &number))
        value = number;
    else if (!number_parse_integer(text, &integer) ||
             !number_to_signed(integer, INT32_MIN, INT32_MAX, &value))
        return value_refuse(err, column, "text is no name of the enum");
    const char *name = enum_type_name(type, (int)value);
    if (!name)
        name = arena_string(arena, text.data, text.length);
    value_put(cell, name, strlen(name));
    return true;
}

static bool from_timestamp(const struct column *column, struct span text, struct arena *arena,
                           struct cell *cell, struct err *err)
{
    struct instant instant;
    if (!instant_parse_timestamp(text, &instant))
        return value_refuse(err, column, "text is no RFC 3339 timestamp of the years 1 to 9999");
    value_put64(cell, arena, (uint64_t)(instant_timestamp_micros(instant) - USEC_2000));
    return true;
}

static bool from_uuid(const struct column *column, struct span text, struct arena *arena,
                      struct cell *cell, struct err *err)
{
    char *at = arena_alloc(arena, 16);
    if (!value_parse_uuid(text, at))
        return value_refuse(err, column, "text is no uuid of the form 8-4-4-4-12");
    value_put(cell, at, 16);
    return true;
}

static bool from_date(const struct column *column, struct span text, struct arena *arena,
                      struct cell *cell, struct err *err)
{
    int32_t days;
    if (!instant_parse_date(text, &days))
        return value_refuse(err, column, "text is no date like 2026-05-17 of the years 1 to 9999");
    value_put32(cell, arena, (uint32_t)(days - INSTANT_DAYS_2000));
    return true;
}

static bool from_net(const struct column *column, struct span text, struct arena *arena,
                     struct cell *cell, struct err *err)
{
    char *at = arena_alloc(arena, VALUE_NET_MAX);
    size_t length = value_parse_net(text, column->type->id == TYPE_CIDR, at);
    if (!length)
        return value_refuse(err, column, "text is no IP address, or no network");
    value_put(cell, at, length);
    return true;
}

static bool from_decimal(const struct column *column, struct span text, struct arena *arena,
                         struct cell *cell, struct err *err)
{
    struct decimal decimal;
    if (!value_decimal(column, text, false, &decimal, err))
        return false;
    value_put_decimal(cell, arena, &decimal, column->scale);
    return true;
}

bool value_from_text(const struct column *column, struct span text, struct arena *arena,
                     struct cell *cell, struct err *err)
{
    if (!text.data)
        return value_refuse(err, column, "there is no text");
    switch (column->array ? TYPE_COUNT : column->type->id) {
    case TYPE_BOOLEAN:
        return from_boolean(column, text, arena, cell, err);
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_NUMERIC_U64:
        return from_integer(column, text, arena, cell, err);
    case TYPE_TEXT:
        if (value_field(column)->enumeration)
            return from_enum(column, text, arena, cell, err);
        return from_plain(column, text, arena, cell, err);
    case TYPE_ENUM:
        return from_enum(column, text, arena, cell, err);
    case TYPE_BYTEA: /* the bytes as they are */
        value_put(cell, arena_copy(arena, text.data, text.length), text.length);
        return true;
    case TYPE_TIMESTAMPTZ:
        return from_timestamp(column, text, arena, cell, err);
    case TYPE_UUID:
        return from_uuid(column, text, arena, cell, err);
    case TYPE_DATE:
        return from_date(column, text, arena, cell, err);
    case TYPE_INET:
    case TYPE_CIDR:
        return from_net(column, text, arena, cell, err);
    case TYPE_NUMERIC:
        return from_decimal(column, text, arena, cell, err);
    case TYPE_TIME:
    case TYPE_TSTZRANGE:
    case TYPE_REAL:
    case TYPE_DOUBLE:
    case TYPE_INTERVAL:
    case TYPE_JSONB:
    case TYPE_COUNT:
        break;
    }
    return value_refuse(err, column, "a column of this type cannot be read from text");
}
