/* SPDX-License-Identifier: Apache-2.0 */
/* The options of proto/pactolus/options.proto, read from the option bytes of a descriptor set. */
#include "base/memory.h"
#include "contract/contract.h"
#include "contract/wire.h"

#include "pactolus/options.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONTRACT_EXTENSION = 50411,
    COLUMN_EXTENSION = 50412,
    OPTIONS_FIELDS_MAX = 1000,
    OPTIONS_CHUNK = 4096,
};

struct options_memory {
    struct arena arena;
};

struct options_memory *options_open(void)
{
    struct options_memory *memory = mem_alloc(sizeof *memory);
    arena_init(&memory->arena, OPTIONS_CHUNK);
    return memory;
}

void options_close(struct options_memory *memory)
{
    if (!memory)
        return;
    arena_free(&memory->arena);
    free(memory);
}

static bool malformed(struct err *err, const char *what, const char *of)
{
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the options of %s %s", of, what);
}

/* An extension may come in pieces, which merge: for messages that is their bytes in a row. */
static bool collect(struct span options, unsigned number, struct buf *payload, bool *found,
                    const char *of, struct err *err)
{
    struct wire_reader reader;
    struct wire_field field;
    wire_reader_init(&reader, options);
    while (wire_reader_next(&reader, &field)) {
        if (field.number != number)
            continue;
        if (!field.bytes.data)
            return malformed(err, "hold something else under the number of our extension", of);
        buf_put(payload, field.bytes.data, field.bytes.length);
        *found = true;
    }
    return !reader.failed || malformed(err, "are malformed", of);
}

/* The extension's message, to be freed by free_unpacked; *message is NULL when it is not there. */
static bool unpack(struct span options, unsigned number, const ProtobufCMessageDescriptor *type,
                   ProtobufCMessage **message, const char *of, struct err *err)
{
    struct wire_walk walk = {.fault = WIRE_OK};
    struct wire_limits limits = {.depth_max = 4, .fields_max = OPTIONS_FIELDS_MAX};
    struct buf payload = BUF_INIT;
    bool found = false, good = false;
    *message = NULL;
    if (!collect(options, number, &payload, &found, of, err))
        goto cleanup;
    if (!found) {
        good = true;
        goto cleanup;
    }
    struct span bytes = {.data = payload.data ? payload.data : "", .length = payload.length};
    if (!wire_check(&walk, type, bytes, &limits)) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the options of %s are malformed: %s", of,
                wire_fault_text(walk.fault));
        goto cleanup;
    }
    if (walk.unknown) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "the options of %s hold the option number %u, which this version does not know", of,
                walk.unknown_first);
        goto cleanup;
    }
    *message =
        protobuf_c_message_unpack(type, NULL, bytes.length, (const unsigned char *)bytes.data);
    good = *message || malformed(err, "are malformed", of);
cleanup:
    if (!good && err)
        err->rule = "OPTION_MALFORMED";
    buf_free(&payload);
    return good;
}

static const char *copy(struct options_memory *memory, const char *text)
{
    return text ? arena_string(&memory->arena, text, strlen(text)) : NULL;
}

static const char *const *copy_list(struct options_memory *memory, char *const *items, size_t count)
{
    const char **copies = arena_alloc(&memory->arena, count * sizeof *copies + 1);
    for (size_t i = 0; i < count; i++)
        copies[i] = copy(memory, items[i]);
    return copies;
}

static bool read_enums(const Pactolus__ContractOptions *from, struct contract_options *options,
                       const char *of, struct err *err)
{
    if (from->has_mode) {
        if (from->mode != PACTOLUS__CONTRACT_OPTIONS__MODE__UPSERT &&
            from->mode != PACTOLUS__CONTRACT_OPTIONS__MODE__APPEND)
            return malformed(err, "name a mode that this version does not know", of);
        options->mode = from->mode == PACTOLUS__CONTRACT_OPTIONS__MODE__APPEND ? CONTRACT_APPEND
                                                                               : CONTRACT_UPSERT;
        options->mode_said = true;
    }
    if (!from->has_status)
        return true;
    switch (from->status) {
    case PACTOLUS__CONTRACT_OPTIONS__STATUS__ACTIVE:
        options->status = CONTRACT_ACTIVE;
        break;
    case PACTOLUS__CONTRACT_OPTIONS__STATUS__DRAFT:
        options->status = CONTRACT_DRAFT;
        break;
    case PACTOLUS__CONTRACT_OPTIONS__STATUS__DEPRECATED:
        options->status = CONTRACT_DEPRECATED;
        break;
    default:
        return malformed(err, "name a status that this version does not know", of);
    }
    options->status_said = true;
    return true;
}

bool options_of_message(struct options_memory *memory, const struct message_type *type,
                        struct contract_options *options, struct err *err)
{
    ProtobufCMessage *message = NULL;
    memset(options, 0, sizeof *options);
    if (!unpack(type->options, CONTRACT_EXTENSION, &pactolus__contract_options__descriptor,
                &message, type->full_name, err))
        return false;
    if (!message)
        return true;
    const Pactolus__ContractOptions *from = (const Pactolus__ContractOptions *)message;
    options->topics = copy_list(memory, from->topics, from->n_topics);
    options->n_topics = (unsigned)from->n_topics;
    options->key = copy_list(memory, from->key, from->n_key);
    options->n_key = (unsigned)from->n_key;
    options->version_field = copy(memory, from->version_field);
    options->event_time = copy(memory, from->event_time);
    options->schema = copy(memory, from->schema);
    options->table = copy(memory, from->table);
    options->view = copy(memory, from->view);
    options->owner = copy(memory, from->owner);
    options->notify = copy(memory, from->notify);
    options->sunset = copy(memory, from->sunset);
    options->freshness = copy(memory, from->freshness);
    options->retention = copy(memory, from->retention);
    options->description = copy(memory, from->description);
    options->purge_deleted_after = copy(memory, from->purge_deleted_after);
    bool good = read_enums(from, options, type->full_name, err);
    protobuf_c_message_free_unpacked(message, NULL);
    return good;
}

bool options_declared(const struct message_type *type)
{
    struct wire_reader reader;
    struct wire_field field;
    wire_reader_init(&reader, type->options);
    while (wire_reader_next(&reader, &field))
        if (field.number == CONTRACT_EXTENSION)
            return true;
    return false;
}

static bool read_column(struct options_memory *memory, struct span bytes, const char *of,
                        struct column_options *options, struct err *err)
{
    ProtobufCMessage *message = NULL;
    memset(options, 0, sizeof *options);
    if (!unpack(bytes, COLUMN_EXTENSION, &pactolus__column_options__descriptor, &message, of, err))
        return false;
    if (!message)
        return true;
    const Pactolus__ColumnOptions *from = (const Pactolus__ColumnOptions *)message;
    options->name = copy(memory, from->name);
    options->type = copy(memory, from->type);
    options->unit = copy(memory, from->unit);
    options->classification = copy(memory, from->classification);
    options->null_means = copy(memory, from->null_means);
    options->skip = from->has_skip && from->skip;
    options->skip_said = from->has_skip;
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}

bool options_of_field(struct options_memory *memory, const struct field_type *field,
                      struct column_options *options, struct err *err)
{
    return read_column(memory, field->options, field->name, options, err);
}

bool options_of_oneof(struct options_memory *memory, const struct oneof_type *oneof,
                      struct column_options *options, struct err *err)
{
    return read_column(memory, oneof->options, oneof->name, options, err);
}
