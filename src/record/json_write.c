/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "record/json_forms.h"
#include "record/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* JSON has no NaN and no infinities, and readers take "-0" for an integer, which has no sign. */
static void put_number(struct buf *out, const char *text, size_t length, bool finite)
{
    if (!finite)
        buf_json_string(out, text, length);
    else if (length == 2 && memcmp(text, "-0", 2) == 0)
        buf_puts(out, "-0.0");
    else
        buf_put(out, text, length);
}

static void put_double(struct buf *out, double value)
{
    char text[NUMBER_TEXT_MAX];
    put_number(out, text, number_double_text(value, text), value - value == 0);
}

static void put_float(struct buf *out, float value)
{
    char text[NUMBER_TEXT_MAX];
    put_number(out, text, number_float_text(value, text), value - value == 0);
}

static void put_enum(struct buf *out, const struct field_type *field, int number)
{
    const char *name = enum_type_name(field->enumeration, number);
    if (json_is_null_value(field))
        buf_puts(out, "null");
    else if (name)
        buf_json_string(out, name, strlen(name));
    else
        buf_printf(out, "%d", number);
}

bool json_put_value(struct json_writer *writer, const struct field_type *field, const void *at)
{
    struct buf *out = writer->out;
    switch (field->pb->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        buf_printf(out, "%" PRId32, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        buf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        buf_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put_float(out, *(const float *)at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(out, *(const double *)at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        buf_puts(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(out, field, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)at;
        buf_json_string(out, text ? text : "", text ? strlen(text) : 0);
        break;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = at;
        buf_putc(out, '"');
        buf_base64(out, bytes->data, bytes->len);
        buf_putc(out, '"');
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_put_message(writer, field->message, *(ProtobufCMessage *const *)at);
    }
    return true;
}

bool json_put_repeated(struct json_writer *writer, const struct field_type *field,
                       const ProtobufCMessage *message)
{
    size_t count = message_count(message, field);
    buf_putc(writer->out, '[');
    for (size_t i = 0; i < count && !writer->out->failed; i++) {
        if (i)
            buf_putc(writer->out, ',');
        if (!json_put_value(writer, field, message_at(message, field, i)))
            return false;
    }
    buf_putc(writer->out, ']');
    return true;
}

/* ---- maps: sorted by key, text by its bytes, numbers and booleans by value; of equal keys the
 * last one wins, as the Protobuf encoding says of duplicates ---- */

struct map_item {
    const ProtobufCMessage *entry;
    size_t index;
    union {
        const char *text;
        int64_t number;
        uint64_t natural;
    } key;
};

static int by_index(const struct map_item *a, const struct map_item *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

static int by_text(const void *left, const void *right)
{
    const struct map_item *a = left, *b = right;
    int order = strcmp(a->key.text, b->key.text);
    return order ? order : by_index(a, b);
}

static int by_number(const void *left, const void *right)
{
    const struct map_item *a = left, *b = right;
    int order = (a->key.number > b->key.number) - (a->key.number < b->key.number);
    return order ? order : by_index(a, b);
}

static int by_natural(const void *left, const void *right)
{
    const struct map_item *a = left, *b = right;
    int order = (a->key.natural > b->key.natural) - (a->key.natural < b->key.natural);
    return order ? order : by_index(a, b);
}

typedef int map_order(const void *left, const void *right);

/* Reads the key into the item; returns how such keys are ordered. */
static map_order *read_key(const struct field_type *key, struct map_item *item)
{
    const void *at = message_at(item->entry, key, 0);
    switch (key->pb->type) {
    case PROTOBUF_C_TYPE_STRING:
        item->key.text = *(char *const *)at ? *(char *const *)at : "";
        return by_text;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        item->key.natural = *(const uint64_t *)at;
        return by_natural;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        item->key.natural = *(const uint32_t *)at;
        return by_natural;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        item->key.number = *(const int64_t *)at;
        return by_number;
    case PROTOBUF_C_TYPE_BOOL:
        item->key.number = *(const protobuf_c_boolean *)at != 0;
        return by_number;
    default:
        item->key.number = *(const int32_t *)at;
        return by_number;
    }
}

static bool same_key(const struct map_item *a, const struct map_item *b, map_order *order)
{
    return order == by_text ? strcmp(a->key.text, b->key.text) == 0
                            : a->key.natural == b->key.natural;
}

static void put_key(struct buf *out, const struct map_item *item, map_order *order, bool boolean)
{
    if (order == by_text)
        buf_json_string(out, item->key.text, strlen(item->key.text));
    else if (boolean)
        buf_puts(out, item->key.number ? "\"true\"" : "\"false\"");
    else if (order == by_natural)
        buf_printf(out, "\"%" PRIu64 "\"", item->key.natural);
    else
        buf_printf(out, "\"%" PRId64 "\"", item->key.number);
    buf_putc(out, ':');
}

bool json_put_map(struct json_writer *writer, const struct field_type *field,
                  const ProtobufCMessage *message)
{
    const struct field_type *key = &field->message->fields[0], *value = &field->message->fields[1];
    size_t count = message_count(message, field);
    struct map_item *items = count ? mem_zero(count, sizeof *items) : NULL;
    map_order *order = by_text;
    bool ok = true, first = true;
    for (size_t i = 0; i < count; i++) {
        items[i].entry = *(ProtobufCMessage *const *)message_at(message, field, i);
        items[i].index = i;
        order = read_key(key, &items[i]);
    }
    if (count > 1)
        qsort(items, count, sizeof *items, order);
    buf_putc(writer->out, '{');
    for (size_t i = 0; ok && i < count; i++) {
        if (i + 1 < count && same_key(&items[i], &items[i + 1], order))
            continue;
        if (!first)
            buf_putc(writer->out, ',');
        first = false;
        put_key(writer->out, &items[i], order, key->pb->type == PROTOBUF_C_TYPE_BOOL);
        ok = json_put_value(writer, value, message_at(items[i].entry, value, 0));
    }
    buf_putc(writer->out, '}');
    free(items);
    return ok;
}

/* ---- messages ---- */

static bool put_field(struct json_writer *writer, const ProtobufCMessage *message,
                      const struct field_type *field)
{
    if (field->map)
        return json_put_map(writer, field, message);
    if (field->repeated)
        return json_put_repeated(writer, field, message);
    return json_put_value(writer, field, message_at(message, field, 0));
}

bool json_put_fields(struct json_writer *writer, const ProtobufCMessage *message,
                     const char *before)
{
    const struct message_type *type = message_type_of(message);
    for (unsigned i = 0; i < type->n_fields && !writer->out->failed; i++) {
        const struct field_type *field = &type->fields[i];
        if (!message_has(message, field) && (field->presence || !writer->style->defaults))
            continue;
        const char *name = writer->style->proto_names ? field->name : field->json_name;
        buf_puts(writer->out, before);
        before = ",";
        buf_json_string(writer->out, name, strlen(name));
        buf_putc(writer->out, ':');
        if (!put_field(writer, message, field))
            return false;
    }
    return true;
}

bool json_put_message(struct json_writer *writer, const struct message_type *type,
                      const ProtobufCMessage *message)
{
    if (!message) { /* a map entry without a value means the empty one */
        void *empty = mem_alloc(type->pb.sizeof_message);
        message_init(type, empty);
        bool ok = json_put_message(writer, type, empty);
        free(empty);
        return ok;
    }
    if (well_known_has_json(type->well_known))
        return json_put_known(writer, message);
    buf_putc(writer->out, '{');
    bool ok = json_put_fields(writer, message, "");
    buf_putc(writer->out, '}');
    return ok;
}

bool json_write_message(struct buf *out, const ProtobufCMessage *message,
                        const struct json_style *style, struct err *err)
{
    struct json_writer writer = {.out = out, .style = style, .err = err};
    return json_put_message(&writer, message_type_of(message), message);
}

bool json_write_field(struct buf *out, const ProtobufCMessage *message,
                      const struct field_type *field, const struct json_style *style,
                      struct err *err)
{
    struct json_writer writer = {.out = out, .style = style, .err = err};
    return put_field(&writer, message, field);
}
