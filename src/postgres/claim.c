/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/claim.h"

#include "base/memory.h"
#include "postgres/cells.h"
#include "version.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* When blockers are looked for: an ordinary lock is given up sooner. */
#define BLOCKERS_AFTER (300 * USEC_PER_MS)
#define BLOCKERS_EVERY (1 * USEC_PER_SEC)

static void random_bytes(void *out, size_t length)
{
    /* Requests of up to 256 bytes are never cut short once the pool is ready (getrandom(2)). */
    assert(length <= 256);
    ssize_t got;
    do
        got = getrandom(out, length, 0);
    while (got < 0 && errno == EINTR);
    assert(got == (ssize_t)length);
}

void owner_new(char owner[OWNER_TEXT])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 4122: version 4, */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* and its variant */
    snprintf(owner, OWNER_TEXT,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static bool query_done(PGconn *conn, const char *sql, unsigned n, const char *const *params,
                       struct err *err)
{
    PGresult *result = conn_query(conn, sql, n, params, err);
    PQclear(result);
    return result != NULL;
}

bool owner_register(PGconn *conn, const char *owner, const char *group, struct err *err)
{
    char host[256] = "", process[16];
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown");
    snprintf(process, sizeof process, "%ld", (long)getpid());
    const char *params[] = {owner, group, host, process, PACTOLUS_VERSION};
    if (query_done(conn,
                   "SELECT pactolus.register_owner($1::uuid, $2, $3, $4::int4, $5),"
                   " pactolus.register_backend($1::uuid)",
                   5, params, err))
        return true;
    /* Another daemon forgot us between the two: the next session says it again. */
    if (err && strcmp(err->sqlstate, "23503") == 0)
        err->class = ERR_RETRY;
    return false;
}

/* The list as array literals, one per parameter of the SQL functions. */
struct claim_arrays {
    struct buf topics, topic_ids, versions, partitions, starts, tokens;
};

static void arrays_free(struct claim_arrays *arrays)
{
    buf_free(&arrays->topics);
    buf_free(&arrays->topic_ids);
    buf_free(&arrays->versions);
    buf_free(&arrays->partitions);
    buf_free(&arrays->starts);
    buf_free(&arrays->tokens);
}

static void arrays_fill(struct claim_arrays *arrays, const struct claimed *list, unsigned n)
{
    const char **topics = mem_zero(n, sizeof *topics), **ids = mem_zero(n, sizeof *ids);
    *arrays = (struct claim_arrays){0};
    for (unsigned i = 0; i < n; i++) {
        int64_t token;
        char between = i ? ',' : '{';
        topics[i] = list[i].topic;
        ids[i] = list[i].topic_id ? list[i].topic_id : "";
        random_bytes(&token, sizeof token);
        buf_printf(&arrays->versions, "%c%u", between, list[i].topic_version);
        buf_printf(&arrays->partitions, "%c%" PRId32, between, list[i].partition);
        buf_printf(&arrays->tokens, "%c%" PRId64, between, token);
        if (list[i].start >= 0)
            buf_printf(&arrays->starts, "%c%" PRId64, between, list[i].start);
        else
            buf_printf(&arrays->starts, "%cNULL", between);
    }
    conn_text_array(&arrays->topics, topics, n);
    conn_text_array(&arrays->topic_ids, ids, n);
    struct buf *open[] = {&arrays->versions, &arrays->partitions, &arrays->tokens, &arrays->starts};
    for (unsigned i = 0; i < 4; i++)
        buf_puts(open[i], n ? "}" : "{}");
    free(topics);
    free(ids);
}

bool claim_look(PGconn *conn, unsigned stream_id, const char *cluster_id, struct claimed *list,
                unsigned n, struct err *err)
{
    char stream[16];
    struct claim_arrays arrays;
    snprintf(stream, sizeof stream, "%u", stream_id);
    arrays_fill(&arrays, list, n);
    const char *params[] = {stream, cluster_id, arrays.topics.data, arrays.topic_ids.data,
                            arrays.partitions.data};
    /* The answer keeps the order of the question, so that one walk matches both. */
    PGresult *result = conn_query(
        conn,
        "SELECT coalesce(c.cursor_id, 0), coalesce(c.log_id, 0), coalesce(c.next_offset, 0),"
        "       coalesce(c.fence, 0),"
        "       EXISTS (SELECT FROM pactolus.cursors k JOIN pactolus.logs l USING (log_id)"
        "                WHERE k.stream_id = $1::int4 AND k.rebuild = 0"
        "                  AND l.cluster_id = $2 AND l.topic = w.topic)"
        "  FROM unnest($3::text[], $4::text[], $5::int4[])"
        "       WITH ORDINALITY AS w(topic, topic_id, partition, place)"
        "  LEFT JOIN pactolus.cursors c ON c.stream_id = $1::int4 AND c.rebuild = 0 AND c.log_id ="
        "            pactolus.log_find($2, w.topic, w.topic_id, w.partition)"
        " ORDER BY w.place",
        5, params, err);
    for (unsigned i = 0; result && i < n && (int)i < PQntuples(result); i++) {
        list[i].cursor_id = cells_number(result, (int)i, 0);
        list[i].exists = list[i].cursor_id != 0;
        list[i].log = cells_number(result, (int)i, 1);
        list[i].next_offset = cells_number(result, (int)i, 2);
        list[i].fence = cells_number(result, (int)i, 3);
        list[i].topic_known = cells_truth(result, (int)i, 4);
        list[i].told = -1;
    }
    assert(!result || PQntuples(result) == (int)n);
    PQclear(result);
    arrays_free(&arrays);
    return result != NULL;
}

/* A claim under way: one connection asks and waits, the other clears its way. */
struct claim {
    PGconn *conn, *control;
    const char *owner;
    const char *stream_id;
    char backend[16]; /* the waiting session; not PQbackendPID(), which may be a pooler's */
    usec_t deadline, look_at;
    bool given_up; /* the session still waits for its answer, and is of no more use */
};

static bool end_blockers(struct claim *claim, struct err *err)
{
    const char *params[] = {claim->backend, claim->stream_id, claim->owner};
    return query_done(claim->control, "SELECT pactolus.end_blockers($1::int4, $2::int4, $3::uuid)",
                      3, params, err);
}

/* Wait until the connection has an answer, ending blockers on the way. When that fails the claim is
 * not cancelled: libpq would ask the server for it, and wait, without any deadline. Its session is
 * given up instead; lock_timeout ends it over there. */
static bool claim_wait(struct claim *claim, struct err *err)
{
    while (PQisBusy(claim->conn)) {
        usec_t now = clock_monotonic();
        if (now >= claim->deadline) {
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY,
                    "the cursors are locked by a session that this owner may not end");
            return err_hint(err,
                            "see pg_locks and pg_stat_activity for who holds pactolus.cursors");
        }
        if (now >= claim->look_at) {
            claim->look_at = now + BLOCKERS_EVERY;
            if (!end_blockers(claim, err))
                return false;
        }
        usec_t until = claim->look_at < claim->deadline ? claim->look_at : claim->deadline;
        int wait_ms = (int)((until - now) / USEC_PER_MS) + 1;
        struct pollfd fd = {.fd = PQsocket(claim->conn), .events = POLLIN};
        if (poll(&fd, 1, wait_ms) > 0 && !PQconsumeInput(claim->conn)) {
            conn_error(err, claim->conn, NULL);
            return false;
        }
    }
    return true;
}

/* The first result; all others (there are none but the end) are drained. */
static PGresult *claim_results(PGconn *conn)
{
    PGresult *first = PQgetResult(conn), *next;
    while (first && (next = PQgetResult(conn)) != NULL)
        PQclear(next);
    return first;
}

static PGresult *claim_ask(struct claim *claim, const char *const params[9], struct err *err)
{
    static const char sql[] =
        "SELECT cursor_id, log_id, next_offset, fence, token, order_ts, topic, partition"
        "  FROM pactolus.claim($1::int4, $2, $3::text[], $4::text[], $5::int4[], $6::int4[],"
        "                      $7::int8[], $8::uuid, $9::int8[])";
    if (!PQsendQueryParams(claim->conn, sql, 9, NULL, params, NULL, NULL, 0)) {
        conn_error(err, claim->conn, NULL);
        return NULL;
    }
    claim->given_up = !claim_wait(claim, err);
    if (claim->given_up)
        return NULL;
    PGresult *result = claim_results(claim->conn);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    conn_error(err, claim->conn, result);
    PQclear(result);
    return NULL;
}

static bool claim_take(const PGresult *result, struct claimed *list, unsigned n, struct err *err)
{
    int row = 0;
    for (unsigned i = 0; i < n; i++) {
        struct claimed *one = &list[i];
        if (row >= PQntuples(result) || strcmp(PQgetvalue(result, row, 6), one->topic) != 0 ||
            cells_number(result, row, 7) != one->partition) {
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "the partition has no cursor and no start");
            return err_place(err, "%s[%" PRId32 "]", one->topic, one->partition);
        }
        one->made = !one->exists;
        one->exists = true;
        one->cursor_id = cells_number(result, row, 0);
        one->log = cells_number(result, row, 1);
        one->next_offset = cells_number(result, row, 2);
        one->fence = cells_number(result, row, 3);
        one->token = cells_number(result, row, 4);
        one->order_ts = cells_number(result, row, 5);
        row++;
    }
    return true;
}

/* One attempt in a transaction of its own: all of them, or none. */
static bool claim_try(struct claim *claim, const char *const params[9], struct claimed *list,
                      unsigned n, struct err *err)
{
    PGresult *result = NULL;
    if (!conn_exec(claim->conn, "BEGIN", err))
        return false;
    result = claim_ask(claim, params, err);
    bool done = result && claim_take(result, list, n, err);
    PQclear(result);
    if (done)
        return conn_exec(claim->conn, "COMMIT", err);
    struct err ignored;
    if (!claim->given_up && !conn_exec(claim->conn, "ROLLBACK", &ignored))
        err_clear(&ignored); /* the connection is gone, and the transaction with it */
    return false;
}

bool claim_run(PGconn *conn, PGconn *control, unsigned stream_id, const char *cluster_id,
               const char *owner, struct claimed *list, unsigned n, usec_t patience,
               struct err *err)
{
    struct claim claim = {.conn = conn, .control = control, .owner = owner};
    struct claim_arrays arrays;
    struct err failure = ERR_INIT;
    char stream[16];
    bool done = false;
    PGresult *result = conn_query(conn, "SELECT pg_backend_pid()", 0, NULL, err);
    if (!result)
        return false;
    cells_copy(result, 0, 0, claim.backend, sizeof claim.backend);
    PQclear(result);
    snprintf(stream, sizeof stream, "%u", stream_id);
    claim.stream_id = stream;
    arrays_fill(&arrays, list, n);
    const char *params[] = {stream,
                            cluster_id,
                            arrays.topics.data,
                            arrays.topic_ids.data,
                            arrays.versions.data,
                            arrays.partitions.data,
                            arrays.starts.data,
                            owner,
                            arrays.tokens.data};
    claim.look_at = clock_monotonic() + BLOCKERS_AFTER;
    claim.deadline = clock_monotonic() + patience;
    do
        done = claim_try(&claim, params, list, n, &failure);
    while (!done && !claim.given_up && strcmp(failure.sqlstate, "55P03") == 0 &&
           clock_monotonic() < claim.deadline);
    if (!done && err)
        *err = failure;
    arrays_free(&arrays);
    return done;
}

bool account_open(PGconn *conn, unsigned stream_id, const char *owner, unsigned lane,
                  int64_t *account_id, struct err *err)
{
    char stream[16], number[16];
    snprintf(stream, sizeof stream, "%u", stream_id);
    snprintf(number, sizeof number, "%u", lane);
    const char *params[] = {stream, owner, number};
    return cells_only_number(
        conn_query(conn, "SELECT pactolus.open_account($1::int4, $2::uuid, $3::int4)", 3, params,
                   err),
        account_id);
}

bool cursor_positions(PGconn *conn, struct cursor_position *list, unsigned n, struct err *err)
{
    struct buf ids = BUF_INIT;
    for (unsigned i = 0; i < n; i++)
        buf_printf(&ids, "%c%" PRId64, i ? ',' : '{', list[i].cursor_id);
    buf_puts(&ids, n ? "}" : "{}");
    const char *params[] = {ids.data};
    PGresult *result =
        conn_query(conn,
                   "SELECT coalesce(c.next_offset, 0), coalesce(c.fence, 0), coalesce(c.token, 0),"
                   "       coalesce(c.order_ts, -1), coalesce(c.owner::text, '')"
                   "  FROM unnest($1::int8[]) WITH ORDINALITY AS w(cursor_id, place)"
                   "  LEFT JOIN pactolus.cursors c USING (cursor_id) ORDER BY w.place",
                   1, params, err);
    buf_free(&ids);
    if (!result)
        return false;
    assert(PQntuples(result) == (int)n);
    for (unsigned i = 0; i < n; i++) {
        list[i].next_offset = cells_number(result, (int)i, 0);
        list[i].fence = cells_number(result, (int)i, 1);
        list[i].token = cells_number(result, (int)i, 2);
        list[i].order_ts = cells_number(result, (int)i, 3);
        cells_copy(result, (int)i, 4, list[i].owner, sizeof list[i].owner);
    }
    PQclear(result);
    return true;
}
