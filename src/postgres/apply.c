/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/apply.h"

#include "base/backoff.h"
#include "contract/fingerprint.h"
#include "migrations_embedded.h"
#include "postgres/cells.h"
#include "postgres/sqlstate.h"
#include "table/sql.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Is this row of pactolus.migrations as we know it? Row i must be version i + 1. Those past ours
 * are judged together (program_may). */
static bool migration_known(const PGresult *rows, int i, struct err *err)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    int version = (int)cells_number(rows, i, 0);
    if (version > (int)count ||
        (version == i + 1 && strcmp(PQgetvalue(rows, i, 2), all[i].checksum) == 0))
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "migration %d of the database is not the one of this binary", version);
    err_hint(err, "the control schema was made by a build with other migrations; use that build");
    return err_place(err, "pactolus.migrations");
}

/* A newer program has migrated the database: may this one still run on it? */
static bool program_may(PGconn *conn, int version, struct err *err)
{
    unsigned count;
    migrations_all(&count);
    PGresult *result = conn_query(conn, "SELECT pactolus.oldest_program()", 0, NULL, err);
    if (!result)
        return false;
    int oldest = (int)cells_number(result, 0, 0);
    PQclear(result);
    if (oldest <= (int)count)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the database is at migration %d, for programs that know migration %d; this one knows"
            " %u",
            version, oldest, count);
    err_hint(err, "run the pactolus that migrated it, or a newer one");
    return err_place(err, "pactolus.migrations");
}

/* True in *there when pactolus.migrations exists. */
static bool migrations_table(PGconn *conn, bool *there, struct err *err)
{
    return cells_only_truth(
        conn_query(conn, "SELECT to_regclass('pactolus.migrations') IS NOT NULL", 0, NULL, err),
        there);
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
    int n = PQntuples(rows);
    for (int i = 0; known && i < n; i++)
        known = migration_known(rows, i, err);
    *version = n ? (int)cells_number(rows, n - 1, 0) : 0;
    PQclear(rows);
    return known &&
           (*version <= (int)migrations_embedded_count || program_may(conn, *version, err));
}

/* Ends the transaction; what went wrong before is what counts. */
static void rollback(PGconn *conn)
{
    struct err ignored;
    if (!conn_exec(conn, "ROLLBACK", &ignored))
        err_clear(&ignored);
}

/* Tables and views of the control schema are in use too. */
static void migration_begin(int lock_timeout_ms, struct buf *out)
{
    buf_printf(out,
               "BEGIN;\nSET LOCAL lock_timeout = %d;\nSELECT pg_advisory_xact_lock(" MIGRATIONS_LOCK
               ");\n",
               lock_timeout_ms);
}

/* All but the beginning, between which and this it is asked whether there is anything to do. */
static void migration_rest(const struct migration *migration, struct buf *out)
{
    buf_puts(out, migration->sql);
    buf_printf(out, "\nINSERT INTO pactolus.migrations (version, name, checksum) VALUES (%d, ",
               migration->version);
    sql_literal(out, migration->name);
    buf_puts(out, ", ");
    sql_literal(out, migration->checksum);
    buf_puts(out, ");\nCOMMIT;\n");
}

void migration_text(const struct migration *migration, int lock_timeout_ms, struct buf *out)
{
    migration_begin(lock_timeout_ms, out);
    migration_rest(migration, out);
}

/* Shall what failed be tried again? Somebody holds what we want, or waits for us in turn: their
 * turn ends. Waits for a while if so. */
static bool again(const struct err *failure, unsigned tries, struct backoff *backoff)
{
    if (!sqlstate_is_lock(failure) || backoff->attempts + 1 >= tries)
        return false;
    clock_pause(backoff_next(backoff));
    return true;
}

static struct backoff unhurried(void)
{
    return (struct backoff){
        .base = 100 * USEC_PER_MS, .cap = 5 * USEC_PER_SEC, .seed = (uint64_t)clock_monotonic()};
}

/* One migration in one transaction. Another `migrate` may have been faster: the lock makes us wait
 * for it, the version then says so. */
static bool migration_try(PGconn *conn, const struct migration *migration, int lock_timeout_ms,
                          bool *applied, struct err *err)
{
    int version;
    struct buf begin = BUF_INIT, rest = BUF_INIT;
    *applied = false;
    migration_begin(lock_timeout_ms, &begin);
    bool done = conn_exec(conn, begin.data, err) && migrations_version(conn, &version, err);
    if (done && version < migration->version) {
        migration_rest(migration, &rest);
        done = *applied = conn_exec(conn, rest.data, err);
    }
    if (!*applied)
        rollback(conn);
    buf_free(&begin);
    buf_free(&rest);
    return done;
}

static bool migration_apply(PGconn *conn, const struct migration *migration,
                            const struct patience *patience, bool *applied, struct err *err)
{
    struct err failure = ERR_INIT;
    struct backoff backoff = unhurried();
    do {
        if (migration_try(conn, migration, patience->lock_timeout_ms, applied, &failure))
            return true;
    } while (again(&failure, patience->tries, &backoff));
    if (sqlstate_is_lock(&failure))
        err_hint(&failure, "a session held a table or view of the control schema for a while: run "
                           "migrate again, it goes on with this migration");
    if (!failure.place[0])
        err_place(&failure, "%s", migration->name);
    if (err)
        *err = failure;
    return false;
}

bool migrations_apply(PGconn *conn, int from, const struct patience *patience,
                      void (*told)(const struct migration *), struct err *err)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    for (unsigned i = 0; i < count; i++) {
        bool applied;
        if (all[i].version <= from)
            continue;
        if (!migration_apply(conn, &all[i], patience, &applied, err))
            return false;
        if (applied && told)
            told(&all[i]);
    }
    return true;
}

/* ---- steps ---- */

void apply_text(const struct step *step, int lock_timeout_ms, struct buf *out)
{
    /* lock_timeout counts for each lock anew, and who wants the first waits for us all the while.
     * Validating reads a whole table, which takes as long as it takes and is in nobody's way. */
    int share = lock_timeout_ms / (int)step->n_exclusive;
    buf_printf(out, "BEGIN;\nSET LOCAL lock_timeout = %d;\nSET LOCAL statement_timeout = 0;\n",
               share > 0 ? share : 1);
    buf_puts(out, step->sql);
    buf_puts(out, "COMMIT;\n");
}

/* The session that has held one of the step's relations for longest. The lock that could not be had
 * is queued no more, so whom it waited for cannot be asked. */
static const char sql_holder[] =
    "SELECT a.pid, coalesce(a.usename, ''), coalesce(nullif(a.application_name, ''), "
    "a.backend_type),"
    "       coalesce(a.state, 'running'),"
    "       round(extract(epoch FROM clock_timestamp() - a.xact_start))::text,"
    "       regexp_replace(left(coalesce(a.query, ''), 120), '\\s+', ' ', 'g')"
    "  FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'relation' AND l.granted AND a.pid <> pg_backend_pid()"
    "   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    "   AND l.relation IN (SELECT to_regclass(r) FROM unnest($1::text[]) r)"
    " ORDER BY a.xact_start NULLS LAST LIMIT 1";

static void tell_holder(PGconn *conn, const struct step *step, struct err *failure)
{
    struct buf names = BUF_INIT;
    struct err ignored;
    char sqlstate[sizeof failure->sqlstate];
    memcpy(sqlstate, failure->sqlstate, sizeof sqlstate);
    conn_text_array(&names, (const char *const *)step->relations, step->n_relations);
    const char *params[] = {names.data};
    PGresult *found = conn_query(conn, sql_holder, 1, params, &ignored);
    if (found && PQntuples(found)) {
        const char *pid = PQgetvalue(found, 0, 0);
        err_set(
            failure, ERR_RETRY, ERR_EXIT_TEMPORARY,
            "a lock could not be had: process %s (%s, %s) is %s, its transaction open for %s s: "
            "%s",
            pid, PQgetvalue(found, 0, 1), PQgetvalue(found, 0, 2), PQgetvalue(found, 0, 3),
            PQgetvalue(found, 0, 4), PQgetvalue(found, 0, 5));
        err_hint(
            failure,
            "when it has ended (SELECT pg_terminate_backend(%s) ends it), run migrate again: it "
            "goes on with this step",
            pid);
    } else {
        err_hint(failure, "a session held the object for a while: run migrate again, it goes on "
                          "with this step");
    }
    memcpy(failure->sqlstate, sqlstate, sizeof sqlstate);
    PQclear(found);
    buf_free(&names);
}

/* A check was put to the rows that are there, and some break it. */
static void tell_broken(PGconn *conn, const struct step *step, struct err *failure)
{
    struct err counting;
    char constraint[sizeof failure->place];
    PGresult *counted = conn_query(conn, step->count, 0, NULL, &counting);
    if (!counted)
        return;
    memcpy(constraint, failure->place, sizeof constraint);
    err_set(failure, ERR_HALT, ERR_EXIT_DATA, "rows that break the check: %s",
            PQgetvalue(counted, 0, 0));
    snprintf(failure->sqlstate, sizeof failure->sqlstate, "23514");
    err_place(failure, "%s", constraint);
    err_hint(
        failure,
        "new rows are checked already. Give the old ones a value (read them again, or UPDATE), "
        "or make the field optional; then run migrate again");
    PQclear(counted);
}

bool apply_step(PGconn *conn, const struct step *step, const struct patience *patience,
                struct err *err)
{
    struct err failure = ERR_INIT;
    struct backoff backoff = unhurried();
    struct buf text = BUF_INIT;
    bool done = false;
    apply_text(step, patience->lock_timeout_ms, &text);
    do {
        done = conn_exec(conn, text.data, &failure);
        if (!done)
            rollback(conn);
    } while (!done && again(&failure, patience->tries, &backoff));
    buf_free(&text);
    if (done)
        return true;
    if (sqlstate_is_lock(&failure))
        tell_holder(conn, step, &failure);
    else if (step->count && strcmp(failure.sqlstate, "23514") == 0)
        tell_broken(conn, step, &failure);
    if (!failure.place[0])
        err_place(&failure, "%s", step->what);
    if (err)
        *err = failure;
    return false;
}
