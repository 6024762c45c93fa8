/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shadow: a table that is filled beside the live one to take its place (`pactolus rebuild`): its
 * name, and the statements that copy, compare and exchange the two, as text. Pure. Names are
 * quoted; nothing here quotes a row's values.
 */
#ifndef PACTOLUS_TABLE_SHADOW_H
#define PACTOLUS_TABLE_SHADOW_H

#include "base/buf.h"
#include "table/shape.h"

/* "<table>_rebuild_7", "<table>_old_7", cut as constraint names are. */
void shadow_name(const char *table, unsigned rebuild, char out[SHAPE_NAME_MAX + 1]);
void shadow_old_name(const char *table, unsigned rebuild, char out[SHAPE_NAME_MAX + 1]);

/* The next `rows` rows of the live table in the order of its key, with their places, into the
 * shadow: from behind pactolus.rebuilds.seed_after (`first`: from the beginning), which moves
 * along. What the shadow has at a later place stays. A query that returns how many there were.
 * `have` is the live table, `shadow` the wanted shape of the other; columns that only the latter
 * has get what old records have for them. False with err (halt/65) when a row cannot be made of
 * what is there. */
bool shadow_seed(struct buf *out, const struct shape *have, const struct shape *shadow,
                 unsigned rebuild, bool first, unsigned rows, struct err *err) MUST_CHECK;

/* What is compared: the columns that both tables have with one type, but for bookkeeping. */
struct shadow_columns {
    char **same; /* compared */
    unsigned n_same;
    char **other; /* "note (text → jsonb)", "note (only new)" */
    unsigned n_other;
};
void shadow_columns(const struct shape *have, const struct shape *shadow,
                    struct shadow_columns *columns);
void shadow_columns_free(struct shadow_columns *columns);

enum { SHADOW_RANGES = 1024 }; /* into which keys fall by their hash */

/* A query over both tables, one row for each range of keys: its number, rows of the live table,
 * rows of the shadow, whether checksums of values are equal, whether those of places are; then both
 * tables' checksums of values in that range, of any order of rows. */
void shadow_compare(struct buf *out, const struct shape *have, const struct shape *shadow,
                    const struct shadow_columns *columns);
/* A query for at most `most` keys of these ranges (a list "1,2,3") whose rows differ: the key, the
 * place in the live table and in the shadow ("" = no row), the columns that differ. */
void shadow_differing(struct buf *out, const struct shape *have, const struct shape *shadow,
                      const struct shadow_columns *columns, const char *ranges, unsigned most);

/* Rename a table and its key's constraint; `checks`: those of required columns too, which are named
 * after the table as well. `key`: the constraint's name now. */
void shadow_rename(struct buf *out, const struct shape *table, const char *key, const char *from,
                   const char *to, bool checks);
/* Lock a view and nothing else: LOCK TABLE would take the tables below it too. Changes nothing. */
void shadow_lock_view(struct buf *out, const char *schema, const char *view, const char *owner);

#endif
