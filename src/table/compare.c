/* SPDX-License-Identifier: Apache-2.0 */
#include "table/compare_internal.h"

#include "base/memory.h"
#include "table/ddl.h"
#include "table/sql.h"
#include "table/widen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_init(struct plan *plan)
{
    *plan = (struct plan){0};
}

static void step_free(struct step *step)
{
    for (unsigned i = 0; i < step->n_relations; i++)
        free(step->relations[i]);
    free(step->relations);
    free(step->what);
    free(step->sql);
    free(step->count);
}

void plan_free(struct plan *plan)
{
    for (unsigned i = 0; i < plan->n_steps; i++)
        step_free(&plan->steps[i]);
    free(plan->steps);
    errs_free(&plan->refusals);
    plan_init(plan);
}

static struct step *append(struct plan *plan, const struct step *step)
{
    plan->steps = mem_grow(plan->steps, plan->n_steps + 1, sizeof *plan->steps);
    plan->steps[plan->n_steps] = *step;
    plan->steps[plan->n_steps].n_exclusive = 1;
    return &plan->steps[plan->n_steps++];
}

static void add_relation(struct step *step, const char *schema, const char *name)
{
    struct buf relation = BUF_INIT;
    sql_qualified(&relation, schema, name);
    shape_names_add(&step->relations, &step->n_relations, relation.data);
    buf_free(&relation);
}

struct step *plan_add(struct plan *plan, const struct shape *want, enum step_kind kind, bool needed,
                      char *what, struct buf *sql)
{
    char all[SHAPE_NAME_MAX + 1];
    for (unsigned i = 0; i < plan->n_steps; i++) {
        if (strcmp(plan->steps[i].sql, sql->data) == 0) {
            free(what);
            buf_free(sql);
            return &plan->steps[i];
        }
    }
    struct step *step = append(
        plan,
        &(struct step){.kind = kind, .what = what, .sql = sql->data, .needed_to_run = needed});
    shape_view_all(want->view, all);
    add_relation(step, want->schema, want->table);
    add_relation(step, want->view_schema, want->view);
    add_relation(step, want->view_schema, all);
    *sql = (struct buf)BUF_INIT;
    return step;
}

void plan_note(struct plan *plan, char *what, char *sql)
{
    append(plan, &(struct step){.kind = STEP_NOTE, .what = what, .sql = sql});
    struct step note = plan->steps[plan->n_steps - 1];
    unsigned at = plan->n_steps - 1;
    for (; at > 0 && plan->steps[at - 1].kind > STEP_NOTE; at--)
        plan->steps[at] = plan->steps[at - 1];
    plan->steps[at] = note;
}

struct err *plan_refuse(struct plan *plan, bool stops, const char *place, const char *format, ...)
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
    if (stops && !plan->stopped_by)
        plan->stopped_by = plan->refusals.count;
    return &plan->refusals.items[plan->refusals.count - 1];
}

static void schema_step(const struct shape *want, const char *schema, bool needed,
                        struct plan *plan)
{
    struct buf sql = BUF_INIT;
    ddl_schema(&sql, schema);
    plan_add(plan, want, STEP_SCHEMA, needed, mem_format("create schema %s", schema), &sql);
}

static void create_table(const struct shape *want, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    ddl_table(&sql, want);
    plan_add(plan, want, STEP_TABLE, true,
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
        err_hint(plan_refuse(plan, true, want->table,
                             "column %s cannot be added to a table that exists", column->name),
                 "%s",
                 column->name[0] == '_' ? "the table was not made for this kind of stream; "
                                          "drop it, or name another table"
                                        : BESIDE);
        return;
    }
    if (required && !column->zero) {
        err_hint(plan_refuse(plan, true, want->table,
                             "column %s of type %s is required, and old rows have no value for it",
                             column->name, column->type),
                 "mark the field optional, or " BESIDE);
        return;
    }
    ddl_add_column(&sql, want, column, required);
    plan_add(
        plan, want, STEP_COLUMN, true,
        mem_format("add column %s.%s.%s %s", want->schema, want->table, column->name, column->type),
        &sql);
}

static void refuse_type(const struct shape_column *have, const struct shape *want,
                        const struct shape_column *column, const char *place, struct plan *plan)
{
    if (have->partitions && widen(have->type, column->type) != WIDEN_NOT)
        err_hint(
            plan_refuse(plan, true, place,
                        "the column is %s in the database and %s in the contract, and the table "
                        "is partitioned by it",
                        have->type, column->type),
            BESIDE);
    else if (widen(have->type, column->type) == WIDEN_REWRITE)
        err_hint(plan_refuse(plan, true, place,
                             "to become %s, the %s column would make PostgreSQL write the whole "
                             "table anew, under a lock that stops readers and writers",
                             column->type, have->type),
                 BESIDE "; or, in a pause: drop both views, alter table %s.%s alter column %s type "
                        "%s, and migrate again",
                 want->schema, want->table, column->name, column->type);
    else
        /* A column that is wider than the contract says takes what the daemon writes. */
        err_hint(plan_refuse(plan, widen(column->type, have->type) != WIDEN_FREE, place,
                             "the column is %s in the database and %s in the contract", have->type,
                             column->type),
                 strcmp(have->type, "jsonb") == 0 ? KEEP_JSONB BESIDE : BESIDE);
}

static void compare_type(const struct shape *live, const struct shape_column *have,
                         const struct shape *want, const struct shape_column *column,
                         const char *place, struct widened *widened, struct plan *plan)
{
    if (widen(have->type, column->type) != WIDEN_FREE || have->partitions) {
        refuse_type(have, want, column, place, plan);
        return;
    }
    widened->columns = mem_grow(widened->columns, widened->n + 1, sizeof(*widened->columns));
    widened->columns[widened->n++] = column;
    if (shape_names_have(live->required, live->n_required, column->name) &&
        shape_names_have(want->required, want->n_required, column->name))
        shape_names_add(&widened->checked, &widened->n_checked, column->name);
}

static void compare_column(const struct shape *live, const struct shape_column *have,
                           const struct shape *want, const struct shape_column *column,
                           struct widened *widened, struct plan *plan)
{
    char *place = mem_format("%s.%s.%s", want->schema, want->table, column->name);
    if (strcmp(have->type, column->type) != 0)
        compare_type(live, have, want, column, place, widened, plan);
    else if (have->not_null && !column->not_null)
        err_hint(plan_refuse(plan, true, place,
                             "the column is NOT NULL, but a deleted row has no value for it"),
                 "alter table %s.%s alter column %s drop not null", want->schema, want->table,
                 column->name);
    else if (!have->not_null && column->not_null)
        err_hint(plan_refuse(plan, true, place, "the column must be NOT NULL"),
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
        err_hint(plan_refuse(plan, true, place,
                             "the column is NOT NULL without a default, and the contract lacks it"),
                 "alter table %s.%s alter column %s drop not null, or " BESIDE, want->schema,
                 want->table, column->name);
        free(place);
    }
}

/* Without the check all is still written; with one too many, sound rows are refused. */
static void drop_checks(const struct shape *have, const struct shape *want, struct plan *plan)
{
    for (unsigned i = 0; i < have->n_required; i++) {
        const char *column = have->required[i];
        struct buf sql = BUF_INIT;
        if (shape_names_have(want->required, want->n_required, column))
            continue;
        ddl_drop_required(&sql, want, column);
        /* A column that a newer contract has brought comes with a default, which passes. */
        bool needed = shape_column(want, column) || !shape_column(have, column)->has_default;
        plan_add(
            plan, want, STEP_CHECK, needed,
            mem_format("no longer require a value in %s.%s.%s", want->schema, want->table, column),
            &sql);
    }
}

static void require(const struct shape *want, const char *column, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    ddl_add_required(&sql, want, column);
    plan_add(
        plan, want, STEP_REQUIRE, false,
        mem_format("require a value in %s.%s.%s, of new rows", want->schema, want->table, column),
        &sql);
}

static void validate(const struct shape *want, const char *column, struct plan *plan)
{
    struct buf sql = BUF_INIT, count = BUF_INIT;
    ddl_validate(&sql, want, column);
    struct step *step = plan_add(
        plan, want, STEP_VALIDATE, false,
        mem_format("require a value in %s.%s.%s, of all rows", want->schema, want->table, column),
        &sql);
    ddl_count_broken(&count, want, column);
    free(step->count);
    step->count = count.data;
}

/* Checks of a column that is added come with it. */
static void compare_required(const struct shape *have, const struct shape *want,
                             const struct widened *widened, struct plan *plan)
{
    for (unsigned i = 0; i < want->n_required; i++)
        if (shape_column(have, want->required[i]) &&
            !shape_names_have(have->required, have->n_required, want->required[i]))
            require(want, want->required[i], plan);
    for (unsigned i = 0; i < want->n_required; i++) {
        const char *column = want->required[i];
        const struct shape_column *wanted = shape_column(want, column);
        bool live = shape_column(have, column);
        if (live ? !shape_names_have(have->required, have->n_required, column) ||
                       shape_names_have(have->unvalidated, have->n_unvalidated, column) ||
                       shape_names_have(widened->checked, widened->n_checked, column)
                 : wanted && wanted->zero)
            validate(want, column, plan);
    }
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
        err_hint(plan_refuse(plan, true, place,
                             "the primary key is (%s) in the database and (%s) in the contract",
                             live, wanted),
                 BESIDE);
    } else if (strcmp(have->key_constraint, want->key_constraint) != 0) {
        /* The writer knows the key's violations by the constraint's name. */
        struct buf sql = BUF_INIT;
        ddl_rename_key(&sql, want, have->key_constraint);
        plan_add(plan, want, STEP_CHECK, true,
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
        plan_add(plan, want, STEP_COMMENT, false,
                 mem_format("comment %s.%s", want->schema, want->table), &sql);
    }
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        const struct shape_column *live = shape_column(have, column->name);
        if (!live || strcmp(live->comment, column->comment) == 0)
            continue;
        ddl_comment_column(&sql, want, column);
        plan_add(plan, want, STEP_COMMENT, false,
                 mem_format("comment %s.%s.%s", want->schema, want->table, column->name), &sql);
    }
}

static void compare_table(const struct shape *have, const struct shape *want,
                          struct widened *widened, struct plan *plan)
{
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        const struct shape_column *live = shape_column(have, column->name);
        if (live)
            compare_column(have, live, want, column, widened, plan);
        else
            add_column(want, column, plan);
    }
    compare_extra(have, want, plan);
    compare_key(have, want, plan);
    drop_checks(have, want, plan);
}

void compare_shapes(const struct shape *have, const struct shape *want, struct plan *plan)
{
    static const struct shape nothing = {0};
    const struct shape *live = have ? have : &nothing;
    struct widened widened = {0};
    if (!live->schema_exists)
        schema_step(want, want->schema, true, plan);
    if (!live->view_schema_exists)
        schema_step(want, want->view_schema, false, plan);
    if (live->exists)
        compare_table(live, want, &widened, plan);
    else
        create_table(want, plan);
    compare_views(live, want, &widened, plan);
    if (live->exists)
        compare_comments(live, want, plan);
    compare_readers(live, want, plan);
    if (live->exists)
        compare_required(live, want, &widened, plan);
    free(widened.columns);
    shape_names_free(widened.checked, widened.n_checked);
}
