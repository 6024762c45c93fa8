/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/partitions.h"

#include "base/clock.h"
#include "postgres/cells.h"
#include "record/instant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row per partition; one with a NULL bound for a partitioned table that has none yet. */
static const char sql_partitions[] =
    "SELECT w.place, p.partstrat = 'r' AND p.partnatts = 1, coalesce(a.attname, ''),"
    "       pg_get_expr(c.relpartbound, c.oid)"
    "  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema_name, table_name, place)"
    "  JOIN pg_namespace n ON n.nspname = w.schema_name"
    "  JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = w.table_name"
    "  JOIN pg_partitioned_table p ON p.partrelid = t.oid"
    "  LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.partattrs[0]"
    "  LEFT JOIN pg_inherits i ON i.inhparent = t.oid"
    "  LEFT JOIN pg_class c ON c.oid = i.inhrelid"
    " ORDER BY w.place";

/* ---- bounds ---- */

static bool read_integer(const char *text, int64_t *limit)
{
    char *end;
    *limit = strtoll(text, &end, 10);
    return end > text && *end == '\0';
}

/* "2026-01-01 00:00:00+00" is RFC 3339 but for a blank and the zone's minutes. */
static bool read_instant(const char *text, int64_t *limit)
{
    char rfc[80]; /* of what take_limit lets through */
    struct instant instant;
    size_t length = strlen(text);
    if (length < 3 || length > INSTANT_TEXT_MAX)
        return false;
    bool whole_hours = text[length - 3] == '+' || text[length - 3] == '-';
    snprintf(rfc, sizeof rfc, "%s%s", text, whole_hours ? ":00" : "");
    char *blank = strchr(rfc, ' ');
    if (!blank)
        return false;
    *blank = 'T';
    if (!instant_parse_timestamp((struct span){rfc, strlen(rfc)}, &instant))
        return false;
    *limit = instant_timestamp_micros(instant) - USEC_2000;
    return true;
}

/* A limit in parentheses, quoted or not; `at` is left behind it. */
static bool take_limit(const char **at, enum type_id type, int64_t *limit)
{
    char text[64];
    const char *first = strchr(*at, '(');
    const char *last = first ? strchr(first, ')') : NULL;
    if (!last)
        return false;
    *at = last + 1;
    first++;
    if (last - first >= 2 && *first == '\'' && last[-1] == '\'') {
        first++;
        last--;
    }
    if ((size_t)(last - first) >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)(last - first), first);
    return type == TYPE_TIMESTAMPTZ ? read_instant(text, limit) : read_integer(text, limit);
}

void partition_span(const char *bound, enum type_id type, struct range *span)
{
    static const char from[] = "FOR VALUES FROM ";
    span->has_low = span->has_high = false;
    if (strncmp(bound, from, sizeof from - 1) != 0)
        return; /* DEFAULT */
    span->has_low = take_limit(&bound, type, &span->low);
    span->has_high = take_limit(&bound, type, &span->high);
}

void partition_widen(struct range *range, const struct range *span)
{
    range->has_low &= span->has_low;
    range->has_high &= span->has_high;
    if (range->has_low && span->low < range->low)
        range->low = span->low;
    if (range->has_high && span->high > range->high)
        range->high = span->high;
}

/* ---- tables ---- */

static bool find_column(const struct layout *layout, const char *name, unsigned *column)
{
    for (unsigned i = 0; i < layout->n_data; i++)
        if (strcmp(layout->columns[i].name, name) == 0) {
            *column = i;
            return range_type(layout->columns[i].type->id) && !layout->columns[i].array;
        }
    return false;
}

/* One row of the answer; `first` of its table. */
static void take_row(const PGresult *result, int row, bool first, const struct layout *layout,
                     struct partitions *found)
{
    struct range span = {0};
    found->partitioned = true;
    if (!cells_truth(result, row, 1) || PQgetisnull(result, row, 3) ||
        !find_column(layout, PQgetvalue(result, row, 2), &span.column))
        return;
    partition_span(PQgetvalue(result, row, 3), layout->columns[span.column].type->id, &span);
    if (first)
        found->range = span;
    else
        partition_widen(&found->range, &span);
}

bool partitions_read(PGconn *conn, const struct layout *const *layouts, unsigned n,
                     struct partitions *found, struct err *err)
{
    struct buf schemas = BUF_INIT, tables = BUF_INIT;
    const char **names = mem_zero(2 * (size_t)n + 1, sizeof *names);
    for (unsigned i = 0; i < n; i++) {
        names[i] = layouts[i]->schema;
        names[n + i] = layouts[i]->table;
        found[i] = (struct partitions){0};
    }
    conn_text_array(&schemas, names, n);
    conn_text_array(&tables, names + n, n);
    const char *params[] = {schemas.data, tables.data};
    PGresult *result = conn_query(conn, sql_partitions, 2, params, err);
    int64_t before = 0;
    for (int row = 0; result && row < PQntuples(result); row++) {
        int64_t place = cells_number(result, row, 0);
        take_row(result, row, place != before, layouts[place - 1], &found[place - 1]);
        before = place;
    }
    PQclear(result);
    buf_free(&schemas);
    buf_free(&tables);
    free(names);
    return result != NULL;
}
