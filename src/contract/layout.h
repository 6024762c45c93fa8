/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout: the columns of one table, made from the contract (or the several contracts) that write
 * it. record/row fills cells by it, table/shape makes DDL and SQL from it.
 *
 * The first `n_data` columns are the contracts' (the union, in order of first appearance; two
 * contracts that name one column must agree on type and nullability rules: key columns and types
 * equal, else an error). After them come the bookkeeping columns, always in this order:
 *   _version (versioned only) _log _offset _order_ts _loaded_at _deleted_at
 * Rows carry cells for the data columns only; bookkeeping comes from the row's place.
 */
#ifndef PACTOLUS_CONTRACT_LAYOUT_H
#define PACTOLUS_CONTRACT_LAYOUT_H

#include "contract/classification.h"
#include "contract/contract.h"

enum book {
    BOOK_NONE = 0,
    BOOK_VERSION,
    BOOK_LOG,
    BOOK_OFFSET,
    BOOK_ORDER_TS,
    BOOK_LOADED_AT,
    BOOK_DELETED_AT
};

struct layout_column {
    const char *name;
    const struct type *type; /* bookkeeping: bigint or timestamptz */
    bool array;
    bool required;    /* not nullable: CHECK (_deleted_at IS NOT NULL OR col IS NOT NULL) */
    int key_position; /* 0… in the primary key, -1 if not */
    enum book book;
    const char *comment;
    const char *unit, *null_means;      /* "" if none; of the first contract that says it */
    enum classification classification; /* the closest that any contract says */
    const struct column *source; /* of the first contract that has it; NULL: bookkeeping */
    const struct contract *of;   /* that contract */
};

struct layout {
    struct layout_column *columns;
    unsigned n_columns, n_data;
    unsigned key[CONTRACT_KEY_MAX]; /* column indexes; append: _log, _offset */
    unsigned n_key;
    bool versioned, append;
    const struct contract *const *contracts; /* borrowed array */
    unsigned n_contracts;
    int **from; /* from[contract][data column] = index into the contract's columns, or -1 */
    const char *schema, *table, *view_schema, *view; /* of the first contract */
};

/* The array `contracts` and what it points to must outlive the layout. All errors at once; NULL
 * then: contracts of different mode, key, versioning, or of one column with two types. */
struct layout *layout_make(const struct contract *const *contracts, unsigned n_contracts,
                           struct errs *errs);
void layout_free(struct layout *layout);

#endif
