/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/gauges.h"

#include "postgres/cells.h"

#include <string.h>

static const char sql_streams[] =
    "SELECT s.name, s.state, s.kind, extract(epoch FROM s.changed_at),"
    "       CASE f.met WHEN true THEN 1 WHEN false THEN 0 ELSE -1 END,"
    "       (SELECT coalesce(sum(c.redo_to - c.next_offset), 0)"
    "          FROM pactolus.current_cursors q JOIN pactolus.cursors c USING (cursor_id)"
    "         WHERE q.stream_id = s.stream_id AND c.next_offset < c.redo_to)"
    "  FROM pactolus.streams s JOIN pactolus.freshness f"
    "    ON f.consumer_group = s.consumer_group AND f.stream = s.name"
    " WHERE s.consumer_group = $1";

static const char sql_letters[] =
    "SELECT s.name, d.reason, count(*), extract(epoch FROM min(d.first_failed_at)),"
    "       count(*) FILTER (WHERE d.relayed_at IS NULL AND d.dlq_topic <> '')"
    "  FROM pactolus.dead_letters d JOIN pactolus.streams s USING (stream_id)"
    " WHERE s.consumer_group = $1 AND d.state = 'open' GROUP BY s.name, d.reason";

static struct stream_gauges *find(struct stream_gauges *list, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(list[i].stream, name) == 0)
            return &list[i];
    return NULL;
}

static enum stream_state state_of(const char *name)
{
    enum stream_state state = STREAM_RUNNING;
    while (state < STREAM_HALTED && strcmp(stream_state_name(state), name) != 0)
        state++;
    return state;
}

static void take_stream(const PGresult *result, int row, struct stream_gauges *stream)
{
    *stream = (struct stream_gauges){.stream = stream->stream,
                                     .found = true,
                                     .state = state_of(PQgetvalue(result, row, 1)),
                                     .changed_at = cells_real(result, row, 3),
                                     .met = (int)cells_number(result, row, 4),
                                     .rereading = cells_number(result, row, 5)};
    cells_copy(result, row, 2, stream->kind, sizeof stream->kind);
}

static void take_letters(const PGresult *result, int row, struct stream_gauges *stream)
{
    const char *name = PQgetvalue(result, row, 1);
    double oldest = cells_real(result, row, 3);
    unsigned reason = 0; /* one that a newer daemon has made: counted all the same */
    for (unsigned i = 1; i < REASON_COUNT; i++)
        if (strcmp(reason_name(i), name) == 0)
            reason = i;
    stream->open[reason] += cells_number(result, row, 2);
    stream->waiting += cells_number(result, row, 4);
    if (stream->oldest == 0 || oldest < stream->oldest)
        stream->oldest = oldest;
}

static bool read_rows(PGconn *conn, const char *sql, const char *group,
                      void (*take)(const PGresult *, int, struct stream_gauges *),
                      struct stream_gauges *list, unsigned n, struct err *err)
{
    PGresult *result = conn_query(conn, sql, 1, &group, err);
    if (!result)
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        struct stream_gauges *stream = find(list, n, PQgetvalue(result, row, 0));
        if (stream)
            take(result, row, stream);
    }
    PQclear(result);
    return true;
}

bool gauges_read(PGconn *conn, const char *group, struct stream_gauges *list, unsigned n,
                 struct err *err)
{
    return read_rows(conn, sql_streams, group, take_stream, list, n, err) &&
           read_rows(conn, sql_letters, group, take_letters, list, n, err);
}
