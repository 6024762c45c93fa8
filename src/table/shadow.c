/* SPDX-License-Identifier: Apache-2.0 */
#include "table/shadow.h"

#include "base/memory.h"
#include "table/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_of(const char *table, const char *what, unsigned rebuild,
                    char out[SHAPE_NAME_MAX + 1])
{
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%s_%u", what, rebuild);
    shape_constraint_name(table, NULL, suffix, out);
}

void shadow_name(const char *table, unsigned rebuild, char out[SHAPE_NAME_MAX + 1])
{
    name_of(table, "rebuild", rebuild, out);
}

void shadow_old_name(const char *table, unsigned rebuild, char out[SHAPE_NAME_MAX + 1])
{
    name_of(table, "old", rebuild, out);
}

/* The book columns begin with an underscore, and no contract's do (contract/contract_names). */
static bool is_book(const char *column)
{
    static const char *const books[] = {"_version",  "_log",       "_offset",
                                        "_order_ts", "_loaded_at", "_deleted_at"};
    for (unsigned i = 0; i < sizeof books / sizeof *books; i++)
        if (strcmp(column, books[i]) == 0)
            return true;
    return false;
}

static bool is_versioned(const struct shape *shape)
{
    return shape_column(shape, "_version") != NULL;
}

static bool is_append(const struct shape *shape)
{
    return shape_names_have(shape->key, shape->n_key, "_offset");
}

/* "a", "b": with `before` each name, as in t."a". */
static void put_names(struct buf *out, char *const *names, unsigned n, const char *before,
                      const char *after)
{
    for (unsigned i = 0; i < n; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", before);
        sql_identifier(out, names[i]);
        buf_puts(out, after);
    }
}

/* ---- seeding ---- */

/* What a live row gives for a column of the shadow. */
static void put_source(struct buf *out, const struct shape *have, const struct shape *shadow,
                       const struct shape_column *column)
{
    const struct shape_column *live = shape_column(have, column->name);
    bool required = shape_names_have(shadow->required, shadow->n_required, column->name);
    if (live) {
        sql_identifier(out, column->name);
        if (strcmp(live->type, column->type) != 0)
            buf_printf(out, "::%s", column->type);
    } else {
        buf_printf(out, "%s::%s", required && column->zero ? column->zero : "NULL", column->type);
    }
}

static void put_insert(struct buf *out, const struct shape *have, const struct shape *shadow)
{
    const char *between = "";
    buf_puts(out, "INSERT INTO ");
    sql_qualified(out, shadow->schema, shadow->table);
    buf_puts(out, " AS t (");
    for (unsigned i = 0; i < shadow->n_columns; i++) {
        buf_puts(out, i ? ", " : "");
        sql_identifier(out, shadow->columns[i].name);
    }
    buf_puts(out, ") SELECT ");
    for (unsigned i = 0; i < shadow->n_columns; i++) {
        buf_puts(out, i ? ", " : "");
        put_source(out, have, shadow, &shadow->columns[i]);
    }
    buf_puts(out, " FROM portion ON CONFLICT (");
    put_names(out, shadow->key, shadow->n_key, "", "");
    if (is_append(shadow)) {
        buf_puts(out, ") DO NOTHING");
        return;
    }
    buf_puts(out, ") DO UPDATE SET ");
    for (unsigned i = 0; i < shadow->n_columns; i++) {
        const char *name = shadow->columns[i].name;
        if (shape_names_have(shadow->key, shadow->n_key, name))
            continue;
        buf_puts(out, between);
        sql_identifier(out, name);
        buf_puts(out, " = excluded.");
        sql_identifier(out, name);
        between = ", ";
    }
    buf_puts(out, " WHERE ");
    sql_place(out, is_versioned(shadow), "excluded");
    buf_puts(out, " > ");
    sql_place(out, is_versioned(shadow), "t");
}

static void put_portion(struct buf *out, const struct shape *have, const struct shape *shadow,
                        unsigned rebuild, bool first, unsigned rows)
{
    buf_puts(out, "SELECT * FROM ");
    sql_qualified(out, have->schema, have->table);
    if (!first) {
        buf_puts(out, " WHERE (");
        put_names(out, shadow->key, shadow->n_key, "", "");
        buf_puts(out, ") > (");
        for (unsigned i = 0; i < shadow->n_key; i++)
            buf_printf(out,
                       "%s(SELECT r.seed_after[%u]::%s FROM pactolus.rebuilds r"
                       " WHERE r.rebuild_id = %u)",
                       i ? ", " : "", i + 1, shape_column(have, shadow->key[i])->type, rebuild);
        buf_putc(out, ')');
    }
    buf_puts(out, " ORDER BY ");
    put_names(out, shadow->key, shadow->n_key, "", "");
    buf_printf(out, " LIMIT %u", rows);
}

static bool judge_seed(const struct shape *have, const struct shape *shadow, struct err *err)
{
    for (unsigned i = 0; i < shadow->n_columns; i++) {
        const struct shape_column *column = &shadow->columns[i];
        if (!column->not_null || shape_column(have, column->name))
            continue;
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the live rows have no %s, without which there is no row", column->name);
        err_place(err, "%s.%s", have->schema, have->table);
        return err_hint(err, "rebuild from the log alone, without --seed-from-live");
    }
    return true;
}

bool shadow_seed(struct buf *out, const struct shape *have, const struct shape *shadow,
                 unsigned rebuild, bool first, unsigned rows, struct err *err)
{
    if (!judge_seed(have, shadow, err))
        return false;
    buf_puts(out, "WITH portion AS MATERIALIZED (");
    put_portion(out, have, shadow, rebuild, first, rows);
    buf_puts(out, "), done AS (");
    put_insert(out, have, shadow);
    buf_puts(out,
             "), noted AS (UPDATE pactolus.rebuilds SET seeded = seeded + (SELECT count(*) FROM "
             "portion), seed_done = NOT EXISTS (SELECT FROM portion), seed_after = "
             "coalesce((SELECT ARRAY[");
    put_names(out, shadow->key, shadow->n_key, "", "::text");
    buf_puts(out, "] FROM portion ORDER BY ");
    put_names(out, shadow->key, shadow->n_key, "", " DESC");
    buf_printf(out, " LIMIT 1), seed_after) WHERE rebuild_id = %u) SELECT count(*) FROM portion",
               rebuild);
    return true;
}

/* ---- comparing ---- */

void shadow_columns(const struct shape *have, const struct shape *shadow,
                    struct shadow_columns *columns)
{
    *columns = (struct shadow_columns){0};
    for (unsigned i = 0; i < shadow->n_columns; i++) {
        const struct shape_column *column = &shadow->columns[i];
        const struct shape_column *live = shape_column(have, column->name);
        char *text = NULL;
        if (is_book(column->name))
            continue;
        if (live && strcmp(live->type, column->type) == 0)
            shape_names_add(&columns->same, &columns->n_same, column->name);
        else
            text = live ? mem_format("%s (%s → %s)", column->name, live->type, column->type)
                        : mem_format("%s (only new)", column->name);
        if (text)
            shape_names_add(&columns->other, &columns->n_other, text);
        free(text);
    }
    for (unsigned i = 0; i < have->n_columns; i++)
        if (!shape_column(shadow, have->columns[i].name)) {
            char *text = mem_format("%s (only old)", have->columns[i].name);
            shape_names_add(&columns->other, &columns->n_other, text);
            free(text);
        }
}

void shadow_columns_free(struct shadow_columns *columns)
{
    shape_names_free(columns->same, columns->n_same);
    shape_names_free(columns->other, columns->n_other);
    *columns = (struct shadow_columns){0};
}

/* By what a row falls into a range: its key, hashed. */
static void put_range(struct buf *out, const struct shape *shadow)
{
    buf_puts(out, "(hashtextextended(ROW(");
    put_names(out, shadow->key, shadow->n_key, "", "");
    buf_printf(out, ")::text, 1) & %d)::int", SHADOW_RANGES - 1);
}

static void put_sums(struct buf *out, const struct shape *shadow, const char *schema,
                     const char *table, const struct shadow_columns *columns)
{
    buf_puts(out, "SELECT ");
    put_range(out, shadow);
    /* What stands beside a delete is nobody's business, and may differ (docs/guarantees.md). */
    buf_puts(out, " AS range, count(*) AS n, sum(hashtextextended(CASE WHEN _deleted_at IS NULL "
                  "THEN ROW(");
    put_names(out, columns->same, columns->n_same, "", "");
    buf_puts(out, ")::text ELSE ROW(");
    put_names(out, shadow->key, shadow->n_key, "", "");
    buf_puts(out, ", 'deleted')::text END, 0)) AS held, sum(hashtextextended(ROW(");
    put_names(out, shadow->key, shadow->n_key, "", "");
    buf_puts(out, ", _log, _offset)::text, 0)) AS place FROM ");
    sql_qualified(out, schema, table);
    buf_puts(out, " GROUP BY 1");
}

void shadow_compare(struct buf *out, const struct shape *have, const struct shape *shadow,
                    const struct shadow_columns *columns)
{
    buf_puts(out, "WITH l AS (");
    put_sums(out, shadow, have->schema, have->table, columns);
    buf_puts(out, "), s AS (");
    put_sums(out, shadow, shadow->schema, shadow->table, columns);
    buf_puts(out,
             ") SELECT range, coalesce(l.n, 0), coalesce(s.n, 0), l.held IS NOT DISTINCT FROM "
             "s.held, l.place IS NOT DISTINCT FROM s.place, coalesce(mod(l.held, 4294967296), "
             "0)::bigint, coalesce(mod(s.held, 4294967296), 0)::bigint FROM l FULL JOIN s USING "
             "(range) ORDER BY range");
}

static void put_rows(struct buf *out, const struct shape *shadow, const char *schema,
                     const char *table, const char *ranges)
{
    buf_puts(out, "(SELECT * FROM ");
    sql_qualified(out, schema, table);
    buf_puts(out, " WHERE ");
    put_range(out, shadow);
    buf_printf(out, " IN (%s))", ranges);
}

static void put_place_text(struct buf *out, const char *of)
{
    buf_printf(out,
               "coalesce((SELECT format('%%s[%%s]@%%s', g.topic, g.partition, %s._offset) FROM "
               "pactolus.logs g WHERE g.log_id = %s._log), '')",
               of, of);
}

void shadow_differing(struct buf *out, const struct shape *have, const struct shape *shadow,
                      const struct shadow_columns *columns, const char *ranges, unsigned most)
{
    buf_puts(out, "SELECT ");
    for (unsigned i = 0; i < shadow->n_key; i++) {
        buf_puts(out, i ? " || ', ' || " : "");
        sql_identifier(out, shadow->key[i]);
        buf_puts(out, "::text");
    }
    buf_puts(out, ", ");
    put_place_text(out, "l");
    buf_puts(out, ", ");
    put_place_text(out, "s");
    buf_puts(out, ", array_to_string(ARRAY[CASE WHEN (l._deleted_at IS NULL) <> (s._deleted_at IS "
                  "NULL) THEN 'deleted' END");
    for (unsigned i = 0; i < columns->n_same; i++) {
        if (shape_names_have(shadow->key, shadow->n_key, columns->same[i]))
            continue;
        buf_puts(out, ", CASE WHEN l.");
        sql_identifier(out, columns->same[i]);
        buf_puts(out, " IS DISTINCT FROM s.");
        sql_identifier(out, columns->same[i]);
        buf_puts(out, " THEN ");
        sql_literal(out, columns->same[i]);
        buf_puts(out, " END");
    }
    buf_puts(out, "], ', ') AS differs FROM ");
    put_rows(out, shadow, have->schema, have->table, ranges);
    buf_puts(out, " AS l FULL JOIN ");
    put_rows(out, shadow, shadow->schema, shadow->table, ranges);
    buf_puts(out, " AS s USING (");
    put_names(out, shadow->key, shadow->n_key, "", "");
    buf_puts(out, ") WHERE l._log IS NULL OR s._log IS NULL OR (l._deleted_at IS NULL) <> "
                  "(s._deleted_at IS NULL)");
    for (unsigned i = 0; i < columns->n_same; i++) {
        if (shape_names_have(shadow->key, shadow->n_key, columns->same[i]))
            continue;
        buf_puts(out, " OR l._deleted_at IS NULL AND l.");
        sql_identifier(out, columns->same[i]);
        buf_puts(out, " IS DISTINCT FROM s.");
        sql_identifier(out, columns->same[i]);
    }
    buf_printf(out, " ORDER BY 1 LIMIT %u", most);
}

/* ---- exchanging ---- */

static void rename_constraint(struct buf *out, const char *schema, const char *table,
                              const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return;
    buf_puts(out, "ALTER TABLE ");
    sql_qualified(out, schema, table);
    buf_puts(out, " RENAME CONSTRAINT ");
    sql_identifier(out, from);
    buf_puts(out, " TO ");
    sql_identifier(out, to);
    buf_puts(out, ";\n");
}

void shadow_rename(struct buf *out, const struct shape *table, const char *key, const char *from,
                   const char *to, bool checks)
{
    char was[SHAPE_NAME_MAX + 1], becomes[SHAPE_NAME_MAX + 1];
    buf_puts(out, "ALTER TABLE ");
    sql_qualified(out, table->schema, from);
    buf_puts(out, " RENAME TO ");
    sql_identifier(out, to);
    buf_puts(out, ";\n");
    shape_constraint_name(to, NULL, "pkey", becomes);
    rename_constraint(out, table->schema, to, key, becomes);
    for (unsigned i = 0; checks && i < table->n_required; i++) {
        shape_constraint_name(from, table->required[i], "required", was);
        shape_constraint_name(to, table->required[i], "required", becomes);
        rename_constraint(out, table->schema, to, was, becomes);
    }
}

void shadow_lock_view(struct buf *out, const char *schema, const char *view, const char *owner)
{
    buf_puts(out, "ALTER VIEW ");
    sql_qualified(out, schema, view);
    buf_puts(out, " OWNER TO ");
    sql_identifier(out, owner);
    buf_puts(out, ";\n");
}
