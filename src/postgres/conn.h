/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: opening a libpq connection the way Pactolus needs it, and simple blocking queries on it.
 * Everything here blocks: verbs call it directly, the daemon only from worker threads. The
 * asynchronous pipeline on an open connection is postgres/writer's. The caller owns a connection
 * until conn_close. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_CONN_H
#define PACTOLUS_POSTGRES_CONN_H

#include "base/buf.h"
#include "base/err.h"

#include <libpq-fe.h>

struct conn_options {
    const char *conninfo;         /* URI or key=value; no password in it is ever logged */
    const char *password_file;    /* its first line, see base/secret; NULL = none */
    const char *application_name; /* "pactolus GROUP" */
    int connect_timeout_s;        /* default 10 */
    int statement_timeout_ms, lock_timeout_ms, idle_in_transaction_timeout_ms; /* 0 = server's */
    int answer_timeout_ms; /* see conn_set_patience; 0 = none */
    bool session_pooler;   /* pooler = "session": do not refuse a pooler */
    bool prove_pooler;     /* put its mode to the test (postgres/pooler) */
};

/* Connect and prepare the session: timeouts, search_path = '' (names are always qualified),
 * TimeZone UTC, client_encoding UTF8, READ COMMITTED as default, standard_conforming_strings.
 * Whatever the session needs is SET, since poolers refuse or drop startup parameters that they do
 * not know. Keepalives, tcp_user_timeout and connect_timeout are defaults: the conninfo's win. A
 * pooler is judged by postgres/pooler. NULL with err: retry/69 for unreachable, halt/77 for
 * rejected credentials (28xxx), halt/78 for a bad conninfo, an unknown database (3D000) or a pooler
 * that may not be. The password never shows in err. */
PGconn *conn_open(const struct conn_options *options, struct err *err);
/* Is it a connection string, and one without a password? False with err (halt/78). */
bool conn_check(const char *conninfo, struct err *err) MUST_CHECK;
/* What it sets in every session, but for timeouts: statements mean what they mean there. */
const char *conn_session_text(void);
void conn_close(PGconn *conn);
/* Is it known that the session is gone? Said once a call on it has failed; it is of no more use. */
bool conn_lost(const PGconn *conn);
/* The database's name, and the server's version as it tells it ("?" if it does not): they live as
 * long as the session. */
const char *conn_database(const PGconn *conn);
const char *conn_server(const PGconn *conn);
/* Version of the libpq that is loaded: 150012 is 15.12. */
int conn_library_version(void);

/* How long conn_exec and conn_query wait for an answer, 0 = for ever (the default). A server that
 * is frozen, or its host, answers nothing while the connection stands, so no timeout of its own can
 * end the wait: then the connection is cut, which is an error of class retry. */
void conn_set_patience(PGconn *conn, int patience_ms);
/* Take the connection of this socket for lost: whoever waits for it is told so. */
void conn_cut(int socket);

/* One statement without parameters, or several; false with err classified by postgres/sqlstate. */
bool conn_exec(PGconn *conn, const char *sql, struct err *err) MUST_CHECK;
/* One statement with text parameters (NULL = null); text results. NULL with err on failure. The
 * caller PQclear()s the result. */
PGresult *conn_query(PGconn *conn, const char *sql, unsigned n, const char *const *params,
                     struct err *err);

/* Fill err from a result or a broken connection: class by postgres/sqlstate, SQLSTATE, text =
 * primary message (never DETAIL: it quotes row values), place = constraint or table if named. */
void conn_error(struct err *err, const PGconn *conn, const PGresult *result);

/* A text[] literal for use as a text parameter: {"a","b"}; NULL items become NULL. */
void conn_text_array(struct buf *out, const char *const *items, unsigned n);

#endif
