/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/type.h"

#include "contract/descriptor_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct type types[TYPE_COUNT] = {
    [TYPE_BOOLEAN] = {TYPE_BOOLEAN, "boolean", "boolean", "bool", 16, 1000, 1, "false",
        "bool"},
    [TYPE_INTEGER] = {TYPE_INTEGER, "integer", "integer", "int4", 23, 1007, 4, "0",
        "int32, sint32, sfixed32"},
    [TYPE_BIGINT] = {TYPE_BIGINT, "bigint", "bigint", "int8", 20, 1016, 8, "0",
        "int64, sint64, sfixed64; uint32 and fixed32, which pass integer's range"},
    [TYPE_NUMERIC_U64] = {TYPE_NUMERIC_U64, "numeric", "numeric(20,0)", "numeric", 1700, 1231, -1,
        "0", "uint64 and fixed64, which pass bigint's range"},
    [TYPE_REAL] = {TYPE_REAL, "real", "real", "float4", 700, 1021, 4, "0",
        "float; NaN equals NaN and sorts highest, so never a key or version"},
    [TYPE_DOUBLE] = {TYPE_DOUBLE, "double precision", "double precision", "float8", 701, 1022, 8,
        "0", "double; NaN equals NaN and sorts highest, so never a key or version"},
    [TYPE_TEXT] = {TYPE_TEXT, "text", "text", "text", 25, 1009, -1, "''",
        "string; valid UTF-8 without NUL"},
    [TYPE_BYTEA] = {TYPE_BYTEA, "bytea", "bytea", "bytea", 17, 1001, -1, "'\\x'",
        "bytes"},
    [TYPE_ENUM] = {TYPE_ENUM, "text", "text", "text", 25, 1009, -1, NULL,
        "enum by its first declared name; a number without a name as its digits"},
    [TYPE_TIMESTAMPTZ] = {TYPE_TIMESTAMPTZ, "timestamptz", "timestamp with time zone", "timestamptz", 1184,
        1185, 8, NULL, "google.protobuf.Timestamp; nanoseconds are floored to microseconds"},
    [TYPE_INTERVAL] = {TYPE_INTERVAL, "interval", "interval", "interval", 1186, 1187, 16, NULL,
        "google.protobuf.Duration in microseconds; no days or months"},
    [TYPE_JSONB] = {TYPE_JSONB, "jsonb", "jsonb", "jsonb", 3802, 3807, -1, NULL,
        "messages, repeated messages and maps in Protobuf's JSON form"},
    [TYPE_UUID] = {TYPE_UUID, "uuid", "uuid", "uuid", 2950, 2951, 16, NULL,
        "string that holds a UUID; anything else is a dead letter"},
    [TYPE_INET] = {TYPE_INET, "inet", "inet", "inet", 869, 1041, -1, NULL,
        "string that holds an IP address, with or without a prefix length"},
    [TYPE_CIDR] = {TYPE_CIDR, "cidr", "cidr", "cidr", 650, 651, -1, NULL,
        "string that holds an IP network"},
    [TYPE_NUMERIC] = {TYPE_NUMERIC, "numeric(p,s)", "numeric", "numeric", 1700, 1231, -1, NULL,
        "google.type.Decimal, or a string that holds a number; never rounded"},
    [TYPE_DATE] = {TYPE_DATE, "date", "date", "date", 1082, 1182, 4, NULL,
        "google.type.Date; a partial one is a dead letter"},
    [TYPE_TIME] = {TYPE_TIME, "time", "time without time zone", "time", 1083, 1183, 8, NULL,
        "google.type.TimeOfDay; nanoseconds are floored to microseconds"},
    [TYPE_TSTZRANGE] = {TYPE_TSTZRANGE, "tstzrange", "tstzrange", "tstzrange", 3910, 3911, -1, NULL,
        "google.type.Interval, half-open"},
};

static const struct type money = {TYPE_NUMERIC, "numeric(28,9)", "numeric(28,9)", "numeric", 1700,
    1231, -1, NULL, "the amount of a google.type.Money: units and nanos"};
/* clang-format on */

static const enum type_id scalar_types[] = {
    [PROTOBUF_C_TYPE_INT32] = TYPE_INTEGER,      [PROTOBUF_C_TYPE_SINT32] = TYPE_INTEGER,
    [PROTOBUF_C_TYPE_SFIXED32] = TYPE_INTEGER,   [PROTOBUF_C_TYPE_INT64] = TYPE_BIGINT,
    [PROTOBUF_C_TYPE_SINT64] = TYPE_BIGINT,      [PROTOBUF_C_TYPE_SFIXED64] = TYPE_BIGINT,
    [PROTOBUF_C_TYPE_UINT32] = TYPE_BIGINT,      [PROTOBUF_C_TYPE_FIXED32] = TYPE_BIGINT,
    [PROTOBUF_C_TYPE_UINT64] = TYPE_NUMERIC_U64, [PROTOBUF_C_TYPE_FIXED64] = TYPE_NUMERIC_U64,
    [PROTOBUF_C_TYPE_FLOAT] = TYPE_REAL,         [PROTOBUF_C_TYPE_DOUBLE] = TYPE_DOUBLE,
    [PROTOBUF_C_TYPE_BOOL] = TYPE_BOOLEAN,       [PROTOBUF_C_TYPE_ENUM] = TYPE_ENUM,
    [PROTOBUF_C_TYPE_STRING] = TYPE_TEXT,        [PROTOBUF_C_TYPE_BYTES] = TYPE_BYTEA,
};

/* Which types an option may name besides the default one. Arrays follow their elements; jsonb is
 * for messages. A google.type.Decimal has no default; it counts as numeric(p,s) here. */
static const struct {
    enum type_id from, to;
} overrides[] = {
    {TYPE_TEXT, TYPE_UUID},         {TYPE_TEXT, TYPE_INET},      {TYPE_TEXT, TYPE_CIDR},
    {TYPE_TEXT, TYPE_NUMERIC},      {TYPE_INTEGER, TYPE_BIGINT}, {TYPE_NUMERIC_U64, TYPE_BIGINT},
    {TYPE_TIMESTAMPTZ, TYPE_JSONB}, {TYPE_INTERVAL, TYPE_JSONB}, {TYPE_DATE, TYPE_TEXT},
    {TYPE_DATE, TYPE_JSONB},        {TYPE_TIME, TYPE_JSONB},     {TYPE_TSTZRANGE, TYPE_JSONB},
    {TYPE_NUMERIC, TYPE_TEXT},      {TYPE_NUMERIC, TYPE_JSONB},  {TYPE_BOOLEAN, TYPE_JSONB},
};

/* By well_known: the type of a message that is one column. */
static const enum type_id message_types[] = {
    [WELL_KNOWN_NONE] = TYPE_JSONB,        [WELL_KNOWN_TIMESTAMP] = TYPE_TIMESTAMPTZ,
    [WELL_KNOWN_DURATION] = TYPE_INTERVAL, [WELL_KNOWN_WRAPPER] = TYPE_JSONB,
    [WELL_KNOWN_STRUCT] = TYPE_JSONB,      [WELL_KNOWN_VALUE] = TYPE_JSONB,
    [WELL_KNOWN_LIST_VALUE] = TYPE_JSONB,  [WELL_KNOWN_ANY] = TYPE_JSONB,
    [WELL_KNOWN_FIELD_MASK] = TYPE_JSONB,  [WELL_KNOWN_EMPTY] = TYPE_BOOLEAN,
    [WELL_KNOWN_DATE] = TYPE_DATE,         [WELL_KNOWN_TIME_OF_DAY] = TYPE_TIME,
    [WELL_KNOWN_MONEY] = TYPE_JSONB,       [WELL_KNOWN_DECIMAL] = TYPE_NUMERIC,
    [WELL_KNOWN_LAT_LNG] = TYPE_JSONB,     [WELL_KNOWN_INTERVAL] = TYPE_TSTZRANGE,
    [WELL_KNOWN_GOOGLE_TYPE] = TYPE_JSONB,
};

const struct type *type_of(enum type_id id)
{
    assert((unsigned)id < TYPE_COUNT);
    return &types[id];
}

const struct type *type_of_money(void)
{
    return &money;
}

static bool unmapped(struct err *err, const struct field_type *field, const char *what)
{
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s %s", field->name, what);
}

static bool check_message(const struct message_type *type, struct err *err)
{
    if (type->n_unsupported) {
        const struct field_type *field = &type->unsupported[0];
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s.%s is %s, which is not supported",
                       type->full_name, field->name,
                       field->unsupported == FIELD_GROUP ? "a group" : "an extension");
    }
    return true;
}

/* jsonb takes a message with everything below it, so all of that must have a JSON form. Types refer
 * to one another in circles and in long chains: a queue with marks rather than recursion. */
static bool check_below(const struct message_type *type, struct err *err)
{
    const struct descriptor_set *set = ((const struct message_entry *)type)->set;
    const struct message_type **queue = mem_zero(set->n_messages, sizeof *queue);
    bool *queued = mem_zero(set->n_messages, sizeof *queued);
    unsigned head = 0, tail = 0;
    bool good = true;
    queue[tail++] = type;
    queued[((const struct message_entry *)type)->ordinal] = true;
    while (good && head < tail) {
        const struct message_type *at = queue[head++];
        good = check_message(at, err);
        for (unsigned i = 0; good && i < at->n_fields; i++) {
            const struct message_type *next = at->fields[i].message;
            if (!next || queued[((const struct message_entry *)next)->ordinal])
                continue;
            queued[((const struct message_entry *)next)->ordinal] = true;
            queue[tail++] = next;
        }
    }
    free(queue);
    free(queued);
    return good;
}

/* One value of the field, if it is a message that is no column of another type: a list of messages
 * is jsonb as a whole, but Timestamps and Durations have arrays. */
static enum type_id message_type_id(const struct field_type *field)
{
    enum well_known kind = field->message->well_known;
    if (field->map)
        return TYPE_JSONB;
    if (field->repeated && kind != WELL_KNOWN_TIMESTAMP && kind != WELL_KNOWN_DURATION)
        return TYPE_JSONB;
    if (kind == WELL_KNOWN_WRAPPER)
        return scalar_types[field->message->fields[0].pb->type];
    return message_types[kind];
}

/* The default, or for a Decimal what stands for it in the table of overrides. */
static const struct type *default_type(const struct field_type *field, struct err *err)
{
    if (field->unsupported != FIELD_SUPPORTED) {
        unmapped(err, field,
                 field->unsupported == FIELD_GROUP
                     ? "is a group, which is not supported: use a message"
                     : "is an extension, which is not supported: use a field");
        return NULL;
    }
    if (!field->message)
        return &types[scalar_types[field->pb->type]];
    enum type_id id = message_type_id(field);
    return id != TYPE_JSONB || check_below(field->message, err) ? &types[id] : NULL;
}

const struct type *type_for_field(const struct field_type *field, struct err *err)
{
    const struct type *type = default_type(field, err);
    if (!type || type->id != TYPE_NUMERIC)
        return type;
    unmapped(err, field, "is a google.type.Decimal, and nothing says how many digits it has");
    err_hint(err, "give it the option type = \"numeric(p,s)\", or \"text\"");
    return NULL;
}

/* Digits from `*at`, at most 4 of them, without a leading zero. */
static bool take_number(const char **at, const char *end, unsigned short *value)
{
    const char *begin = *at;
    unsigned number = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && *at - begin < 4; (*at)++)
        number = number * 10 + (unsigned)(**at - '0');
    *value = (unsigned short)number;
    return *at > begin && (*begin != '0' || *at - begin == 1);
}

bool type_numeric_parse(const char *sql, size_t length, unsigned short *precision,
                        unsigned short *scale)
{
    static const char before[] = "numeric(";
    const char *at = sql + sizeof before - 1, *end = sql + length;
    if (length <= sizeof before || memcmp(sql, before, sizeof before - 1) != 0)
        return false;
    if (!take_number(&at, end, precision) || at == end || *at++ != ',')
        return false;
    at += at < end && *at == ' ';
    return take_number(&at, end, scale) && end - at == 1 && *at == ')' && *precision >= 1 &&
           *precision <= TYPE_PRECISION_MAX && *scale <= *precision;
}

static const struct type *make_numeric(struct arena *arena, unsigned precision, unsigned scale)
{
    struct type *type = arena_alloc(arena, sizeof *type);
    *type = types[TYPE_NUMERIC];
    type->name = type->sql = arena_format(arena, "numeric(%u,%u)", precision, scale);
    return type;
}

/* Is it what `sql` names: "bigint", "int8" or the DDL form? One with digits is made of them. */
static const struct type *named(const struct type *type, const char *sql, size_t length,
                                struct arena *arena)
{
    const char *names[] = {type->name, type->sql, type->cast};
    unsigned short precision, scale;
    if (type->id == TYPE_NUMERIC)
        return type_numeric_parse(sql, length, &precision, &scale)
                   ? make_numeric(arena, precision, scale)
                   : NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], sql, length) == 0)
            return type;
    }
    return NULL;
}

/* One jsonb value holds all elements, so there is no array of jsonb; and only a message is one. */
static bool may_become(const struct field_type *field, enum type_id to)
{
    if (to != TYPE_JSONB)
        return true;
    return field->message && !field->repeated && field->message->well_known != WELL_KNOWN_WRAPPER;
}

const struct type *type_override(const struct field_type *field, const char *sql,
                                 struct arena *arena, struct err *err)
{
    const struct type *type = default_type(field, err), *found;
    size_t length = strlen(sql);
    if (!type)
        return NULL;
    if (field->repeated && type->id != TYPE_JSONB && length > 2 &&
        strcmp(sql + length - 2, "[]") == 0)
        length -= 2;
    if ((found = named(type, sql, length, arena)))
        return found;
    char allowed[128] = "";
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        const struct type *other = &types[overrides[i].to];
        if (overrides[i].from != type->id || !may_become(field, other->id))
            continue;
        if ((found = named(other, sql, length, arena)))
            return other->id == TYPE_JSONB && !check_below(field->message, err) ? NULL : found;
        strcat(strcat(allowed, " or "), other->name);
    }
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s cannot be a column of type %.60s",
            field->name, sql);
    err_hint(err, "it may be %s%s", type->name, allowed);
    return NULL;
}
