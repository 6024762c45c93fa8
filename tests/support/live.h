/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live: a real PostgreSQL for tests. PACTOLUS_TEST_PG names a server (a conninfo) whose role may
 * create databases; each test program gets a database of its own there, made anew. Whatever goes
 * wrong here fails the running test.
 */
#ifndef PACTOLUS_TESTS_SUPPORT_LIVE_H
#define PACTOLUS_TESTS_SUPPORT_LIVE_H

#include "postgres/conn.h"

#include <stdint.h>

/* Make the database pactolus_test_<name> anew, with the control schema. */
void live_create(const char *name);
/* The conninfo of that database; static. */
const char *live_conninfo(void);
/* Another connection to it, as the daemon opens one. */
PGconn *live_open(void);
void live_exec(PGconn *conn, const char *sql);
/* The first value of a query's first row as text ("" for NULL); static until the next call. */
const char *live_value(PGconn *conn, const char *sql);
int64_t live_int(PGconn *conn, const char *sql);
/* A running stream "s" of group "g" on data.sample; its stream_id. */
unsigned live_stream(PGconn *conn);

#endif
