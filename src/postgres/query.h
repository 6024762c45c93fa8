/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: a query in the making: its text beside its parameters, which are texts and get their
 * numbers in the order of the calls. It owns both (query_free); values are copied. Blocks in
 * query_run: verbs and worker threads only.
 */
#ifndef PACTOLUS_POSTGRES_QUERY_H
#define PACTOLUS_POSTGRES_QUERY_H

#include "base/clock.h"
#include "postgres/conn.h"

enum { QUERY_PARAMS = 24 };

struct query {
    struct buf text;
    char *values[QUERY_PARAMS];
    unsigned n;
};

void query_free(struct query *query);

/* Each adds a parameter and returns its number, for "$%u". */
unsigned query_take(struct query *query, char *value); /* takes the text; NULL = null */
unsigned query_text(struct query *query, const char *value);
unsigned query_number(struct query *query, int64_t value);
unsigned query_time(struct query *query, usec_t wall);        /* for ::timestamptz */
unsigned query_bytes(struct query *query, struct span bytes); /* for ::bytea; absent = null */
/* Arrays, for ::int8[] (or int4[]) and ::text[]: a member of `n` structs `stride` bytes apart,
 * beginning at the first one's. */
unsigned query_numbers(struct query *query, const int64_t *first, size_t stride, unsigned n);
unsigned query_column(struct query *query, const char *const *first, size_t stride, unsigned n);
unsigned query_texts(struct query *query, const char *const *items, unsigned n);

/* The result, rows in text or binary form: the caller PQclear()s it. NULL with err. */
PGresult *query_run(const struct query *query, PGconn *conn, bool binary, struct err *err);

#endif
