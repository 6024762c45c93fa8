/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_array: a repeated field as the text of an array literal: '{1,2}', '{"a","b\"c"}'. Text is
 * always quoted, so that no element is taken for NULL or cut at a comma; within quotes only '"' and
 * '\' need a backslash (PostgreSQL manual, "Array Input and Output Syntax").
 */
#include "record/decimal.h"
#include "record/instant.h"
#include "record/number.h"
#include "record/value_forms.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static bool add_boolean(const struct source *source, struct buf *out)
{
    buf_putc(out, *(const protobuf_c_boolean *)source->at ? 't' : 'f');
    return true;
}

static bool add_integer(const struct source *source, struct buf *out)
{
    switch (source->kind) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        buf_printf(out, "%" PRId32, *(const int32_t *)source->at);
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        buf_printf(out, "%" PRIu32, *(const uint32_t *)source->at);
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (source->column->type->id == TYPE_BIGINT && *(const uint64_t *)source->at > INT64_MAX)
            return value_refuse(source->err, source->column, "integer past bigint's range");
        buf_printf(out, "%" PRIu64, *(const uint64_t *)source->at);
        return true;
    default:
        buf_printf(out, "%" PRId64, *(const int64_t *)source->at);
        return true;
    }
}

static bool add_real(const struct source *source, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    buf_put(out, text, number_float_text(*(const float *)source->at, text));
    return true;
}

static bool add_double(const struct source *source, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    buf_put(out, text, number_double_text(*(const double *)source->at, text));
    return true;
}

static bool add_quoted(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (;;) {
        size_t plain = strcspn(text, "\"\\");
        buf_put(out, text, plain);
        text += plain;
        if (!*text)
            break;
        buf_putc(out, '\\');
        buf_putc(out, *text++);
    }
    buf_putc(out, '"');
    return true;
}

static bool add_enum(const struct source *source, struct buf *out)
{
    return add_quoted(out, value_enum_text(source));
}

static bool add_text(const struct source *source, struct buf *out)
{
    if (source->kind == PROTOBUF_C_TYPE_ENUM)
        return add_enum(source, out);
    const char *text = *(char *const *)source->at;
    return add_quoted(out, text ? text : "");
}

static bool add_bytea(const struct source *source, struct buf *out)
{
    const ProtobufCBinaryData *bytes = source->at;
    buf_puts(out, "\"\\\\x"); /* the array's parser leaves \x, which bytea's reads as hex */
    buf_hex(out, bytes->data, bytes->len);
    buf_putc(out, '"');
    return true;
}

static bool add_timestamptz(const struct source *source, struct buf *out)
{
    char text[INSTANT_TEXT_MAX];
    struct instant instant = instant_of(*(ProtobufCMessage *const *)source->at);
    if (!instant_is_timestamp(instant))
        return value_refuse(source->err, source->column,
                            "timestamp outside years 1 to 9999, or nanos outside 0 to 999999999");
    buf_put(out, text, instant_timestamp_text(instant, true, text));
    return true;
}

static bool add_interval(const struct source *source, struct buf *out)
{
    char text[INSTANT_TEXT_MAX];
    struct instant instant = instant_of(*(ProtobufCMessage *const *)source->at);
    if (!instant_is_duration(instant))
        return value_refuse(source->err, source->column,
                            "duration out of range, or seconds and nanos of different sign");
    buf_put(out, text, instant_interval_text(instant, text));
    return true;
}

static bool add_uuid(const struct source *source, struct buf *out)
{
    char bytes[16];
    const char *text = *(char *const *)source->at;
    struct span span = {text ? text : "", text ? strlen(text) : 0};
    if (!value_parse_uuid(span, bytes))
        return value_refuse(source->err, source->column, "text is no uuid of the form 8-4-4-4-12");
    buf_put(out, span.data, span.length);
    return true;
}

static bool add_net(const struct source *source, struct buf *out)
{
    char bytes[VALUE_NET_MAX];
    const char *text = *(char *const *)source->at;
    struct span span = {text ? text : "", text ? strlen(text) : 0};
    bool network = source->column->type->id == TYPE_CIDR;
    if (!value_parse_net(span, network, bytes))
        return value_refuse(source->err, source->column,
                            network ? "text is no IP network" : "text is no IP address");
    buf_put(out, span.data, span.length);
    return true;
}

static bool add_numeric(const struct source *source, struct buf *out)
{
    char digits[DECIMAL_TEXT_MAX];
    struct decimal decimal;
    const char *text = *(char *const *)source->at;
    struct span span = {text ? text : "", text ? strlen(text) : 0};
    if (!value_decimal(source->column, span, false, &decimal, source->err))
        return false;
    buf_put(out, digits, decimal_text(&decimal, digits));
    return true;
}

static bool (*const adders[TYPE_COUNT])(const struct source *source, struct buf *out) = {
    [TYPE_BOOLEAN] = add_boolean,   [TYPE_INTEGER] = add_integer,
    [TYPE_BIGINT] = add_integer,    [TYPE_NUMERIC_U64] = add_integer,
    [TYPE_REAL] = add_real,         [TYPE_DOUBLE] = add_double,
    [TYPE_TEXT] = add_text,         [TYPE_BYTEA] = add_bytea,
    [TYPE_ENUM] = add_enum,         [TYPE_TIMESTAMPTZ] = add_timestamptz,
    [TYPE_INTERVAL] = add_interval, [TYPE_UUID] = add_uuid,
    [TYPE_INET] = add_net,          [TYPE_CIDR] = add_net,
    [TYPE_NUMERIC] = add_numeric,
};

static bool add_elements(struct source *source, const ProtobufCMessage *message, struct buf *out)
{
    const struct field_type *field = source->column->field;
    size_t count = message_count(message, field);
    buf_putc(out, '{');
    for (size_t i = 0; i < count && !out->failed; i++) {
        source->at = message_at(message, field, i);
        if (i)
            buf_putc(out, ',');
        if (!adders[source->column->type->id](source, out))
            return false;
    }
    buf_putc(out, '}');
    return out->failed ? value_refuse(source->err, source->column, "array longer than 64 MiB")
                       : true;
}

bool value_array(const struct column *column, const ProtobufCMessage *message, struct arena *arena,
                 struct drift *drift, struct cell *cell, struct err *err)
{
    struct source source = {
        .column = column,
        .kind = column->field->pb->type,
        .enumeration = column->field->enumeration,
        .arena = arena,
        .drift = drift,
        .err = err,
    };
    assert(column->field->repeated && adders[column->type->id]);
    if (message_count(message, column->field) == 0) {
        value_put(cell, "{}", 2);
        return true;
    }
    struct buf text = {.limit = VALUE_TEXT_MAX};
    bool ok = add_elements(&source, message, &text);
    if (ok)
        value_put(cell, arena_copy(arena, text.data, text.length), text.length);
    buf_free(&text);
    return ok;
}
