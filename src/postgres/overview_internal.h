/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overview_internal: what overview.c (streams and their partitions) and overview_more.c (what else
 * belongs to a stream, and the daemons) share. Nobody else includes it.
 */
#ifndef PACTOLUS_POSTGRES_OVERVIEW_INTERNAL_H
#define PACTOLUS_POSTGRES_OVERVIEW_INTERNAL_H

#include "postgres/cells.h"
#include "postgres/overview.h"

/* A query with the group as its parameter, and who takes its rows. Rows of streams come sorted by
 * stream, so that each stream's items lie together in one array. */
struct overview_part {
    const char *sql; /* NULL ends a table of them */
    void (*take)(const PGresult *result, struct arena *arena, struct overview *overview);
};

/* After the parts that make the streams known. */
extern const struct overview_part overview_more[];

/* NULL: the row belongs to a stream that is not shown. */
struct overview_stream *overview_find(const struct overview *overview, int64_t stream_id);
/* Never NULL, not even for none. */
void *overview_zeroed(struct arena *arena, size_t count, size_t size);

#endif
