/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/writer.h"

#include "postgres/sqlstate.h"
#include "postgres/statements.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the next result on the connection answers. */
enum answer { ANSWER_PREPARE, ANSWER_ADVANCE, ANSWER_ROWS, ANSWER_LETTERS, ANSWER_SYNC };

enum { WRITER_ANSWERS_MAX = 32 };

struct flight {
    struct batch *batch;
    const struct write_target *target;
    bool plain_insert, failed;
    int64_t written, met;
    bool key_conflict;
    struct err err;
};

struct expected {
    enum answer answer;
    char name[STATEMENT_NAME_MAX]; /* ANSWER_PREPARE: of what */
};

struct writer {
    PGconn *conn;
    struct params params;
    struct statements prepared;
    struct flight flights[WRITER_IN_FLIGHT_MAX]; /* oldest first */
    unsigned n_flights;
    unsigned done;                               /* flights at the front whose outcome is known */
    struct expected answers[WRITER_ANSWERS_MAX]; /* ring */
    unsigned answers_at, answers_waiting;
    bool wants_write, broken;
    struct err why_broken;
};

struct writer *writer_open(PGconn *conn, struct err *err)
{
    if (PQsetnonblocking(conn, 1) != 0 || !PQenterPipelineMode(conn)) {
        err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
                "cannot put the connection into pipeline mode");
        PQfinish(conn);
        return NULL;
    }
    struct writer *writer = mem_zero(1, sizeof(*writer));
    writer->conn = conn;
    return writer;
}

void writer_close(struct writer *writer)
{
    if (!writer)
        return;
    PQfinish(writer->conn);
    params_free(&writer->params);
    statements_free(&writer->prepared);
    free(writer);
}

int writer_fd(const struct writer *writer)
{
    return PQsocket(writer->conn);
}

unsigned writer_in_flight(const struct writer *writer)
{
    return writer->n_flights;
}

bool writer_wants_write(const struct writer *writer)
{
    return writer->wants_write;
}

/* ---- sending ---- */

static void expect(struct writer *writer, enum answer answer, const char *name)
{
    assert(writer->answers_waiting < WRITER_ANSWERS_MAX);
    struct expected *expected =
        &writer->answers[(writer->answers_at + writer->answers_waiting++) % WRITER_ANSWERS_MAX];
    expected->answer = answer;
    snprintf(expected->name, sizeof(expected->name), "%s", name);
}

static bool broken(struct writer *writer, struct err *err)
{
    if (!writer->broken)
        conn_error(&writer->why_broken, writer->conn, NULL);
    writer->broken = true;
    *err = writer->why_broken;
    return false;
}

/* Prepare the statement on this connection the first time that it is used. */
static bool prepare(struct writer *writer, const char *name, const char *sql, unsigned n,
                    const uint32_t *oids)
{
    if (statements_known(&writer->prepared, name))
        return true;
    if (!PQsendPrepare(writer->conn, name, sql, (int)n, oids))
        return false;
    statements_add(&writer->prepared, name);
    expect(writer, ANSWER_PREPARE, name);
    return true;
}

static bool send_prepared(struct writer *writer, const char *name, enum answer answer)
{
    struct params *params = &writer->params;
    params_finish(params);
    if (!PQsendQueryPrepared(writer->conn, name, (int)params->count, params->values,
                             params->lengths, params->formats, 1))
        return false;
    expect(writer, answer, name);
    return true;
}

/* What a batch needs is prepared ahead of all that can fail in it: prepared statements outlive
 * their transaction, but a Parse behind a failure is skipped, and the next batch in flight relies
 * on it. */
static bool send_prepares(struct writer *writer, const struct write_target *target,
                          const struct batch *batch, enum statement kind)
{
    const struct statement_text *text = &target->statements[kind];
    char name[STATEMENT_NAME_MAX];
    statement_name(name, target->stream_id, target->edition, kind);
    return prepare(writer, "advance", statement_advance, 0, NULL) &&
           prepare(writer, name, text->sql, text->n_params, text->param_oids) &&
           (batch->n_letters == 0 || prepare(writer, "letters", statement_letters, 0, NULL));
}

static bool send_advance(struct writer *writer, const struct batch *batch)
{
    statement_advance_params(&writer->params, batch);
    return send_prepared(writer, "advance", ANSWER_ADVANCE);
}

static enum statement kind_of(const struct write_target *target, const struct batch *batch,
                              bool plain_insert)
{
    if (batch->n_rows == 0)
        return STATEMENT_ACCOUNT;
    if (batch->tombstones && !target->hard_deletes)
        return target->partitioned ? STATEMENT_UPSERT_SOFT_BLIND : STATEMENT_UPSERT_SOFT;
    if (plain_insert)
        return STATEMENT_INSERT;
    return target->partitioned ? STATEMENT_UPSERT_BLIND : STATEMENT_UPSERT;
}

static bool send_rows(struct writer *writer, const struct write_target *target,
                      const struct batch *batch, enum statement kind)
{
    char name[STATEMENT_NAME_MAX];
    statement_name(name, target->stream_id, target->edition, kind);
    const struct row_values values = statement_row_values(batch);
    const struct account account = {target->stream_id, target->owner, target->lane};
    statement_row_params(&writer->params, target->layout, &values, &account);
    return send_prepared(writer, name, ANSWER_ROWS);
}

static bool send_letters(struct writer *writer, const struct write_target *target,
                         const struct batch *batch)
{
    if (batch->n_letters == 0)
        return true;
    statement_letters_params(&writer->params, target->stream_id, batch->letters, batch->n_letters,
                             target->dlq_topic);
    return send_prepared(writer, "letters", ANSWER_LETTERS);
}

bool writer_send(struct writer *writer, const struct write_target *target, struct batch *batch,
                 bool plain_insert, struct err *err)
{
    assert(batch->sealed && !batch_empty(batch) && writer->n_flights < WRITER_IN_FLIGHT_MAX);
    enum statement kind = kind_of(target, batch, plain_insert);
    writer->flights[writer->n_flights++] =
        (struct flight){.batch = batch, .target = target, .plain_insert = kind == STATEMENT_INSERT};
    if (writer->broken || !send_prepares(writer, target, batch, kind) ||
        !send_advance(writer, batch) || !send_rows(writer, target, batch, kind) ||
        !send_letters(writer, target, batch) || !PQpipelineSync(writer->conn))
        return broken(writer, err);
    expect(writer, ANSWER_SYNC, "");
    return writer_turn(writer, false, err);
}

/* ---- answers ---- */

static struct flight *flight_now(struct writer *writer)
{
    assert(writer->done < writer->n_flights);
    return &writer->flights[writer->done];
}

static void take_failure(struct writer *writer, struct flight *flight, const PGresult *result)
{
    if (flight->failed)
        return; /* the first failure is the cause */
    flight->failed = true;
    conn_error(&flight->err, writer->conn, result);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    /* A partition's key has a name of its own. If it was another index, the upsert meets it too. */
    flight->key_conflict =
        flight->plain_insert && strcmp(flight->err.sqlstate, "23505") == 0 && constraint &&
        (flight->target->partitioned || statement_is_key(flight->target->layout, constraint));
}

static void take_rows(struct flight *flight, const PGresult *result)
{
    if (PQntuples(result) != 1 || PQnfields(result) < 2)
        return;
    flight->written = (int64_t)be64_load(PQgetvalue(result, 0, 0));
    flight->met = (int64_t)be64_load(PQgetvalue(result, 0, 1));
}

/* A statement whose Parse failed or was skipped does not exist: it is prepared again at the next
 * use. A batch in flight behind it fails for want of it (26000: retry). */
static void take_result(struct writer *writer, const struct expected *expected,
                        const PGresult *result)
{
    struct flight *flight = flight_now(writer);
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (expected->answer == ANSWER_ROWS)
            take_rows(flight, result);
        return;
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_SYNC:
        return;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        take_failure(writer, flight, result);
    }
    if (expected->answer == ANSWER_PREPARE)
        statements_remove(&writer->prepared, expected->name);
}

/* Read results until the connection has no more for now. */
static void read_results(struct writer *writer)
{
    while (writer->answers_waiting && !PQisBusy(writer->conn)) {
        PGresult *result = PQgetResult(writer->conn);
        if (!result)
            continue; /* the separator between two commands */
        const struct expected *expected = &writer->answers[writer->answers_at];
        ExecStatusType status = PQresultStatus(result);
        bool sync = status == PGRES_PIPELINE_SYNC;
        take_result(writer, expected, result);
        bool dead = PQstatus(writer->conn) == CONNECTION_BAD;
        PQclear(result);
        if (dead)
            return;
        /* A commit that fails reports its error ahead of the sync: that answer is still to come. */
        if (expected->answer == ANSWER_SYNC && !sync)
            continue;
        writer->answers_at = (writer->answers_at + 1) % WRITER_ANSWERS_MAX;
        writer->answers_waiting--;
        if (sync)
            writer->done++;
        else
            PQclear(PQgetResult(writer->conn));
    }
}

bool writer_turn(struct writer *writer, bool readable, struct err *err)
{
    if (writer->broken)
        return broken(writer, err);
    bool alive = !readable || PQconsumeInput(writer->conn);
    int unsent = alive ? PQflush(writer->conn) : 0;
    writer->wants_write = unsent == 1;
    read_results(writer);
    if (!alive || unsent < 0 || PQstatus(writer->conn) == CONNECTION_BAD)
        return broken(writer, err);
    return true;
}

bool writer_outcome(struct writer *writer, struct write_outcome *outcome)
{
    bool unknown = writer->done == 0;
    if (writer->n_flights == 0 || (unknown && !writer->broken))
        return false;
    const struct flight *flight = &writer->flights[0];
    *outcome = (struct write_outcome){
        .result = unknown          ? WRITE_UNKNOWN
                  : flight->failed ? WRITE_FAILED
                                   : WRITE_COMMITTED,
        .batch = flight->batch,
        .plain_insert = flight->plain_insert,
        .written = flight->written,
        .met = flight->met,
        .key_conflict = flight->key_conflict,
        .err = unknown ? writer->why_broken : flight->err,
    };
    memmove(writer->flights, writer->flights + 1, sizeof(*flight) * --writer->n_flights);
    if (!unknown)
        writer->done--;
    return true;
}
