/* SPDX-License-Identifier: Apache-2.0 */
#include "record/row.h"

#include "record/message.h"

#include <string.h>

/* Fast and good enough for a batch's hash table: 8 bytes a step, mixed by the two halves of a
 * 128-bit product with odd constants (fractional bits of sqrt 2 and sqrt 3). */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(const char *data, size_t length)
{
    uint64_t hash = mix(length + UINT64_C(0x6a09e667f3bcc909), UINT64_C(0xbb67ae8584caa73b));
    while (length) {
        uint64_t word = 0;
        size_t step = length < 8 ? length : 8;
        memcpy(&word, data, step);
        hash = mix(hash ^ word, UINT64_C(0xbb67ae8584caa73b));
        data += step;
        length -= step;
    }
    return mix(hash, UINT64_C(0x6a09e667f3bcc909));
}

static void put_cell(char **at, const char *data, size_t length)
{
    be32_store(*at, (uint32_t)length);
    memcpy(*at + 4, data, length);
    *at += 4 + length;
}

/* Each record is its own row: log and offset, as bytes that order like numbers. */
static void append_key(struct arena *arena, struct row *row)
{
    char *key = arena_alloc(arena, 24), *at = key, word[8];
    be64_store(word, (uint64_t)row->place.log);
    put_cell(&at, word, sizeof word);
    be64_store(word, (uint64_t)row->place.offset);
    put_cell(&at, word, sizeof word);
    row->key = (struct span){key, 24};
}

void row_key(const struct layout *layout, struct arena *arena, struct row *row)
{
    if (layout->append) {
        append_key(arena, row);
    } else {
        size_t length = 0;
        for (unsigned i = 0; i < layout->n_key; i++)
            length += 4 + (size_t)row->cells[layout->key[i]].length;
        char *key = arena_alloc(arena, length), *at = key;
        for (unsigned i = 0; i < layout->n_key; i++) {
            const struct cell *cell = &row->cells[layout->key[i]];
            put_cell(&at, cell->data, (size_t)cell->length);
        }
        row->key = (struct span){key, length};
    }
    row->hash = hash_bytes(row->key.data, row->key.length);
}

/* The version field as a number; an unset one has no place. */
static bool read_version(const struct column *column, const ProtobufCMessage *message,
                         int64_t *version, struct err *err)
{
    const struct field_type *field = column->field;
    message = value_holder(column, message);
    if (!message || (field->presence && !message_has(message, field)))
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "version field %s is unset", column->origin);
    const void *at = message_at(message, field, 0);
    ProtobufCType kind = field->pb->type;
    if (column->wrapper) {
        const struct field_type *inner = &field->message->fields[0];
        at = message_at(*(ProtobufCMessage *const *)at, inner, 0);
        kind = inner->pb->type;
    }
    switch (kind) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        *version = *(const int32_t *)at;
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        *version = *(const uint32_t *)at;
        return true;
    default:
        break;
    }
    memcpy(version, at, sizeof *version);
    bool natural = kind == PROTOBUF_C_TYPE_UINT64 || kind == PROTOBUF_C_TYPE_FIXED64;
    if (natural && *version < 0)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "version field %s is past bigint's range",
                       column->origin);
    return true;
}

/* Every key column must be set; one whose columns are all empty text would gather the records of
 * careless producers in one row. */
static bool check_key(const struct layout *layout, const struct cell *cells, struct err *err)
{
    int64_t length = 0;
    for (unsigned i = 0; i < layout->n_key; i++) {
        const struct cell *cell = &cells[layout->key[i]];
        if (cell->length < 0)
            return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "key column %s is unset",
                           layout->columns[layout->key[i]].name);
        length += cell->length;
    }
    if (length == 0)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "key column %s is empty",
                       layout->columns[layout->key[0]].name);
    return true;
}

static struct cell *build_cells(const struct layout *layout, unsigned contract,
                                const ProtobufCMessage *message, struct arena *arena,
                                struct drift *drift, enum reason *reason, struct err *err)
{
    const struct column *columns = layout->contracts[contract]->columns;
    const int *from = layout->from[contract];
    struct cell *cells = arena_alloc(arena, layout->n_data * sizeof *cells);
    for (unsigned i = 0; i < layout->n_data; i++) {
        if (from[i] < 0) {
            cells[i] = (struct cell){NULL, -1};
            continue;
        }
        const struct column *column = &columns[from[i]];
        if (!value_cell(column, message, arena, drift, &cells[i], err)) {
            *reason = column->key_position >= 0 ? REASON_KEY : REASON_VALUE;
            return NULL;
        }
    }
    return cells;
}

bool row_build(const struct layout *layout, unsigned contract, const ProtobufCMessage *message,
               struct arena *arena, struct drift *drift, struct row *row, enum reason *reason,
               struct err *err)
{
    const struct contract *of = layout->contracts[contract];
    row->tombstone = false;
    row->deleted_at = 0;
    row->place.version = 0;
    if (of->version >= 0 &&
        !read_version(&of->columns[of->version], message, &row->place.version, err)) {
        *reason = REASON_VERSION;
        return false;
    }
    row->cells = build_cells(layout, contract, message, arena, drift, reason, err);
    if (!row->cells)
        return false;
    if (!layout->append && !check_key(layout, row->cells, err)) {
        *reason = REASON_KEY;
        return false;
    }
    row_key(layout, arena, row);
    *reason = REASON_NONE;
    return true;
}

void row_tombstone(const struct layout *layout, const struct cell *key_cells, struct arena *arena,
                   struct row *row)
{
    struct cell *cells = arena_alloc(arena, layout->n_data * sizeof *cells);
    for (unsigned i = 0; i < layout->n_data; i++)
        cells[i] = (struct cell){NULL, -1};
    for (unsigned i = 0; i < layout->n_key; i++)
        cells[layout->key[i]] = key_cells[i];
    row->cells = cells;
    row->tombstone = true;
    row_key(layout, arena, row);
}
