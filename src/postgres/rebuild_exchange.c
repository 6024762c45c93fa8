/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/rebuild_exchange.h"

#include "postgres/columns.h"
#include "table/ddl.h"
#include "table/shadow.h"
#include "table/sql.h"

#include <stdio.h>
#include <string.h>

bool rebuild_exchange_begin(PGconn *conn, const struct shape *want, struct err *err)
{
    char owner[64], all_owner[64], all[SHAPE_NAME_MAX + 1];
    struct buf sql = BUF_INIT;
    shape_view_all(want->view, all);
    if (!rebuilds_view_owners(conn, want, owner, all_owner, err))
        return false;
    buf_puts(&sql, "BEGIN;\nSET LOCAL lock_timeout = '100ms';\n");
    if (*owner)
        shadow_lock_view(&sql, want->view_schema, want->view, owner);
    if (*all_owner)
        shadow_lock_view(&sql, want->view_schema, all, all_owner);
    bool good = conn_exec(conn, sql.data, err);
    buf_free(&sql);
    return good;
}

bool rebuild_exchange_lock(PGconn *conn, unsigned id, int patience_ms, struct err *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %d", patience_ms);
    return conn_exec(conn, sql, err) && rebuilds_call(conn, "rebuild_lock", id, NULL, false, err);
}

/* With the columns that it has; one whose columns get other types is made anew by the plan. */
static void point_view(const struct rebuild_exchange *exchange, bool all, struct buf *sql)
{
    char name[SHAPE_NAME_MAX + 1];
    const struct shape *want = exchange->want, *have = exchange->have;
    const struct shape_view *has = all ? &have->view_all_has : &have->view_has;
    char *const *columns = all ? have->view_all_columns : have->view_columns;
    unsigned n = all ? have->n_view_all_columns : have->n_view_columns;
    if (!(all ? have->view_all_exists : have->view_exists))
        return;
    snprintf(name, sizeof name, "%s", want->view);
    if (all)
        shape_view_all(want->view, name);
    for (unsigned i = 0; i < n; i++) {
        const struct shape_column *column = shape_column(want, columns[i]);
        if (column && strcmp(column->type, has->types[i]) != 0)
            return;
    }
    ddl_view(sql, want, name, columns, n);
    ddl_view_options(sql, want, name, has->options);
}

void rebuild_exchange_text(const PGconn *conn, const struct rebuild_exchange *exchange,
                           struct buf *sql)
{
    char who[ACTOR_TEXT], key[SHAPE_NAME_MAX + 1];
    const struct rebuild *row = exchange->row;
    streams_actor(conn, who);
    shape_constraint_name(row->shadow, NULL, "pkey", key);
    buf_printf(sql, "SELECT pactolus.rebuild_remember(%u);\n", row->id);
    shadow_rename(sql, exchange->want, exchange->have->key_constraint, row->table, row->old, false);
    shadow_rename(sql, exchange->want, key, row->shadow, row->table, true);
    buf_printf(sql, "SELECT pactolus.rebuild_index_names(%u, false);\n", row->id);
    point_view(exchange, false, sql);
    point_view(exchange, true, sql);
    for (unsigned i = 0; i < exchange->plan->n_steps; i++)
        buf_puts(sql, exchange->plan->steps[i].sql);
    streams_note_text(conn, exchange->group, exchange->stream, exchange->layout,
                      exchange->descriptors, sql);
    columns_text(exchange->group, exchange->stream, exchange->layout, sql);
    buf_printf(sql, "SELECT pactolus.rebuild_swap(%u, ", row->id);
    sql_literal(sql, exchange->dlq_topic ? exchange->dlq_topic : "");
    buf_puts(sql, ", ");
    sql_literal(sql, who);
    buf_puts(sql, ");\nCOMMIT;\n");
}

void rebuild_exchange_back_text(const PGconn *conn, const struct rebuild *row,
                                const struct shape *want, struct buf *sql)
{
    char who[ACTOR_TEXT], key[SHAPE_NAME_MAX + 1], old_key[SHAPE_NAME_MAX + 1];
    streams_actor(conn, who);
    shape_constraint_name(row->table, NULL, "pkey", key);
    shape_constraint_name(row->old, NULL, "pkey", old_key);
    shadow_rename(sql, want, key, row->table, row->shadow, false);
    shadow_rename(sql, want, old_key, row->old, row->table, false);
    buf_printf(sql, "SELECT pactolus.rebuild_index_names(%u, true);\n", row->id);
    buf_printf(sql, "SELECT pactolus.rebuild_rollback(%u, ", row->id);
    sql_literal(sql, who);
    buf_puts(sql, ");\nCOMMIT;\n");
}
