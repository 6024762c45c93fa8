/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/replays.h"

#include "base/memory.h"
#include "postgres/cells.h"
#include "postgres/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The steps as array literals: what all statements here begin with. */
struct columns {
    struct buf stream, topic, topic_id, version, partition, pass, asked, earliest;
};

static void put(struct buf *out, unsigned i, int64_t value)
{
    buf_printf(out, "%c%" PRId64, i ? ',' : '{', value);
}

static void texts(struct buf *out, const struct replay_step *steps, unsigned n, bool ids)
{
    const char **items = mem_zero(n + 1, sizeof *items);
    for (unsigned i = 0; i < n; i++)
        items[i] = ids ? steps[i].topic_id : steps[i].topic;
    conn_text_array(out, items, n);
    free(items);
}

static void columns_make(struct columns *columns, const struct replay_step *steps, unsigned n)
{
    struct buf *numbers[] = {&columns->stream, &columns->version, &columns->partition,
                             &columns->pass,   &columns->asked,   &columns->earliest};
    *columns = (struct columns){0};
    for (unsigned i = 0; i < n; i++) {
        put(&columns->stream, i, steps[i].stream_id);
        put(&columns->version, i, steps[i].topic_version);
        put(&columns->partition, i, steps[i].partition);
        put(&columns->pass, i, steps[i].pass);
        put(&columns->asked, i, steps[i].asked);
        put(&columns->earliest, i, steps[i].earliest);
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_puts(numbers[i], n ? "}" : "{}");
    texts(&columns->topic, steps, n, false);
    texts(&columns->topic_id, steps, n, true);
}

static void columns_free(struct columns *columns)
{
    buf_free(&columns->stream);
    buf_free(&columns->topic);
    buf_free(&columns->topic_id);
    buf_free(&columns->version);
    buf_free(&columns->partition);
    buf_free(&columns->pass);
    buf_free(&columns->asked);
    buf_free(&columns->earliest);
}

#define STEPS                                                                                      \
    "unnest($1::int4[], $2::text[], $3::text[], $4::int4[], $5::int8[], $6::int8[])"               \
    " WITH ORDINALITY AS w(stream_id, topic, topic_id, partition, asked, earliest, place)"         \
    " LEFT JOIN pactolus.cursors c ON c.stream_id = w.stream_id AND c.rebuild = 0"                 \
    "  AND c.log_id = pactolus.log_find($7, w.topic, w.topic_id, w.partition)"

static PGresult *ask(PGconn *conn, const char *sql, const char *cluster_id,
                     const struct replay_step *steps, unsigned n, struct err *err)
{
    struct columns columns;
    columns_make(&columns, steps, n);
    const char *params[] = {columns.stream.data,
                            columns.topic.data,
                            columns.topic_id.data,
                            columns.partition.data,
                            columns.asked.data,
                            columns.earliest.data,
                            cluster_id};
    PGresult *result = conn_query(conn, sql, sizeof params / sizeof *params, params, err);
    columns_free(&columns);
    return result;
}

bool replays_look(PGconn *conn, const char *cluster_id, struct replay_step *steps, unsigned n,
                  struct err *err)
{
    PGresult *result =
        ask(conn,
            "SELECT c.cursor_id IS NOT NULL, coalesce(c.pass, 0), coalesce(c.next_offset, -1),"
            "       coalesce(least(c.pass_start, (SELECT min(p.from_offset) FROM pactolus.passes p"
            "                                      WHERE p.cursor_id = c.cursor_id)), -1)"
            "  FROM " STEPS " ORDER BY w.place",
            cluster_id, steps, n, err);
    if (!result)
        return false;
    for (unsigned i = 0; i < n; i++) {
        steps[i].exists = cells_truth(result, i, 0);
        steps[i].pass = cells_number(result, i, 1);
        steps[i].next_offset = cells_number(result, i, 2);
        steps[i].first = cells_number(result, i, 3);
    }
    PQclear(result);
    return true;
}

bool replays_points(PGconn *conn, const char *cluster_id, struct replay_step *steps, unsigned n,
                    struct err *err)
{
    PGresult *result =
        ask(conn,
            "SELECT CASE WHEN w.asked >= coalesce(c.next_offset, 0) THEN w.asked"
            "            ELSE (pactolus.replay_point(c.cursor_id, w.asked, w.earliest)).begins END"
            "  FROM " STEPS " ORDER BY w.place",
            cluster_id, steps, n, err);
    for (unsigned i = 0; result && i < n; i++)
        steps[i].begins = steps[i].exists ? cells_number(result, i, 0) : steps[i].asked;
    PQclear(result);
    return result != NULL;
}

static bool execute(PGconn *conn, const struct replay_order *order, const struct replay_step *steps,
                    unsigned n, int64_t *id, struct err *err)
{
    char who[ACTOR_TEXT];
    struct columns columns;
    streams_actor(conn, who);
    columns_make(&columns, steps, n);
    const char *params[] = {columns.stream.data,
                            columns.topic.data,
                            columns.topic_id.data,
                            columns.version.data,
                            columns.pass.data,
                            columns.partition.data,
                            columns.asked.data,
                            columns.earliest.data,
                            order->cluster_id,
                            order->group,
                            order->key,
                            order->scenario,
                            order->reason,
                            who};
    /* A partition that nobody has read yet gets its log here, as a claim would make it. */
    PGresult *result = conn_query(
        conn,
        "WITH w AS ("
        " SELECT w.*, pactolus.log_of($9, w.topic, w.topic_id, w.version, w.partition) AS log_id"
        "   FROM unnest($1::int4[], $2::text[], $3::text[], $4::int4[], $5::int4[], $6::int4[],"
        "               $7::int8[], $8::int8[])"
        "     AS w(stream_id, topic, topic_id, version, pass, partition, asked, earliest))"
        "SELECT coalesce(pactolus.replay($10, $11, $12, $13, $14, array_agg(w.stream_id),"
        "       array_agg(w.log_id), array_agg(w.pass), array_agg(w.asked),"
        "       array_agg(w.earliest)), 0) FROM w",
        sizeof params / sizeof *params, params, err);
    columns_free(&columns);
    if (!result) {
        if (strcmp(err->sqlstate, "PA008") == 0)
            err_hint(err, "look again: the same with --dry-run");
        return false;
    }
    *id = cells_number(result, 0, 0);
    PQclear(result);
    return true;
}

bool replays_execute(PGconn *conn, const struct replay_order *order,
                     const struct replay_step *steps, unsigned n, int64_t *id, struct err *err)
{
    struct err ignored;
    if (!conn_exec(conn, "BEGIN", err))
        return false;
    if (execute(conn, order, steps, n, id, err) && conn_exec(conn, "COMMIT", err))
        return true;
    if (!conn_exec(conn, "ROLLBACK", &ignored))
        *id = 0; /* the session is gone, and the transaction with it */
    return false;
}

bool replays_state(PGconn *conn, int64_t id, struct replay_state *state, struct err *err)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, id);
    const char *params[] = {text};
    PGresult *result = conn_query(
        conn,
        "SELECT count(*), count(*) FILTER (WHERE p.state = 'done'),"
        "       count(*) FILTER (WHERE p.state = 'superseded'),"
        "       count(*) FILTER (WHERE p.state IN ('paused', 'halted')),"
        "       coalesce(sum(p.before - p.next_offset)"
        "                FILTER (WHERE p.state NOT IN ('done', 'superseded')), 0),"
        "       coalesce(min(p.stream || ' is ' || p.state || ': ' || s.reason)"
        "                FILTER (WHERE p.state IN ('paused', 'halted')), '')"
        "  FROM pactolus.replay_progress p"
        "  JOIN pactolus.streams s ON s.consumer_group = p.consumer_group AND s.name = p.stream"
        " WHERE p.replay_id = $1::int8",
        1, params, err);
    if (!result)
        return false;
    *state = (struct replay_state){.cursors = cells_number(result, 0, 0),
                                   .done = cells_number(result, 0, 1),
                                   .superseded = cells_number(result, 0, 2),
                                   .standing = cells_number(result, 0, 3),
                                   .left = cells_number(result, 0, 4)};
    cells_copy(result, 0, 5, state->stands, sizeof state->stands);
    PQclear(result);
    return true;
}
