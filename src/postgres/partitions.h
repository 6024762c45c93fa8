/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitions: is a table partitioned, and which range do the partitions that have been made span?
 *
 * A range is known for PARTITION BY RANGE over one column that the contract maps to integer, bigint
 * or timestamptz. LIST, HASH, several columns, expressions, other types, bookkeeping columns and a
 * table without any partition have none: there the database decides, record by record. Neither has
 * a table with a DEFAULT partition, which takes everything. Only the top level counts: a partition
 * that is partitioned again has its bound all the same. Holes between partitions are within the
 * range: maintenance may fill them.
 */
#ifndef PACTOLUS_POSTGRES_PARTITIONS_H
#define PACTOLUS_POSTGRES_PARTITIONS_H

#include "postgres/conn.h"
#include "record/range.h"

struct partitions {
    bool partitioned;
    struct range range; /* zeroed: none */
};

/* The tables of `layouts`, in their order, in one question. A table that is not there is not
 * partitioned. Blocks. */
bool partitions_read(PGconn *conn, const struct layout *const *layouts, unsigned n,
                     struct partitions *found, struct err *err) MUST_CHECK;

/* One partition's bound as pg_get_expr prints it in a session of ours (ISO dates, UTC) → the limits
 * of `span`. MINVALUE, MAXVALUE, infinity, DEFAULT, what lies outside years 1 to 9999 (no record is
 * there) and what is not understood are no limits. */
void partition_span(const char *bound, enum type_id type, struct range *span);
/* Widen `range` so that it holds what `span` holds. */
void partition_widen(struct range *range, const struct range *span);

#endif
