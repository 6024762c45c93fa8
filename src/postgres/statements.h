/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statements: the parameters of a batch's statements, and which statements a connection has
 * prepared. The SQL of row statements is table/sql's; the fixed ones stand here as text one can
 * paste into psql. Batch and layout are borrowed for the call; the names are owned
 * (statements_free). Nothing here can fail.
 */
#ifndef PACTOLUS_POSTGRES_STATEMENTS_H
#define PACTOLUS_POSTGRES_STATEMENTS_H

#include "postgres/params.h"
#include "record/batch.h"
#include "table/sql.h"

enum { STATEMENT_NAME_MAX = 32 };

extern const char statement_advance[];
extern const char statement_letters[];

/* Rows of a sealed batch, or a part of them, and what is booked with them. */
struct row_values {
    const struct batch_order *order;
    unsigned n_rows;
    int64_t consumed, deduplicated, dead_lettered, other_types;
};
/* The whole batch. */
struct row_values statement_row_values(const struct batch *batch);

/* Whose account a batch is booked in. */
struct account {
    unsigned stream_id; /* pactolus.streams.stream_id */
    const char *owner;  /* pactolus.owners.owner */
    unsigned lane;
};

/* Fill params (reset first). */
void statement_advance_params(struct params *params, const struct batch *batch);
void statement_row_params(struct params *params, const struct layout *layout,
                          const struct row_values *values, const struct account *account);
/* STATEMENT_REDRIVE: the rows alone. */
void statement_redrive_params(struct params *params, const struct layout *layout,
                              const struct row_values *values);
void statement_letters_params(struct params *params, unsigned stream_id,
                              const struct dead_letter *letters, unsigned n,
                              const char *dlq_topic);

/* "s12_3_0": unique per stream, edition of its contract and statement on a connection. */
void statement_name(char name[STATEMENT_NAME_MAX], unsigned stream_id, unsigned edition,
                    enum statement kind);
/* Is `constraint` the primary key of the layout's table? */
bool statement_is_key(const struct layout *layout, const char *constraint);

/* The names prepared on one connection. */
struct statements {
    char (*names)[STATEMENT_NAME_MAX];
    unsigned count, capacity;
};
bool statements_known(const struct statements *statements, const char *name);
void statements_add(struct statements *statements, const char *name);
void statements_remove(struct statements *statements, const char *name);
void statements_free(struct statements *statements);

#endif
