/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare: have against want → the steps that lead there, and what is refused. One comparator
 * serves `migrate` (plan), the daemon's check at start, and the tests. The SQL of a step is the SQL
 * that runs.
 *
 * Now: create schema, table and views; add a nullable column; replace views; comments. Anything
 * else (dropped or retyped column, other key, a view that would lose a column) is a refusal that
 * names the object and the way out (a new contract version beside the old).
 */
#ifndef PACTOLUS_TABLE_COMPARE_H
#define PACTOLUS_TABLE_COMPARE_H

#include "table/shape.h"

enum step_kind {
    STEP_SCHEMA,
    STEP_TABLE,
    STEP_COLUMN,
    STEP_CHECK,
    STEP_VIEW,
    STEP_COMMENT,
    STEP_GRANT
};

struct step {
    enum step_kind kind;
    char *what; /* "add column data.payments.note text" */
    char *sql;
    bool needed_to_run; /* the daemon cannot write without it (comments and views are not) */
};

struct plan {
    struct step *steps;
    unsigned n_steps;
    struct errs refusals; /* halt, exit 65; place = the object */
};

void plan_init(struct plan *plan);
void plan_free(struct plan *plan);
/* Appends to the plan. `have` may be NULL: nothing is there. */
void compare_shapes(const struct shape *have, const struct shape *want, struct plan *plan);

#endif
