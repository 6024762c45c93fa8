/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/conn.h"

#include "base/clock.h"
#include "base/secret.h"
#include "postgres/conn_refusals.h"
#include "postgres/pooler.h"
#include "postgres/sqlstate.h"

#include <assert.h>
#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KEYWORDS_MAX = 16, CONNECT_TIMEOUT_S = 10 };

/* What libpq is asked for. Later entries win: defaults, then the conninfo, then what must be. */
struct keywords {
    const char *keys[KEYWORDS_MAX + 1], *values[KEYWORDS_MAX + 1];
    unsigned n;
};

static void keywords_add(struct keywords *keywords, const char *key, const char *value)
{
    assert(keywords->n < KEYWORDS_MAX);
    keywords->keys[keywords->n] = key;
    keywords->values[keywords->n++] = value;
}

/* libpq's own words about a malformed string quote parts of it, which may be the password: they are
 * not repeated. */
bool conn_check(const char *conninfo, struct err *err)
{
    char *said = NULL;
    bool told = false;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &said);
    PQfreemem(said);
    if (parsed) {
        for (const PQconninfoOption *option = parsed; option->keyword; option++)
            told |= option->val && *option->val && secret_named(option->keyword);
        PQconninfoFree(parsed);
        if (!told)
            return true;
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the connection string holds a password");
        return err_hint(err, "put it into a file of its own: database.password_file");
    }
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the connection string is malformed");
    return err_hint(err, "key=value pairs, with values that hold spaces in single quotes, or "
                         "postgresql://user@host:port/database");
}

/* The line of libpq's message that tells most: the last attempt's (there may be several hosts). */
static void message_line(const char *message, char line[512])
{
    const char *best = message;
    for (const char *at = message; *at; at += strcspn(at, "\n")) {
        at += *at == '\n';
        if (strncmp(at, "connection to server", 20) == 0)
            best = at;
    }
    snprintf(line, 512, "%.*s", (int)strcspn(best, "\n"), best);
}

/* In verbose messages of the server the SQLSTATE stands after the severity: "FATAL:  28P01: …".
 * Takes it out of the line. */
static void message_sqlstate(char *line, char sqlstate[6])
{
    enum { CODE = 5 };
    sqlstate[0] = '\0';
    for (char *at = strstr(line, ":  "); at; at = strstr(at + 1, ":  ")) {
        char *code = at + 3;
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CODE && code[CODE] == ':') {
            memcpy(sqlstate, code, CODE);
            sqlstate[CODE] = '\0';
            memmove(at + 1, code + CODE + 1, strlen(code + CODE + 1) + 1);
            return;
        }
    }
}

static void connect_error(struct err *err, const PGconn *conn)
{
    char line[512], sqlstate[6];
    message_line(PQerrorMessage(conn), line);
    message_sqlstate(line, sqlstate);
    const struct conn_refusal *refusal = conn_refusal_find(sqlstate, line);
    const struct sqlstate_rule *rule = sqlstate_find(sqlstate, NULL, NULL);
    err_set(err, refusal ? refusal->class : rule->class, refusal ? refusal->exit : rule->exit, "%s",
            line);
    if (err)
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
    if (refusal)
        err_hint(err, "%s", refusal->hint);
}

static void notice_drop(void *unused, const PGresult *result)
{
    (void)unused;
    (void)result;
}

static int connect_ms(const struct conn_options *options)
{
    return 1000 * (options->connect_timeout_s > 0 ? options->connect_timeout_s : CONNECT_TIMEOUT_S);
}

static PGconn *conn_connect(const struct conn_options *options, const char *password,
                            struct err *err)
{
    char timeout[16];
    struct keywords keywords = {0};
    snprintf(timeout, sizeof timeout, "%d", connect_ms(options) / 1000);
    keywords_add(&keywords, "connect_timeout", timeout);
    /* A host that vanished is noticed within half a minute, not after two hours. */
    keywords_add(&keywords, "keepalives_idle", "10");
    keywords_add(&keywords, "keepalives_interval", "5");
    keywords_add(&keywords, "keepalives_count", "3");
    keywords_add(&keywords, "tcp_user_timeout", "25000");
    keywords_add(&keywords, "dbname", options->conninfo);
    keywords_add(&keywords, "client_encoding", "UTF8");
    if (options->application_name)
        keywords_add(&keywords, "application_name", options->application_name);
    if (password)
        keywords_add(&keywords, "password", password);

    /* libpq tells the SQLSTATE of a refused connection only within a verbose message, and verbosity
     * belongs to a connection that exists: so one is begun, made verbose, and begun anew with
     * libpq's own timeouts per host. */
    PGconn *conn = PQconnectStartParams(keywords.keys, keywords.values, 1);
    if (PQstatus(conn) != CONNECTION_BAD) {
        PQsetNoticeReceiver(conn, notice_drop, NULL);
        PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
        PQreset(conn);
    }
    if (PQstatus(conn) != CONNECTION_OK) {
        connect_error(err, conn);
        PQfinish(conn);
        return NULL;
    }
    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    return conn;
}

static const char session_text[] =
    "SET search_path = ''; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
    " SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';"
    " SET standard_conforming_strings = on; SET client_min_messages = warning;"
    " SET default_transaction_isolation = 'read committed';\n";

const char *conn_session_text(void)
{
    return session_text;
}

/* Everything is said as SET, not in the startup packet: poolers drop or refuse "options". */
static bool session_prepare(PGconn *conn, const struct conn_options *options, struct err *err)
{
    struct buf sql = BUF_INIT;
    buf_puts(&sql, session_text);
    if (options->statement_timeout_ms > 0)
        buf_printf(&sql, "SET statement_timeout = %d;", options->statement_timeout_ms);
    if (options->lock_timeout_ms > 0)
        buf_printf(&sql, "SET lock_timeout = %d;", options->lock_timeout_ms);
    if (options->idle_in_transaction_timeout_ms > 0)
        buf_printf(&sql, "SET idle_in_transaction_session_timeout = %d;",
                   options->idle_in_transaction_timeout_ms);
    bool done = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    return done;
}

PGconn *conn_open(const struct conn_options *options, struct err *err)
{
    char *password = NULL;
    PGconn *conn = NULL;
    if (!conn_check(options->conninfo, err))
        return NULL;
    /* For each connection anew: a password that was changed needs no restart. */
    if (options->password_file &&
        !(password = secret_read(options->password_file, SECRET_LINE, err)))
        return NULL;
    conn = conn_connect(options, password, err);
    if (!conn)
        goto cleanup;
    /* A pooler lets us in before it has a backend for us: what is asked first is part of opening.
     */
    conn_set_patience(conn, connect_ms(options));
    if (!pooler_judge(conn, options->session_pooler, options->prove_pooler, connect_ms(options),
                      err) ||
        !session_prepare(conn, options, err)) {
        PQfinish(conn);
        conn = NULL;
        goto cleanup;
    }
    conn_set_patience(conn, options->answer_timeout_ms);
cleanup:
    secret_free(password);
    return conn;
}

bool conn_lost(const PGconn *conn)
{
    return PQstatus(conn) != CONNECTION_OK;
}

const char *conn_database(const PGconn *conn)
{
    return PQdb(conn);
}

const char *conn_server(const PGconn *conn)
{
    const char *version = PQparameterStatus(conn, "server_version");
    return version ? version : "?";
}

int conn_library_version(void)
{
    return PQlibVersion();
}

void conn_close(PGconn *conn)
{
    PQfinish(conn);
}

static bool result_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* ---- waiting for an answer ---- */

/* The patience lies with the connection, as libpq's instance data of this procedure. */
static int instance(PGEventId id, void *info, void *data)
{
    (void)id, (void)info, (void)data;
    return 1;
}

void conn_set_patience(PGconn *conn, int patience_ms)
{
    if (!PQinstanceData(conn, instance))
        PQregisterEventProc(conn, instance, "pactolus", NULL);
    PQsetInstanceData(conn, instance, (void *)(intptr_t)patience_ms);
}

void conn_cut(int socket)
{
    shutdown(socket, SHUT_RDWR);
}

/* True when a result can be had without waiting, or the connection is lost. */
static bool await_result(PGconn *conn, usec_t deadline)
{
    while (PQisBusy(conn)) {
        usec_t now = clock_monotonic();
        if (now >= deadline)
            return false;
        struct pollfd wait = {.fd = PQsocket(conn), .events = POLLIN};
        int64_t left = (deadline - now) / USEC_PER_MS + 1;
        if (poll(&wait, 1, left < 60000 ? (int)left : 60000) > 0 && !PQconsumeInput(conn))
            break;
    }
    return true;
}

/* The last result of what was sent, as PQexec's; NULL when the server is silent for too long. */
static PGresult *take_result(PGconn *conn)
{
    int patience_ms = (int)(intptr_t)PQinstanceData(conn, instance);
    usec_t deadline = patience_ms > 0 ? clock_monotonic() + patience_ms * USEC_PER_MS : USEC_NEVER;
    PGresult *last = NULL;
    for (;;) {
        if (!await_result(conn, deadline)) {
            conn_cut(PQsocket(conn));
            PQconsumeInput(conn); /* so that libpq sees the end too */
            PQclear(last);
            return NULL;
        }
        PGresult *next = PQgetResult(conn);
        if (!next)
            return last ? last : PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
        /* What ended the session tells more than that it ended. */
        bool told = last && !result_good(last);
        PQclear(told ? next : last);
        last = told ? last : next;
        if (PQstatus(conn) == CONNECTION_BAD)
            return last;
    }
}

/* As PQexec does: what an earlier question left unread is none of the next one's business. */
static void discard(PGconn *conn)
{
    if (PQtransactionStatus(conn) == PQTRANS_ACTIVE)
        PQclear(take_result(conn));
}

static PGresult *answer_of(PGconn *conn, int sent, struct err *err)
{
    PGresult *result = sent ? take_result(conn) : PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    if (!result)
        err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
                "the server does not answer; its connection is taken for lost");
    else if (!result_good(result))
        conn_error(err, conn, result);
    else
        return result;
    PQclear(result);
    return NULL;
}

bool conn_exec(PGconn *conn, const char *sql, struct err *err)
{
    discard(conn);
    PGresult *result = answer_of(conn, PQsendQuery(conn, sql), err);
    PQclear(result);
    return result != NULL;
}

PGresult *conn_query(PGconn *conn, const char *sql, unsigned n, const char *const *params,
                     struct err *err)
{
    discard(conn);
    int sent = PQsendQueryParams(conn, sql, (int)n, NULL, params, NULL, NULL, 0);
    return answer_of(conn, sent, err);
}

/* Class 22 quotes the value that it refuses; nobody's data belongs in a log. */
static void redact(char *text)
{
    char *open = strchr(text, '"'), *close = open ? strrchr(open + 1, '"') : NULL;
    if (close)
        memmove(open + 1, close, strlen(close) + 1);
}

static const char *field_of(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? text : "";
}

void conn_error(struct err *err, const PGconn *conn, const PGresult *result)
{
    const char *sqlstate = field_of(result, PG_DIAG_SQLSTATE);
    const char *constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);
    const char *table = field_of(result, PG_DIAG_TABLE_NAME);
    const char *column = field_of(result, PG_DIAG_COLUMN_NAME);
    const char *primary = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
    const struct sqlstate_rule *rule = sqlstate_find(sqlstate, constraint, table);
    char line[512];
    if (!err)
        return;
    if (*primary)
        snprintf(line, sizeof line, "%s", primary);
    else
        message_line(PQerrorMessage(conn), line);
    if (strncmp(sqlstate, "22", 2) == 0)
        redact(line);
    err_set(err, rule->class, rule->exit, "%s",
            *line ? line : "the connection to the database is lost");
    snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate);
    if (strncmp(sqlstate, "PA", 2) == 0 && *field_of(result, PG_DIAG_MESSAGE_HINT))
        err_hint(err, "%s", field_of(result, PG_DIAG_MESSAGE_HINT)); /* ours */
    if (sqlstate_missing_partition(err))
        err_hint(err, "make the partition that is missing; what waits for it goes on then (DETAIL "
                      "in the server's log has the value)");
    if (*constraint)
        err_place(err, "%s", constraint);
    else if (*table)
        err_place(err, "%s.%s%s%s", field_of(result, PG_DIAG_SCHEMA_NAME), table,
                  *column ? "." : "", column);
}

void conn_text_array(struct buf *out, const char *const *items, unsigned n)
{
    buf_putc(out, '{');
    for (unsigned i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ',');
        if (!items[i]) {
            buf_puts(out, "NULL");
            continue;
        }
        buf_putc(out, '"');
        for (const char *c = items[i]; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_putc(out, '\\');
            buf_putc(out, *c);
        }
        buf_putc(out, '"');
    }
    buf_putc(out, '}');
}
