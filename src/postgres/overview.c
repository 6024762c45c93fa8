/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/overview_internal.h"

static const char sql_here[] =
    "SELECT current_database(), (extract(epoch FROM now()) * 1000000)::bigint,"
    "       coalesce((SELECT l.cluster_id FROM pactolus.logs l JOIN pactolus.cursors c USING "
    "(log_id)"
    "                   JOIN pactolus.streams s USING (stream_id)"
    "                  WHERE s.consumer_group = $1 ORDER BY c.updated_at DESC LIMIT 1), '')";

static const char sql_streams[] =
    "SELECT s.stream_id, s.name, s.state, s.reason, s.hint, s.changed_by,"
    "       format('%I.%I', s.view_schema, s.view_name),"
    "       (extract(epoch FROM s.changed_at) * 1000000)::bigint,"
    "       a.advanced, a.consumed, a.gaps, a.skipped, a.lost, a.applied, a.stale, a.deduplicated,"
    "       a.dead_lettered, a.other_types, a.cursors_open, a.records_open, s.kind,"
    "       (SELECT count(*) FROM pactolus.unattended u"
    "         WHERE u.consumer_group = s.consumer_group AND u.stream = s.name)"
    "  FROM pactolus.streams s JOIN pactolus.account a"
    "    ON a.consumer_group = s.consumer_group AND a.stream = s.name"
    " WHERE s.consumer_group = $1 AND s.rebuild_of IS NULL ORDER BY s.name";

static const char sql_partitions[] =
    "SELECT c.stream_id, c.topic, c.partition, c.next_offset,"
    "       CASE WHEN c.order_ts >= 0 THEN c.order_ts * 1000 ELSE -1 END,"
    "       (extract(epoch FROM c.updated_at) * 1000000)::bigint, c.owner IS NOT NULL,"
    "       greatest(k.redo_to - k.next_offset, 0)"
    "  FROM pactolus.current_cursors c JOIN pactolus.cursors k USING (cursor_id)"
    "  JOIN pactolus.streams s ON s.stream_id = c.stream_id"
    " WHERE s.consumer_group = $1 ORDER BY s.name, c.topic, c.partition";

static const char sql_letters[] =
    "SELECT d.stream_id, d.reason, count(*)"
    "  FROM pactolus.dead_letters d JOIN pactolus.streams s USING (stream_id)"
    " WHERE s.consumer_group = $1 AND s.rebuild_of IS NULL AND d.state = 'open'"
    " GROUP BY s.name, d.stream_id, d.reason ORDER BY s.name, count(*) DESC, d.reason";

static void take_streams(const PGresult *result, struct arena *arena, struct overview *overview)
{
    overview->n_streams = (unsigned)PQntuples(result);
    overview->streams = overview_zeroed(arena, overview->n_streams, sizeof *overview->streams);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = &overview->streams[i];
        stream->stream_id = (unsigned)cells_number(result, i, 0);
        stream->name = cells_text(result, i, 1, arena);
        stream->state = cells_text(result, i, 2, arena);
        stream->reason = cells_text(result, i, 3, arena);
        stream->hint = cells_text(result, i, 4, arena);
        stream->changed_by = cells_text(result, i, 5, arena);
        stream->view = cells_text(result, i, 6, arena);
        stream->changed_at = cells_number(result, i, 7);
        stream->account = (struct overview_account){
            cells_number(result, i, 8),  cells_number(result, i, 9),  cells_number(result, i, 10),
            cells_number(result, i, 11), cells_number(result, i, 12), cells_number(result, i, 13),
            cells_number(result, i, 14), cells_number(result, i, 15), cells_number(result, i, 16),
            cells_number(result, i, 17), cells_number(result, i, 18), cells_number(result, i, 19)};
        stream->kind = cells_text(result, i, 20, arena);
        stream->unattended = cells_number(result, i, 21);
    }
}

/* Rows come sorted by stream: each stream's items lie together in one array. */
static void take_partitions(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_partition *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] = (struct overview_partition){
            cells_text(result, i, 1, arena), (int32_t)cells_number(result, i, 2),
            cells_number(result, i, 3),      cells_number(result, i, 4),
            cells_number(result, i, 5),      cells_truth(result, i, 6),
            cells_number(result, i, 7)};
        stream->again += all[i].again;
        if (!stream->n_partitions++)
            stream->partitions = &all[i];
    }
}

static void take_letters(const PGresult *result, struct arena *arena, struct overview *overview)
{
    struct overview_reason *all = overview_zeroed(arena, (size_t)PQntuples(result), sizeof *all);
    for (int i = 0; i < PQntuples(result); i++) {
        struct overview_stream *stream = overview_find(overview, cells_number(result, i, 0));
        if (!stream)
            continue;
        all[i] =
            (struct overview_reason){cells_text(result, i, 1, arena), cells_number(result, i, 2)};
        stream->open_dead_letters += all[i].open;
        if (!stream->n_reasons++)
            stream->reasons = &all[i];
    }
}

static void take_here(const PGresult *result, struct arena *arena, struct overview *overview)
{
    overview->database = cells_text(result, 0, 0, arena);
    overview->now = cells_number(result, 0, 1);
    overview->cluster_id = cells_text(result, 0, 2, arena);
}

static const struct overview_part parts[] = {{sql_here, take_here},
                                             {sql_streams, take_streams},
                                             {sql_partitions, take_partitions},
                                             {sql_letters, take_letters},
                                             {0}};

static bool read_parts(PGconn *conn, const struct overview_part *part, const char *group,
                       struct arena *arena, struct overview *overview, struct err *err)
{
    for (; part->sql; part++) {
        PGresult *result = conn_query(conn, part->sql, 1, &group, err);
        if (!result)
            return false;
        part->take(result, arena, overview);
        PQclear(result);
    }
    return true;
}

bool overview_read(PGconn *conn, const char *group, struct arena *arena, struct overview *overview,
                   struct err *err)
{
    *overview = (struct overview){0};
    if (!conn_exec(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err))
        return false;
    bool good = read_parts(conn, parts, group, arena, overview, err) &&
                read_parts(conn, overview_more, group, arena, overview, err);
    struct err ignored = ERR_INIT;
    /* What went wrong before is what counts. */
    if (!conn_exec(conn, good ? "COMMIT" : "ROLLBACK", good ? err : &ignored))
        return false;
    return good;
}
