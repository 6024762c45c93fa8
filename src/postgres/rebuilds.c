/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/rebuilds.h"

#include "postgres/cells.h"
#include "table/ddl.h"
#include "table/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char sql_read[] =
    "SELECT r.rebuild_id, r.stream_id, r.shadow_id, s.name, k.name, r.state, r.schema_name,"
    "       r.table_name, r.shadow_name, r.old_name, r.fingerprint, s.fingerprint, r.reason,"
    "       r.begun_by, to_char(r.begun_at, 'YYYY-MM-DD HH24:MI:SS'),"
    "       to_char(r.changed_at, 'YYYY-MM-DD HH24:MI:SS'), r.seeds, r.seed_done, r.old_dropped,"
    "       r.seeded, coalesce(r.before ->> 'fingerprint', '')"
    "  FROM pactolus.rebuilds r JOIN pactolus.streams s ON s.stream_id = r.stream_id"
    "  JOIN pactolus.streams k ON k.stream_id = r.shadow_id"
    " WHERE s.consumer_group = $1 AND ($2::int4 = 0 OR r.rebuild_id = $2::int4)"
    "   AND ($3::text IS NULL OR s.name = $3 AND r.state IN ('filling', 'ready'))"
    " ORDER BY r.rebuild_id DESC";

static const char sql_positions[] =
    "SELECT log_id, topic, partition, is_current, first_offset, live_offset,"
    "       coalesce(shadow_offset, -1) FROM pactolus.rebuild_positions($1::int4)";

static const char sql_logs[] =
    "SELECT c.log_id, l.topic, l.partition, pactolus.is_current(c.log_id),"
    "       least(c.pass_start, (SELECT min(p.from_offset) FROM pactolus.passes p"
    "                             WHERE p.cursor_id = c.cursor_id)), c.next_offset, -1"
    "  FROM pactolus.cursors c JOIN pactolus.logs l USING (log_id)"
    " WHERE c.stream_id = $1::int4 AND c.rebuild = 0 ORDER BY c.cursor_id";

static const char sql_way_back[] =
    "SELECT log_id, topic, partition, is_current, goes_to, stands, -1"
    "  FROM pactolus.rebuild_way_back($1::int4)";

/* The view and its twin by name; a relation that is not there is NULL. */
static const char sql_hindrances[] =
    "SELECT h FROM pactolus.rebuild_hindrances(to_regclass(format('%I.%I', $1::text, $2::text)),"
    " to_regclass(format('%I.%I', $3::text, $4::text)),"
    " to_regclass(format('%I.%I', $3::text, $5::text))) h";

static const char sql_owner[] =
    "SELECT coalesce((SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid ="
    " to_regclass(format('%I.%I', $1::text, $2::text))), ''),"
    " coalesce((SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid ="
    " to_regclass(format('%I.%I', $1::text, $3::text))), '')";

static const char sql_holder[] =
    "SELECT format('process %s (%s, %s) is %s, its transaction open for %s s', a.pid, a.usename,"
    "              coalesce(nullif(a.application_name, ''), a.backend_type), a.state,"
    "              round(extract(epoch FROM clock_timestamp() - a.xact_start)))"
    "  FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'relation' AND l.granted AND a.pid <> pg_backend_pid()"
    "   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    "   AND l.relation IN (to_regclass(format('%I.%I', $1::text, $2::text)),"
    "                      to_regclass(format('%I.%I', $1::text, $3::text)))"
    " ORDER BY a.xact_start NULLS LAST LIMIT 1";

bool rebuilds_session(PGconn *conn, struct err *err)
{
    return conn_exec(conn,
                     "SET statement_timeout = 0;"
                     " SET idle_in_transaction_session_timeout = '10s'",
                     err);
}

bool rebuilds_read(PGconn *conn, const char *group, unsigned id, const char *unfinished_of,
                   struct arena *arena, struct rebuild **list, unsigned *n, struct err *err)
{
    char number_text[16];
    snprintf(number_text, sizeof number_text, "%u", id);
    const char *params[] = {group, number_text, unfinished_of};
    PGresult *result = conn_query(conn, sql_read, 3, params, err);
    if (!result)
        return false;
    *n = (unsigned)PQntuples(result);
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < (int)*n; i++)
        (*list)[i] = (struct rebuild){
            .id = (unsigned)cells_number(result, i, 0),
            .stream_id = (unsigned)cells_number(result, i, 1),
            .shadow_id = (unsigned)cells_number(result, i, 2),
            .stream = cells_text(result, i, 3, arena),
            .shadow_stream = cells_text(result, i, 4, arena),
            .state = cells_text(result, i, 5, arena),
            .schema = cells_text(result, i, 6, arena),
            .table = cells_text(result, i, 7, arena),
            .shadow = cells_text(result, i, 8, arena),
            .old = cells_text(result, i, 9, arena),
            .fingerprint = cells_text(result, i, 10, arena),
            .stream_fingerprint = cells_text(result, i, 11, arena),
            .reason = cells_text(result, i, 12, arena),
            .begun_by = cells_text(result, i, 13, arena),
            .begun_at = cells_text(result, i, 14, arena),
            .changed_at = cells_text(result, i, 15, arena),
            .seeds = cells_truth(result, i, 16),
            .seed_done = cells_truth(result, i, 17),
            .old_dropped = cells_truth(result, i, 18),
            .seeded = cells_number(result, i, 19),
            .old_fingerprint = cells_text(result, i, 20, arena),
        };
    PQclear(result);
    return true;
}

bool rebuilds_own(PGconn *conn, unsigned id, bool *mine, struct err *err)
{
    char number_text[16];
    snprintf(number_text, sizeof number_text, "%u", id);
    const char *params[] = {number_text};
    return cells_only_truth(
        conn_query(conn, "SELECT pg_try_advisory_lock(hashtext('pactolus.rebuilds'), $1::int4)", 1,
                   params, err),
        mine);
}

/* ---- positions ---- */

static bool read_positions(PGconn *conn, const char *sql, unsigned id, struct arena *arena,
                           struct rebuild_position **list, unsigned *n, struct err *err)
{
    char number_text[16];
    snprintf(number_text, sizeof number_text, "%u", id);
    const char *params[] = {number_text};
    PGresult *result = conn_query(conn, sql, 1, params, err);
    if (!result)
        return false;
    *n = (unsigned)PQntuples(result);
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < (int)*n; i++)
        (*list)[i] = (struct rebuild_position){
            .log = cells_number(result, i, 0),
            .topic = cells_text(result, i, 1, arena),
            .partition = (int32_t)cells_number(result, i, 2),
            .current = cells_truth(result, i, 3),
            .first = cells_number(result, i, 4),
            .live = cells_number(result, i, 5),
            .shadow = cells_number(result, i, 6),
        };
    PQclear(result);
    return true;
}

bool rebuilds_positions(PGconn *conn, unsigned id, struct arena *arena,
                        struct rebuild_position **list, unsigned *n, struct err *err)
{
    return read_positions(conn, sql_positions, id, arena, list, n, err);
}

bool rebuilds_way_back(PGconn *conn, unsigned id, struct arena *arena,
                       struct rebuild_position **list, unsigned *n, struct err *err)
{
    return read_positions(conn, sql_way_back, id, arena, list, n, err);
}

bool rebuilds_logs(PGconn *conn, unsigned stream_id, struct arena *arena,
                   struct rebuild_position **list, unsigned *n, unsigned *history, struct err *err)
{
    unsigned kept = 0;
    *history = 0;
    if (!read_positions(conn, sql_logs, stream_id, arena, list, n, err))
        return false;
    for (unsigned i = 0; i < *n; i++) {
        const struct rebuild_position *at = &(*list)[i];
        if (at->current)
            (*list)[kept++] = *at;
        else
            *history += at->live > at->first;
    }
    *n = kept;
    return true;
}

/* ---- beginning ---- */

/* One column of text as lines. */
static void take_lines(const PGresult *result, struct arena *arena, const char ***lines,
                       unsigned *n)
{
    *n = (unsigned)PQntuples(result);
    *lines = arena_alloc(arena, (*n + 1) * sizeof **lines);
    for (int i = 0; i < (int)*n; i++)
        (*lines)[i] = cells_text(result, i, 0, arena);
}

bool rebuilds_hindrances(PGconn *conn, const struct shape *want, struct arena *arena,
                         const char ***lines, unsigned *n, struct err *err)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    const char *params[] = {want->schema, want->table, want->view_schema, want->view, all};
    PGresult *result = conn_query(conn, sql_hindrances, 5, params, err);
    if (!result)
        return false;
    take_lines(result, arena, lines, n);
    PQclear(result);
    return true;
}

bool rebuilds_number(PGconn *conn, unsigned *id, struct err *err)
{
    PGresult *result = conn_query(
        conn, "SELECT nextval(pg_get_serial_sequence('pactolus.rebuilds', 'rebuild_id'))", 0, NULL,
        err);
    if (!result)
        return false;
    *id = (unsigned)cells_number(result, 0, 0);
    PQclear(result);
    return true;
}

static void put_literals(struct buf *out, const char *const *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        sql_literal(out, values[i]);
        buf_puts(out, ", ");
    }
}

static void put_tables(struct buf *out, const struct shape *live, const struct shape *shadow)
{
    struct buf name = BUF_INIT;
    sql_qualified(&name, live->schema, live->table);
    sql_literal(out, name.data);
    buf_puts(out, "::regclass, ");
    buf_free(&name);
    sql_qualified(&name, shadow->schema, shadow->table);
    sql_literal(out, name.data);
    buf_puts(out, "::regclass)");
    buf_free(&name);
}

static void put_reading(struct buf *out, unsigned id, const struct rebuild_position *logs,
                        unsigned n)
{
    buf_printf(out, "SELECT pactolus.rebuild_read(%u, ARRAY[", id);
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%" PRId64, i ? "," : "", logs[i].log);
    buf_puts(out, "]::bigint[], ARRAY[");
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%" PRId64, i ? "," : "", logs[i].shadow);
    buf_puts(out, "]::bigint[]);\n");
}

static void put_begin(struct buf *out, const PGconn *conn, const struct rebuild_plan *plan)
{
    char who[ACTOR_TEXT];
    const char *const names[] = {plan->live->schema, plan->live->table, plan->shadow->table,
                                 plan->old};
    struct buf contracts = BUF_INIT;
    streams_actor(conn, who);
    conn_text_array(&contracts, plan->contract_names, plan->n_contracts);
    buf_printf(out, "SELECT pactolus.rebuild_begin(%u, %u, ", plan->id, plan->stream_id);
    put_literals(out, names, 4);
    sql_literal(out, contracts.data);
    buf_puts(out, "::text[], ");
    sql_literal(out, plan->fingerprint);
    buf_printf(out, ", %s, ", plan->seeds ? "true" : "false");
    sql_literal(out, plan->reason);
    buf_puts(out, ", ");
    sql_literal(out, who);
    buf_puts(out, ");\n");
    buf_free(&contracts);
    ddl_table(out, plan->shadow);
    buf_puts(out, "SELECT pactolus.rebuild_dress(");
    put_tables(out, plan->live, plan->shadow);
    buf_puts(out, ";\n");
    put_reading(out, plan->id, plan->logs, plan->n_logs);
}

bool rebuilds_indexes(PGconn *conn, unsigned id, const struct shape *live,
                      const struct shape *shadow, struct arena *arena, const char ***left_out,
                      unsigned *n, struct err *err)
{
    struct buf sql = BUF_INIT;
    buf_printf(&sql, "SELECT w FROM pactolus.rebuild_index(%u, ", id);
    put_tables(&sql, live, shadow);
    buf_puts(&sql, " w");
    PGresult *result = conn_query(conn, sql.data, 0, NULL, err);
    buf_free(&sql);
    if (!result)
        return false;
    take_lines(result, arena, left_out, n);
    PQclear(result);
    return true;
}

bool rebuilds_begin(PGconn *conn, const struct rebuild_plan *plan, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct err ignored;
    buf_puts(&sql, "BEGIN;\n");
    put_begin(&sql, conn, plan);
    buf_puts(&sql, "COMMIT;\n");
    bool done = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    if (done)
        return true;
    if (strcmp(err->sqlstate, "23505") == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "the stream has another rebuild already");
        err_hint(err, "pactolus rebuild --list");
    }
    if (!conn_exec(conn, "ROLLBACK", &ignored))
        err_clear(&ignored);
    return false;
}

bool rebuilds_more(PGconn *conn, unsigned id, const struct rebuild_position *logs, unsigned n,
                   struct err *err)
{
    struct buf sql = BUF_INIT;
    put_reading(&sql, id, logs, n);
    bool done = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    return done;
}

bool rebuilds_seeded(PGconn *conn, const struct rebuild *rebuild, struct err *err)
{
    struct buf sql = BUF_INIT;
    buf_puts(&sql, "UPDATE pactolus.cursors c SET order_ts = greatest(c.order_ts, m.order_ts) FROM"
                   " (SELECT t._log, max(t._order_ts) AS order_ts FROM ");
    sql_qualified(&sql, rebuild->schema, rebuild->shadow);
    buf_printf(&sql,
               " t JOIN pactolus.rebuild_logs g ON g.rebuild_id = %u AND g.log_id = t._log AND"
               " t._offset < g.start_offset GROUP BY 1) m WHERE c.stream_id = %u AND"
               " c.log_id = m._log AND c.next_offset = c.pass_start",
               rebuild->id, rebuild->shadow_id);
    bool done = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    return done;
}

bool rebuilds_call(PGconn *conn, const char *function, unsigned id, const char *argument, bool who,
                   struct err *err)
{
    char actor[ACTOR_TEXT];
    struct buf sql = BUF_INIT;
    buf_printf(&sql, "SELECT pactolus.%s(%u", function, id);
    if (argument) {
        buf_puts(&sql, ", ");
        sql_literal(&sql, argument);
    }
    if (who) {
        streams_actor(conn, actor);
        buf_puts(&sql, ", ");
        sql_literal(&sql, actor);
    }
    buf_puts(&sql, ")");
    bool done = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    return done;
}

/* ---- views ---- */

bool rebuilds_view_owners(PGconn *conn, const struct shape *want, char owner[64],
                          char all_owner[64], struct err *err)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    const char *params[] = {want->view_schema, want->view, all};
    PGresult *result = conn_query(conn, sql_owner, 3, params, err);
    if (!result)
        return false;
    cells_copy(result, 0, 0, owner, 64);
    cells_copy(result, 0, 1, all_owner, 64);
    PQclear(result);
    return true;
}

void rebuilds_holder(PGconn *conn, const struct shape *want, char out[256])
{
    char all[SHAPE_NAME_MAX + 1];
    struct err ignored;
    shape_view_all(want->view, all);
    const char *params[] = {want->view_schema, want->view, all};
    PGresult *result = conn_query(conn, sql_holder, 3, params, &ignored);
    *out = '\0';
    if (result && PQntuples(result))
        cells_copy(result, 0, 0, out, 256);
    PQclear(result);
}
