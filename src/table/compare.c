/* SPDX-License-Identifier: Apache-2.0 */
#include "table/compare.h"

#include "base/memory.h"
#include "table/ddl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_init(struct plan *plan)
{
    *plan = (struct plan){0};
}

void plan_free(struct plan *plan)
{
    for (unsigned i = 0; i < plan->n_steps; i++) {
        free(plan->steps[i].what);
        free(plan->steps[i].sql);
    }
    free(plan->steps);
    errs_free(&plan->refusals);
    plan_init(plan);
}

/* Takes `what` and the text of `sql`. Streams may share a schema: a step is planned once. */
static void plan_add(struct plan *plan, enum step_kind kind, bool needed, char *what,
                     struct buf *sql)
{
    for (unsigned i = 0; i < plan->n_steps; i++) {
        if (strcmp(plan->steps[i].sql, sql->data) == 0) {
            free(what);
            buf_free(sql);
            return;
        }
    }
    plan->steps = mem_grow(plan->steps, plan->n_steps + 1, sizeof *plan->steps);
    plan->steps[plan->n_steps++] =
        (struct step){.kind = kind, .what = what, .sql = sql->data, .needed_to_run = needed};
    *sql = (struct buf)BUF_INIT;
}

PRINTF_LIKE(3, 4)
static struct err *refuse(struct plan *plan, const char *place, const char *format, ...)
{
    char text[512];
    struct err err;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&err, ERR_HALT, ERR_EXIT_DATA, "%s", text);
    err_place(&err, "%s", place);
    errs_add(&plan->refusals, &err);
    return &plan->refusals.items[plan->refusals.count - 1];
}

#define BESIDE "give the contract a new major version: its table and view stand beside the old"

/* Messages were jsonb before they had columns of their own. */
#define KEEP_JSONB "give the field the option type = \"jsonb\" to keep it as it is, or "

/* Has it become several columns that begin with its name? */
static bool is_opened(const struct shape *want, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < want->n_columns; i++) {
        const char *other = want->columns[i].name;
        if (strncmp(other, name, length) == 0 && other[length] == '_')
            return true;
    }
    return false;
}

static void schema_step(struct plan *plan, const char *schema, bool needed)
{
    struct buf sql = BUF_INIT;
    ddl_schema(&sql, schema);
    plan_add(plan, STEP_SCHEMA, needed, mem_format("create schema %s", schema), &sql);
}

static void create_table(const struct shape *want, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    ddl_table(&sql, want);
    plan_add(plan, STEP_TABLE, true,
             mem_format("create table %s.%s (%u columns, key %s%s)", want->schema, want->table,
                        want->n_columns, want->key[0], want->n_key > 1 ? ", …" : ""),
             &sql);
}

static void add_column(const struct shape *want, const struct shape_column *column,
                       struct plan *plan)
{
    bool required = shape_names_have(want->required, want->n_required, column->name);
    struct buf sql = BUF_INIT;
    if (column->not_null) {
        err_hint(refuse(plan, want->table, "column %s cannot be added to a table that exists",
                        column->name),
                 "%s",
                 column->name[0] == '_' ? "the table was not made for this kind of stream; "
                                          "drop it, or name another table"
                                        : BESIDE);
        return;
    }
    if (required && !column->zero) {
        err_hint(refuse(plan, want->table,
                        "column %s of type %s is required, and old rows have no value for it",
                        column->name, column->type),
                 "mark the field optional, or " BESIDE);
        return;
    }
    ddl_add_column(&sql, want, column, required);
    plan_add(
        plan, STEP_COLUMN, true,
        mem_format("add column %s.%s.%s %s", want->schema, want->table, column->name, column->type),
        &sql);
}

static void compare_column(const struct shape_column *have, const struct shape *want,
                           const struct shape_column *column, struct plan *plan)
{
    char *place = mem_format("%s.%s.%s", want->schema, want->table, column->name);
    if (strcmp(have->type, column->type) != 0)
        err_hint(refuse(plan, place, "the column is %s in the database and %s in the contract",
                        have->type, column->type),
                 strcmp(have->type, "jsonb") == 0 ? KEEP_JSONB BESIDE : BESIDE);
    else if (have->not_null && !column->not_null)
        err_hint(
            refuse(plan, place, "the column is NOT NULL, but a deleted row has no value for it"),
            "alter table %s.%s alter column %s drop not null", want->schema, want->table,
            column->name);
    else if (!have->not_null && column->not_null)
        err_hint(refuse(plan, place, "the column must be NOT NULL"),
                 "alter table %s.%s alter column %s set not null", want->schema, want->table,
                 column->name);
    free(place);
}

/* Columns that the contract does not know: the writer leaves them alone, if the table lets it. */
static void compare_extra(const struct shape *have, const struct shape *want, struct plan *plan)
{
    for (unsigned i = 0; i < have->n_columns; i++) {
        const struct shape_column *column = &have->columns[i];
        if (shape_column(want, column->name) || !column->not_null || column->has_default)
            continue;
        char *place = mem_format("%s.%s.%s", want->schema, want->table, column->name);
        err_hint(refuse(plan, place,
                        "the column is NOT NULL without a default, and the contract lacks it"),
                 "alter table %s.%s alter column %s drop not null, or " BESIDE, want->schema,
                 want->table, column->name);
        free(place);
    }
}

static void check_step(const struct shape *want, const char *column, bool add, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    if (add)
        ddl_add_required(&sql, want, column);
    else
        ddl_drop_required(&sql, want, column);
    /* Without the check all is still written; with one too many, sound rows are refused. */
    plan_add(plan, STEP_CHECK, !add,
             mem_format("%s %s.%s.%s", add ? "require a value in" : "no longer require a value in",
                        want->schema, want->table, column),
             &sql);
}

static void compare_required(const struct shape *have, const struct shape *want, struct plan *plan)
{
    for (unsigned i = 0; i < want->n_required; i++)
        if (shape_column(have, want->required[i]) &&
            !shape_names_have(have->required, have->n_required, want->required[i]))
            check_step(want, want->required[i], true, plan);
    for (unsigned i = 0; i < have->n_required; i++)
        if (!shape_names_have(want->required, want->n_required, have->required[i]))
            check_step(want, have->required[i], false, plan);
}

static char *key_text(const struct shape *shape)
{
    struct buf text = BUF_INIT;
    for (unsigned i = 0; i < shape->n_key; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", shape->key[i]);
    return text.data ? text.data : mem_string("none");
}

static void compare_key(const struct shape *have, const struct shape *want, struct plan *plan)
{
    char *live = key_text(have), *wanted = key_text(want);
    char *place = mem_format("%s.%s", want->schema, want->table);
    if (strcmp(live, wanted) != 0) {
        err_hint(refuse(plan, place,
                        "the primary key is (%s) in the database and (%s) in the contract", live,
                        wanted),
                 BESIDE);
    } else if (strcmp(have->key_constraint, want->key_constraint) != 0) {
        /* The writer knows the key's violations by the constraint's name. */
        struct buf sql = BUF_INIT;
        ddl_rename_key(&sql, want, have->key_constraint);
        plan_add(plan, STEP_CHECK, true,
                 mem_format("rename constraint %s of %s to %s", have->key_constraint, place,
                            want->key_constraint),
                 &sql);
    }
    free(place);
    free(live);
    free(wanted);
}

/* Comments of the table and of columns that stand; new columns bring theirs. */
static void compare_comments(const struct shape *have, const struct shape *want, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    if (strcmp(have->comment, want->comment) != 0) {
        ddl_comment_relations(&sql, want);
        plan_add(plan, STEP_COMMENT, false, mem_format("comment %s.%s", want->schema, want->table),
                 &sql);
    }
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        const struct shape_column *live = shape_column(have, column->name);
        if (!live || strcmp(live->comment, column->comment) == 0)
            continue;
        ddl_comment_column(&sql, want, column);
        plan_add(plan, STEP_COMMENT, false,
                 mem_format("comment %s.%s.%s", want->schema, want->table, column->name), &sql);
    }
}

static void compare_table(const struct shape *have, const struct shape *want, struct plan *plan)
{
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        const struct shape_column *live = shape_column(have, column->name);
        if (live)
            compare_column(live, want, column, plan);
        else
            add_column(want, column, plan);
    }
    compare_extra(have, want, plan);
    compare_key(have, want, plan);
    compare_required(have, want, plan);
}

/* One of the two views. A live view keeps the order of its columns (PostgreSQL only appends to a
 * view that it replaces), new ones follow. */
static void compare_view(const struct shape *want, const char *name, bool exists, bool all,
                         char *const *live, unsigned n_live, struct plan *plan)
{
    char *const *wanted = all ? want->view_all_columns : want->view_columns;
    unsigned n_wanted = all ? want->n_view_all_columns : want->n_view_columns;
    char **order = NULL, *place = mem_format("%s.%s", want->view_schema, name);
    unsigned n_order = 0;
    bool lost = false;
    for (unsigned i = 0; exists && i < n_live; i++) {
        if (!shape_names_have(wanted, n_wanted, live[i])) {
            lost = true;
            err_hint(refuse(plan, place, "the view would lose column %s, which its readers may use",
                            live[i]),
                     "%skeep the field (deprecated), or " BESIDE
                     "; pg_depend knows the views that depend on this one",
                     is_opened(want, live[i]) ? KEEP_JSONB : "");
        }
        shape_names_add(&order, &n_order, live[i]);
    }
    for (unsigned i = 0; i < n_wanted; i++)
        if (!shape_names_have(order, n_order, wanted[i]))
            shape_names_add(&order, &n_order, wanted[i]);
    if (!lost && (!exists || n_order > n_live)) {
        struct buf sql = BUF_INIT;
        ddl_view(&sql, want, name, order, n_order);
        plan_add(
            plan, STEP_VIEW, false,
            mem_format("%s view %s (%u columns)", exists ? "replace" : "create", place, n_order),
            &sql);
    }
    for (unsigned i = 0; i < n_order; i++)
        free(order[i]);
    free(order);
    free(place);
}

void compare_shapes(const struct shape *have, const struct shape *want, struct plan *plan)
{
    static const struct shape nothing = {0};
    char all[SHAPE_NAME_MAX + 1];
    const struct shape *live = have ? have : &nothing;
    if (!live->schema_exists)
        schema_step(plan, want->schema, true);
    if (!live->view_schema_exists)
        schema_step(plan, want->view_schema, false);
    if (live->exists)
        compare_table(live, want, plan);
    else
        create_table(want, plan);
    shape_view_all(want->view, all);
    compare_view(want, want->view, live->view_exists, false, live->view_columns,
                 live->n_view_columns, plan);
    compare_view(want, all, live->view_all_exists, true, live->view_all_columns,
                 live->n_view_all_columns, plan);
    if (live->exists)
        compare_comments(live, want, plan);
}
