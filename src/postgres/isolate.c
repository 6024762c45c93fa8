/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/isolate.h"

#include "postgres/sqlstate.h"
#include "postgres/statements.h"

#include <stdlib.h>
#include <string.h>

/* What the savepoint needs before the next probe. */
enum savepoint { SAVEPOINT_NONE, SAVEPOINT_PASSED, SAVEPOINT_FAILED };

/* One isolation under way. */
struct isolating {
    PGconn *conn;
    const struct write_target *target;
    const struct batch *batch;
    struct isolation *isolation;
    struct err *err;
    struct params params;
    struct arena arena;        /* of the new letters' texts */
    struct batch_order *order; /* the rows to write: a refused one gives way to one it has folded */
    struct dead_letter *letters;
    unsigned n_letters, letters_capacity;
    enum savepoint savepoint;
    unsigned queued; /* commands sent whose answers are to come */
};

enum { ARENA_BLOCK = 16 * 1024 };

static const char rows_name[] = "isolated_rows";

/* ---- exchanges: commands, one Sync, all answers ---- */

static bool queued(struct isolating *isolating, int sent)
{
    if (!sent)
        conn_error(isolating->err, isolating->conn, NULL);
    isolating->queued += sent != 0;
    return sent != 0;
}

static bool say(struct isolating *isolating, const char *sql)
{
    return queued(isolating, PQsendQueryParams(isolating->conn, sql, 0, NULL, NULL, NULL, NULL, 0));
}

static bool send_params(struct isolating *isolating, const char *sql, unsigned n,
                        const uint32_t *oids)
{
    struct params *params = &isolating->params;
    params_finish(params);
    return queued(isolating,
                  PQsendQueryParams(isolating->conn, sql, (int)params->count, n ? oids : NULL,
                                    params->values, params->lengths, params->formats, 1));
}

/* The answer to one command, kept if it is rows; false on the first error, which err then holds. */
static bool take_answer(struct isolating *isolating, int64_t *written, struct err *err)
{
    PGresult *result = PQgetResult(isolating->conn);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && status != PGRES_PIPELINE_ABORTED && err->class == ERR_NONE)
        conn_error(err, isolating->conn, result);
    if (status == PGRES_TUPLES_OK && PQntuples(result) == 1 && PQnfields(result) == 2)
        *written = (int64_t)be64_load(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (PQstatus(isolating->conn) == CONNECTION_OK)
        PQclear(PQgetResult(isolating->conn)); /* the separator */
    return good;
}

/* False with err when one of the commands failed: the transaction is aborted then. */
static bool exchange(struct isolating *isolating, int64_t *written, struct err *err)
{
    bool good = true;
    *err = (struct err)ERR_INIT;
    if (!PQpipelineSync(isolating->conn)) {
        conn_error(err, isolating->conn, NULL);
        return false;
    }
    for (; isolating->queued && PQstatus(isolating->conn) == CONNECTION_OK; isolating->queued--)
        good &= take_answer(isolating, written, err);
    if (PQstatus(isolating->conn) == CONNECTION_OK)
        PQclear(PQgetResult(isolating->conn)); /* the Sync */
    if (PQstatus(isolating->conn) != CONNECTION_OK) {
        conn_error(err, isolating->conn, NULL);
        return false;
    }
    return good;
}

/* ---- the parts of the transaction ---- */

static bool begin(struct isolating *isolating)
{
    const struct write_target *target = isolating->target;
    /* Who was met is not asked here, so these serve partitioned tables too. */
    enum statement kind =
        target->hard_deletes ? STATEMENT_UPSERT_BLIND : STATEMENT_UPSERT_SOFT_BLIND;
    const struct statement_text *text = &target->statements[kind];
    int64_t ignored;
    statement_advance_params(&isolating->params, isolating->batch);
    /* A deferred constraint would fail at COMMIT, where no row can be told from another. */
    return say(isolating, "begin") && say(isolating, "set constraints all immediate") &&
           send_params(isolating, statement_advance, 0, NULL) &&
           queued(isolating, PQsendPrepare(isolating->conn, rows_name, text->sql,
                                           (int)text->n_params, text->param_oids)) &&
           exchange(isolating, &ignored, isolating->err);
}

static bool mend_savepoint(struct isolating *isolating)
{
    switch (isolating->savepoint) {
    case SAVEPOINT_NONE:
        return say(isolating, "savepoint probe");
    case SAVEPOINT_PASSED:
        return say(isolating, "release savepoint probe") && say(isolating, "savepoint probe");
    case SAVEPOINT_FAILED:
        return say(isolating, "rollback to savepoint probe");
    }
    return true;
}

/* Rows [first, first + n), with nothing for the account but what they are themselves. `refusal` is
 * the caller's: it is no failure yet. */
static bool probe(struct isolating *isolating, unsigned first, unsigned n, struct err *refusal)
{
    const struct write_target *target = isolating->target;
    struct params *params = &isolating->params;
    struct row_values values = {.order = isolating->order + first, .n_rows = n};
    const struct account account = {target->stream_id, target->owner, target->lane};
    int64_t written = 0;
    if (!mend_savepoint(isolating)) {
        *refusal = *isolating->err;
        return false;
    }
    statement_row_params(params, target->layout, &values, &account);
    params_finish(params);
    if (!queued(isolating,
                PQsendQueryPrepared(isolating->conn, rows_name, (int)params->count, params->values,
                                    params->lengths, params->formats, 1))) {
        *refusal = *isolating->err;
        return false;
    }
    isolating->isolation->statements++;
    bool passed = exchange(isolating, &written, refusal);
    isolating->savepoint = passed ? SAVEPOINT_PASSED : SAVEPOINT_FAILED;
    isolating->isolation->written += passed ? written : 0;
    return passed;
}

static bool finish(struct isolating *isolating)
{
    const struct write_target *target = isolating->target;
    const struct batch *batch = isolating->batch;
    const struct statement_text *account = &target->statements[STATEMENT_ACCOUNT];
    struct row_values values = {
        .consumed = batch->consumed,
        .deduplicated = batch->deduplicated - isolating->isolation->gave_way,
        .dead_lettered = isolating->n_letters,
        .other_types = batch->other_types,
    };
    const struct account account_of = {target->stream_id, target->owner, target->lane};
    int64_t ignored;
    if (isolating->savepoint == SAVEPOINT_FAILED && !mend_savepoint(isolating))
        return false;
    statement_row_params(&isolating->params, target->layout, &values, &account_of);
    if (!send_params(isolating, account->sql, account->n_params, account->param_oids))
        return false;
    statement_letters_params(&isolating->params, target->stream_id, isolating->letters,
                             isolating->n_letters, target->dlq_topic);
    if (isolating->n_letters && !send_params(isolating, statement_letters, 0, NULL))
        return false;
    return say(isolating, "commit") && exchange(isolating, &ignored, isolating->err);
}

/* ---- bisection ---- */

static struct dead_letter *new_letter(struct isolating *isolating)
{
    if (isolating->n_letters == isolating->letters_capacity) {
        isolating->letters_capacity = isolating->letters_capacity * 2 + 8;
        isolating->letters =
            mem_grow(isolating->letters, isolating->letters_capacity, sizeof(*isolating->letters));
    }
    return &isolating->letters[isolating->n_letters++];
}

/* A row that PostgreSQL refuses alone is a dead letter. True when a row that it had folded stands
 * in its place now, and is to be tried. */
static bool give_way(struct isolating *isolating, unsigned at, const struct err *refusal)
{
    struct isolation *isolation = isolating->isolation;
    const struct row *row = isolating->order[at].row;
    struct dead_letter *letter = new_letter(isolating);
    dead_letter_make(letter, row->origin, &row->place, REASON_DATABASE, refusal, &isolating->arena);
    letter->attempts = isolation->attempts + 1;
    if (isolation->refused++ == 0) {
        isolation->first = row->origin;
        isolation->first_offset = row->place.offset;
    }
    isolation->example = *refusal;
    /* What a row has folded hangs behind the winner of the key, which is the batch's own row. */
    const struct row *next = batch_beaten(isolating->batch->order[at].row, &row->place);
    if (!next)
        return false;
    isolation->gave_way++;
    isolating->order[at].row = next;
    return true;
}

static bool last_attempt(const struct isolation *isolation)
{
    return isolation->attempts + 1 >= isolation->most;
}

/* What becomes of a failure of one single row. */
enum single { SINGLE_LETTER, SINGLE_FAIL };

static enum single judge_single(struct isolating *isolating, const struct err *refusal)
{
    struct isolation *isolation = isolating->isolation;
    bool halves = sqlstate_has(refusal->sqlstate, SQLSTATE_HALVES);
    *isolating->err = *refusal;
    if (refusal->class != ERR_REJECT && !halves)
        return SINGLE_FAIL;
    isolation->deferred = !last_attempt(isolation) &&
                          (halves || sqlstate_has(refusal->sqlstate, SQLSTATE_COULD_PASS));
    if (isolation->deferred) {
        isolating->err->class = ERR_RETRY;
        return SINGLE_FAIL;
    }
    if (!halves)
        return SINGLE_LETTER;
    isolating->err->class = ERR_HALT;
    err_hint(isolating->err, "one row alone is too much for the server: look at the table's "
                             "triggers and indexes, and at statement_timeout");
    return SINGLE_FAIL;
}

static bool apply_single(struct isolating *isolating, unsigned at)
{
    struct err refusal;
    for (;;) {
        if (probe(isolating, at, 1, &refusal))
            return true;
        if (judge_single(isolating, &refusal) == SINGLE_FAIL)
            return false;
        if (!give_way(isolating, at, &refusal))
            return true;
    }
}

/* Write rows [first, first + n) as far as PostgreSQL takes them. `known_bad`: together they are
 * refused, so that is not tried again. False with err on what is no refusal. */
static bool apply(struct isolating *isolating, unsigned first, unsigned n, bool known_bad)
{
    struct err refusal = ERR_INIT;
    if (n == 1)
        return apply_single(isolating, first);
    if (!known_bad && probe(isolating, first, n, &refusal))
        return true;
    bool halves = sqlstate_has(refusal.sqlstate, SQLSTATE_HALVES);
    if (!known_bad && refusal.class != ERR_REJECT && !halves) {
        *isolating->err = refusal;
        return false;
    }
    unsigned before = isolating->isolation->refused;
    if (!apply(isolating, first, n / 2, false))
        return false;
    /* Nothing wrong with the first half: then it is in the second. */
    bool clean = isolating->isolation->refused == before && !halves;
    return apply(isolating, first + n / 2, n - n / 2, clean);
}

/* ---- the whole ---- */

static void set_up(struct isolating *isolating)
{
    const struct batch *batch = isolating->batch;
    isolating->order = mem_zero(batch->n_rows + 1, sizeof(*isolating->order));
    memcpy(isolating->order, batch->order, batch->n_rows * sizeof(*batch->order));
    arena_init(&isolating->arena, ARENA_BLOCK);
    for (unsigned i = 0; i < batch->n_letters; i++)
        *new_letter(isolating) = batch->letters[i];
}

/* Leave the session as it was. What is not committed is rolled back, also by closing it. */
static void leave(struct isolating *isolating, bool good)
{
    struct err ignored;
    bool alive = PQstatus(isolating->conn) == CONNECTION_OK;
    if (alive && PQexitPipelineMode(isolating->conn)) {
        const char *sql = good ? "deallocate all" : "rollback; deallocate all";
        (void)!conn_exec(isolating->conn, sql, &ignored);
    }
    params_free(&isolating->params);
    arena_free(&isolating->arena);
    free(isolating->order);
    free(isolating->letters);
}

bool isolate_batch(PGconn *conn, const struct write_target *target, const struct batch *batch,
                   struct isolation *isolation, struct err *err)
{
    struct isolating isolating = {
        .conn = conn, .target = target, .batch = batch, .isolation = isolation, .err = err};
    *err = (struct err)ERR_INIT;
    set_up(&isolating);
    bool good = PQenterPipelineMode(conn);
    if (!good)
        conn_error(err, conn, NULL);
    good = good && begin(&isolating) &&
           (batch->n_rows == 0 || apply(&isolating, 0, batch->n_rows, isolation->known_bad)) &&
           finish(&isolating);
    leave(&isolating, good);
    return good;
}
