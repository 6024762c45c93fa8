/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/ledger.h"

#include "postgres/cells.h"

#include <inttypes.h>
#include <stdio.h>

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

/* Lengths are known without reading the values, so a page of letters is bounded before it is sent.
 */
/* clang-format off: it would break the text into words. */
static const char sql_fetch[] =
    "WITH next AS ("
    "   SELECT d.dead_letter_id, " LETTER_BYTES " AS bytes"
    "     FROM pactolus.dead_letters d JOIN pactolus.streams s USING (stream_id)"
    "    WHERE s.consumer_group = $1 AND d.relayed_at IS NULL AND d.dlq_topic <> ''"
    "      AND d.state = 'open' AND d.dead_letter_id > $4::int8"
    "    ORDER BY d.dead_letter_id LIMIT $2::int4),"
    " page AS (SELECT dead_letter_id, row_number() OVER w AS place, sum(bytes) OVER w AS total"
    "            FROM next WINDOW w AS (ORDER BY dead_letter_id))"
    " SELECT " LETTER_COLUMNS " FROM page p JOIN (" LETTER_TABLES ") USING (dead_letter_id)"
    "  WHERE p.place = 1 OR p.total <= $3::int8 ORDER BY d.dead_letter_id";

static const char sql_counts[] =
    "SELECT s.name, d.reason, count(*),"
    "       count(*) FILTER (WHERE d.relayed_at IS NULL AND d.dlq_topic <> ''),"
    "       " LETTER_RFC3339("min(d.first_failed_at)") "  FROM pactolus.dead_letters d JOIN "
                                                       "pactolus.streams s USING (stream_id)"
                                                       " WHERE s.consumer_group = $1 AND d.state = "
                                                       "'open' GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2";
/* clang-format on */

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
        *fence = cells_number(result, 0, 0);
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
    *marked = false;
    bool good = cells_only_truth(conn_query(conn, sql_mark, 3, params, err), marked);
    buf_free(&array);
    return good;
}

bool ledger_size(PGconn *conn, int64_t *bytes, struct err *err)
{
    static const char sql[] = "SELECT pg_total_relation_size('pactolus.dead_letters')";
    return cells_only_number(conn_query(conn, sql, 0, NULL, err), bytes);
}

bool ledger_open_bytes(PGconn *conn, unsigned stream_id, int64_t *bytes, struct err *err)
{
    /* pg_column_size tells the length of a value that is stored elsewhere without fetching it. */
    static const char sql[] =
        "SELECT coalesce(sum(coalesce(pg_column_size(value), 0)"
        "                    + coalesce(pg_column_size(key), 0)"
        "                    + pg_column_size(header_names)"
        "                    + pg_column_size(header_values)), 0)::int8"
        "  FROM pactolus.dead_letters WHERE stream_id = $1::int4 AND state = 'open'";
    char id[16];
    const char *params[] = {id};
    snprintf(id, sizeof id, "%u", stream_id);
    return cells_only_number(conn_query(conn, sql, 1, params, err), bytes);
}

bool ledger_open_count(PGconn *conn, const char *group, int64_t *count, struct err *err)
{
    static const char sql[] = "SELECT count(*) FROM pactolus.dead_letters d"
                              "  JOIN pactolus.streams s USING (stream_id)"
                              " WHERE s.consumer_group = $1 AND d.state = 'open'";
    return cells_only_number(conn_query(conn, sql, 1, &group, err), count);
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
            .stream = cells_text(result, i, 0, arena),
            .reason = cells_text(result, i, 1, arena),
            .open = cells_number(result, i, 2),
            .unrelayed = cells_number(result, i, 3),
            .oldest = cells_text(result, i, 4, arena),
        };
    PQclear(result);
    return true;
}
