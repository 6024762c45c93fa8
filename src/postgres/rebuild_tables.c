/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/rebuild_tables.h"

#include "postgres/cells.h"

#include <string.h>

enum { SAMPLE_RANGES = 8 };

bool rebuild_tables_seed(PGconn *conn, const struct shape *have, const struct shape *shadow,
                         unsigned rebuild, bool first, unsigned rows, int64_t *copied,
                         struct err *err)
{
    struct buf sql = BUF_INIT;
    bool good = shadow_seed(&sql, have, shadow, rebuild, first, rows, err) &&
                cells_only_number(conn_query(conn, sql.data, 0, NULL, err), copied);
    buf_free(&sql);
    return good;
}

/* The first statement that reads takes the snapshot. */
bool rebuild_tables_freeze(PGconn *reader, struct err *err)
{
    return conn_exec(reader,
                     "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                     " SET LOCAL statement_timeout = 0;"
                     " SELECT count(*) FROM pactolus.rebuilds",
                     err);
}

static void add_range(struct rebuild_comparison *found, const PGresult *result, int row)
{
    char range[16];
    found->ranges++;
    found->live_rows += cells_number(result, row, 1);
    found->shadow_rows += cells_number(result, row, 2);
    found->live_sum += cells_number(result, row, 5);
    found->shadow_sum += cells_number(result, row, 6);
    found->places += !cells_truth(result, row, 4);
    if (cells_truth(result, row, 3))
        return;
    snprintf(range, sizeof range, "%s%s", found->values ? "," : "", PQgetvalue(result, row, 0));
    if (found->values++ < SAMPLE_RANGES)
        strncat(found->sample, range, sizeof found->sample - strlen(found->sample) - 1);
}

bool rebuild_tables_compare(PGconn *reader, const struct shape *have, const struct shape *shadow,
                            const struct shadow_columns *columns, struct rebuild_comparison *found,
                            struct err *err)
{
    struct buf sql = BUF_INIT;
    *found = (struct rebuild_comparison){0};
    shadow_compare(&sql, have, shadow, columns);
    PGresult *result = conn_query(reader, sql.data, 0, NULL, err);
    buf_free(&sql);
    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        add_range(found, result, i);
    PQclear(result);
    return true;
}

bool rebuild_tables_differing(PGconn *reader, const struct shape *have, const struct shape *shadow,
                              const struct shadow_columns *columns,
                              const struct rebuild_comparison *found, unsigned most,
                              struct arena *arena, struct rebuild_difference **list, unsigned *n,
                              struct err *err)
{
    struct buf sql = BUF_INIT;
    shadow_differing(&sql, have, shadow, columns, found->sample, most);
    PGresult *result = conn_query(reader, sql.data, 0, NULL, err);
    buf_free(&sql);
    if (!result)
        return false;
    *n = (unsigned)PQntuples(result);
    *list = arena_alloc(arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < PQntuples(result); i++)
        (*list)[i] = (struct rebuild_difference){
            .key = cells_text(result, i, 0, arena),
            .live = cells_text(result, i, 1, arena),
            .shadow = cells_text(result, i, 2, arena),
            .columns = cells_text(result, i, 3, arena),
        };
    PQclear(result);
    return true;
}
