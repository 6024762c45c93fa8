/* SPDX-License-Identifier: Apache-2.0 */
#include "command/decode.h"

#include "base/clock.h"
#include "base/text.h"
#include "record/json.h"

#include <string.h>

/* The message that the frame names: another one of the contract's file is shown as what it is. */
static const struct message_type *type_of_frame(const struct binding *binding,
                                                const struct frame *frame, struct err *err)
{
    const struct message_type *type = binding->its->message;
    if (frame->path_length > 0)
        type = descriptor_set_by_index(binding->stream.set, type->file, frame->path,
                                       frame->path_length);
    if (!type)
        err_set(err, ERR_REJECT, ERR_EXIT_DATA,
                "framed as a message that the contract's file does not have");
    return type;
}

static bool put_value(const struct binding *binding, const struct decode_style *style,
                      const struct record *record, struct arena *arena, struct buf *out,
                      struct err *err)
{
    const struct pipeline *pipeline = &binding->stream.pipeline;
    const struct json_style json = {.proto_names = style->proto_names, .defaults = true};
    struct frame frame;
    enum wire_fault fault;
    const struct message_type *type;
    if (!record->value.data) {
        buf_puts(out, "null");
        return true;
    }
    if (!framing_strip(pipeline->framing, record, &frame, err) ||
        !(type = type_of_frame(binding, &frame, err)) ||
        !guard_check(&pipeline->guard, type, frame.payload, &fault, err))
        return false;
    const ProtobufCMessage *message = message_unpack(type, frame.payload, arena, err);
    return message && json_write_message(out, message, &json, err);
}

/* Text as a string, other bytes as base64 under another name. */
static void put_bytes(struct buf *out, const char *name, struct span bytes)
{
    bool text = bytes.data && text_utf8_valid(bytes.data, bytes.length);
    buf_printf(out, "\"%s%s\":", name, bytes.data && !text ? "_base64" : "");
    if (!bytes.data) {
        buf_puts(out, "null");
    } else if (text) {
        buf_json_string(out, bytes.data, bytes.length);
    } else {
        buf_putc(out, '"');
        buf_base64(out, bytes.data, bytes.length);
        buf_putc(out, '"');
    }
}

/* An array: Kafka allows one name several times. */
static void put_headers(struct buf *out, const struct record *record)
{
    struct header headers[RECORD_HEADERS_MAX];
    unsigned n = record->headers ? record->headers(record->source, headers, RECORD_HEADERS_MAX) : 0;
    if (n == 0)
        return;
    buf_puts(out, ",\"headers\":[");
    for (unsigned i = 0; i < n && i < RECORD_HEADERS_MAX; i++) {
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        buf_json_string(out, headers[i].name, strlen(headers[i].name));
        buf_putc(out, ',');
        put_bytes(out, "value", headers[i].value);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_place(struct buf *out, const struct record *record)
{
    char time[32];
    buf_puts(out, "{\"topic\":");
    buf_json_string(out, record->topic, strlen(record->topic));
    buf_printf(out, ",\"partition\":%d,\"offset\":%lld", (int)record->partition,
               (long long)record->offset);
    if (record->timestamp >= 0 && record->timestamp < INT64_MAX / USEC_PER_MS)
        buf_printf(out, ",\"timestamp\":\"%s\"", clock_text(record->timestamp * USEC_PER_MS, time));
    buf_putc(out, ',');
    put_bytes(out, "key", record->key);
    put_headers(out, record);
}

bool decode_record(const struct binding *binding, const struct decode_style *style,
                   const struct record *record, struct arena *arena, struct buf *out,
                   struct err *err)
{
    if (!style->envelope)
        return put_value(binding, style, record, arena, out, err);
    put_place(out, record);
    size_t before = out->length;
    buf_puts(out, ",\"value\":");
    bool ok = put_value(binding, style, record, arena, out, err);
    if (!ok) { /* whatever was written of the value is no JSON */
        out->length = before;
        buf_puts(out, ",\"error\":");
        buf_json_string(out, err->text, strlen(err->text));
        buf_puts(out, ",\"value_base64\":\"");
        buf_base64(out, record->value.data, record->value.length);
        buf_putc(out, '"');
    }
    buf_putc(out, '}');
    return ok;
}
