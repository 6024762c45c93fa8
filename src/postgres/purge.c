/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/purge.h"

#include "base/backoff.h"
#include "base/memory.h"
#include "postgres/cells.h"
#include "postgres/sqlstate.h"
#include "table/sql.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BATCH_BLOCKS =
        256, /* pages of the table that one statement looks at: 2 MiB, as servers are built */
    TRIES = 10,
};

/* The tables that hold the rows: the table itself, or its partitions' leaves. */
static const char sql_leaves[] =
    "SELECT format('%I.%I', n.nspname, c.relname),"
    "       (pg_relation_size(c.oid) + current_setting('block_size')::int8 - 1)"
    "       / current_setting('block_size')::int8"
    "  FROM (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf"
    "        UNION SELECT to_regclass($1)) AS leaf"
    "  JOIN pg_class c ON c.oid = leaf.relid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' ORDER BY 1";

/* The time of writing counts too: a tombstone may carry any timestamp, and one that was read late
 * may stand before records that are still to come. */
static void put_old(struct buf *out, usec_t after)
{
    buf_printf(out,
               "_deleted_at < now() - interval '%" PRId64 " us'"
               " AND _loaded_at < now() - interval '%" PRId64 " us'",
               after, after);
}

static bool is_blanked(const struct layout_column *column)
{
    return column->book == BOOK_NONE && column->key_position < 0 &&
           column->classification >= CLASSIFICATION_PERSONAL;
}

/* "a" <between> "b" <tail>; returns how many columns there are. */
static unsigned put_blanked(struct buf *out, const struct layout *layout, const char *between,
                            const char *tail)
{
    unsigned count = 0;
    for (unsigned i = 0; i < layout->n_data; i++) {
        if (!is_blanked(&layout->columns[i]))
            continue;
        buf_puts(out, count++ ? between : "");
        sql_identifier(out, layout->columns[i].name);
        buf_puts(out, tail);
    }
    return count;
}

/* The rest of the statements behind the part of the table that they are about. */
struct phrases {
    struct buf old, blank, set; /* empty: nothing of the kind is to do */
};

static void phrases_make(struct phrases *phrases, const struct purge *purge)
{
    struct buf columns = BUF_INIT;
    *phrases = (struct phrases){0};
    if (purge->after > 0)
        put_old(&phrases->old, purge->after);
    if (put_blanked(&columns, purge->layout, " OR ", " IS NOT NULL")) {
        buf_printf(&phrases->blank, "_deleted_at IS NOT NULL AND (%s)", columns.data);
        if (purge->after > 0)
            buf_printf(&phrases->blank, " AND NOT (%s)", phrases->old.data);
        put_blanked(&phrases->set, purge->layout, ", ", " = NULL");
    }
    buf_free(&columns);
}

static void phrases_free(struct phrases *phrases)
{
    buf_free(&phrases->old);
    buf_free(&phrases->blank);
    buf_free(&phrases->set);
}

/* One statement, which is one transaction; its count is added. A lock of somebody else is waited
 * for with pauses between. */
static bool count_rows(PGconn *conn, const char *sql, int64_t *count, struct err *err)
{
    struct backoff backoff = {
        .base = 100 * USEC_PER_MS, .cap = 5 * USEC_PER_SEC, .seed = (uint64_t)clock_monotonic()};
    PGresult *result = conn_query(conn, sql, 0, NULL, err);
    for (unsigned tries = 1; !result && sqlstate_is_lock(err) && tries < TRIES; tries++) {
        clock_pause(backoff_next(&backoff));
        result = conn_query(conn, sql, 0, NULL, err);
    }
    if (!result)
        return false;
    *count += cells_number(result, 0, 0);
    PQclear(result);
    return true;
}

/* What one statement does to the blocks from `from` on. A row that is written in between is judged
 * as it then is (READ COMMITTED): one that stands again stays as it is. */
static bool work_on(PGconn *conn, const struct purge *purge, const struct phrases *phrases,
                    const char *leaf, int64_t from, struct purge_found *found, struct err *err)
{
    struct buf sql = BUF_INIT;
    char where[128];
    bool good = true;
    snprintf(where, sizeof where,
             "WHERE ctid >= '(%" PRId64 ",0)'::tid AND ctid < '(%" PRId64 ",0)'::tid AND ", from,
             from + BATCH_BLOCKS);
    if (phrases->old.length) {
        buf_printf(&sql,
                   purge->execute ? "WITH gone AS (DELETE FROM %s %s%s RETURNING 1)"
                                    " SELECT count(*) FROM gone"
                                  : "SELECT count(*) FROM %s %s%s",
                   leaf, where, phrases->old.data);
        good = count_rows(conn, sql.data, &found->removed, err);
    }
    buf_reset(&sql);
    if (good && phrases->blank.length) {
        if (purge->execute)
            buf_printf(&sql,
                       "WITH blank AS (UPDATE %s SET %s %s%s RETURNING 1)"
                       " SELECT count(*) FROM blank",
                       leaf, phrases->set.data, where, phrases->blank.data);
        else
            buf_printf(&sql, "SELECT count(*) FROM %s %s%s", leaf, where, phrases->blank.data);
        good = count_rows(conn, sql.data, &found->blanked, err);
    }
    buf_free(&sql);
    return good;
}

static bool no_table(const struct layout *layout, struct err *err)
{
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the table is not there");
    err_place(err, "%s.%s", layout->schema, layout->table);
    return err_hint(err, "pactolus migrate --dry-run");
}

bool purge_table(PGconn *conn, const struct purge *purge, struct purge_found *found,
                 struct err *err)
{
    struct buf name = BUF_INIT;
    struct phrases phrases;
    *found = (struct purge_found){0};
    sql_qualified(&name, purge->layout->schema, purge->layout->table);
    const char *params[] = {name.data};
    PGresult *leaves = conn_query(conn, sql_leaves, 1, params, err);
    buf_free(&name);
    if (!leaves)
        return false;
    bool good = PQntuples(leaves) > 0 || no_table(purge->layout, err);
    phrases_make(&phrases, purge);
    for (int i = 0; good && i < PQntuples(leaves); i++) {
        int64_t blocks = cells_number(leaves, i, 1);
        for (int64_t from = 0; good && from < blocks; from += BATCH_BLOCKS)
            good = work_on(conn, purge, &phrases, PQgetvalue(leaves, i, 0), from, found, err);
    }
    phrases_free(&phrases);
    PQclear(leaves);
    return good;
}
