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
};
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

/* Which types an option may name besides the default one. Arrays follow their elements. */
static const struct {
    enum type_id from, to;
} overrides[] = {
    {TYPE_TEXT, TYPE_UUID},
    {TYPE_NUMERIC_U64, TYPE_BIGINT},
    {TYPE_TIMESTAMPTZ, TYPE_JSONB},
    {TYPE_INTERVAL, TYPE_JSONB},
};

const struct type *type_of(enum type_id id)
{
    assert((unsigned)id < TYPE_COUNT);
    return &types[id];
}

static bool unmapped(struct err *err, const struct field_type *field, const char *what)
{
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s %s", field->name, what);
}

/* What no column can hold, by itself or within jsonb. */
static bool check_field(const struct message_type *inside, const struct field_type *field,
                        struct err *err)
{
    if (!field->message || field->message->well_known != WELL_KNOWN_ANY)
        return true;
    if (!inside)
        return unmapped(err, field, "is a google.protobuf.Any, which is not mapped yet");
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                   "field %s.%s is a google.protobuf.Any, which is not mapped yet",
                   inside->full_name, field->name);
}

static bool check_message(const struct message_type *type, struct err *err)
{
    if (type->n_unsupported) {
        const struct field_type *field = &type->unsupported[0];
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s.%s is %s, which is not supported",
                       type->full_name, field->name,
                       field->unsupported == FIELD_GROUP ? "a group" : "an extension");
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (!check_field(type, &type->fields[i], err))
            return false;
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

const struct type *type_for_field(const struct field_type *field, struct err *err)
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
    if (!check_field(NULL, field, err))
        return NULL;
    if (!field->map && field->message->well_known == WELL_KNOWN_TIMESTAMP)
        return &types[TYPE_TIMESTAMPTZ];
    if (!field->map && field->message->well_known == WELL_KNOWN_DURATION)
        return &types[TYPE_INTERVAL];
    if (!field->map && !field->repeated && field->message->well_known == WELL_KNOWN_WRAPPER)
        return &types[scalar_types[field->message->fields[0].pb->type]];
    return check_below(field->message, err) ? &types[TYPE_JSONB] : NULL;
}

/* "bigint", "int8" or the DDL form; of a repeated field also with "[]" behind it. */
static bool named(const struct type *type, const char *sql, size_t length)
{
    const char *names[] = {type->name, type->sql, type->cast};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], sql, length) == 0)
            return true;
    }
    return false;
}

const struct type *type_override(const struct field_type *field, const char *sql, struct err *err)
{
    const struct type *type = type_for_field(field, err);
    size_t length = strlen(sql);
    if (!type)
        return NULL;
    if (field->repeated && type->id != TYPE_JSONB && length > 2 &&
        strcmp(sql + length - 2, "[]") == 0)
        length -= 2;
    if (named(type, sql, length))
        return type;
    char allowed[64] = "";
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        const struct type *other = &types[overrides[i].to];
        /* one jsonb value holds all elements: there is no array of jsonb */
        if (overrides[i].from != type->id || (field->repeated && other->id == TYPE_JSONB))
            continue;
        if (named(other, sql, length))
            return other;
        strcat(strcat(allowed, " or "), other->name);
    }
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "field %s cannot be a column of type %.60s",
            field->name, sql);
    err_hint(err, "it may be %s%s", type->name, allowed);
    return NULL;
}
