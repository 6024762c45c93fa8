/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_tables: the rows of the live table and of the one that a rebuild fills beside it: copied,
 * and compared. `have` is the live table as it is, `shadow` the other one as it is wanted; the
 * statements are table/shadow's. Blocks: verbs only. Borrows everything for the call. Errors are
 * classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_REBUILD_TABLES_H
#define PACTOLUS_POSTGRES_REBUILD_TABLES_H

#include "base/memory.h"
#include "postgres/conn.h"
#include "table/shadow.h"

#include <stdint.h>

/* Copy the next `rows` rows of the live table (shadow_seed), in a transaction of their own; `first`:
 * from the beginning. *copied = 0: that was all. */
bool rebuild_tables_seed(PGconn *conn, const struct shape *have, const struct shape *shadow,
                         unsigned rebuild, bool first, unsigned rows, int64_t *copied,
                         struct err *err) MUST_CHECK;

/* A session that sees the tables as they are now, for as long as a comparison takes: begins a
 * transaction that only reads. */
bool rebuild_tables_freeze(PGconn *reader, struct err *err) MUST_CHECK;

struct rebuild_comparison {
    int64_t live_rows, shadow_rows, live_sum, shadow_sum;
    unsigned ranges, values, places; /* of keys; that differ */
    char sample[128];                /* the first that differ in values: "1,2,3" */
};
/* Both tables, range of keys by range, in these columns. */
bool rebuild_tables_compare(PGconn *reader, const struct shape *have, const struct shape *shadow,
                            const struct shadow_columns *columns, struct rebuild_comparison *found,
                            struct err *err) MUST_CHECK;

/* A key whose rows differ. Values stay in the database. Strings live in the arena. */
struct rebuild_difference {
    const char *key;
    const char *live, *shadow; /* the place that each row has; "" = there is no row */
    const char *columns;       /* that differ, where both are there */
};
/* At most `most` of the ranges that the comparison sampled. */
bool rebuild_tables_differing(PGconn *reader, const struct shape *have, const struct shape *shadow,
                              const struct shadow_columns *columns,
                              const struct rebuild_comparison *found, unsigned most,
                              struct arena *arena, struct rebuild_difference **list, unsigned *n,
                              struct err *err) MUST_CHECK;

#endif
