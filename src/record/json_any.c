/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_any: google.protobuf.Any, both ways. Its message is looked up by the last part of the type
 * URL in the descriptor set of the contract; nothing is fetched. The bytes within are as hostile as
 * a record's and pass the same guard.
 *
 *   {"@type": "type.googleapis.com/shop.v1.Order", "order_id": …}        the set has the type
 *   {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}     with a form of its
 * own
 *   {"type_url": "type.googleapis.com/another.Type", "value": "aGk="}    the set has it not
 */
#include "record/guard.h"
#include "record/json_forms.h"

#include <string.h>

enum { ANY_ARENA = 4096 };

/* The fields of google.protobuf.Any. */
enum { ANY_URL, ANY_VALUE };

static const struct message_type *find_type(const struct message_type *any, const char *url)
{
    const char *slash = strrchr(url, '/');
    return slash ? message_type_sibling(any, slash + 1) : NULL;
}

static bool put_unresolved(struct json_writer *writer, const char *url,
                           const ProtobufCBinaryData *bytes)
{
    struct buf *out = writer->out;
    if (!*url && bytes->len == 0) {
        buf_puts(out, "{}");
        return true;
    }
    buf_puts(out, "{\"type_url\":");
    buf_json_string(out, url, strlen(url));
    buf_puts(out, ",\"value\":\"");
    buf_base64(out, bytes->data, bytes->len);
    buf_puts(out, "\"}");
    return true;
}

static bool put_resolved(struct json_writer *writer, const char *url,
                         const struct message_type *type, const ProtobufCMessage *inner)
{
    struct buf *out = writer->out;
    bool ok, special = well_known_has_json(type->well_known);
    buf_puts(out, "{\"@type\":");
    buf_json_string(out, url, strlen(url));
    if (special)
        buf_puts(out, ",\"value\":");
    ok = special ? json_put_known(writer, inner) : json_put_fields(writer, inner, ",");
    buf_putc(out, '}');
    return ok;
}

static bool decode(struct json_writer *writer, const char *url, const struct message_type *type,
                   struct span bytes)
{
    struct guard guard;
    enum wire_fault fault;
    struct arena arena;
    guard_init(&guard, NULL);
    if (!guard_check(&guard, type, bytes, &fault, writer->err))
        return false;
    arena_init(&arena, ANY_ARENA);
    const ProtobufCMessage *inner = message_unpack(type, bytes, &arena, writer->err);
    bool ok = inner && put_resolved(writer, url, type, inner);
    arena_free(&arena);
    return ok;
}

bool json_put_any(struct json_writer *writer, const ProtobufCMessage *message)
{
    const struct message_type *any = message_type_of(message);
    const char *url = *(char *const *)message_at(message, &any->fields[ANY_URL], 0);
    const ProtobufCBinaryData *bytes = message_at(message, &any->fields[ANY_VALUE], 0);
    const struct message_type *type = url ? find_type(any, url) : NULL;
    /* what a group or an extension holds would be lost */
    if (!type || type->n_unsupported)
        return put_unresolved(writer, url ? url : "", bytes);
    if (writer->anys == JSON_ANY_MAX)
        return err_set(writer->err, ERR_REJECT, ERR_EXIT_DATA,
                       "more than %d google.protobuf.Any within one another", (int)JSON_ANY_MAX);
    writer->anys++;
    bool ok = decode(writer, url, type,
                     (struct span){bytes->data ? (const char *)bytes->data : "", bytes->len});
    writer->anys--;
    return ok;
}

/* ---- reading ---- */

static void store(const struct message_type *any, ProtobufCMessage *message, const char *url,
                  ProtobufCBinaryData bytes)
{
    memcpy((char *)message + any->fields[ANY_URL].pb->offset, &url, sizeof url);
    memcpy((char *)message + any->fields[ANY_VALUE].pb->offset, &bytes, sizeof bytes);
}

bool json_take_any(struct json_reader *reader, const struct message_type *type,
                   struct json_object *value, ProtobufCMessage *message)
{
    struct json_object *member, *inside;
    if (!json_object_is_type(value, json_type_object))
        return json_fault(reader, "an object is wanted");
    if (!json_object_object_get_ex(value, "@type", &member))
        return json_take_fields(reader, type, value, NULL, message);
    if (!json_object_is_type(member, json_type_string))
        return json_fault(reader, "@type is no string");
    size_t length = (size_t)json_object_get_string_len(member);
    const char *url = arena_string(reader->arena, json_object_get_string(member), length);
    const struct message_type *of = strlen(url) == length ? find_type(type, url) : NULL;
    if (!of)
        return json_fault(reader, "the descriptor set has no message %.150s", url);
    ProtobufCMessage *inner = message_new(of, reader->arena);
    if (!well_known_has_json(of->well_known)) {
        if (!json_take_fields(reader, of, value, "@type", inner))
            return false;
    } else if (!json_object_object_get_ex(value, "value", &inside)) {
        return json_fault(reader, "there is no member value");
    } else if (!json_take_known(reader, of, inside, inner)) {
        return false;
    }
    ProtobufCBinaryData bytes = {.len = protobuf_c_message_get_packed_size(inner)};
    bytes.data = arena_alloc(reader->arena, bytes.len + 1);
    protobuf_c_message_pack(inner, bytes.data);
    store(type, message, url, bytes);
    return true;
}
