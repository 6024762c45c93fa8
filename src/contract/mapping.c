/* SPDX-License-Identifier: Apache-2.0 */
/* Fields become columns: name, type, array, nullable, each as the field says or an option wants. */
#include "contract/classification.h"
#include "contract/contract_internal.h"
#include "contract/field_path.h"

#include <stdio.h>
#include <string.h>

/* Columns that every PostgreSQL table has (doc: "System Columns"). */
static const char *const system_columns[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};

static void take_string(struct making *making, const char **into, const char *from)
{
    if (from)
        *into = arena_string(&making->owned->arena, from, strlen(from));
}

/* What the configuration says goes over what the .proto said. */
static void override_options(struct making *making, struct said *said)
{
    for (unsigned i = 0; i < making->overrides->n_columns; i++) {
        const struct column_override *override = &making->overrides->columns[i];
        const struct column_options *from = &override->options;
        if (!field_path_same(override->field, said->origin))
            continue;
        making->heeded[i] = true;
        take_string(making, &said->options.name, from->name);
        take_string(making, &said->options.type, from->type);
        take_string(making, &said->options.unit, from->unit);
        take_string(making, &said->options.classification, from->classification);
        take_string(making, &said->options.null_means, from->null_means);
        if (from->skip_said) {
            said->options.skip = from->skip;
            said->options.skip_said = true;
        }
        if (override->place)
            snprintf(said->place, sizeof said->place, "%s", override->place);
    }
}

static bool options_done(struct making *making, const struct standing *standing, const char *name,
                         bool good, struct err *err, struct said *said)
{
    if (!good) {
        making_err(making, said->place, err);
        return false;
    }
    enum classification ignored;
    said->origin = arena_format(&making->owned->arena, "%s%s", standing->origin, name);
    override_options(making, said);
    if (!classification_parse(said->options.classification, &ignored)) {
        const char *former = making_rule(making, "CLASSIFICATION_UNKNOWN");
        making_fault(making, said->place, "public, internal, personal or secret",
                     "there is no classification \"%.40s\", which %s of %s has",
                     said->options.classification, said->origin, making->type->full_name);
        making_rule(making, former);
    }
    return true;
}

bool mapping_options(struct making *making, const struct standing *standing,
                     const struct field_type *field, struct said *said)
{
    struct err err = ERR_INIT;
    making_place(standing->type, field, said->place);
    bool good = options_of_field(making->owned->options, field, &said->options, &err);
    return options_done(making, standing, field->name, good, &err, said);
}

bool mapping_case_options(struct making *making, const struct standing *standing,
                          const struct field_type *field, struct said *said)
{
    struct err err = ERR_INIT;
    const struct oneof_type *oneof = &standing->type->oneofs[field->oneof_index];
    making_place(standing->type, field, said->place);
    bool good = options_of_oneof(making->owned->options, oneof, &said->options, &err);
    return options_done(making, standing, oneof->name, good, &err, said);
}

/* ------------------------------------------------------------------------------------ one column
 */

/* "field address.street", "oneof payment", "the presence of address". */
static const char *described(struct making *making, const struct column *column)
{
    const char *what = column->part == PART_CASE       ? "oneof"
                       : column->part == PART_PRESENCE ? "the presence of"
                                                       : "field";
    return arena_format(&making->owned->arena, "%s %s", what, column->origin);
}

static void check_name(struct making *making, const struct column *column, const char *place)
{
    const char *hint =
        "name the column otherwise with the option `name`, or the message around it, "
        "whose name it begins with";
    const char *what = described(making, column), *of = making->type->full_name;
    if (column->depth == 0 && column->part == PART_VALUE)
        hint = "name the column otherwise with the option `name`";
    const char *former = making_rule(making, "COLUMN_NAME");
    if (!making_name(making, place, arena_format(&making->owned->arena, "the column for %s", what),
                     column->name)) {
        making_rule(making, former);
        return;
    }
    if (column->name[0] == '_')
        making_fault(making, place, hint,
                     "column %s of %s: names that begin with an underscore are reserved",
                     column->name, of);
    for (size_t i = 0; i < sizeof system_columns / sizeof *system_columns; i++) {
        if (strcmp(column->name, system_columns[i]) == 0)
            making_fault(making, place, hint,
                         "column %s of %s: PostgreSQL keeps that name to itself", column->name, of);
    }
    making_rule(making, "COLUMN_COLLISION");
    for (unsigned i = 0; i < making->owned->contract.n_columns; i++) {
        const struct column *other = &making->columns[i];
        if (strcmp(column->name, other->name) == 0)
            making_fault(making, place, hint, "%s and %s of %s are both the column %s",
                         described(making, other), what, of, column->name);
    }
    making_rule(making, former);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

void mapping_add(struct making *making, const struct standing *standing, const struct said *said,
                 struct column *column)
{
    struct contract *contract = &making->owned->contract;
    if (contract->n_columns == CONTRACT_COLUMNS_MAX) {
        making_rule(making, "COLUMN_COUNT");
        if (!making->full)
            making_fault(making, said->place,
                         "skip fields that nobody queries, or keep a message whole with "
                         "type = \"jsonb\"",
                         "%s has more than %d columns", making->type->full_name,
                         (int)CONTRACT_COLUMNS_MAX);
        making->full = true;
        return;
    }
    const char *classification = said->options.classification;
    column->path = standing->path;
    column->depth = standing->depth;
    column->origin = said->origin;
    column->key_position = -1;
    if (column->part != PART_PRESENCE)
        column->nullable = column->nullable || standing->can_be_unset;
    if (column->type->id == TYPE_NUMERIC)
        (void)type_numeric_parse(column->type->sql, strlen(column->type->sql), &column->precision,
                                 &column->scale);
    column->unit = or_empty(said->options.unit);
    column->classification = classification ? classification : standing->classification;
    column->null_means = or_empty(said->options.null_means);
    check_name(making, column, said->place);
    making->columns[contract->n_columns++] = *column;
}

static void add_field(struct making *making, const struct standing *standing,
                      const struct field_type *field, const struct said *said)
{
    struct err err = ERR_INIT;
    struct arena *arena = &making->owned->arena;
    const struct type *type = said->options.type
                                  ? type_override(field, said->options.type, arena, &err)
                                  : type_for_field(field, &err);
    if (!type) {
        making_err(making, said->place, &err);
        return;
    }
    const char *name = said->options.name ? said->options.name : field->name;
    struct column column = {
        .name = arena_format(arena, "%s%s", standing->prefix, name),
        .type = type,
        .array = field->repeated && type->id != TYPE_JSONB,
        .nullable = field->presence && !field->proto2_required,
        .field = field,
        .wrapper = field->message && !field->repeated && !field->map &&
                   field->message->well_known == WELL_KNOWN_WRAPPER,
        .comment = field->comment,
    };
    mapping_add(making, standing, said, &column);
}

/* ------------------------------------------------------------------------------------- all of them
 */

static void skip(struct making *making, const struct said *said)
{
    struct skipped *skipped = arena_alloc(&making->owned->arena, sizeof *skipped);
    *skipped = (struct skipped){said->origin, making->skipped};
    making->skipped = skipped;
}

/* Groups and extensions are no columns; only an option that skips them makes that acceptable. */
static void refuse_unsupported(struct making *making, const struct standing *standing)
{
    for (unsigned i = 0; i < standing->type->n_unsupported; i++) {
        const struct field_type *field = &standing->type->unsupported[i];
        struct said said = {.place = ""};
        struct err err = ERR_INIT;
        if (!mapping_options(making, standing, field, &said) || said.options.skip)
            continue;
        if (!type_for_field(field, &err))
            making_err(making, said.place, &err);
    }
}

void mapping_fields(struct making *making, const struct standing *standing)
{
    const struct message_type *type = standing->type;
    bool *seen = arena_alloc(&making->owned->arena, type->n_oneofs + 1);
    memset(seen, 0, type->n_oneofs + 1);
    for (unsigned i = 0; i < type->n_fields && !making->full; i++) {
        const struct field_type *field = &type->fields[i];
        struct said said = {.place = ""};
        if (field->oneof_index >= 0 && !seen[field->oneof_index]) {
            seen[field->oneof_index] = true;
            mapping_case(making, standing, field); /* before the first of its fields */
        }
        if (!mapping_options(making, standing, field, &said))
            continue;
        if (said.options.skip)
            skip(making, &said);
        else if (mapping_opens(making, standing, field, &said))
            mapping_open(making, standing, field, &said);
        else
            add_field(making, standing, field, &said);
    }
    refuse_unsupported(making, standing);
}

/* An option that nobody heeds would deceive: its field does not exist, or is in a jsonb column. */
static void refuse_unheeded(struct making *making)
{
    for (unsigned i = 0; i < making->overrides->n_columns && !making->full; i++) {
        const struct column_override *override = &making->overrides->columns[i];
        const char *place = or_empty(override->place);
        struct field_path found;
        if (making->heeded[i])
            continue;
        if (!field_path_find(making->type, override->field, &found))
            making_fault(making, place, making_nearest(making, override->field),
                         "%s has no field %s", making->type->full_name, override->field);
        else
            making_fault(
                making, place, "",
                "field %s of %s has no column of its own: a message around it is jsonb, or "
                "skipped",
                override->field, making->type->full_name);
    }
}

void mapping_columns(struct making *making)
{
    struct arena *arena = &making->owned->arena;
    unsigned before = making->errs->count;
    const struct standing top = {
        .type = making->type, .prefix = "", .origin = "", .classification = ""};
    making->columns = arena_alloc(arena, CONTRACT_COLUMNS_MAX * sizeof *making->columns);
    making->heeded = arena_alloc(arena, making->overrides->n_columns + 1);
    memset(making->heeded, 0, making->overrides->n_columns + 1);
    making->owned->contract.columns = making->columns;
    mapping_fields(making, &top);
    making_rule(making, "FIELD_UNKNOWN");
    refuse_unheeded(making);
    making_rule(making, "COLUMN_COUNT");
    if (making->owned->contract.n_columns == 0 && making->errs->count == before)
        making_fault(making, making->place, "", "%s has no field to make a column of",
                     making->type->full_name);
}
