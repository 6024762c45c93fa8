/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply: numbered migrations of the control schema (embedded in the binary from migrations/), and
 * the steps of a plan, with lock_timeout and retry. Blocks. Borrows the connection; migrations are
 * static. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_APPLY_H
#define PACTOLUS_POSTGRES_APPLY_H

#include "postgres/conn.h"
#include "table/compare.h"

struct migration {
    int version; /* from the file's name: 0001_control.sql → 1 */
    const char *name, *sql;
    char checksum[65];
};
/* All migrations that this binary carries, in order. */
const struct migration *migrations_all(unsigned *count);

/* The version that the database is at; 0 when there is no control schema. False with err; a
 * database newer than this binary or a changed checksum is halt/78. */
bool migrations_version(PGconn *conn, int *version, struct err *err) MUST_CHECK;
/* Apply those above `from`, each in its own transaction with its row in pactolus.migrations, under
 * an advisory lock. `told` (may be NULL) is called after each. */
bool migrations_apply(PGconn *conn, int from, void (*told)(const struct migration *),
                      struct err *err) MUST_CHECK;
/* Run one step in a transaction of its own: SET LOCAL lock_timeout, up to `tries` times on 55P03
 * with backoff. */
bool apply_step(PGconn *conn, const struct step *step, int lock_timeout_ms, unsigned tries,
                struct err *err) MUST_CHECK;

#endif
