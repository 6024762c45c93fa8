/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/contract.h"

#include "base/text.h"
#include "contract/contract_internal.h"
#include "contract/field_path.h"
#include "contract/fingerprint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 16 * 1024 };

void making_fault(struct making *making, const char *place, const char *hint, const char *format,
                  ...)
{
    struct err err = ERR_INIT;
    char text[sizeof err.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "%s", text);
    err.rule = making->rule;
    if (*place)
        err_place(&err, "%s", place);
    if (*hint)
        err_hint(&err, "%s", hint);
    errs_add(making->errs, &err);
}

void making_err(struct making *making, const char *place, struct err *err)
{
    if (!*err->place)
        err_place(err, "%s", place);
    if (!err->rule)
        err->rule = making->rule;
    errs_add(making->errs, err);
}

const char *making_rule(struct making *making, const char *rule)
{
    const char *former = making->rule;
    making->rule = rule;
    return former;
}

static void place_text(const char *file, int line, char place[192])
{
    if (line > 0)
        snprintf(place, 192, "%.170s:%d", file, line);
    else
        snprintf(place, 192, "%.190s", file);
}

void making_place(const struct message_type *type, const struct field_type *field, char place[192])
{
    place_text(type->file, field->line, place);
}

void making_column_place(const struct making *making, const struct column *column, char place[192])
{
    const struct message_type *type =
        column->depth ? column->path[column->depth - 1]->message : making->type;
    making_place(type, column->field, place);
}

const char *making_nearest(const struct making *making, const char *path)
{
    struct field_path found;
    if (field_path_find(making->type, path, &found))
        return "";
    const struct message_type *type = found.at;
    const char **names = mem_zero(type->n_fields + 1, sizeof *names);
    for (unsigned i = 0; i < type->n_fields; i++)
        names[i] = type->fields[i].name;
    const char *nearest = text_nearest(found.missing, names);
    free(names);
    return nearest ? arena_format(&making->owned->arena, "did you mean %s?", nearest) : "";
}

/* ----------------------------------------------------------------------- options, both sources */

static void take_string(struct making *making, const char **into, const char *from)
{
    if (from)
        *into = arena_string(&making->owned->arena, from, strlen(from));
}

static void take_list(struct making *making, const char *const **into, unsigned *n_into,
                      const char *const *from, unsigned n_from)
{
    if (n_from == 0)
        return;
    const char **items = arena_alloc(&making->owned->arena, n_from * sizeof *items);
    for (unsigned i = 0; i < n_from; i++)
        take_string(making, &items[i], from[i]);
    *into = items;
    *n_into = n_from;
}

static void read_options(struct making *making)
{
    struct contract_options *options = &making->options;
    const struct contract_options *from = &making->overrides->contract;
    struct err err = ERR_INIT;
    place_text(making->type->file, making->type->line, making->place);
    if (!options_of_message(making->owned->options, making->type, options, &err))
        making_err(making, making->place, &err);
    if (making->overrides->place)
        snprintf(making->place, sizeof making->place, "%.190s", making->overrides->place);
    take_list(making, &options->topics, &options->n_topics, from->topics, from->n_topics);
    take_list(making, &options->key, &options->n_key, from->key, from->n_key);
    take_string(making, &options->version_field, from->version_field);
    take_string(making, &options->event_time, from->event_time);
    take_string(making, &options->schema, from->schema);
    take_string(making, &options->table, from->table);
    take_string(making, &options->view, from->view);
    take_string(making, &options->owner, from->owner);
    take_string(making, &options->notify, from->notify);
    take_string(making, &options->sunset, from->sunset);
    take_string(making, &options->freshness, from->freshness);
    take_string(making, &options->purge_deleted_after, from->purge_deleted_after);
    take_string(making, &options->retention, from->retention);
    take_string(making, &options->description, from->description);
    if (from->mode_said)
        options->mode = from->mode;
    if (from->status_said)
        options->status = from->status;
}

static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    }
    int month = (text[5] - '0') * 10 + text[6] - '0', day = (text[8] - '0') * 10 + text[9] - '0';
    return !text[sizeof form - 1] && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static void check_duration(struct making *making, const char *what, const char *text)
{
    int64_t microseconds = 0;
    if (text && (!text_parse_duration(text, &microseconds) || microseconds <= 0))
        making_fault(making, making->place, "write a number and a unit: 5m, 36h, 90d",
                     "%s \"%.40s\" of %s is not a duration", what, text, making->type->full_name);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void describe(struct making *making)
{
    struct contract *contract = &making->owned->contract;
    const struct contract_options *options = &making->options;
    check_duration(making, "freshness", options->freshness);
    check_duration(making, "retention", options->retention);
    check_duration(making, "purge_deleted_after", options->purge_deleted_after);
    if (options->sunset && !is_date(options->sunset))
        making_fault(making, making->place, "write YYYY-MM-DD",
                     "sunset \"%.40s\" of %s is not a date", options->sunset,
                     making->type->full_name);
    contract->mode = options->mode;
    contract->status = options->status;
    contract->topics = options->topics;
    contract->n_topics = options->n_topics;
    contract->owner = or_empty(options->owner);
    contract->notify = or_empty(options->notify);
    contract->sunset = or_empty(options->sunset);
    contract->freshness = or_empty(options->freshness);
    contract->retention = or_empty(options->retention);
    contract->purge_deleted_after = or_empty(options->purge_deleted_after);
    contract->description = options->description ? options->description : making->type->comment;
}

/* ------------------------------------------------------------------------------- the contract */

/* One line per thing, parts split by tabs, which no name can hold. */
static void make_fingerprint(struct contract *contract)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "message\t%s\nmode\t%s\ntable\t%s\t%s\n", contract->name,
               contract->mode == CONTRACT_APPEND ? "append" : "upsert", contract->schema,
               contract->table);
    for (unsigned i = 0; i < contract->n_columns; i++) {
        const struct column *column = &contract->columns[i];
        buf_puts(&text, "column\t");
        for (unsigned j = 0; j < column->depth; j++)
            buf_printf(&text, "%u.", column->path[j]->pb->id);
        if (column->part != PART_VALUE)
            buf_printf(&text, "part %d of ", (int)column->part);
        buf_printf(&text, "%u\t%s\t%d %s\t%s\t%s\t%d\n", column->field->pb->id, column->name,
                   (int)column->type->id, column->type->sql, column->array ? "array" : "one",
                   column->nullable ? "null" : "not null", column->key_position);
    }
    if (contract->version >= 0)
        buf_printf(&text, "version\t%s\n", contract->columns[contract->version].name);
    buf_puts(&text, "rules\n");
    rules_describe(contract->rules, &text);
    fingerprint_hex((struct span){.data = text.data, .length = text.length}, contract->fingerprint);
    buf_free(&text);
}

struct contract *contract_make(const struct message_type *type,
                               const struct contract_overrides *overrides, struct errs *errs)
{
    static const struct contract_overrides none;
    struct contract_owned *owned = mem_zero(1, sizeof *owned);
    struct contract *contract = &owned->contract;
    struct making making = {
        .owned = owned, .type = type, .overrides = overrides ? overrides : &none, .errs = errs};
    unsigned before = errs->count;
    arena_init(&owned->arena, ARENA_CHUNK);
    owned->options = options_open();
    contract->message = type;
    contract->name = type->full_name;
    contract->version = contract->event_time = -1;

    making_rule(&making, "OPTION_MALFORMED");
    read_options(&making);
    describe(&making);
    making_rule(&making, "TYPE_UNSUPPORTED");
    mapping_columns(&making);
    making_rule(&making, "TABLE_NAME");
    contract_place_table(&making);
    contract_assign_roles(&making);
    owned->rules = rules_compile(type, errs);
    contract->rules = owned->rules;
    if (errs->count > before || !owned->rules) {
        contract_free(contract);
        return NULL;
    }
    make_fingerprint(contract);
    return contract;
}

void contract_free(struct contract *contract)
{
    if (!contract)
        return;
    struct contract_owned *owned = (struct contract_owned *)contract;
    rules_free(owned->rules);
    options_close(owned->options);
    arena_free(&owned->arena);
    free(owned);
}
