/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/lint.h"

#include <stdlib.h>
#include <string.h>

const char *lint_field_place(const struct linting *linting, const struct field_type *field)
{
    return field->line > 0
               ? arena_format(&linting->findings->arena, "%s:%d", linting->type->file, field->line)
               : linting->type->file;
}

const char *lint_column_place(const struct linting *linting, const struct column *column)
{
    const struct message_type *type =
        column->depth ? column->path[column->depth - 1]->message : linting->type;
    return column->field->line > 0
               ? arena_format(&linting->findings->arena, "%s:%d", type->file, column->field->line)
               : type->file;
}

const char *lint_column_path(const struct linting *linting, const struct column *column)
{
    return arena_format(&linting->findings->arena, "%s.%s", linting->type->full_name,
                        column->origin);
}

const char *lint_field_path(const struct linting *linting, const struct field_type *field)
{
    return arena_format(&linting->findings->arena, "%s.%s", linting->type->full_name, field->name);
}

bool lint_topics_unordered(unsigned n_topics, bool versioned, bool append)
{
    return n_topics > 1 && !versioned && !append;
}

/* The field that stands at an error's place; errors name places, not fields. NULL when none does.
 */
static const struct field_type *field_at(const struct message_type *type, const char *place)
{
    const char *colon = strrchr(place, ':');
    int line = colon ? (int)strtol(colon + 1, NULL, 10) : 0;
    size_t length = colon ? (size_t)(colon - place) : 0;
    if (line <= 0 || strlen(type->file) != length || strncmp(type->file, place, length) != 0)
        return NULL;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].line == line)
            return &type->fields[i];
    for (unsigned i = 0; i < type->n_unsupported; i++)
        if (type->unsupported[i].line == line)
            return &type->unsupported[i];
    return NULL;
}

/* Of the message itself first; rules may be wrong in messages below it. */
static const char *path_at(const struct linting *linting, const char *place)
{
    const struct message_type *type = linting->type;
    if (strcmp(place, linting->place) == 0) /* of two that stand in one line, the message */
        return type->full_name;
    const struct field_type *field = field_at(type, place);
    for (unsigned i = 0; !field && (type = descriptor_set_message_at(linting->set, i)); i++)
        field = field_at(type, place);
    if (!field)
        return linting->type->full_name;
    return arena_format(&linting->findings->arena, "%s.%s", type->full_name, field->name);
}

static void take_errors(const struct linting *linting, const struct errs *errs)
{
    for (unsigned i = 0; i < errs->count; i++)
        findings_add_err(linting->findings, path_at(linting, errs->items[i].place),
                         &errs->items[i]);
}

/* What both sources say about the contract; faults of the options are contract_make's to tell. */
static void read_options(struct linting *linting, struct options_memory *memory)
{
    struct err ignored = ERR_INIT;
    struct contract_options *said = &linting->said;
    if (!options_of_message(memory, linting->type, said, &ignored))
        *said = (struct contract_options){0};
    const struct contract_overrides *overrides = linting->options->overrides;
    if (!overrides)
        return;
    const struct contract_options *over = &overrides->contract;
    said->owner = over->owner ? over->owner : said->owner;
    said->freshness = over->freshness ? over->freshness : said->freshness;
    said->description = over->description ? over->description : said->description;
    said->sunset = over->sunset ? over->sunset : said->sunset;
    if (over->status_said) {
        said->status = over->status;
        said->status_said = true;
    }
    if (over->n_topics) {
        said->topics = over->topics;
        said->n_topics = over->n_topics;
    }
}

void lint_contract(const struct descriptor_set *set, const struct message_type *type,
                   const struct lint_options *options, struct findings *findings)
{
    struct linting linting = {.set = set, .type = type, .options = options, .findings = findings};
    struct options_memory *memory = options_open();
    struct errs errs = {0};
    struct contract *contract = contract_make(type, options->overrides, &errs);
    linting.contract = contract;
    linting.place = type->line > 0 ? arena_format(&findings->arena, "%s:%d", type->file, type->line)
                                   : type->file;
    read_options(&linting, memory);
    take_errors(&linting, &errs);
    lint_terms(&linting);
    lint_topics(&linting);
    if (contract)
        lint_columns(&linting);
    contract_free(contract);
    errs_free(&errs);
    options_close(memory);
}
