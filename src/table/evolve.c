/* SPDX-License-Identifier: Apache-2.0 */
#include "table/evolve.h"

#include "contract/layout.h"
#include "contract/rules.h"
#include "table/compare.h"
#include "table/widen.h"

#include <stdlib.h>
#include <string.h>

struct evolution {
    const struct contract *old, *new;
    struct findings *findings;
    struct arena *arena;
    const char *place; /* of the new message */
};

/* The message that holds the column's field. */
static const struct message_type *holder(const struct contract *contract,
                                         const struct column *column)
{
    return column->depth ? column->path[column->depth - 1]->message : contract->message;
}

static const char *place_of(const struct evolution *evolution, const struct column *column)
{
    const struct message_type *type = holder(evolution->new, column);
    return column->field->line > 0
               ? arena_format(evolution->arena, "%s:%d", type->file, column->field->line)
               : type->file;
}

static const char *path_of(const struct evolution *evolution, const struct contract *contract,
                           const struct column *column)
{
    return arena_format(evolution->arena, "%s.%s", contract->name, column->origin);
}

/* Do the values of both come from one place: the same numbers down to the field, and the same of
 * it? */
static bool same_source(const struct column *a, const struct column *b)
{
    if (a->part != b->part || a->depth != b->depth || a->field->pb->id != b->field->pb->id)
        return false;
    for (unsigned i = 0; i < a->depth; i++)
        if (a->path[i]->pb->id != b->path[i]->pb->id)
            return false;
    return true;
}

/* "3", "8.2" */
static const char *numbers(const struct evolution *evolution, const struct column *column)
{
    const char *text = "";
    for (unsigned i = 0; i < column->depth; i++)
        text = arena_format(evolution->arena, "%s%u.", text, column->path[i]->pb->id);
    return arena_format(evolution->arena, "%s%u", text, column->field->pb->id);
}

static const struct column *by_source(const struct contract *contract, const struct column *like)
{
    for (unsigned i = 0; i < contract->n_columns; i++)
        if (same_source(&contract->columns[i], like))
            return &contract->columns[i];
    return NULL;
}

static const struct column *by_name(const struct contract *contract, const char *name)
{
    for (unsigned i = 0; i < contract->n_columns; i++)
        if (strcmp(contract->columns[i].name, name) == 0)
            return &contract->columns[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------- columns */

static const char *type_text(const struct evolution *evolution, const struct column *column)
{
    return arena_format(evolution->arena, "%s%s", column->type->sql, column->array ? "[]" : "");
}

/* A jsonb column may hold one value, a list, or an object by key; its type does not tell. */
static const char *jsonb_form(const struct column *column)
{
    if (column->type->id != TYPE_JSONB)
        return "";
    return column->field->map ? "an object by key" : column->field->repeated ? "a list" : "one";
}

static void compare_type(const struct evolution *evolution, const struct column *old,
                         const struct column *new, const char *path, const char *place)
{
    struct findings *findings = evolution->findings;
    const char *was = type_text(evolution, old), *is = type_text(evolution, new);
    if (strcmp(was, is) != 0) {
        bool wider = widen(was, is) == WIDEN_FREE;
        findings_add(findings, LAYER_TABLE, wider ? "COLUMN_WIDENED" : "COLUMN_RETYPED", path,
                     place, "column %s was %s and is %s", new->name, was, is);
        return;
    }
    const char *form = jsonb_form(old), *now = jsonb_form(new);
    if (strcmp(form, now) != 0)
        findings_add(findings, LAYER_TABLE, "COLUMN_RETYPED", path, place,
                     "jsonb column %s held %s and holds %s", new->name, form, now);
    else if (old->type->id == TYPE_JSONB && old->field->message && new->field->message)
        evolve_members(old->field->message, new->field->message, path, findings);
    if (old->type->id != new->type->id &&
        (old->type->id == TYPE_ENUM || new->type->id == TYPE_ENUM))
        findings_add(findings, LAYER_TABLE, "COLUMN_RETYPED", path, place,
                     "column %s held %s and holds %s", new->name,
                     old->type->id == TYPE_ENUM ? "an enum's names" : "text",
                     new->type->id == TYPE_ENUM ? "an enum's names" : "text");
    if (old->type->id == TYPE_ENUM && new->type->id == TYPE_ENUM &&
        old->field->enumeration &&new->field->enumeration)
        evolve_enum(old->field->enumeration, new->field->enumeration, path, place, findings);
}

static void compare_words(const struct evolution *evolution, const char *id, const char *what,
                          const char *was, const char *is, const char *path, const char *place)
{
    if (strcmp(was, is) != 0)
        findings_add(evolution->findings, LAYER_TABLE, id, path, place,
                     "%s was \"%s\" and is \"%s\"", what, was, is);
}

/* A oneof's case column stores the names of its members. */
static void compare_case(const struct evolution *evolution, const struct column *old,
                         const struct column *new, const char *path)
{
    const struct message_type *before = holder(evolution->old, old);
    const struct message_type *after = holder(evolution->new, new);
    for (unsigned i = 0; i < before->n_fields; i++) {
        const struct field_type *field = &before->fields[i];
        const struct field_type *twin = message_type_field_number(after, field->pb->id);
        if (field->oneof_index != old->field->oneof_index || !twin ||
            strcmp(field->name, twin->name) == 0)
            continue;
        findings_add(evolution->findings, LAYER_TABLE, "ENUM_TEXT_CHANGED", path,
                     place_of(evolution, new), "member %s was stored as %s and is stored as %s",
                     field->name, field->name, twin->name);
    }
}

/* A column that both have, by source; its name is the same. */
static void compare_column(const struct evolution *evolution, const struct column *old,
                           const struct column *new)
{
    const char *path = path_of(evolution, evolution->new, new);
    const char *place = place_of(evolution, new);
    if (old->part == PART_CASE)
        compare_case(evolution, old, new, path);
    else
        compare_type(evolution, old, new, path, place);
    if (new->nullable && !old->nullable &&new->key_position < 0)
        findings_add(evolution->findings, LAYER_TABLE, "COLUMN_BECAME_NULLABLE", path, place,
                     "column %s may be NULL now", new->name);
    if (old->nullable && !new->nullable &&new->key_position < 0)
        findings_add(evolution->findings, LAYER_TABLE, "COLUMN_BECAME_REQUIRED", path, place,
                     "column %s may be NULL no more", new->name);
    compare_words(evolution, "UNIT_CHANGED", "the unit", old->unit, new->unit, path, place);
    compare_words(evolution, "NULL_MEANING_CHANGED", "NULL's meaning", old->null_means,
                  new->null_means, path, place);
    compare_words(evolution, "CLASSIFICATION_CHANGED", "the classification", old->classification,
                  new->classification, path, place);
}

/* A column of the old contract, wherever it went. */
static void follow_column(const struct evolution *evolution, const struct column *old)
{
    const struct column *source = by_source(evolution->new, old);
    const struct column *named = by_name(evolution->new, old->name);
    struct findings *findings = evolution->findings;
    if (source && source == named) {
        compare_column(evolution, old, source);
    } else if (named) {
        findings_add(findings, LAYER_TABLE, "COLUMN_SOURCE_CHANGED",
                     path_of(evolution, evolution->new, named), place_of(evolution, named),
                     "column %s was filled from field %s and is filled from field %s", old->name,
                     numbers(evolution, old), numbers(evolution, named));
    } else if (source) {
        findings_add(findings, LAYER_TABLE, "COLUMN_RENAMED",
                     path_of(evolution, evolution->new, source), place_of(evolution, source),
                     "field number %s filled column %s and fills %s now", numbers(evolution, old),
                     old->name, source->name);
        if (strcmp(type_text(evolution, old), type_text(evolution, source)) == 0)
            findings_advise(findings,
                            "pin the column: [(pactolus.column) = { name: \"%s\" }]; if the number "
                            "was used again for another thing, take a new one and reserve %s",
                            old->name, numbers(evolution, old));
        else
            findings_advise(findings, "take a new number for %s, and reserve %s", source->origin,
                            numbers(evolution, old));
    } else {
        findings_add(findings, LAYER_TABLE, "COLUMN_REMOVED",
                     path_of(evolution, evolution->old, old), evolution->place,
                     "column %s is filled by no field any more", old->name);
    }
}

/* Whether a row that exists gets a value is the comparator's to say; see refused_by_migrate. */
static void added_columns(const struct evolution *evolution)
{
    for (unsigned i = 0; i < evolution->new->n_columns; i++) {
        const struct column *column = &evolution->new->columns[i];
        if (by_source(evolution->old, column) || by_name(evolution->old, column->name))
            continue;
        findings_add(evolution->findings, LAYER_TABLE, "COLUMN_ADDED",
                     path_of(evolution, evolution->new, column), place_of(evolution, column),
                     "column %s of type %s was added", column->name, type_text(evolution, column));
    }
}

/* --------------------------------------------------------------------------------- the table */

static const char *key_text(const struct evolution *evolution, const struct contract *contract)
{
    const char *text = contract->n_key ? "" : "log and offset";
    for (unsigned i = 0; i < contract->n_key; i++)
        text = arena_format(evolution->arena, "%s%s%s", text, i ? ", " : "",
                            contract->columns[contract->key[i]].name);
    return text;
}

/* The former name of the column that a new one continues: a rename is told once, as a rename. */
static const char *former_key(const struct evolution *evolution)
{
    const char *text = evolution->new->n_key ? "" : "log and offset";
    for (unsigned i = 0; i < evolution->new->n_key; i++) {
        const struct column *column = &evolution->new->columns[evolution->new->key[i]];
        const struct column *old = by_source(evolution->old, column);
        text = arena_format(evolution->arena, "%s%s%s", text, i ? ", " : "",
                            old ? old->name : column->name);
    }
    return text;
}

static const char *role_name(const struct contract *contract, int column)
{
    return column >= 0 ? contract->columns[column].name : "none";
}

/* The same as former_key, of one role. */
static const char *former_role(const struct evolution *evolution, int column)
{
    const struct column *old =
        column >= 0 ? by_source(evolution->old, &evolution->new->columns[column]) : NULL;
    return old ? old->name : role_name(evolution->new, column);
}

static void compare_roles(const struct evolution *evolution)
{
    const struct contract *old = evolution->old, *new = evolution->new;
    struct findings *findings = evolution->findings;
    const char *was = key_text(evolution, old), *is = key_text(evolution, new);
    if (old->mode != new->mode)
        findings_add(findings, LAYER_TABLE, "MODE_CHANGED", new->name, evolution->place,
                     "it was one row per %s and is one row per %s",
                     old->mode == CONTRACT_APPEND ? "record" : "key",
                     new->mode == CONTRACT_APPEND ? "record" : "key");
    else if (strcmp(was, is) != 0 && strcmp(was, former_key(evolution)) != 0)
        findings_add(findings, LAYER_TABLE, "KEY_CHANGED", new->name, evolution->place,
                     "the key was (%s) and is (%s)", was, is);
    was = role_name(old, old->version);
    is = role_name(new, new->version);
    if (strcmp(was, is) != 0 && strcmp(was, former_role(evolution, new->version)) != 0)
        findings_add(findings, LAYER_TABLE, "VERSION_CHANGED", new->name, evolution->place,
                     "the version field was %s and is %s", was, is);
    was = role_name(old, old->event_time);
    is = role_name(new, new->event_time);
    if (strcmp(was, is) != 0 && strcmp(was, former_role(evolution, new->event_time)) != 0)
        findings_add(findings, LAYER_TABLE, "EVENT_TIME_CHANGED", new->name, evolution->place,
                     "the event time was %s and is %s", was, is);
}

static void compare_names(const struct evolution *evolution)
{
    const struct contract *old = evolution->old, *new = evolution->new;
    if (strcmp(old->schema, new->schema) != 0 || strcmp(old->table, new->table) != 0)
        findings_add(evolution->findings, LAYER_TABLE, "TABLE_CHANGED", new->name, evolution->place,
                     "the table was %s.%s and is %s.%s", old->schema, old->table, new->schema,
                     new->table);
    if (strcmp(old->view_schema, new->view_schema) != 0 || strcmp(old->view, new->view) != 0)
        findings_add(evolution->findings, LAYER_TABLE, "VIEW_CHANGED", new->name, evolution->place,
                     "the view was %s.%s and is %s.%s", old->view_schema, old->view,
                     new->view_schema, new->view);
}

static bool names_topic(const struct contract *contract, const char *topic)
{
    for (unsigned i = 0; i < contract->n_topics; i++)
        if (strcmp(contract->topics[i], topic) == 0)
            return true;
    return false;
}

static void compare_topics(const struct evolution *evolution)
{
    for (unsigned i = 0; i < evolution->old->n_topics; i++)
        if (!names_topic(evolution->new, evolution->old->topics[i]))
            findings_add(evolution->findings, LAYER_TABLE, "TOPIC_REMOVED", evolution->new->name,
                         evolution->place, "topic %s is named no more", evolution->old->topics[i]);
    for (unsigned i = 0; i < evolution->new->n_topics; i++)
        if (!names_topic(evolution->old, evolution->new->topics[i]))
            findings_add(evolution->findings, LAYER_TABLE, "TOPIC_ADDED", evolution->new->name,
                         evolution->place, "topic %s is named too", evolution->new->topics[i]);
}

static void compare_rules(const struct evolution *evolution)
{
    struct buf was = BUF_INIT, is = BUF_INIT;
    rules_describe(evolution->old->rules, &was);
    rules_describe(evolution->new->rules, &is);
    if (was.length != is.length || (was.length && memcmp(was.data, is.data, was.length) != 0))
        findings_add(evolution->findings, LAYER_TABLE, "RULES_CHANGED", evolution->new->name,
                     evolution->place, "the contract has other validation rules");
    buf_free(&was);
    buf_free(&is);
}

/* ------------------------------------------------------------------------ the last word: migrate
 */

/* A row that exists needs a value for a column that is required. */
static bool without_zero(const struct evolution *evolution, const struct shape *have,
                         const struct shape *want)
{
    bool found = false;
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        const struct column *of = by_name(evolution->new, column->name);
        if (!of || column->zero || shape_column(have, column->name) ||
            !shape_names_have(want->required, want->n_required, column->name))
            continue;
        findings_add(evolution->findings, LAYER_TABLE, "COLUMN_ADDED_WITHOUT_ZERO",
                     path_of(evolution, evolution->new, of), place_of(evolution, of),
                     "column %s of type %s is required, and old rows have no value for it",
                     column->name, column->type);
        found = true;
    }
    return found;
}

static void tell_refusals(const struct evolution *evolution, const struct plan *plan)
{
    for (unsigned i = 0; i < plan->refusals.count; i++) {
        const struct err *refusal = &plan->refusals.items[i];
        findings_add(evolution->findings, LAYER_TABLE, "MIGRATE_REFUSES", evolution->new->name,
                     evolution->place, "%s: %s", refusal->place, refusal->text);
        if (*refusal->hint)
            findings_advise(evolution->findings, "%s", refusal->hint);
    }
}

/* What the comparator refuses, with the old contract's table taken for the live one. Asked when the
 * rules above found no error: they say the same in better words. */
static void refused_by_migrate(const struct evolution *evolution)
{
    struct errs ignored = {0}; /* one contract agrees with itself */
    struct layout *old = layout_make(&evolution->old, 1, &ignored);
    struct layout *new = layout_make(&evolution->new, 1, &ignored);
    struct shape *have = old ? shape_want(old) : NULL, *want = new ? shape_want(new) : NULL;
    struct plan plan;
    plan_init(&plan);
    if (have && want && !without_zero(evolution, have, want)) {
        compare_shapes(have, want, &plan);
        tell_refusals(evolution, &plan);
    }
    plan_free(&plan);
    shape_free(have);
    shape_free(want);
    layout_free(old);
    layout_free(new);
    errs_free(&ignored);
}

void evolve_contract(const struct contract *old, const struct contract *new,
                     struct findings *findings)
{
    struct evolution evolution = {old, new, findings, &findings->arena, NULL};
    const struct message_type *type = new->message;
    evolution.place = type->line > 0
                          ? arena_format(&findings->arena, "%s:%d", type->file, type->line)
                          : type->file;
    unsigned before = findings_count(findings, FINDING_ERROR);
    compare_names(&evolution);
    compare_roles(&evolution);
    for (unsigned i = 0; i < old->n_columns; i++)
        follow_column(&evolution, &old->columns[i]);
    added_columns(&evolution);
    compare_topics(&evolution);
    compare_rules(&evolution);
    if (findings_count(findings, FINDING_ERROR) == before)
        refused_by_migrate(&evolution);
}
