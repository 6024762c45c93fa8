/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clock_timestamp(), not now(): a heartbeat tells when it beat, not when its transaction began. */
static const char sql_hold[] =
    "INSERT INTO pactolus.relays AS r (consumer_group, owner, fence, heartbeat)"
    " VALUES ($1, $2::uuid, 1, clock_timestamp())"
    " ON CONFLICT (consumer_group) DO UPDATE"
    "  SET fence = CASE WHEN r.owner = excluded.owner THEN r.fence ELSE r.fence + 1 END,"
    "      owner = excluded.owner, heartbeat = excluded.heartbeat"
    "  WHERE r.owner IS NULL OR r.owner = excluded.owner"
    "     OR r.heartbeat < clock_timestamp() - make_interval(secs => $3::float8)"
    " RETURNING fence";

static const char sql_release[] = "UPDATE pactolus.relays SET owner = NULL"
                                  " WHERE consumer_group = $1 AND owner = $2::uuid";

/* The relay's row is locked first: when another owner has taken it, its fence no longer matches and
 * nothing is marked. */
static const char sql_mark[] =
    "WITH mine AS (UPDATE pactolus.relays SET heartbeat = clock_timestamp()"
    "               WHERE consumer_group = $1 AND fence = $2::int8 RETURNING 1),"
    " marked AS (UPDATE pactolus.dead_letters d SET relayed_at = now() FROM mine"
    "             WHERE d.dead_letter_id = ANY ($3::int8[]) AND d.relayed_at IS NULL RETURNING 1)"
    " SELECT EXISTS (SELECT FROM mine), (SELECT count(*) FROM marked)";

#define RFC3339(column)                                                                            \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* Lengths are known without reading the values, so a page of letters is bounded before it is sent.
 */
/* clang-format off: it would break the text into words. */
static const char sql_fetch[] =
    "WITH next AS ("
    "   SELECT d.dead_letter_id, coalesce(octet_length(d.key), 0)::int8"
    "          + coalesce(octet_length(d.value), 0) + pg_column_size(d.header_values) AS bytes"
    "     FROM pactolus.dead_letters d JOIN pactolus.streams s USING (stream_id)"
    "    WHERE s.consumer_group = $1 AND d.relayed_at IS NULL AND d.dlq_topic <> ''"
    "      AND d.state = 'open' AND d.dead_letter_id > $4::int8"
    "    ORDER BY d.dead_letter_id LIMIT $2::int4),"
    " page AS (SELECT dead_letter_id, row_number() OVER w AS place, sum(bytes) OVER w AS total"
    "            FROM next WINDOW w AS (ORDER BY dead_letter_id))"
    " SELECT d.dead_letter_id, s.name, d.dlq_topic, d.topic, d.partition, d.attempts, d.\"offset\","
    "        d.record_ts, d.reason, d.detail, d.sqlstate, d.contract,"
    "        " RFC3339(
        "d.first_failed_at") " AS first_failed,"
                             "        " RFC3339(
                                 "d.last_failed_at") " AS last_failed, d.key, d.value,"
                                                     "        d.header_names, d.header_values"
                                                     "   FROM page p JOIN pactolus.dead_letters d "
                                                     "USING (dead_letter_id)"
                                                     "   JOIN pactolus.streams s USING (stream_id)"
                                                     "  WHERE p.place = 1 OR p.total <= $3::int8 "
                                                     "ORDER BY d.dead_letter_id";
/* clang-format on */

enum fetch_column {
    FETCH_ID,
    FETCH_STREAM,
    FETCH_DLQ_TOPIC,
    FETCH_TOPIC,
    FETCH_PARTITION,
    FETCH_ATTEMPTS,
    FETCH_OFFSET,
    FETCH_RECORD_TS,
    FETCH_REASON,
    FETCH_DETAIL,
    FETCH_SQLSTATE,
    FETCH_CONTRACT,
    FETCH_FIRST_FAILED,
    FETCH_LAST_FAILED,
    FETCH_KEY,
    FETCH_VALUE,
    FETCH_HEADER_NAMES,
    FETCH_HEADER_VALUES,
};

static const char sql_counts[] =
    "SELECT s.name, d.reason, count(*),"
    "       count(*) FILTER (WHERE d.relayed_at IS NULL AND d.dlq_topic <> ''),"
    "       " RFC3339("min(d.first_failed_at)") "  FROM pactolus.dead_letters d JOIN "
                                                "pactolus.streams s USING (stream_id)"
                                                " WHERE s.consumer_group = $1 AND d.state = 'open' "
                                                "GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2";

bool ledger_hold(PGconn *conn, const char *group, const char *owner, int stale_s, bool *held,
                 int64_t *fence, struct err *err)
{
    char stale[16];
    snprintf(stale, sizeof stale, "%d", stale_s);
    const char *params[] = {group, owner, stale};
    PGresult *result = conn_query(conn, sql_hold, 3, params, err);
    *held = false;
    if (!result)
        return false;
    *held = PQntuples(result) == 1;
    if (*held)
        *fence = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return true;
}

bool ledger_release(PGconn *conn, const char *group, const char *owner, struct err *err)
{
    const char *params[] = {group, owner};
    PGresult *result = conn_query(conn, sql_release, 2, params, err);
    PQclear(result);
    return result != NULL;
}

static struct span value_span(const PGresult *result, int row, int column, struct arena *arena)
{
    size_t length = (size_t)PQgetlength(result, row, column);
    if (PQgetisnull(result, row, column))
        return (struct span){NULL, 0};
    return (struct span){arena_copy(arena, PQgetvalue(result, row, column), length), length};
}

static const char *value_text(const PGresult *result, int row, int column, struct arena *arena)
{
    return arena_string(arena, PQgetvalue(result, row, column),
                        (size_t)PQgetlength(result, row, column));
}

/* The items of a one-dimensional array in binary form (array_send): dimensions, null flag and
 * element type, then per dimension its size and lower bound, then each item with its length before
 * it. */
struct array_reader {
    const char *at;
    unsigned left;
};

static struct array_reader array_begin(const PGresult *result, int row, int column)
{
    enum { HEADER = 12, DIMENSION = 8 };
    const char *bytes = PQgetvalue(result, row, column);
    if (PQgetisnull(result, row, column) || be32_load(bytes) == 0)
        return (struct array_reader){NULL, 0};
    assert(be32_load(bytes) == 1);
    return (struct array_reader){bytes + HEADER + DIMENSION, be32_load(bytes + HEADER)};
}

static struct span array_next(struct array_reader *reader)
{
    struct span item = {NULL, 0};
    if (reader->left == 0)
        return item;
    int32_t length = (int32_t)be32_load(reader->at);
    reader->left--;
    reader->at += 4;
    if (length >= 0) {
        item = (struct span){reader->at, (size_t)length};
        reader->at += length;
    }
    return item;
}

static void letter_headers(const PGresult *result, int row, struct arena *arena,
                           struct letter *letter)
{
    struct array_reader names = array_begin(result, row, FETCH_HEADER_NAMES);
    struct array_reader values = array_begin(result, row, FETCH_HEADER_VALUES);
    letter->n_headers = names.left;
    letter->headers = arena_alloc(arena, (letter->n_headers + 1) * sizeof *letter->headers);
    for (unsigned i = 0; i < letter->n_headers; i++) {
        struct span name = array_next(&names), value = array_next(&values);
        if (value.data)
            value.data = arena_copy(arena, value.data, value.length);
        letter->headers[i] = (struct header){
            .name = arena_string(arena, name.data ? name.data : "", name.length), .value = value};
    }
}

static void letter_read(const PGresult *result, int row, struct arena *arena, struct letter *out)
{
    *out = (struct letter){
        .id = (int64_t)be64_load(PQgetvalue(result, row, FETCH_ID)),
        .stream = value_text(result, row, FETCH_STREAM, arena),
        .dlq_topic = value_text(result, row, FETCH_DLQ_TOPIC, arena),
        .topic = value_text(result, row, FETCH_TOPIC, arena),
        .partition = (int32_t)be32_load(PQgetvalue(result, row, FETCH_PARTITION)),
        .attempts = (int32_t)be32_load(PQgetvalue(result, row, FETCH_ATTEMPTS)),
        .offset = (int64_t)be64_load(PQgetvalue(result, row, FETCH_OFFSET)),
        .record_ts = (int64_t)be64_load(PQgetvalue(result, row, FETCH_RECORD_TS)),
        .reason = value_text(result, row, FETCH_REASON, arena),
        .detail = value_text(result, row, FETCH_DETAIL, arena),
        .sqlstate = value_text(result, row, FETCH_SQLSTATE, arena),
        .contract = value_text(result, row, FETCH_CONTRACT, arena),
        .first_failed = value_text(result, row, FETCH_FIRST_FAILED, arena),
        .last_failed = value_text(result, row, FETCH_LAST_FAILED, arena),
        .key = value_span(result, row, FETCH_KEY, arena),
        .value = value_span(result, row, FETCH_VALUE, arena),
    };
    letter_headers(result, row, arena, out);
}

bool ledger_fetch(PGconn *conn, const char *group, int64_t after, unsigned max, size_t max_bytes,
                  struct arena *arena, struct letter **list, unsigned *n, struct err *err)
{
    enum { BINARY = 1 };
    char limit[16], bytes[24], above[24];
    snprintf(above, sizeof above, "%" PRId64, after);
    snprintf(limit, sizeof limit, "%u", max);
    snprintf(bytes, sizeof bytes, "%zu", max_bytes);
    const char *params[] = {group, limit, bytes, above};
    PGresult *result = PQexecParams(conn, sql_fetch, 4, NULL, params, NULL, NULL, BINARY);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    *list = NULL;
    *n = 0;
    if (good) {
        *n = (unsigned)PQntuples(result);
        *list = arena_alloc(arena, (*n + 1) * sizeof **list);
        for (unsigned i = 0; i < *n; i++)
            letter_read(result, (int)i, arena, &(*list)[i]);
    } else {
        conn_error(err, conn, result);
    }
    PQclear(result);
    return good;
}

bool ledger_mark(PGconn *conn, const char *group, int64_t fence, const int64_t *ids, unsigned n,
                 bool *marked, struct err *err)
{
    struct buf array = BUF_INIT;
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, fence);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&array, "%c%" PRId64, i ? ',' : '{', ids[i]);
    buf_puts(&array, n ? "}" : "{}");
    const char *params[] = {group, number, array.data};
    PGresult *result = conn_query(conn, sql_mark, 3, params, err);
    buf_free(&array);
    *marked = result && *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    return result != NULL;
}

static bool one_number(PGconn *conn, const char *sql, unsigned n, const char *const *params,
                       int64_t *number, struct err *err)
{
    PGresult *result = conn_query(conn, sql, n, params, err);
    if (result)
        *number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return result != NULL;
}

bool ledger_size(PGconn *conn, int64_t *bytes, struct err *err)
{
    return one_number(conn, "SELECT pg_total_relation_size('pactolus.dead_letters')", 0, NULL,
                      bytes, err);
}

bool ledger_open_bytes(PGconn *conn, unsigned stream_id, int64_t *bytes, struct err *err)
{
    char id[16];
    const char *params[] = {id};
    snprintf(id, sizeof id, "%u", stream_id);
    /* pg_column_size tells the length of a value that is stored elsewhere without fetching it. */
    return one_number(conn,
                      "SELECT coalesce(sum(coalesce(pg_column_size(value), 0)"
                      "                    + coalesce(pg_column_size(key), 0)"
                      "                    + pg_column_size(header_names)"
                      "                    + pg_column_size(header_values)), 0)::int8"
                      "  FROM pactolus.dead_letters WHERE stream_id = $1::int4 AND state = 'open'",
                      1, params, bytes, err);
}

bool ledger_open_count(PGconn *conn, const char *group, int64_t *count, struct err *err)
{
    const char *params[] = {group};
    return one_number(conn,
                      "SELECT count(*) FROM pactolus.dead_letters d"
                      "  JOIN pactolus.streams s USING (stream_id)"
                      " WHERE s.consumer_group = $1 AND d.state = 'open'",
                      1, params, count, err);
}

bool ledger_counts(PGconn *conn, const char *group, struct arena *arena, struct letter_count **list,
                   unsigned *n, struct err *err)
{
    PGresult *result = conn_query(conn, sql_counts, 1, &group, err);
    *list = NULL;
    *n = 0;
    if (!result)
        return false;
    *n = (unsigned)PQntuples(result);
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < PQntuples(result); i++)
        (*list)[i] = (struct letter_count){
            .stream = value_text(result, i, 0, arena),
            .reason = value_text(result, i, 1, arena),
            .open = strtoll(PQgetvalue(result, i, 2), NULL, 10),
            .unrelayed = strtoll(PQgetvalue(result, i, 3), NULL, 10),
            .oldest = value_text(result, i, 4, arena),
        };
    PQclear(result);
    return true;
}
