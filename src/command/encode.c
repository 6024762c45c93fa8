/* SPDX-License-Identifier: Apache-2.0 */
#include "command/encode.h"

#include "base/clock.h"
#include "record/json.h"

#include <string.h>

enum { ENCODE_ARENA = 64 * 1024, PATH_MAX_LENGTH = FRAMING_PATH_MAX };

void encoder_init(struct encoder *encoder, const struct binding *binding, int32_t schema_id)
{
    *encoder = (struct encoder){.binding = binding, .schema_id = schema_id};
    arena_init(&encoder->arena, ENCODE_ARENA);
}

void encoder_free(struct encoder *encoder)
{
    arena_free(&encoder->arena);
    buf_free(&encoder->key);
    buf_free(&encoder->value);
    buf_free(&encoder->scratch);
}

/* The prefix that the framing wants, then the message. */
static bool put_message(struct buf *out, enum framing framing, int32_t schema_id,
                        const ProtobufCMessage *message, struct err *err)
{
    if (framing == FRAMING_CONFLUENT_HEADER)
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                       "framing confluent-header cannot be written yet");
    if (framing == FRAMING_CONFLUENT) {
        int path[PATH_MAX_LENGTH];
        unsigned length = descriptor_index_path(message_type_of(message), path, PATH_MAX_LENGTH);
        framing_put_prefix(out, schema_id, path, length);
    }
    size_t size = protobuf_c_message_get_packed_size(message);
    char *room = buf_reserve(out, size + 1);
    protobuf_c_message_pack(message, (uint8_t *)room);
    out->length += size;
    return true;
}

/* ---- the key ---- */

/* A field as the text of a key: JSON without the quotes of what is no text. */
static bool put_text(struct buf *out, const ProtobufCMessage *message, const struct column *column,
                     struct err *err)
{
    const struct json_style style = {.proto_names = true, .defaults = true};
    const struct field_type *field = column->field;
    message = value_holder(column, message);
    if (!message)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "key field %s is unset", column->origin);
    if (field->pb->type == PROTOBUF_C_TYPE_STRING) {
        const char *const *text = message_at(message, field, 0);
        buf_puts(out, *text ? *text : "");
        return true;
    }
    size_t from = out->length;
    if (column->type->id == TYPE_DATE) {
        const ProtobufCMessage *date = *(ProtobufCMessage *const *)message_at(message, field, 0);
        const struct field_type *parts = field->message->fields;
        if (!date)
            return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "key field %s is unset", column->origin);
        buf_printf(out, "%04d-%02d-%02d", *(const int32_t *)message_at(date, &parts[0], 0),
                   *(const int32_t *)message_at(date, &parts[1], 0),
                   *(const int32_t *)message_at(date, &parts[2], 0));
        return true;
    }
    if (!json_write_field(out, message, field, &style, err))
        return false;
    if (out->length - from >= 2 && out->data[from] == '"') {
        memmove(out->data + from, out->data + from + 1, out->length - from - 2);
        out->length -= 2;
        out->data[out->length] = 0;
    }
    return true;
}

static bool put_object(struct buf *out, const ProtobufCMessage *message,
                       const struct contract *contract, struct err *err)
{
    const struct json_style style = {.proto_names = true, .defaults = true};
    buf_putc(out, '{');
    for (unsigned i = 0; i < contract->n_key; i++) {
        const struct column *column = &contract->columns[contract->key[i]];
        if (i > 0)
            buf_putc(out, ',');
        buf_json_string(out, column->field->name, strlen(column->field->name));
        buf_putc(out, ':');
        if (!json_write_field(out, message, column->field, &style, err))
            return false;
    }
    buf_putc(out, '}');
    return true;
}

static bool put_key(struct encoder *encoder, const ProtobufCMessage *message, struct err *err)
{
    const struct contract *contract = encoder->binding->its;
    const struct key_mapping *mapping = &encoder->binding->stream.pipeline.key;
    struct buf *out = &encoder->key;
    if (contract->n_key == 0 || mapping->format == KEY_NONE)
        return true;
    if (mapping->format == KEY_TEXT)
        return put_text(out, message, &contract->columns[contract->key[0]], err);
    if (mapping->format == KEY_JSON)
        return put_object(out, message, contract, err);
    buf_reset(&encoder->scratch);
    if (!put_object(&encoder->scratch, message, contract, err))
        return false;
    struct span object = {encoder->scratch.data, encoder->scratch.length};
    const ProtobufCMessage *key = json_read_message(mapping->message, object, &encoder->arena, err);
    return key && put_message(out, mapping->framing, encoder->schema_id, key, err);
}

/* ---- the line ---- */

/* What the stream would say of it. */
static bool judge(struct encoder *encoder, const struct record *record, enum reason *reason,
                  struct err *err)
{
    const struct pipeline *pipeline = &encoder->binding->stream.pipeline;
    struct place place = {.log = log_pack(0, 0, 0)};
    struct parsed parsed = {.reason = REASON_NONE};
    enum verdict verdict =
        pipeline_run(pipeline, record, &place, clock_wall(), &encoder->arena, &parsed);
    if (verdict == VERDICT_ROW)
        return true;
    *reason = parsed.reason;
    *err = parsed.err;
    return false;
}

bool encode_line(struct encoder *encoder, struct span line, struct span *key, struct span *value,
                 enum reason *reason, struct err *err)
{
    const struct binding *binding = encoder->binding;
    enum framing framing = binding->stream.pipeline.framing;
    arena_reset(&encoder->arena, ENCODE_ARENA);
    buf_reset(&encoder->key);
    buf_reset(&encoder->value);
    *reason = REASON_MALFORMED;
    const ProtobufCMessage *message =
        json_read_message(binding->its->message, line, &encoder->arena, err);
    if (!message || !put_message(&encoder->value, framing, encoder->schema_id, message, err) ||
        !put_key(encoder, message, err))
        return false;
    bool keyed = binding->its->n_key > 0 && binding->stream.pipeline.key.format != KEY_NONE;
    *value = (struct span){encoder->value.data ? encoder->value.data : "", encoder->value.length};
    *key = (struct span){keyed ? encoder->key.data ? encoder->key.data : "" : NULL,
                         encoder->key.length};
    struct record record = {.topic = binding->topic, .timestamp = -1, .key = *key, .value = *value};
    return judge(encoder, &record, reason, err);
}
