/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range: what a table partitioned by the range of one column can hold. A record whose value lies
 * outside the partitions that have been made can not be applied, and would be tried for as long as
 * a record that waits for a hole between them to be filled: so it is refused before any SQL. Pure;
 * postgres/partitions reads ranges, engine/table_range keeps them fresh.
 */
#ifndef PACTOLUS_RECORD_RANGE_H
#define PACTOLUS_RECORD_RANGE_H

#include "record/record.h"

/* Zeroed, it holds everything. */
struct range {
    unsigned column;        /* index among the layout's data columns; only with a limit */
    bool has_low, has_high; /* is there a limit on that side? */
    int64_t low, high;      /* low ≤ value < high, as range_value reads it */
};

/* Can a column of this type be compared here: integer, bigint, timestamptz? */
bool range_type(enum type_id type);
/* The value of a cell of such a type: the integer, or microseconds since 2000. */
int64_t range_value(enum type_id type, const struct cell *cell);
/* Equal in what they hold. */
bool range_same(const struct range *a, const struct range *b);

/* Does the row's value lie within the range? (NULL does: it is refused elsewhere.) Rows of
 * tombstones have key cells, and a partitioned table's column is part of the key. */
bool range_holds(const struct range *range, const struct layout *layout, const struct cell *cells);
/* "from 0 to before 100", "before 2026-01-01T00:00:00Z"; appended. */
void range_text(const struct range *range, const struct layout *layout, struct buf *out);
/* Sets err (reject) for a row that the range does not hold; names column and range, no value. */
bool range_refuse(const struct range *range, const struct layout *layout, struct err *err);

#endif
