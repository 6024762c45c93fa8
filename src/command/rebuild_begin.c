/* SPDX-License-Identifier: Apache-2.0 */
/* rebuild_begin: what is to be made, what is refused, the plan; making it. */
#include "base/text.h"
#include "command/rebuilding.h"
#include "kafka/admin.h"
#include "postgres/catalog.h"
#include "table/shadow.h"
#include "table/widen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

static void refuse(struct errs *errs, const char *place, const char *text, const char *hint)
{
    struct err err;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA, "%s", text);
    err_place(&err, "%s", place);
    if (hint)
        err_hint(&err, "%s", hint);
    errs_add(errs, &err);
}

/* ---- the tables ---- */

/* The live shape with the new table under its views, but for comments, which the views share. */
static void put_table_under(struct shape *have, const struct shape *want)
{
    struct shape_column *columns = mem_zero(want->n_columns + 1, sizeof *columns);
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *from = &want->columns[i];
        const struct shape_column *live = shape_column(have, from->name);
        columns[i] =
            (struct shape_column){.name = mem_string(from->name),
                                  .type = mem_string(from->type),
                                  .comment = mem_string(live ? live->comment : from->comment),
                                  .not_null = from->not_null};
    }
    for (unsigned i = 0; i < have->n_columns; i++) {
        free(have->columns[i].name);
        free(have->columns[i].type);
        free(have->columns[i].comment);
        free(have->columns[i].zero);
    }
    free(have->columns);
    have->columns = columns;
    have->n_columns = want->n_columns;
    shape_names_free(have->key, have->n_key);
    shape_names_free(have->required, have->n_required);
    shape_names_free(have->unvalidated, have->n_unvalidated);
    have->key = have->required = have->unvalidated = NULL;
    have->n_key = have->n_required = have->n_unvalidated = 0;
    for (unsigned i = 0; i < want->n_key; i++)
        shape_names_add(&have->key, &have->n_key, want->key[i]);
    for (unsigned i = 0; i < want->n_required; i++)
        shape_names_add(&have->required, &have->n_required, want->required[i]);
    free(have->key_constraint);
    have->key_constraint = mem_string(want->key_constraint);
}

/* Readers of a column that has another type meet other values: that is for a person to want. */
static void judge_types(const struct rebuilding *r, struct errs *errs)
{
    for (unsigned i = 0; i < r->have->n_view_columns && !r->options->retype; i++) {
        const char *name = r->have->view_columns[i], *type = r->have->view_has.types[i];
        const struct shape_column *wanted = shape_column(r->want, name);
        if (!wanted || strcmp(wanted->type, type) == 0 || widen(type, wanted->type) != WIDEN_NOT)
            continue;
        char *text =
            mem_format("the view's column %s is %s, and would become %s, which its readers "
                       "may not expect",
                       name, type, wanted->type);
        refuse(errs, r->want->view, text,
               "--retype if they do; else a new contract version beside");
        free(text);
    }
}

static bool judge_views(struct rebuilding *r, struct errs *errs)
{
    struct err err;
    struct shape *rebuilt = catalog_read(r->conn, r->want, &err);
    plan_free(&r->plan);
    if (!rebuilt) {
        errs_add(errs, &err);
        return false;
    }
    put_table_under(rebuilt, r->want);
    compare_shapes(rebuilt, r->want, &r->plan);
    shape_free(rebuilt);
    for (unsigned i = 0; i < r->plan.refusals.count; i++)
        errs_add(errs, &r->plan.refusals.items[i]);
    judge_types(r, errs);
    return true;
}

static bool judge_table(struct rebuilding *r, struct errs *errs)
{
    struct err err;
    char place[2 * SHAPE_NAME_MAX + 2];
    const char **lines = NULL;
    unsigned n = 0;
    snprintf(place, sizeof place, "%s.%s", r->want->schema, r->want->table);
    if (!r->have->exists) {
        refuse(errs, place, "there is no live table to rebuild", "pactolus migrate --execute");
        return false;
    }
    if (!rebuilds_hindrances(r->conn, r->want, &r->arena, &lines, &n, &err)) {
        errs_add(errs, &err);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        char *text = mem_format("the table cannot be exchanged: %s", lines[i]);
        refuse(errs, place, text, "take it away, and make it again after the rebuild");
        free(text);
    }
    return true;
}

bool rebuild_judge(struct rebuilding *r, struct errs *errs)
{
    struct err err;
    unsigned before = errs->count;
    shape_free(r->have);
    r->have = catalog_read(r->conn, r->want, &err);
    if (!r->have) {
        errs_add(errs, &err);
        return false;
    }
    return judge_table(r, errs) && judge_views(r, errs) && errs->count == before;
}

/* ---- the log ---- */

static bool is_read(const struct stream_config *config, const char *topic)
{
    for (unsigned i = 0; i < config->n_topics; i++)
        if (strcmp(config->topics[i].name, topic) == 0)
            return true;
    return false;
}

/* Where a log begins for the rebuild. A topic that is read no more is taken to have been read. */
static bool find_start(struct rebuilding *r, struct rebuild_position *at, struct errs *errs)
{
    struct err err;
    int64_t low, high;
    char place[CURSOR_TEXT], text[200];
    bool seeds = r->options->seed;
    snprintf(place, sizeof place, "%s[%d]", at->topic, (int)at->partition);
    at->shadow = at->live;
    if (!is_read(r->stream_config, at->topic)) {
        if (!seeds && at->live > at->first)
            refuse(errs, place, "the live table has rows of a topic that the stream reads no more",
                   "--seed-from-live copies them");
        return true;
    }
    if (!admin_watermarks(r->client, at->topic, at->partition, BROKER_PATIENCE_MS, &low, &high,
                          &err)) {
        errs_add(errs, &err);
        return false;
    }
    if (low > at->live) {
        refuse(errs, place, "the live stream's next offset is no longer in the log",
               "bring the live stream in order first: pactolus status");
        return true;
    }
    at->shadow = r->options->earliest || low > at->first ? low : at->first;
    if (low <= at->first || seeds)
        return true;
    snprintf(text, sizeof text,
             "the log no longer reaches the table's first offset: %" PRId64 " to %" PRId64
             " are gone",
             at->first, low - 1);
    refuse(errs, place, text, "--seed-from-live copies the live rows first");
    return true;
}

static bool find_starts(struct rebuilding *r, struct rebuild_position **logs, unsigned *n,
                        struct errs *errs)
{
    struct err err;
    unsigned history = 0;
    if (!rebuilds_logs(r->conn, r->stream_id, &r->arena, logs, n, &history, &err)) {
        errs_add(errs, &err);
        return false;
    }
    if (*n == 0)
        refuse(errs, r->stream_config->name, "no daemon has read this stream yet", NULL);
    if (history && !r->options->seed)
        refuse(errs, r->stream_config->name,
               "the live table has rows of topics that were made anew since: their logs are gone",
               "--seed-from-live copies them");
    for (unsigned i = 0; i < *n; i++)
        if (!find_start(r, &(*logs)[i], errs))
            return false;
    return errs->count == 0;
}

/* ---- the plan ---- */

static void print_plan(const struct rebuilding *r, const struct rebuild_position *logs, unsigned n)
{
    char number[32];
    int64_t records = 0;
    for (unsigned i = 0; i < n; i++)
        records += logs[i].live - logs[i].shadow;
    printf("stream %s: rebuild table %s.%s for contract %.12s (%s)\n", r->stream_config->name,
           r->want->schema, r->want->table, r->row.fingerprint,
           strcmp(r->row.fingerprint, r->row.stream_fingerprint) == 0 ? "the one in force"
                                                                      : "another than in force");
    if (r->options->seed)
        printf("  copies the live rows first\n");
    printf("  reads %s offsets of %u partition%s, from\n", text_thousands(records, number), n,
           n == 1 ? "" : "s");
    for (unsigned i = 0; i < n; i++)
        printf("    %s[%d]@%" PRId64 "\n", logs[i].topic, (int)logs[i].partition, logs[i].shadow);
    for (unsigned i = 0; i < r->plan.n_steps; i++)
        printf("  with the swap: %s\n", r->plan.steps[i].what);
    if (r->options->dry_run)
        printf("nothing was changed; --execute does it\n");
}

/* The name is known when there is a number; the shape is made after it. */
static void name_shadow(struct rebuilding *r, const char *name)
{
    r->shadow.layout->table = r->shadow.layout->view = name;
    shape_free(r->want_shadow);
    r->want_shadow = shape_want(r->shadow.layout);
}

static bool make(struct rebuilding *r, const struct rebuild_position *logs, unsigned n,
                 struct errs *errs)
{
    struct err err;
    char name[SHAPE_NAME_MAX + 1], old[SHAPE_NAME_MAX + 1];
    unsigned id;
    const struct layout *layout = r->live.layout;
    const char **names = arena_alloc(&r->arena, (layout->n_contracts + 1) * sizeof *names);
    for (unsigned i = 0; i < layout->n_contracts; i++)
        names[i] = layout->contracts[i]->name;
    if (!rebuilds_number(r->conn, &id, &err))
        goto failed;
    shadow_name(layout->table, id, name);
    shadow_old_name(layout->table, id, old);
    name_shadow(r, arena_string(&r->arena, name, strlen(name)));
    const struct rebuild_plan plan = {.id = id,
                                      .stream_id = r->stream_id,
                                      .live = r->want,
                                      .shadow = r->want_shadow,
                                      .old = old,
                                      .contract_names = names,
                                      .n_contracts = layout->n_contracts,
                                      .fingerprint = r->row.fingerprint,
                                      .reason = r->options->reason,
                                      .seeds = r->options->seed,
                                      .logs = logs,
                                      .n_logs = n};
    if (!rebuilds_begin(r->conn, &plan, &err))
        goto failed;
    printf("rebuild %u: fills table %s.%s\n", id, r->want->schema, name);
    fflush(stdout);
    struct rebuild *list;
    bool mine = false;
    if (!rebuilds_read(r->conn, r->config->group, id, NULL, &r->arena, &list, &n, &err) ||
        !rebuilds_own(r->conn, id, &mine, &err))
        goto failed;
    r->row = list[0];
    r->own_stream.name = (char *)(uintptr_t)r->row.shadow_stream;
    return true;
failed:
    errs_add(errs, &err);
    return false;
}

bool rebuild_begin(struct rebuilding *r, struct errs *errs)
{
    struct rebuild_position *logs = NULL;
    unsigned n = 0;
    bool good = rebuild_judge(r, errs);
    good = find_starts(r, &logs, &n, errs) && good;
    if (!good)
        return false;
    print_plan(r, logs, n);
    return r->options->dry_run || make(r, logs, n, errs);
}
