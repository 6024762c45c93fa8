/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/apply.h"

#include "base/backoff.h"
#include "contract/fingerprint.h"
#include "migrations_embedded.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Key of the advisory lock under which migrations run: "pactolus" in ASCII. */
#define MIGRATIONS_LOCK "8097857763303683443"

enum { MIGRATIONS_MAX = 256 };

static struct migration migrations[MIGRATIONS_MAX];
static pthread_once_t migrations_once = PTHREAD_ONCE_INIT;

static void migrations_prepare(void)
{
    assert(migrations_embedded_count <= MIGRATIONS_MAX);
    for (unsigned i = 0; i < migrations_embedded_count; i++) {
        const struct embedded_migration *from = &migrations_embedded[i];
        struct migration *migration = &migrations[i];
        migration->version = (int)strtol(from->name, NULL, 10);
        migration->name = from->name;
        migration->sql = from->sql;
        fingerprint_hex((struct span){from->sql, strlen(from->sql)}, migration->checksum);
        /* The files are numbered 1, 2, 3 … without gaps. */
        assert(migration->version == (int)i + 1);
    }
}

const struct migration *migrations_all(unsigned *count)
{
    pthread_once(&migrations_once, migrations_prepare);
    *count = migrations_embedded_count;
    return migrations;
}

/* Is this row of pactolus.migrations one of ours? Row i must be version i + 1. */
static bool migration_known(const PGresult *rows, int i, struct err *err)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    int version = (int)strtol(PQgetvalue(rows, i, 0), NULL, 10);
    if (version > (int)count) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "the database is at migration %d (%s), this binary knows %u", version,
                PQgetvalue(rows, i, 1), count);
        err_hint(err, "run the pactolus that migrated it, or a newer one");
        return err_place(err, "pactolus.migrations");
    }
    if (version == i + 1 && strcmp(PQgetvalue(rows, i, 2), all[i].checksum) == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "migration %d of the database is not the one of this binary", version);
    err_hint(err, "the control schema was made by a build with other migrations; use that build");
    return err_place(err, "pactolus.migrations");
}

/* True in *there when pactolus.migrations exists. */
static bool migrations_table(PGconn *conn, bool *there, struct err *err)
{
    PGresult *result =
        conn_query(conn, "SELECT to_regclass('pactolus.migrations') IS NOT NULL", 0, NULL, err);
    if (!result)
        return false;
    *there = *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    return true;
}

bool migrations_version(PGconn *conn, int *version, struct err *err)
{
    bool there, known = true;
    *version = 0;
    if (!migrations_table(conn, &there, err))
        return false;
    if (!there)
        return true;
    PGresult *rows =
        conn_query(conn, "SELECT version, name, checksum FROM pactolus.migrations ORDER BY version",
                   0, NULL, err);
    if (!rows)
        return false;
    for (int i = 0; known && i < PQntuples(rows); i++)
        known = migration_known(rows, i, err);
    *version = PQntuples(rows);
    PQclear(rows);
    return known;
}

/* Ends the transaction; what went wrong before is what counts. */
static void rollback(PGconn *conn)
{
    struct err ignored;
    if (!conn_exec(conn, "ROLLBACK", &ignored))
        err_clear(&ignored);
}

static bool migration_record(PGconn *conn, const struct migration *migration, struct err *err)
{
    char version[16];
    snprintf(version, sizeof version, "%d", migration->version);
    const char *params[] = {version, migration->name, migration->checksum};
    PGresult *result = conn_query(conn,
                                  "INSERT INTO pactolus.migrations (version, name, checksum)"
                                  " VALUES ($1, $2, $3)",
                                  3, params, err);
    PQclear(result);
    return result != NULL;
}

/* One migration in one transaction. Another `migrate` may have been faster: the lock makes us wait
 * for it, the version then says so. */
static bool migration_apply(PGconn *conn, const struct migration *migration, bool *applied,
                            struct err *err)
{
    int version;
    *applied = false;
    if (!conn_exec(conn, "BEGIN; SELECT pg_advisory_xact_lock(" MIGRATIONS_LOCK ")", err) ||
        !migrations_version(conn, &version, err))
        goto cleanup;
    if (version < migration->version) {
        if (!conn_exec(conn, migration->sql, err)) {
            if (err && !err->place[0])
                err_place(err, "%s", migration->name);
            goto cleanup;
        }
        if (!migration_record(conn, migration, err))
            goto cleanup;
        *applied = true;
    }
    if (conn_exec(conn, "COMMIT", err))
        return true;
cleanup:
    rollback(conn);
    return false;
}

bool migrations_apply(PGconn *conn, int from, void (*told)(const struct migration *),
                      struct err *err)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    for (unsigned i = 0; i < count; i++) {
        bool applied;
        if (all[i].version <= from)
            continue;
        if (!migration_apply(conn, &all[i], &applied, err))
            return false;
        if (applied && told)
            told(&all[i]);
    }
    return true;
}

static bool step_try(PGconn *conn, const struct step *step, int lock_timeout_ms, struct err *err)
{
    char begin[80];
    snprintf(begin, sizeof begin, "BEGIN; SET LOCAL lock_timeout = %d", lock_timeout_ms);
    if (conn_exec(conn, begin, err) && conn_exec(conn, step->sql, err) &&
        conn_exec(conn, "COMMIT", err))
        return true;
    rollback(conn);
    return false;
}

bool apply_step(PGconn *conn, const struct step *step, int lock_timeout_ms, unsigned tries,
                struct err *err)
{
    struct backoff backoff = {
        .base = 100 * USEC_PER_MS, .cap = 5 * USEC_PER_SEC, .seed = (uint64_t)clock_monotonic()};
    struct err failure = ERR_INIT;
    for (unsigned i = 0; i < tries; i++) {
        if (step_try(conn, step, lock_timeout_ms, &failure))
            return true;
        /* Somebody reads the table or view, or waits for us in turn: their turn ends. */
        if (strcmp(failure.sqlstate, "55P03") != 0 && strcmp(failure.sqlstate, "40P01") != 0)
            break;
        if (i + 1 < tries) {
            usec_t wait = backoff_next(&backoff);
            nanosleep(&(struct timespec){wait / USEC_PER_SEC, wait % USEC_PER_SEC * 1000}, NULL);
        }
    }
    if (strcmp(failure.sqlstate, "55P03") == 0)
        err_hint(&failure,
                 "a session holds the object: see pg_stat_activity for open transactions");
    if (!failure.place[0])
        err_place(&failure, "%s", step->what);
    if (err)
        *err = failure;
    return false;
}
