/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply: numbered migrations of the control schema (embedded in the binary from migrations/), and
 * the steps of a plan, with lock_timeout and retry. Blocks. Borrows the connection; migrations are
 * static. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_APPLY_H
#define PACTOLUS_POSTGRES_APPLY_H

#include "base/buf.h"
#include "postgres/conn.h"
#include "table/compare.h"

struct migration {
    int version; /* from the file's name: 0001_control.sql → 1 */
    const char *name, *sql;
    char checksum[65];
};
/* All migrations that this binary carries, in order. */
const struct migration *migrations_all(unsigned *count);

/* The version that the database is at; 0 when there is no control schema. It may be past what this
 * binary knows: migrations add, so an older program goes on, unless pactolus.oldest_program() says
 * that it must not. That and a changed checksum are halt/78. */
bool migrations_version(PGconn *conn, int *version, struct err *err) MUST_CHECK;

/* How long a lock is waited for, and how often it is tried, with backoff in between (55P03, 40P01).
 * What has been locked meanwhile is given up: nobody waits for us longer than that. */
struct patience {
    int lock_timeout_ms;
    unsigned tries;
};

/* Apply those above `from`, each in its own transaction with its row in pactolus.migrations, under
 * an advisory lock. `told` (may be NULL) is called after each. */
bool migrations_apply(PGconn *conn, int from, const struct patience *patience,
                      void (*told)(const struct migration *), struct err *err) MUST_CHECK;
/* What runs for a migration or a step, and what --dry-run prints: one transaction each, whole
 * statements. Appended to `out`. A step that locks several relations against everybody shares the
 * time among them. */
void migration_text(const struct migration *migration, int lock_timeout_ms, struct buf *out);
void apply_text(const struct step *step, int lock_timeout_ms, struct buf *out);

/* Run one step as apply_text says. If the lock cannot be had in the end, the error names the
 * session that holds it. A check that rows break (23514) says how many. */
bool apply_step(PGconn *conn, const struct step *step, const struct patience *patience,
                struct err *err) MUST_CHECK;

#endif
