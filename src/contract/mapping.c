/* SPDX-License-Identifier: Apache-2.0 */
/* Fields become columns: name, type, array, nullable, each as the field says or an option wants. */
#include "contract/contract_internal.h"

#include <string.h>

/* Columns that every PostgreSQL table has (doc: "System Columns"). */
static const char *const system_columns[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};

/* A field's options from both sources, and where the deciding one stands. */
struct said {
    struct column_options options;
    char place[192];
};

static void take_string(struct making *making, const char **into, const char *from)
{
    if (from)
        *into = arena_string(&making->owned->arena, from, strlen(from));
}

/* The .proto's options of `field`, then the configuration's over them. */
static bool read_options(struct making *making, const struct field_type *field, struct said *said)
{
    struct err err = ERR_INIT;
    making_place(making, field, said->place);
    if (!options_of_field(making->owned->options, field, &said->options, &err)) {
        making_err(making, said->place, &err);
        return false;
    }
    for (unsigned i = 0; i < making->overrides->n_columns; i++) {
        const struct column_override *override = &making->overrides->columns[i];
        const struct column_options *from = &override->options;
        if (strcmp(override->field, field->name) != 0)
            continue;
        take_string(making, &said->options.name, from->name);
        take_string(making, &said->options.type, from->type);
        take_string(making, &said->options.unit, from->unit);
        take_string(making, &said->options.classification, from->classification);
        take_string(making, &said->options.null_means, from->null_means);
        if (from->skip_said) {
            said->options.skip = from->skip;
            said->options.skip_said = true;
        }
        if (override->place) {
            strncpy(said->place, override->place, sizeof said->place - 1);
            said->place[sizeof said->place - 1] = '\0';
        }
    }
    return true;
}

static void check_name(struct making *making, const struct column *column, const char *place)
{
    const char *hint = "name the column otherwise with the option `name`";
    if (!making_name(making, place, "column", column->name))
        return;
    if (column->name[0] == '_')
        making_fault(making, place, hint,
                     "column %s of %s: names that begin with an underscore are reserved",
                     column->name, making->type->full_name);
    for (size_t i = 0; i < sizeof system_columns / sizeof *system_columns; i++) {
        if (strcmp(column->name, system_columns[i]) == 0)
            making_fault(making, place, hint,
                         "column %s of %s: PostgreSQL keeps that name to itself", column->name,
                         making->type->full_name);
    }
    const struct contract *contract = &making->owned->contract;
    for (unsigned i = 0; i < contract->n_columns; i++) {
        const struct column *other = &making->columns[i];
        if (strcmp(column->name, other->name) == 0)
            making_fault(making, place, hint, "fields %s and %s of %s are both the column %s",
                         other->field->name, column->field->name, making->type->full_name,
                         column->name);
    }
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void add_column(struct making *making, const struct field_type *field,
                       const struct said *said)
{
    struct err err = ERR_INIT;
    const struct type *type = said->options.type ? type_override(field, said->options.type, &err)
                                                 : type_for_field(field, &err);
    if (!type) {
        making_err(making, said->place, &err);
        return;
    }
    struct contract *contract = &making->owned->contract;
    if (contract->n_columns == CONTRACT_COLUMNS_MAX) {
        making_fault(making, said->place, "skip fields that nobody queries",
                     "%s has more than %d columns", making->type->full_name,
                     (int)CONTRACT_COLUMNS_MAX);
        return;
    }
    struct column column = {
        .name = said->options.name ? said->options.name : field->name,
        .type = type,
        .array = field->repeated && type->id != TYPE_JSONB,
        .nullable = field->presence && !field->proto2_required,
        .field = field,
        .wrapper = field->message && !field->repeated && !field->map &&
                   field->message->well_known == WELL_KNOWN_WRAPPER,
        .key_position = -1,
        .comment = field->comment,
        .unit = or_empty(said->options.unit),
        .classification = or_empty(said->options.classification),
        .null_means = or_empty(said->options.null_means),
    };
    check_name(making, &column, said->place);
    making->columns[contract->n_columns++] = column;
}

/* Groups and extensions are no columns; only an option that skips them makes that acceptable. */
static void refuse_unsupported(struct making *making)
{
    for (unsigned i = 0; i < making->type->n_unsupported; i++) {
        const struct field_type *field = &making->type->unsupported[i];
        struct said said = {.place = ""};
        struct err err = ERR_INIT;
        if (!read_options(making, field, &said) || said.options.skip)
            continue;
        if (!type_for_field(field, &err))
            making_err(making, said.place, &err);
    }
}

static void refuse_unknown_overrides(struct making *making)
{
    for (unsigned i = 0; i < making->overrides->n_columns; i++) {
        const struct column_override *override = &making->overrides->columns[i];
        bool known = message_type_field(making->type, override->field) != NULL;
        for (unsigned j = 0; !known && j < making->type->n_unsupported; j++)
            known = strcmp(making->type->unsupported[j].name, override->field) == 0;
        if (!known)
            making_fault(making, or_empty(override->place), making_nearest(making, override->field),
                         "%s has no field %s", making->type->full_name, override->field);
    }
}

void mapping_columns(struct making *making)
{
    const struct message_type *type = making->type;
    struct arena *arena = &making->owned->arena;
    unsigned before = making->errs->count;
    making->columns = arena_alloc(arena, CONTRACT_COLUMNS_MAX * sizeof *making->columns);
    making->skipped = arena_alloc(arena, type->n_fields + 1);
    memset(making->skipped, 0, type->n_fields + 1);
    making->owned->contract.columns = making->columns;
    for (unsigned i = 0; i < type->n_fields; i++) {
        struct said said = {.place = ""};
        if (!read_options(making, &type->fields[i], &said))
            continue;
        making->skipped[i] = said.options.skip;
        if (!said.options.skip)
            add_column(making, &type->fields[i], &said);
        if (making->owned->contract.n_columns == CONTRACT_COLUMNS_MAX &&
            making->errs->count > before)
            break;
    }
    refuse_unsupported(making);
    refuse_unknown_overrides(making);
    if (making->owned->contract.n_columns == 0 && making->errs->count == before)
        making_fault(making, making->place, "", "%s has no field to make a column of",
                     type->full_name);
}
