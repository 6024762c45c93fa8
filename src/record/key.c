/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: the cells of a key are made by the same encoders as those of a value, so that both have the
 * same bytes.
 */
#include "record/key.h"

#include "record/json_forms.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {
    [KEY_NONE] = "none", [KEY_TEXT] = "text", [KEY_PROTOBUF] = "protobuf", [KEY_JSON] = "json"};

bool key_format_parse(const char *name, enum key_format *format)
{
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *format = (enum key_format)i;
            return true;
        }
    }
    return false;
}

const char *key_format_name(enum key_format format)
{
    return names[format];
}

static const struct column *key_column(const struct contract *contract, unsigned i)
{
    return &contract->columns[contract->key[i]];
}

/* ---- protobuf ---- */

static const ProtobufCMessage *unpack_key(const struct key_mapping *mapping,
                                          const struct record *record, struct arena *arena,
                                          struct err *err)
{
    struct frame frame;
    struct guard guard;
    enum wire_fault fault;
    int path[FRAMING_PATH_MAX];
    if (!framing_strip_key(mapping->framing, record, &frame, err))
        return NULL;
    if (frame.path_length) {
        unsigned length = descriptor_index_path(mapping->message, path, FRAMING_PATH_MAX);
        if (!framing_path_is(&frame, path, length)) {
            err_set(err, ERR_REJECT, ERR_EXIT_DATA, "the key is framed as another message than %s",
                    mapping->message->full_name);
            return NULL;
        }
    }
    guard_init(&guard, NULL);
    if (!guard_check(&guard, mapping->message, frame.payload, &fault, err))
        return NULL;
    return message_unpack(mapping->message, frame.payload, arena, err);
}

static bool cells_from_protobuf(const struct key_mapping *mapping, const struct contract *contract,
                                const struct record *record, struct arena *arena,
                                struct cell *cells, struct err *err)
{
    const ProtobufCMessage *message = unpack_key(mapping, record, arena, err);
    if (!message)
        return false;
    for (unsigned i = 0; i < contract->n_key; i++) {
        /* The column's encoder, reading the key message's field of the same name. */
        struct column column = *key_column(contract, i);
        column.field = message_type_field(mapping->message, column.field->name);
        assert(column.field); /* key_mapping_check */
        if (!value_cell(&column, message, arena, NULL, &cells[i], err))
            return false;
    }
    return true;
}

/* ---- json ---- */

/* Members that are no key columns are left alone: keys often carry more than the table wants. */
static bool take_members(struct json_reader *reader, const struct contract *contract,
                         struct json_object *document, ProtobufCMessage *message)
{
    bool object = json_object_is_type(document, json_type_object);
    if (!object && contract->n_key > 1)
        return err_set(reader->err, ERR_REJECT, ERR_EXIT_DATA,
                       "the key is no JSON object, but the table's key has %u columns",
                       contract->n_key);
    for (unsigned i = 0; i < contract->n_key; i++) {
        const struct field_type *field = key_column(contract, i)->field;
        struct json_object *member = document;
        if (object && !json_object_object_get_ex(document, field->name, &member) &&
            !json_object_object_get_ex(document, field->json_name, &member))
            return err_set(reader->err, ERR_REJECT, ERR_EXIT_DATA, "the key lacks member %s",
                           field->name);
        if (!member)
            return err_set(reader->err, ERR_REJECT, ERR_EXIT_DATA, "key member %s is null",
                           field->name);
        if (!json_take_field(reader, field, member, message))
            return false;
    }
    return true;
}

static bool cells_from_json(const struct contract *contract, const struct record *record,
                            struct arena *arena, struct cell *cells, struct err *err)
{
    struct json_reader reader = {.arena = arena, .err = err};
    struct json_object *document;
    if (!json_parse(record->key, &document, err))
        return false;
    ProtobufCMessage *message = message_new(contract->message, arena);
    bool ok = take_members(&reader, contract, document, message);
    json_object_put(document);
    for (unsigned i = 0; ok && i < contract->n_key; i++)
        ok = value_cell(key_column(contract, i), message, arena, NULL, &cells[i], err);
    return ok;
}

/* ---- all ---- */

/* The same rule as row_build's. */
static bool check_cells(const struct contract *contract, const struct cell *cells, struct err *err)
{
    int64_t length = 0;
    for (unsigned i = 0; i < contract->n_key; i++) {
        if (cells[i].length < 0)
            return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "key column %s is unset",
                           key_column(contract, i)->name);
        length += cells[i].length;
    }
    if (length == 0)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "the key is empty");
    return true;
}

bool key_cells(const struct key_mapping *mapping, const struct contract *contract,
               const struct record *record, struct arena *arena, struct cell *cells,
               struct err *err)
{
    bool ok = false;
    if (!record->key.data)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "the record has no key");
    switch (mapping->format) {
    case KEY_TEXT:
        ok = value_from_text(key_column(contract, 0), record->key, arena, &cells[0], err);
        break;
    case KEY_PROTOBUF:
        ok = cells_from_protobuf(mapping, contract, record, arena, cells, err);
        break;
    case KEY_JSON:
        ok = cells_from_json(contract, record, arena, cells, err);
        break;
    case KEY_NONE:
        assert(false && "a key without a format is never read");
    }
    return ok && check_cells(contract, cells, err);
}

static bool check_message(const struct key_mapping *mapping, const struct contract *contract,
                          struct err *err)
{
    if (!mapping->message) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "key format protobuf names no message type");
        return err_hint(err, "add message = \"…\" to the key's block");
    }
    for (unsigned i = 0; i < contract->n_key; i++) {
        const struct field_type *want = key_column(contract, i)->field;
        const struct field_type *have = message_type_field(mapping->message, want->name);
        if (!have)
            return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "key message %s has no field %s",
                           mapping->message->full_name, want->name);
        if (have->pb->type != want->pb->type || have->repeated || have->map ||
            have->enumeration != want->enumeration || have->message != want->message)
            return err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                           "field %s of key message %s has another type than in %s", want->name,
                           mapping->message->full_name, contract->name);
    }
    return true;
}

bool key_mapping_check(const struct key_mapping *mapping, const struct contract *contract,
                       struct err *err)
{
    if (mapping->format == KEY_NONE)
        return true;
    if (contract->n_key == 0)
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                       "contract %s has no key columns for the record's key to fill",
                       contract->name);
    if (mapping->format == KEY_TEXT && contract->n_key != 1) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "key format text fills one column, but the key of %s has %u", contract->name,
                contract->n_key);
        return err_hint(err, "use key format json or protobuf");
    }
    for (unsigned i = 0; i < contract->n_key && mapping->format != KEY_TEXT; i++) {
        const struct column *column = key_column(contract, i);
        if (column->depth == 0)
            continue;
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "key field %s of %s stands within a message, which key format %s cannot fill",
                column->origin, contract->name, key_format_name(mapping->format));
        return err_hint(err, "use key format text or none, or a field of the message itself");
    }
    return mapping->format != KEY_PROTOBUF || check_message(mapping, contract, err);
}
