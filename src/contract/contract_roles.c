/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns make the key, carry the version and tell the event's time, and may they? */
#include "contract/contract_internal.h"
#include "contract/field_path.h"

#include <string.h>

static bool is_skipped(const struct making *making, const char *path)
{
    for (const struct skipped *at = making->skipped; at; at = at->next) {
        if (field_path_within(path, at->origin))
            return true;
    }
    return false;
}

/* Why the field that `path` leads to is no column; a fault of its own has been reported. */
static const char *no_column(const struct making *making, const char *path,
                             const struct field_path *found)
{
    const struct field_type *field = found->field;
    if (is_skipped(making, path))
        return "an option skips that field";
    if (!field)
        return "it is a oneof";
    if (field->message && !field->repeated && !field->map &&
        field->message->well_known != WELL_KNOWN_DECIMAL)
        return "it is a message";
    return found->depth ? "a message around it is jsonb" : NULL;
}

/* The column of the field that `path` leads to, -1 with a fault when there is none. */
static int find_column(struct making *making, const char *role, const char *path)
{
    const struct contract *contract = &making->owned->contract;
    const char *of = making->type->full_name;
    struct field_path found;
    const char *former = making_rule(making, "FIELD_UNKNOWN");
    if (!field_path_find(making->type, path, &found)) {
        making_fault(making, making->place, making_nearest(making, path),
                     "%s %s: %s has no such field", role, path, of);
        making_rule(making, former);
        return -1;
    }
    for (unsigned i = 0; i < contract->n_columns; i++) {
        const struct column *column = &contract->columns[i];
        if (column->part != PART_VALUE || !field_path_same(column->origin, path))
            continue;
        making_rule(making, former);
        return (int)i;
    }
    const char *obstacle = no_column(making, path, &found);
    if (obstacle)
        making_fault(making, making->place, "", "%s %s of %s: %s", role, path, of, obstacle);
    making_rule(making, former);
    return -1;
}

/* Why that column cannot be in a key, NULL when it can. */
static const char *key_obstacle(const struct column *column)
{
    if (column->array)
        return "it is repeated";
    switch (column->type->id) {
    case TYPE_REAL:
    case TYPE_DOUBLE:
        return "floating-point numbers cannot be compared safely";
    case TYPE_INTERVAL:
    case TYPE_TSTZRANGE:
        return "intervals of different form can be equal";
    case TYPE_TIME:
        return "it is a time of day";
    case TYPE_NUMERIC:
        return column->field->message ? "it is a message" : NULL;
    case TYPE_JSONB:
        return column->field->map ? "it is a map" : "it is a message";
    default:
        return NULL;
    }
}

static void assign_key(struct making *making)
{
    struct contract *contract = &making->owned->contract;
    const struct contract_options *options = &making->options;
    const char *of = making->type->full_name;
    making_rule(making, "KEY_NOT_ALLOWED");
    if (contract->mode == CONTRACT_APPEND) {
        if (options->n_key)
            making_fault(
                making, making->place, "leave `key` out, or use mode upsert",
                "%s appends, so it has no key of its own: a record's log and offset are it", of);
        return;
    }
    making_rule(making, options->n_key ? "KEY_NOT_ALLOWED" : "KEY_MISSING");
    if (options->n_key == 0)
        making_fault(making, making->place,
                     "name the fields in the option `key`, or use mode append",
                     "contract %s has no key", of);
    if (options->n_key > CONTRACT_KEY_MAX) {
        making_fault(making, making->place, "",
                     "the key of %s has %u fields, at most %d are allowed", of, options->n_key,
                     (int)CONTRACT_KEY_MAX);
        return;
    }
    making_rule(making, "KEY_TYPE");
    for (unsigned i = 0; i < options->n_key; i++) {
        int at = find_column(making, "key", options->key[i]);
        if (at < 0)
            continue;
        struct column *column = &making->columns[at];
        const char *obstacle = key_obstacle(column);
        if (column->key_position >= 0)
            obstacle = "it is named twice";
        char place[192];
        making_column_place(making, column, place);
        if (obstacle)
            making_fault(making, place,
                         "use whole numbers, text, bytes, uuid, bool, enum, Date or Timestamp",
                         "key %s of %s: %s", options->key[i], of, obstacle);
        column->key_position = (int)i;
        contract->key[contract->n_key++] = (unsigned)at;
    }
}

static bool is_integer(const struct field_type *field)
{
    switch (field->pb->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    default:
        return !field->repeated;
    }
}

static void assign_version(struct making *making)
{
    struct contract *contract = &making->owned->contract;
    const char *name = making->options.version_field;
    making_rule(making, "VERSION_TYPE");
    int at = name ? find_column(making, "version field", name) : -1;
    if (at < 0)
        return;
    const struct column *column = &making->columns[at];
    const struct message_type *message = column->field->message;
    char place[192];
    making_column_place(making, column, place);
    if (!is_integer(column->field))
        making_fault(making, place,
                     message && message->well_known == WELL_KNOWN_TIMESTAMP
                         ? "a Timestamp loses its nanoseconds: use an integer"
                         : "use a field of an integer type",
                     "version field %s of %s is not an integer", name, making->type->full_name);
    else if (column->key_position >= 0)
        making_fault(making, place, "", "version field %s of %s is part of the key", name,
                     making->type->full_name);
    contract->version = at;
}

static void assign_event_time(struct making *making)
{
    const char *name = making->options.event_time;
    making_rule(making, "EVENT_TIME_TYPE");
    int at = name ? find_column(making, "event time", name) : -1;
    if (at < 0)
        return;
    const struct column *column = &making->columns[at];
    char place[192];
    making_column_place(making, column, place);
    if (column->type->id != TYPE_TIMESTAMPTZ || column->array)
        making_fault(making, place, "use a google.protobuf.Timestamp",
                     "event time %s of %s is not a Timestamp", name, making->type->full_name);
    making->owned->contract.event_time = at;
}

void contract_assign_roles(struct making *making)
{
    assign_key(making);
    assign_version(making);
    assign_event_time(making);
}
