/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pooler.h"

#include "base/memory.h"
#include "postgres/cells.h"
#include "postgres/conn.h"

#include <stdlib.h>
#include <string.h>

/* How often the pooler is tempted. A pool in transaction mode that others use escapes one round
 * when a stranger takes our idle backend first and gives it back in time: rarely, and not often in
 * a row. */
enum { ROUNDS = 5, BACKEND_TEXT = 16 };

static const char mode_hint[] =
    "database.pooler = \"session\" wants pool_mode = session for this database and user in the "
    "pooler (PgBouncer: in [databases] or [users]); or connect to PostgreSQL itself";

static bool refuse(const PGconn *conn, const char *what, struct err *err)
{
    const char *host = PQhost(conn), *port = PQport(conn);
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s", what);
    err_place(err, "%s:%s", host ? host : "", port ? port : "");
    return err_hint(err, "%s", mode_hint);
}

static bool refuse_mode(const PGconn *conn, struct err *err)
{
    return refuse(conn,
                  "the pooler hands one backend to several clients: it is in transaction or "
                  "statement mode, where locks, settings and prepared statements are silently lost",
                  err);
}

static bool refuse_pooler(const PGconn *conn, struct err *err)
{
    refuse(conn, "a connection pooler stands between this host and PostgreSQL", err);
    return err_hint(err, "connect to PostgreSQL itself, or set database.pooler = \"session\" if "
                         "the pooler is in session mode; in transaction mode locks, settings and "
                         "prepared statements are silently lost");
}

static bool backend_of(PGconn *conn, char backend[BACKEND_TEXT], struct err *err)
{
    PGresult *result = conn_query(conn, "SELECT pg_backend_pid()", 0, NULL, err);
    if (!result)
        return false;
    cells_copy(result, 0, 0, backend, BACKEND_TEXT);
    PQclear(result);
    return true;
}

/* ---- the second connection ---- */

/* Where the first one went, by the same words: the others of several hosts would prove nothing. */
static PGconn *twin_begin(const PGconn *conn)
{
    PGconn *twin = NULL;
    PQconninfoOption *options = PQconninfo((PGconn *)(uintptr_t)conn);
    unsigned n = 0, used = 0;
    while (options && options[n].keyword)
        n++;
    const char **keys = mem_zero(n + 1, sizeof *keys), **values = mem_zero(n + 1, sizeof *values);
    for (unsigned i = 0; i < n; i++) {
        const char *key = options[i].keyword, *value = options[i].val;
        if (strcmp(key, "host") == 0)
            value = PQhost(conn);
        else if (strcmp(key, "hostaddr") == 0)
            value = PQhostaddr(conn);
        else if (strcmp(key, "port") == 0)
            value = PQport(conn);
        if (!value || !*value)
            continue;
        keys[used] = key;
        values[used++] = value;
    }
    if (options)
        twin = PQconnectdbParams(keys, values, 0);
    PQconninfoFree(options);
    free(values);
    free(keys);
    return twin;
}

static bool twin_failed(const PGconn *twin, const char *sqlstate, struct err *err)
{
    /* PgBouncer's word for "no transaction blocks in statement mode". */
    if (strcmp(sqlstate, "08P01") == 0 && PQstatus(twin) != CONNECTION_OK)
        return refuse_mode(twin, err);
    err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
            "the pooler has no backend for one more connection");
    return err_hint(err, "its pool for this database and user needs database.pool + 6 backends for "
                         "each daemon (PgBouncer: pool_size)");
}

/* One round: while a second client is in a transaction, is our idle session still ours? */
static bool tempt(PGconn *conn, const char *ours, int patience_ms, struct err *err)
{
    char theirs[BACKEND_TEXT], again[BACKEND_TEXT];
    bool good = false;
    PGconn *twin = twin_begin(conn);
    if (PQstatus(twin) != CONNECTION_OK) {
        twin_failed(twin, "", err);
        goto cleanup;
    }
    conn_set_patience(twin, patience_ms);
    if (!conn_exec(twin, "BEGIN", err) || !backend_of(twin, theirs, err)) {
        twin_failed(twin, err->sqlstate, err);
        goto cleanup;
    }
    if (strcmp(ours, theirs) == 0)
        refuse_mode(conn, err);
    else if (backend_of(conn, again, err))
        good = strcmp(ours, again) == 0 || refuse_mode(conn, err);
cleanup:
    PQfinish(twin);
    return good;
}

/* ---- the judgement ---- */

/* The mark of an earlier session, if the backend still has one; then ours. */
static bool mark(PGconn *conn, struct err *err)
{
    PGresult *result = conn_query(
        conn, "SELECT coalesce(current_setting('pactolus.session', true), '')", 0, NULL, err);
    if (!result)
        return false;
    bool clean = !*PQgetvalue(result, 0, 0);
    PQclear(result);
    return (clean || refuse(conn,
                            "the pooler handed out a backend that is in use or was not reset: it "
                            "is not in session mode, or its server_reset_query is empty",
                            err)) &&
           conn_exec(conn, "SET pactolus.session = 'ours'", err);
}

bool pooler_judge(PGconn *conn, bool allowed, bool prove, int patience_ms, struct err *err)
{
    char ours[BACKEND_TEXT], again[BACKEND_TEXT];
    if (!backend_of(conn, ours, err))
        return false;
    if (strtol(ours, NULL, 10) == PQbackendPID(conn))
        return true;
    if (!allowed)
        return refuse_pooler(conn, err);
    if (!mark(conn, err) || !backend_of(conn, again, err))
        return false;
    if (strcmp(ours, again) != 0)
        return refuse_mode(conn, err);
    for (int round = 0; prove && round < ROUNDS; round++)
        if (!tempt(conn, ours, patience_ms, err))
            return false;
    return true;
}
