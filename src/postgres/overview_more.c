/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/overview_internal.h"

#include <string.h>

static const char sql_topics[] =
    "SELECT s.stream_id, t.topic, t.contract, t.status, coalesce(t.sunset::text, ''),"
    "       t.records_day, t.percent_day, t.past_sunset"
    "  FROM pactolus.traffic t JOIN pactolus.streams s"
    "    ON s.consumer_group = t.consumer_group AND s.name = t.stream"
    " WHERE t.consumer_group = $1 ORDER BY t.stream, t.version, t.topic";

static const char sql_unknowns[] =
    "SELECT s.stream_id, d.kind, d.type_name, d.number, d.times,"
    "       (extract(epoch FROM d.last_seen) * 1000000)::bigint"
    "  FROM pactolus.drift d JOIN pactolus.streams s"
    "    ON s.consumer_group = d.consumer_group AND s.name = d.stream"
    " WHERE d.consumer_group = $1 ORDER BY d.stream, d.times DESC, d.type_name, d.number";

/* One that another replay of the same cursor has ended counts as done. */
static const char sql_replays[] =
    "SELECT q.stream_id, r.replay_id, r.scenario, r.asked_by,"
    "       (extract(epoch FROM r.asked_at) * 1000000)::bigint,"
    "       sum(q.togo)::bigint, sum(q.range)::bigint"
    "  FROM pactolus.replays r JOIN LATERAL ("
    "       SELECT s.stream_id, s.name, greatest(m.before - m.begins, 0) AS range,"
    "              CASE WHEN k.pass = m.pass THEN greatest(m.before - k.next_offset, 0) ELSE 0 END"
    "              AS togo"
    "         FROM pactolus.replay_cursors m JOIN pactolus.cursors k USING (cursor_id)"
    "         JOIN pactolus.current_cursors c USING (cursor_id)"
    "         JOIN pactolus.streams s ON s.stream_id = k.stream_id"
    "        WHERE m.replay_id = r.replay_id) q ON true"
    " WHERE r.consumer_group = $1 GROUP BY q.name, q.stream_id, r.replay_id"
    " HAVING sum(q.togo) > 0 ORDER BY q.name, r.replay_id";

/* Whoever works at one holds its advisory lock (postgres/rebuilds). */
static const char sql_rebuilds[] =
    "SELECT r.stream_id, r.rebuild_id, r.state, format('%I.%I', r.schema_name, r.shadow_name),"
    "       r.begun_by, (extract(epoch FROM r.begun_at) * 1000000)::bigint,"
    "       coalesce((SELECT sum(greatest(p.live_offset - coalesce(p.shadow_offset,"
    "                                                              p.first_offset), 0))"
    "                   FROM pactolus.rebuild_positions(r.rebuild_id) p), 0)::bigint,"
    "       EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d"
    "                   ON d.oid = l.database AND d.datname = current_database()"
    "                WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted"
    "                  AND l.classid = hashtext('pactolus.rebuilds')::oid"
    "                  AND l.objid = r.rebuild_id::oid)"
    "  FROM pactolus.rebuilds r JOIN pactolus.streams s USING (stream_id)"
    " WHERE s.consumer_group = $1 AND r.state IN ('filling', 'ready')"
    " ORDER BY s.name, r.rebuild_id";

/* The last column is an enum overview_live. */
static const char sql_daemons[] =
    "SELECT * FROM ("
    "SELECT o.owner::text, o.host, o.process, o.version,"
    "       (extract(epoch FROM o.started_at) * 1000000)::bigint,"
    "       (SELECT count(*) FROM pactolus.current_cursors c WHERE c.owner = o.owner) AS held,"
    "       coalesce((SELECT max(r.rebuild_id) FROM pactolus.rebuilds r JOIN pactolus.cursors c"
    "                     ON c.stream_id = r.shadow_id AND c.owner = o.owner"
    "                  WHERE r.state IN ('filling', 'ready')), 0),"
    "       (SELECT CASE WHEN bool_or(a.backend_start = b.backend_start) THEN 1"
    "                    WHEN count(*) > 0 THEN 2 ELSE 0 END"
    "          FROM pactolus.backends b JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid"
    "           AND (a.backend_start = b.backend_start OR a.backend_start IS NULL)"
    "         WHERE b.owner = o.owner) AS live"
    "  FROM pactolus.owners o WHERE o.consumer_group = $1) d"
    " WHERE d.held > 0 OR d.live > 0 ORDER BY d.host, d.process, d.owner";

struct overview_stream *overview_find(const struct overview *overview, int64_t stream_id)
{
    for (unsigned i = 0; i < overview->n_streams; i++)
        if (overview->streams[i].stream_id == stream_id)
            return &overview->streams[i];
    return NULL;
}

void *overview_zeroed(struct arena *arena, size_t count, size_t size)
{
    void *memory = arena_alloc(arena, count * size + 1);
    memset(memory, 0, count * size);
    return memory;
}

static void take_topics(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_topic *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] = (struct overview_topic){
            .topic = cells_text(result, i, 1, arena),
            .contract = cells_text(result, i, 2, arena),
            .status = cells_text(result, i, 3, arena),
            .sunset = cells_text(result, i, 4, arena),
            .records = cells_number(result, i, 5),
            .percent = cells_real(result, i, 6),
            .past_sunset = cells_truth(result, i, 7),
        };
        if (!stream->n_topics++)
            stream->topics = &all[i];
    }
}

static void take_unknowns(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_unknown *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] = (struct overview_unknown){
            .kind = cells_text(result, i, 1, arena),
            .type_name = cells_text(result, i, 2, arena),
            .number = (int)cells_number(result, i, 3),
            .times = cells_number(result, i, 4),
            .last_seen = cells_number(result, i, 5),
        };
        if (!stream->n_unknowns++)
            stream->unknowns = &all[i];
    }
}

static void take_replays(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_replay *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] = (struct overview_replay){
            .id = cells_number(result, i, 1),
            .scenario = cells_text(result, i, 2, arena),
            .asked_by = cells_text(result, i, 3, arena),
            .asked_at = cells_number(result, i, 4),
            .left = cells_number(result, i, 5),
            .of = cells_number(result, i, 6),
        };
        if (!stream->n_replays++)
            stream->replays = &all[i];
    }
}

static void take_rebuilds(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_rebuild *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] = (struct overview_rebuild){
            .id = cells_number(result, i, 1),
            .state = cells_text(result, i, 2, arena),
            .table = cells_text(result, i, 3, arena),
            .begun_by = cells_text(result, i, 4, arena),
            .begun_at = cells_number(result, i, 5),
            .left = cells_number(result, i, 6),
            .worked_at = cells_truth(result, i, 7),
        };
        if (!stream->n_rebuilds++)
            stream->rebuilds = &all[i];
    }
}

static void take_daemons(const PGresult *result, struct arena *arena, struct overview *overview)
{
    overview->n_daemons = (unsigned)PQntuples(result);
    overview->daemons = overview_zeroed(arena, overview->n_daemons, sizeof *overview->daemons);
    for (int i = 0; i < PQntuples(result); i++)
        overview->daemons[i] = (struct overview_daemon){
            .owner = cells_text(result, i, 0, arena),
            .host = cells_text(result, i, 1, arena),
            .process = (int)cells_number(result, i, 2),
            .version = cells_text(result, i, 3, arena),
            .since = cells_number(result, i, 4),
            .partitions = cells_number(result, i, 5),
            .rebuild = cells_number(result, i, 6),
            .live = (enum overview_live)cells_number(result, i, 7),
        };
}

const struct overview_part overview_more[] = {
    {sql_topics, take_topics},     {sql_unknowns, take_unknowns}, {sql_replays, take_replays},
    {sql_rebuilds, take_rebuilds}, {sql_daemons, take_daemons},   {0}};
