/* SPDX-License-Identifier: Apache-2.0 */
#include "support/live.h"

#include "postgres/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char conninfo[2048];

/* The server's conninfo with another database: parsed and written again, since it may be a URI. */
static void conninfo_make(const char *server, const char *database)
{
    struct buf out = BUF_INIT;
    PQconninfoOption *options = PQconninfoParse(server, NULL);
    if (!options)
        fail_msg("PACTOLUS_TEST_PG is no conninfo");
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (!option->val || strcmp(option->keyword, "dbname") == 0)
            continue;
        buf_printf(&out, "%s='", option->keyword);
        for (const char *c = option->val; *c; c++) {
            if (*c == '\'' || *c == '\\')
                buf_putc(&out, '\\');
            buf_putc(&out, *c);
        }
        buf_puts(&out, "' ");
    }
    buf_printf(&out, "dbname='%s'", database);
    snprintf(conninfo, sizeof conninfo, "%s", out.data);
    PQconninfoFree(options);
    buf_free(&out);
}

const char *live_conninfo(void)
{
    return conninfo;
}

PGconn *live_open(void)
{
    struct err err = ERR_INIT;
    struct conn_options options = {.conninfo = conninfo, .application_name = "pactolus test"};
    PGconn *conn = conn_open(&options, &err);
    if (!conn)
        fail_msg("cannot connect: %s", err.text);
    return conn;
}

void live_exec(PGconn *conn, const char *sql)
{
    struct err err = ERR_INIT;
    if (!conn_exec(conn, sql, &err))
        fail_msg("%s: [%s] %s", sql, err.sqlstate, err.text);
}

const char *live_value(PGconn *conn, const char *sql)
{
    static char value[4096];
    struct err err = ERR_INIT;
    PGresult *result = conn_query(conn, sql, 0, NULL, &err);
    if (!result)
        fail_msg("%s: [%s] %s", sql, err.sqlstate, err.text);
    if (PQntuples(result) < 1)
        fail_msg("%s: no rows", sql);
    snprintf(value, sizeof value, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

int64_t live_int(PGconn *conn, const char *sql)
{
    return strtoll(live_value(conn, sql), NULL, 10);
}

void live_create(const char *name)
{
    struct err err = ERR_INIT;
    char sql[256];
    const char *server = getenv("PACTOLUS_TEST_PG");
    if (!server || !*server)
        fail_msg("PACTOLUS_TEST_PG is not set: name a PostgreSQL server (scripts/test does)");
    conninfo_make(server, "postgres");
    PGconn *conn = live_open();
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS pactolus_test_%s WITH (FORCE)", name);
    live_exec(conn, sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE pactolus_test_%s", name);
    live_exec(conn, sql);
    conn_close(conn);
    snprintf(sql, sizeof sql, "pactolus_test_%s", name);
    conninfo_make(server, sql);
    conn = live_open();
    if (!migrations_apply(conn, 0, &(struct patience){5000, 1}, NULL, &err))
        fail_msg("migrations: %s: [%s] %s", err.place, err.sqlstate, err.text);
    conn_close(conn);
}

unsigned live_stream(PGconn *conn)
{
    return (unsigned)live_int(
        conn, "INSERT INTO pactolus.streams (consumer_group, name, schema_name, table_name,"
              "  view_schema, view_name, fingerprint)"
              " VALUES ('g', 's', 'data', 'sample', 'sample_v1', 'sample', 'f')"
              " ON CONFLICT (consumer_group, name) DO UPDATE SET fingerprint = 'f'"
              " RETURNING stream_id");
}
