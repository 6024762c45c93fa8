/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare_internal: what the files of the comparator share.
 */
#ifndef PACTOLUS_TABLE_COMPARE_INTERNAL_H
#define PACTOLUS_TABLE_COMPARE_INTERNAL_H

#include "base/buf.h"
#include "table/compare.h"

/* Columns that are widened, and that their views show. */
struct widened {
    const struct shape_column **columns; /* wanted ones */
    unsigned n;
    char **checked; /* names of those that have a check, and keep it */
    unsigned n_checked;
};

/* The way out of most refusals. */
#define BESIDE "give the contract a new major version: its table and view stand beside the old"
/* Messages were jsonb before they had columns of their own. */
#define KEEP_JSONB "give the field the option type = \"jsonb\" to keep it as it is, or "

/* Takes `what` and the text of `sql`. Streams may share a schema: a step is planned once, and the
 * one that stands for it is returned. */
struct step *plan_add(struct plan *plan, const struct shape *want, enum step_kind kind, bool needed,
                      char *what, struct buf *sql);
/* Adds a refusal, for a hint. Does it keep the daemon from writing (`stops`), or only migrate from
 * going on? */
struct err *plan_refuse(struct plan *plan, bool stops, const char *place, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* compare_views.c */
void compare_views(const struct shape *have, const struct shape *want,
                   const struct widened *widened, struct plan *plan);
void compare_readers(const struct shape *have, const struct shape *want, struct plan *plan);

#endif
