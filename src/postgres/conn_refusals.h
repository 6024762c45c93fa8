/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_refusals: what it means that a connection could not be opened, as data, each row with its
 * reason (docs/guarantees.md §6). The server's SQLSTATE is known then, if it said anything at all;
 * for what libpq alone decides there are only its words, which it says in English as long as
 * nobody calls setlocale. Of a connection that stood and broke nothing is known but that: the last
 * row of postgres/sqlstate. All of it is static.
 */
#ifndef PACTOLUS_POSTGRES_CONN_REFUSALS_H
#define PACTOLUS_POSTGRES_CONN_REFUSALS_H

#include "base/err.h"

struct conn_refusal {
    const char *sqlstate; /* a code, a class, or "" for what libpq says by itself */
    const char *words;    /* that the message holds; "" for any */
    enum err_class class;
    enum err_exit exit;
    const char *reason, *hint; /* hint: "" if nothing can be said in general */
};

/* The first row that fits, NULL when the server's SQLSTATE has none here: postgres/sqlstate's row
 * is the answer then. Without a SQLSTATE never NULL. */
const struct conn_refusal *conn_refusal_find(const char *sqlstate, const char *message);
/* The whole table, for tests; ends with the row "", "". */
const struct conn_refusal *conn_refusal_table(void);

#endif
