/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/redrive.h"

#include "base/text.h"
#include "postgres/partitions.h"
#include "postgres/sqlstate.h"
#include "postgres/statements.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 256 * 1024 };

static const char *const fate_names[FATE_COUNT] = {
    [FATE_APPLIED] = "applied", [FATE_STALE] = "stale", [FATE_OTHER_TYPE] = "other_type",
    [FATE_FAILED] = "failed",   [FATE_LEFT] = "left",
};

const char *redrive_fate_name(enum redrive_fate fate)
{
    return fate_names[fate];
}

/* ---- judging: the record's way from bytes to a row ---- */

static void leave(struct redriven *out, const char *why)
{
    out->fate = FATE_LEFT;
    err_set(&out->err, ERR_REJECT, ERR_EXIT_DATA, "%s", why);
}

void redrive_judge(const struct pipeline *pipeline, const struct letter *letter, usec_t now,
                   struct arena *arena, struct redriven *out, struct row *row)
{
    const struct record record = letter_record(letter);
    const struct place place = {
        .order_ts = letter->order_ts, .log = letter->log, .offset = letter->offset};
    struct parsed parsed;
    *out = (struct redriven){.letter = letter};
    if (letter->erased) {
        leave(out, "it was erased");
        return;
    }
    /* Without its value it would look like a tombstone. */
    if (letter->truncated) {
        leave(out, "the topic was too small for its value, which the ledger alone had");
        return;
    }
    if (!pipeline_contract(pipeline, letter->topic)) {
        leave(out, "the stream reads its topic no more");
        return;
    }
    switch (pipeline_run(pipeline, &record, &place, now, arena, &parsed)) {
    case VERDICT_ROW:
    case VERDICT_TOMBSTONE:
        out->fate = FATE_APPLIED;
        *row = parsed.row;
        break;
    case VERDICT_SKIP:
        out->fate = FATE_OTHER_TYPE;
        break;
    case VERDICT_REJECT:
        out->fate = FATE_FAILED;
        out->reason = parsed.reason;
        out->err = parsed.err;
        break;
    }
}

bool redrive_pipeline(PGconn *conn, const struct stream *stream, struct range *range,
                      struct pipeline *pipeline, struct err *err)
{
    const struct layout *layout = stream->layout;
    struct partitions found;
    if (!partitions_read(conn, &layout, 1, &found, err))
        return false;
    *range = found.range;
    *pipeline = stream->pipeline;
    pipeline->range = range;
    pipeline->drift = NULL; /* what is read again was counted */
    return true;
}

/* ---- rows: statements under savepoints ---- */

static bool soft(const struct redrive *redrive)
{
    return redrive->stream->config->deletes != DELETES_HARD;
}

/* RETURNING names the rows that were written; of the others a greater place was there. */
static void mark_written(struct redrive *redrive, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        log_id log = (log_id)be64_load(PQgetvalue(result, i, 0));
        int64_t offset = (int64_t)be64_load(PQgetvalue(result, i, 1));
        for (unsigned k = 0; k < redrive->n; k++)
            if (redrive->letters[k].log == log && redrive->letters[k].offset == offset)
                redrive->fates[k].fate = FATE_APPLIED;
    }
}

static bool prepare(struct redrive *redrive, bool is_soft, const char *name, struct err *err)
{
    const struct statement_text *text =
        &redrive->statements[is_soft ? STATEMENT_REDRIVE_SOFT : STATEMENT_REDRIVE];
    if (redrive->prepared[is_soft])
        return true;
    PGresult *result =
        PQprepare(redrive->conn, name, text->sql, (int)text->n_params, text->param_oids);
    redrive->prepared[is_soft] = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!redrive->prepared[is_soft])
        conn_error(err, redrive->conn, result);
    PQclear(result);
    return redrive->prepared[is_soft];
}

/* The batch's rows in one statement. */
static bool send_batch(struct redrive *redrive, struct err *err)
{
    enum { BINARY = 1 };
    bool is_soft = soft(redrive);
    const char *name = is_soft ? "redrive_soft" : "redrive";
    if (redrive->batch.n_rows == 0)
        return true;
    batch_seal(&redrive->batch);
    const struct row_values values = statement_row_values(&redrive->batch);
    struct params *params = &redrive->params;
    statement_redrive_params(params, redrive->stream->layout, &values);
    params_finish(params);
    if (!prepare(redrive, is_soft, name, err))
        return false;
    PGresult *result = PQexecPrepared(redrive->conn, name, (int)params->count, params->values,
                                      params->lengths, params->formats, BINARY);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (good)
        mark_written(redrive, result);
    else
        conn_error(err, redrive->conn, result);
    PQclear(result);
    return good;
}

/* The rows among letters [first, first + n). One whose key a greater one of them has is stale. */
static bool write_rows(struct redrive *redrive, unsigned first, unsigned n, struct err *err)
{
    const bool fold = !redrive->stream->layout->append, keep = soft(redrive);
    batch_reset(&redrive->batch);
    for (unsigned i = first; i < first + n; i++) {
        if (!redrive->has_row[i])
            continue;
        redrive->fates[i].fate = FATE_STALE;
        if (batch_add(&redrive->batch, &redrive->rows[i], fold, keep) != BATCH_CONFLICT)
            continue;
        if (!send_batch(redrive, err))
            return false;
        batch_reset(&redrive->batch);
        (void)batch_add(&redrive->batch, &redrive->rows[i], fold, keep);
    }
    return send_batch(redrive, err);
}

static bool any_row(const struct redrive *redrive, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        if (redrive->has_row[i])
            return true;
    return false;
}

/* `refusal` is the caller's: it may be no failure. */
static bool probe(struct redrive *redrive, unsigned first, unsigned n, struct err *refusal)
{
    struct err broken;
    if (!conn_exec(redrive->conn, "savepoint letters", refusal))
        return false;
    if (write_rows(redrive, first, n, refusal))
        return conn_exec(redrive->conn, "release savepoint letters", refusal);
    if (PQstatus(redrive->conn) == CONNECTION_OK &&
        !conn_exec(redrive->conn, "rollback to savepoint letters; release savepoint letters",
                   &broken))
        *refusal = broken;
    return false;
}

/* A partition that is not there may come, but nobody waits for it here. */
static bool refuses(const struct err *refusal)
{
    return refusal->class == ERR_REJECT || sqlstate_missing_partition(refusal);
}

/* Write the rows of letters [first, first + n) as far as PostgreSQL takes them. False with err on
 * what is no refusal of a row. */
static bool write_halving(struct redrive *redrive, unsigned first, unsigned n, struct err *err)
{
    struct err refusal = ERR_INIT;
    if (!any_row(redrive, first, n) || probe(redrive, first, n, &refusal))
        return true;
    if (!refuses(&refusal)) {
        *err = refusal;
        return false;
    }
    if (n > 1)
        return write_halving(redrive, first, n / 2, err) &&
               write_halving(redrive, first + n / 2, n - n / 2, err);
    redrive->fates[first].fate = FATE_FAILED;
    redrive->fates[first].reason = REASON_DATABASE;
    redrive->fates[first].err = refusal;
    return true;
}

/* ---- the ledger ---- */

static bool book(struct redrive *redrive, struct err *err)
{
    struct letter_done *done = mem_zero(redrive->n + 1, sizeof *done);
    struct letter_failure *failed = mem_zero(redrive->n + 1, sizeof *failed);
    unsigned n_done = 0, n_failed = 0;
    for (unsigned i = 0; i < redrive->n; i++) {
        struct redriven *fate = &redrive->fates[i];
        const struct contract *contract =
            pipeline_contract(&redrive->pipeline, fate->letter->topic);
        if (fate->fate < FATE_FAILED) {
            done[n_done++] = (struct letter_done){fate->letter->id, fate_names[fate->fate]};
        } else if (fate->fate == FATE_FAILED) {
            /* What a message quotes of the record may be cut within a character. */
            text_utf8_mend(fate->err.text, strlen(fate->err.text));
            failed[n_failed++] = (struct letter_failure){
                .id = fate->letter->id,
                .reason = reason_name(fate->reason),
                .detail = fate->err.text,
                .sqlstate = fate->reason == REASON_DATABASE ? fate->err.sqlstate : "",
                .contract = contract ? contract->name : "",
            };
        }
    }
    bool good = letters_done(redrive->conn, redrive->action_id, done, n_done, err) &&
                letters_failed(redrive->conn, redrive->action_id, failed, n_failed, err);
    free(done);
    free(failed);
    return good;
}

/* ---- a page ---- */

static void judge_page(struct redrive *redrive)
{
    usec_t now = clock_wall();
    redrive->fates = arena_alloc(&redrive->arena, redrive->n * sizeof *redrive->fates);
    redrive->rows = arena_alloc(&redrive->arena, redrive->n * sizeof *redrive->rows);
    redrive->has_row = arena_alloc(&redrive->arena, redrive->n * sizeof *redrive->has_row);
    for (unsigned i = 0; i < redrive->n; i++) {
        redrive_judge(&redrive->pipeline, &redrive->letters[i], now, &redrive->arena,
                      &redrive->fates[i], &redrive->rows[i]);
        redrive->has_row[i] = redrive->fates[i].fate == FATE_APPLIED;
    }
}

static bool apply_page(struct redrive *redrive, const struct letters_filter *filter, unsigned max,
                       int64_t after, struct err *err)
{
    const struct letters_page page = {
        .after = after,
        .max = max < REDRIVE_PAGE ? max : REDRIVE_PAGE,
        .max_bytes = REDRIVE_PAGE_BYTES,
        .lock = true,
    };
    struct letters_filter open = *filter;
    open.applicable = true;
    open.untouched_by = redrive->action_id;
    if (!letters_read(redrive->conn, &open, &page, &redrive->arena, &redrive->letters, &redrive->n,
                      err))
        return false;
    if (redrive->n == 0)
        return true;
    judge_page(redrive);
    return write_halving(redrive, 0, redrive->n, err) && book(redrive, err);
}

bool redrive_page(struct redrive *redrive, const struct letters_filter *filter, unsigned max,
                  int64_t *after, struct err *err)
{
    struct err ignored;
    arena_reset(&redrive->arena, REDRIVE_PAGE_BYTES);
    redrive->n = 0;
    if (!redrive_pipeline(redrive->conn, redrive->stream, &redrive->range, &redrive->pipeline, err))
        return false;
    /* A deferred constraint would fail at COMMIT, where no row can be told from another. */
    if (conn_exec(redrive->conn, "begin; set constraints all immediate", err) &&
        apply_page(redrive, filter, max, *after, err) && conn_exec(redrive->conn, "commit", err)) {
        if (redrive->n)
            *after = redrive->letters[redrive->n - 1].id;
        return true;
    }
    if (PQstatus(redrive->conn) == CONNECTION_OK)
        (void)!conn_exec(redrive->conn, "rollback", &ignored);
    redrive->n = 0;
    return false;
}

/* ---- the whole ---- */

void redrive_begin(struct redrive *redrive, PGconn *conn, const struct stream *stream,
                   unsigned stream_id, int64_t action_id)
{
    const struct batch_limits limits = {.rows = REDRIVE_PAGE, .bytes = REDRIVE_PAGE_BYTES};
    *redrive = (struct redrive){
        .conn = conn, .stream = stream, .stream_id = stream_id, .action_id = action_id};
    sql_statements(stream->layout, redrive->statements);
    batch_init(&redrive->batch, &limits);
    arena_init(&redrive->arena, ARENA_BLOCK);
}

void redrive_reconnect(struct redrive *redrive, PGconn *conn)
{
    redrive->conn = conn;
    redrive->prepared[0] = redrive->prepared[1] = false;
}

void redrive_end(struct redrive *redrive)
{
    struct err ignored;
    if (redrive->conn && PQstatus(redrive->conn) == CONNECTION_OK)
        (void)!conn_exec(redrive->conn, "deallocate all", &ignored);
    sql_free(redrive->statements);
    params_free(&redrive->params);
    batch_free(&redrive->batch);
    arena_free(&redrive->arena);
    *redrive = (struct redrive){0};
}
