/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: dispatch and the encoders of single values. Each encoder reads message memory directly;
 * text and bytea cells point into it, since memory and binary form are the same there.
 */
#include "record/value.h"

#include "base/clock.h"

#include "record/instant.h"
#include "record/json.h"
#include "record/value_forms.h"

#include <assert.h>
#include <string.h>

bool value_refuse(struct err *err, const struct column *column, const char *fault)
{
    return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "column %s: %s", column->name, fault);
}

const struct field_type *value_field(const struct column *column)
{
    return column->wrapper ? &column->field->message->fields[0] : column->field;
}

const char *value_enum_text(const struct source *source)
{
    int number = *(const int32_t *)source->at;
    const char *name = enum_type_name(source->enumeration, number);
    if (name)
        return name;
    if (source->drift)
        drift_count(source->drift, source->enumeration, number, true);
    return arena_format(source->arena, "%d", number);
}

static bool put_boolean(const struct source *source, struct cell *cell)
{
    static const char bytes[2] = {0, 1};
    value_put(cell, &bytes[*(const protobuf_c_boolean *)source->at != 0], 1);
    return true;
}

static bool put_word32(const struct source *source, struct cell *cell)
{
    value_put32(cell, source->arena, *(const uint32_t *)source->at);
    return true;
}

static bool put_word64(const struct source *source, struct cell *cell)
{
    value_put64(cell, source->arena, *(const uint64_t *)source->at);
    return true;
}

static bool put_bigint(const struct source *source, struct cell *cell)
{
    switch (source->kind) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        value_put64(cell, source->arena, (uint64_t)(int64_t) * (const int32_t *)source->at);
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        value_put64(cell, source->arena, *(const uint32_t *)source->at);
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (*(const uint64_t *)source->at > INT64_MAX)
            return value_refuse(source->err, source->column, "integer past bigint's range");
        break;
    default:
        break;
    }
    return put_word64(source, cell);
}

static bool put_numeric_u64(const struct source *source, struct cell *cell)
{
    char *at = arena_alloc(source->arena, VALUE_NUMERIC_MAX);
    value_put(cell, at, value_numeric_u64(*(const uint64_t *)source->at, at));
    return true;
}

static bool put_enum(const struct source *source, struct cell *cell)
{
    const char *text = value_enum_text(source);
    value_put(cell, text, strlen(text));
    return true;
}

/* A message as text is a google.type.Date or Decimal. */
static bool put_other_text(const struct source *source, struct cell *cell)
{
    if (source->kind == PROTOBUF_C_TYPE_ENUM)
        return put_enum(source, cell);
    return source->column->field->message->well_known == WELL_KNOWN_DATE
               ? value_date_text(source, cell)
               : value_decimal_text(source, cell);
}

static bool put_text(const struct source *source, struct cell *cell)
{
    if (source->kind != PROTOBUF_C_TYPE_STRING)
        return put_other_text(source, cell);
    const char *text = *(char *const *)source->at;
    if (!text)
        text = "";
    value_put(cell, text, strlen(text));
    return true;
}

static bool put_bytea(const struct source *source, struct cell *cell)
{
    const ProtobufCBinaryData *bytes = source->at;
    value_put(cell, bytes->data ? (const char *)bytes->data : "", bytes->len);
    return true;
}

static bool put_timestamptz(const struct source *source, struct cell *cell)
{
    struct instant instant = instant_of(*(ProtobufCMessage *const *)source->at);
    if (!instant_is_timestamp(instant))
        return value_refuse(source->err, source->column,
                            "timestamp outside years 1 to 9999, or nanos outside 0 to 999999999");
    int64_t micros = instant_timestamp_micros(instant) - USEC_2000;
    value_put64(cell, source->arena, (uint64_t)micros);
    return true;
}

static bool put_interval(const struct source *source, struct cell *cell)
{
    struct instant instant = instant_of(*(ProtobufCMessage *const *)source->at);
    if (!instant_is_duration(instant))
        return value_refuse(source->err, source->column,
                            "duration out of range, or seconds and nanos of different sign");
    char *at = arena_alloc(source->arena, 16);
    be64_store(at, (uint64_t)instant_duration_micros(instant));
    memset(at + 8, 0, 8); /* days and months */
    value_put(cell, at, 16);
    return true;
}

static bool put_uuid(const struct source *source, struct cell *cell)
{
    const char *text = *(char *const *)source->at;
    struct span span = {text ? text : "", text ? strlen(text) : 0};
    if (span.length == 0)
        return value_refuse(source->err, source->column, "empty text is no uuid");
    char *at = arena_alloc(source->arena, 16);
    if (!value_parse_uuid(span, at))
        return value_refuse(source->err, source->column, "text is no uuid of the form 8-4-4-4-12");
    value_put(cell, at, 16);
    return true;
}

static bool put_net(const struct source *source, struct cell *cell)
{
    const char *text = *(char *const *)source->at;
    struct span span = {text ? text : "", text ? strlen(text) : 0};
    bool network = source->column->type->id == TYPE_CIDR;
    char *at = arena_alloc(source->arena, VALUE_NET_MAX);
    size_t length = value_parse_net(span, network, at);
    if (!length)
        return value_refuse(source->err, source->column,
                            network ? "text is no IP network" : "text is no IP address");
    value_put(cell, at, length);
    return true;
}

/* Beside contract/type's table. jsonb is not here: it takes a whole field. */
static bool (*const encoders[TYPE_COUNT])(const struct source *source, struct cell *cell) = {
    [TYPE_BOOLEAN] = put_boolean,   [TYPE_INTEGER] = put_word32,
    [TYPE_BIGINT] = put_bigint,     [TYPE_NUMERIC_U64] = put_numeric_u64,
    [TYPE_REAL] = put_word32,       [TYPE_DOUBLE] = put_word64,
    [TYPE_TEXT] = put_text,         [TYPE_BYTEA] = put_bytea,
    [TYPE_ENUM] = put_enum,         [TYPE_TIMESTAMPTZ] = put_timestamptz,
    [TYPE_INTERVAL] = put_interval, [TYPE_UUID] = put_uuid,
    [TYPE_INET] = put_net,          [TYPE_CIDR] = put_net,
    [TYPE_NUMERIC] = value_numeric, [TYPE_DATE] = value_date,
    [TYPE_TIME] = value_time,       [TYPE_TSTZRANGE] = value_tstzrange,
};

/* Names as in the .proto, since analysts write `payload->>'unit_price'` beside snake_case columns;
 * defaults written, since a missing member would read as NULL where the contract says zero. */
static bool put_jsonb(const struct column *column, const ProtobufCMessage *message,
                      struct arena *arena, struct cell *cell, struct err *err)
{
    static const struct json_style style = {.proto_names = true, .defaults = true};
    struct buf text = {.limit = VALUE_TEXT_MAX};
    bool ok = false;
    buf_putc(&text, 1); /* version of jsonb's binary form */
    if (!json_write_field(&text, message, column->field, &style, err))
        goto cleanup;
    if (text.failed) {
        value_refuse(err, column, "JSON longer than 64 MiB");
        goto cleanup;
    }
    value_put(cell, arena_copy(arena, text.data, text.length), text.length);
    ok = true;
cleanup:
    buf_free(&text);
    return ok;
}

const ProtobufCMessage *value_holder(const struct column *column, const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < column->depth; i++) {
        const struct field_type *field = column->path[i];
        if (!message_has(message, field))
            return NULL;
        message = *(ProtobufCMessage *const *)((const char *)message + field->pb->offset);
    }
    return message;
}

static bool put_value(const struct column *column, const ProtobufCMessage *message,
                      struct arena *arena, struct drift *drift, struct cell *cell, struct err *err)
{
    const struct field_type *field = column->field;
    enum type_id type = column->type->id;
    if (field->presence && !field->repeated && !field->map && !message_has(message, field)) {
        *cell = (struct cell){NULL, -1};
        return true;
    }
    if (type == TYPE_JSONB)
        return put_jsonb(column, message, arena, cell, err);
    if (column->array)
        return value_array(column, message, arena, drift, cell, err);
    struct source source = {
        .column = column,
        .kind = field->pb->type,
        .enumeration = field->enumeration,
        .at = (const char *)message + field->pb->offset,
        .arena = arena,
        .drift = drift,
        .err = err,
    };
    if (column->wrapper) {
        const struct field_type *inner = &field->message->fields[0];
        const ProtobufCMessage *wrapped = *(ProtobufCMessage *const *)source.at;
        source.kind = inner->pb->type;
        source.at = (const char *)wrapped + inner->pb->offset;
    }
    assert(encoders[type]);
    return encoders[type](&source, cell);
}

/* A column whose field stands within messages, or that holds something else than its value. Out of
 * line, so that the columns of most rows need not save registers for its loop. */
__attribute__((noinline)) static bool put_other(const struct column *column,
                                                const ProtobufCMessage *message,
                                                struct arena *arena, struct drift *drift,
                                                struct cell *cell, struct err *err)
{
    const ProtobufCMessage *holder = value_holder(column, message);
    if (!holder) {
        *cell = (struct cell){NULL, -1};
        if (column->part == PART_PRESENCE)
            value_put(cell, "", 1); /* the byte 0: false */
        return true;
    }
    if (column->part != PART_VALUE)
        return value_part(column, holder, arena, cell, err);
    return put_value(column, holder, arena, drift, cell, err);
}

bool value_cell(const struct column *column, const ProtobufCMessage *message, struct arena *arena,
                struct drift *drift, struct cell *cell, struct err *err)
{
    if (column->depth | (unsigned)column->part)
        return put_other(column, message, arena, drift, cell, err);
    return put_value(column, message, arena, drift, cell, err);
}
