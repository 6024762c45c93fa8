/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql: the statements that write one table, as text, and quoting.
 *
 * Parameters of the row statements, in order: one array per data column (arrays of the column's
 * type; text[] for array columns, cast per row; jsonb and uuid natively), then _version (versioned
 * only), _log, _offset, _order_ts as bigint[], _deleted_at as timestamptz[], then
 *   stream bigint, owner text, lane bigint, consumed bigint, deduplicated bigint, dead_lettered
 * bigint, other_types bigint. All row statements but those of redrive book pactolus.accounts in the same statement
 * (applied and stale are counted there; the account of stream, owner and lane is made if it is not
 * there) and return one row: written bigint, met bigint (how many of the rows sent met an existing
 * key, the stale ones included: while it is 0, plain INSERT is worth a try).
 */
#ifndef PACTOLUS_TABLE_SQL_H
#define PACTOLUS_TABLE_SQL_H

#include "contract/layout.h"

enum statement {
    /* INSERT … ON CONFLICT (key) DO UPDATE … WHERE the place is not older. */
    STATEMENT_UPSERT = 0,
    /* The same for batches with soft tombstones: a tombstone keeps the columns that are there, but
     * for those classified personal or secret, which it blanks. */
    STATEMENT_UPSERT_SOFT,
    /* Plain INSERT: while no recent batch met an existing key; 23505 of the key sends it again. */
    STATEMENT_INSERT,
    /* No rows at all: only the account. Parameters: the seven account values. */
    STATEMENT_ACCOUNT,
    /* Both upserts for partitioned tables, where RETURNING has no xmax to tell who was met: all
     * rows count as such. */
    STATEMENT_UPSERT_BLIND,
    STATEMENT_UPSERT_SOFT_BLIND,
    /* Both upserts for dead letters that are applied at last: without the account, where they stay
     * booked as dead-lettered, so with the arrays as their only parameters. They return _log and
     * _offset of each row written: one that is not among them lost by its place. */
    STATEMENT_REDRIVE,
    STATEMENT_REDRIVE_SOFT,
    STATEMENT_COUNT,
};

struct statement_text {
    char *sql;
    unsigned n_params;
    uint32_t *param_oids; /* n_params */
};

/* Statement texts for a layout; append layouts use ON CONFLICT (_log, _offset) DO NOTHING for
 * UPSERT. Freed by sql_free. */
void sql_statements(const struct layout *layout, struct statement_text out[STATEMENT_COUNT]);
void sql_free(struct statement_text out[STATEMENT_COUNT]);

/* "a""b" with quotes, always quoted; appended. */
void sql_identifier(struct buf *out, const char *name);
/* 'it''s' (E'' form when there are backslashes); appended. */
void sql_literal(struct buf *out, const char *text);
/* "schema"."name". */
void sql_qualified(struct buf *out, const char *schema, const char *name);
/* The place of the row `of` (an alias), greatest part first, as a row value that compares as places
 * do: (of._version, generation, of._order_ts, of._log, of._offset). Nobody writes it anywhere else. */
void sql_place(struct buf *out, bool versioned, const char *of);

#endif
