/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare: have against want → the steps that lead there, and what is refused. One comparator
 * serves `migrate` (plan), the daemon's check at start, and the tests. The SQL of a step is the SQL
 * that runs.
 *
 * Steps: create schema, table and views; add a column; widen a column where PostgreSQL touches no
 * row for it (table/widen), with the views that show it made anew in the same transaction; replace
 * views; comments; readers' rights; checks of required columns, first for rows that come, then for
 * those that are there. Anything else (a dropped or retyped column, another key, a view that would
 * lose a column or that others are built on) is a refusal that names the object and the way out (a
 * new contract version beside the old).
 */
#ifndef PACTOLUS_TABLE_COMPARE_H
#define PACTOLUS_TABLE_COMPARE_H

#include "table/shape.h"

enum step_kind {
    STEP_SCHEMA,
    STEP_TABLE,
    STEP_COLUMN,
    STEP_CHECK, /* one less, or the key's by another name */
    STEP_WIDEN,
    STEP_VIEW,
    STEP_COMMENT,
    STEP_GRANT,
    STEP_NOTE, /* the contract is in force: migrate adds it */
    /* What a daemon with the contract of before might break is asked for when it can know of the
     * new one. */
    STEP_REQUIRE,
    STEP_VALIDATE,
};

struct step {
    enum step_kind kind;
    char *what; /* "add column data.payments.note text" */
    char *sql;
    char **relations; /* quoted names of what it may wait for */
    unsigned n_relations;
    unsigned n_exclusive; /* how many of them it locks against everybody, one after the other */
    char *count;      /* VALIDATE: a query for the number of rows that break it; else NULL */
    bool needed_to_run; /* the daemon cannot write without it (comments and views are not) */
};

struct plan {
    struct step *steps;
    unsigned n_steps;
    struct errs refusals; /* halt, exit 65; place = the object */
    /* The first of them, counted from 1, that keeps the daemon from writing. 0: none, it is only
     * that the database knows a newer contract than this one. */
    unsigned stopped_by;
};

void plan_init(struct plan *plan);
void plan_free(struct plan *plan);
/* The last step of a plan that is not asked for later. Takes both strings. */
void plan_note(struct plan *plan, char *what, char *sql);
/* Appends to the plan. `have` may be NULL: nothing is there. */
void compare_shapes(const struct shape *have, const struct shape *want, struct plan *plan);

#endif
