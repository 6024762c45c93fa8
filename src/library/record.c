/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/memory.h"
#include "library/library.h"
#include "record/guard.h"
#include "record/json.h"
#include "record/validate.h"

#include <stdio.h>

enum { ARENA_CHUNK = 16 * 1024 };

/* Guard and unpack; the message lives in the arena. */
static const ProtobufCMessage *unpack(const struct pactolus_contract *contract, struct span bytes,
                                      struct arena *arena, struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct guard guard;
    enum wire_fault fault;
    const ProtobufCMessage *message = NULL;
    guard_init(&guard, NULL);
    if (guard_check(&guard, contract->type, bytes, &fault, &err))
        message = message_unpack(contract->type, bytes, arena, &err);
    if (!message)
        library_fail(error, PACTOLUS_BYTES, &err);
    return message;
}

static bool keeps_rules(const struct pactolus_contract *contract, const ProtobufCMessage *message,
                        struct pactolus_error *error)
{
    struct violation violation;
    if (rules_count(contract->rules) == 0 ||
        validate_message(contract->rules, message, clock_wall(), &violation))
        return true;
    if (!error)
        return false;
    *error = (struct pactolus_error){.code = PACTOLUS_RULE};
    snprintf(error->place, sizeof error->place, "%s", violation.field);
    snprintf(error->rule, sizeof error->rule, "%s", violation.rule);
    snprintf(error->text, sizeof error->text, "%s", violation.message);
    return false;
}

bool pactolus_validate(const struct pactolus_contract *contract, const void *bytes, size_t length,
                       struct pactolus_error *error)
{
    struct arena arena;
    arena_init(&arena, ARENA_CHUNK);
    const ProtobufCMessage *message = unpack(contract, (struct span){bytes, length}, &arena, error);
    bool ok = message && keeps_rules(contract, message, error);
    arena_free(&arena);
    return ok;
}

bool pactolus_encode(const struct pactolus_contract *contract, const char *json, size_t length,
                     struct pactolus_bytes *bytes, struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct arena arena;
    struct buf out = BUF_INIT;
    arena_init(&arena, ARENA_CHUNK);
    const ProtobufCMessage *message =
        json_read_message(contract->type, (struct span){json, length}, &arena, &err);
    bool ok = message != NULL;
    if (!message)
        library_fail(error, PACTOLUS_JSON, &err);
    else
        ok = keeps_rules(contract, message, error);
    if (ok) {
        size_t size = protobuf_c_message_get_packed_size(message);
        out.length = protobuf_c_message_pack(message, (uint8_t *)buf_reserve(&out, size));
        *bytes = library_take(&out);
    }
    arena_free(&arena);
    return ok;
}

bool pactolus_decode(const struct pactolus_contract *contract, const void *bytes, size_t length,
                     struct pactolus_bytes *json, struct pactolus_error *error)
{
    static const struct json_style style = {0};
    struct err err = ERR_INIT;
    struct arena arena;
    struct buf out = BUF_INIT;
    arena_init(&arena, ARENA_CHUNK);
    const ProtobufCMessage *message = unpack(contract, (struct span){bytes, length}, &arena, error);
    bool ok = message && (json_write_message(&out, message, &style, &err) ||
                          library_fail(error, PACTOLUS_BYTES, &err));
    if (ok)
        *json = library_take(&out);
    else
        buf_free(&out);
    arena_free(&arena);
    return ok;
}

bool pactolus_frame(const struct pactolus_contract *contract, int32_t schema_id,
                    const void *message, size_t length, struct pactolus_bytes *framed,
                    struct pactolus_error *error)
{
    struct buf out = BUF_INIT;
    (void)error; /* nothing can fail today; the signature is for good */
    framing_put_prefix(&out, schema_id, contract->path, contract->path_length);
    buf_put(&out, message, length);
    *framed = library_take(&out);
    return true;
}

bool pactolus_unframe(const struct pactolus_contract *contract, const void *framed,
                      size_t framed_length, const void **message, size_t *length,
                      int64_t *schema_id, struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct frame frame;
    struct record record = {.value = {framed ? framed : "", framed_length}};
    if (!framing_strip(FRAMING_CONFLUENT, &record, &frame, &err))
        return library_fail(error, PACTOLUS_FRAMING, &err);
    if (!framing_path_is(&frame, contract->path, contract->path_length)) {
        err_set(&err, ERR_REJECT, ERR_EXIT_DATA, "the prefix names another message than %s",
                contract->type->full_name);
        return library_fail(error, PACTOLUS_FRAMING, &err);
    }
    *message = frame.payload.data;
    *length = frame.payload.length;
    if (schema_id)
        *schema_id = frame.schema_id;
    return true;
}
