/* SPDX-License-Identifier: Apache-2.0 */
#include "table/ddl.h"

#include "table/sql.h"

#include <string.h>

#define ORDER_TIME "_order_time"

void ddl_schema(struct buf *out, const char *schema)
{
    buf_puts(out, "CREATE SCHEMA IF NOT EXISTS ");
    sql_identifier(out, schema);
    buf_puts(out, ";\n");
}

static void comment_on(struct buf *out, const char *kind, const char *schema, const char *relation,
                       const char *column, const char *comment)
{
    buf_printf(out, "COMMENT ON %s ", kind);
    sql_qualified(out, schema, relation);
    if (column) {
        buf_putc(out, '.');
        sql_identifier(out, column);
    }
    buf_puts(out, " IS ");
    if (*comment)
        sql_literal(out, comment);
    else
        buf_puts(out, "NULL");
    buf_puts(out, ";\n");
}

static void required_constraint(struct buf *out, const struct shape *want, const char *column)
{
    char name[SHAPE_NAME_MAX + 1];
    shape_constraint_name(want->table, column, "required", name);
    buf_puts(out, "CONSTRAINT ");
    sql_identifier(out, name);
    buf_puts(out, " CHECK (_deleted_at IS NOT NULL OR ");
    sql_identifier(out, column);
    buf_puts(out, " IS NOT NULL)");
}

static bool is_append(const struct shape *want)
{
    return shape_names_have(want->key, want->n_key, "_offset");
}

void ddl_table(struct buf *out, const struct shape *want)
{
    buf_puts(out, "CREATE TABLE ");
    sql_qualified(out, want->schema, want->table);
    buf_puts(out, " (\n");
    for (unsigned i = 0; i < want->n_columns; i++) {
        const struct shape_column *column = &want->columns[i];
        buf_puts(out, "    ");
        sql_identifier(out, column->name);
        buf_printf(out, " %s%s,\n", column->type, column->not_null ? " NOT NULL" : "");
    }
    buf_puts(out, "    CONSTRAINT ");
    sql_identifier(out, want->key_constraint);
    buf_puts(out, " PRIMARY KEY (");
    for (unsigned i = 0; i < want->n_key; i++) {
        buf_puts(out, i ? ", " : "");
        sql_identifier(out, want->key[i]);
    }
    buf_putc(out, ')');
    for (unsigned i = 0; i < want->n_required; i++) {
        buf_puts(out, ",\n    ");
        required_constraint(out, want, want->required[i]);
    }
    /* An updated row's next version needs room in its own page, or every index must learn of it
     * (no HOT update). With a fifth left free 99.99 % of updates were HOT under load, with a tenth
     * 99.2 %, and pruning took a sixth of the backend's time. Appended rows never change. */
    buf_printf(out, "\n) WITH (fillfactor = %d);\n", is_append(want) ? 100 : 80);
    if (*want->comment)
        comment_on(out, "TABLE", want->schema, want->table, NULL, want->comment);
    for (unsigned i = 0; i < want->n_columns; i++)
        if (*want->columns[i].comment)
            comment_on(out, "COLUMN", want->schema, want->table, want->columns[i].name,
                       want->columns[i].comment);
}

static void alter_table(struct buf *out, const struct shape *want)
{
    buf_puts(out, "ALTER TABLE ");
    sql_qualified(out, want->schema, want->table);
    buf_putc(out, ' ');
}

void ddl_add_column(struct buf *out, const struct shape *want, const struct shape_column *column,
                    bool required)
{
    alter_table(out, want);
    buf_puts(out, "ADD COLUMN ");
    sql_identifier(out, column->name);
    buf_printf(out, " %s", column->type);
    if (required)
        buf_printf(out, " DEFAULT %s", column->zero);
    buf_puts(out, ";\n");
    if (required)
        ddl_add_required(out, want, column->name);
    if (*column->comment)
        comment_on(out, "COLUMN", want->schema, want->table, column->name, column->comment);
}

void ddl_add_required(struct buf *out, const struct shape *want, const char *column)
{
    alter_table(out, want);
    buf_puts(out, "ADD ");
    required_constraint(out, want, column);
    buf_puts(out, " NOT VALID;\n");
}

void ddl_validate(struct buf *out, const struct shape *want, const char *column)
{
    char name[SHAPE_NAME_MAX + 1];
    shape_constraint_name(want->table, column, "required", name);
    alter_table(out, want);
    buf_puts(out, "VALIDATE CONSTRAINT ");
    sql_identifier(out, name);
    buf_puts(out, ";\n");
}

void ddl_count_broken(struct buf *out, const struct shape *want, const char *column)
{
    buf_puts(out, "SELECT count(*) FROM ");
    sql_qualified(out, want->schema, want->table);
    buf_puts(out, " WHERE _deleted_at IS NULL AND ");
    sql_identifier(out, column);
    buf_puts(out, " IS NULL");
}

void ddl_drop_required(struct buf *out, const struct shape *want, const char *column)
{
    char name[SHAPE_NAME_MAX + 1];
    shape_constraint_name(want->table, column, "required", name);
    alter_table(out, want);
    buf_puts(out, "DROP CONSTRAINT ");
    sql_identifier(out, name);
    buf_puts(out, ";\n");
}

void ddl_rename_key(struct buf *out, const struct shape *want, const char *from)
{
    alter_table(out, want);
    buf_puts(out, "RENAME CONSTRAINT ");
    sql_identifier(out, from);
    buf_puts(out, " TO ");
    sql_identifier(out, want->key_constraint);
    buf_puts(out, ";\n");
}

static const char *column_comment(const struct shape *want, const char *column)
{
    if (strcmp(column, ORDER_TIME) == 0)
        return "Pactolus: greatest record timestamp of the log up to this record";
    const struct shape_column *found = shape_column(want, column);
    return found ? found->comment : "";
}

void ddl_view(struct buf *out, const struct shape *want, const char *name, char *const *columns,
              unsigned n_columns)
{
    buf_puts(out, "CREATE OR REPLACE VIEW ");
    sql_qualified(out, want->view_schema, name);
    buf_puts(out, " AS SELECT ");
    for (unsigned i = 0; i < n_columns; i++) {
        buf_puts(out, i ? ", " : "");
        if (strcmp(columns[i], ORDER_TIME) == 0)
            buf_puts(out, "CASE WHEN _order_ts >= 0 THEN to_timestamp(_order_ts / 1000.0) END"
                          " AS " ORDER_TIME);
        else
            sql_identifier(out, columns[i]);
    }
    buf_puts(out, " FROM ");
    sql_qualified(out, want->schema, want->table);
    if (strcmp(name, want->view) == 0)
        buf_puts(out, " WHERE _deleted_at IS NULL");
    buf_puts(out, ";\n");
    if (*want->comment)
        comment_on(out, "VIEW", want->view_schema, name, NULL, want->comment);
    for (unsigned i = 0; i < n_columns; i++) {
        const char *comment = column_comment(want, columns[i]);
        if (*comment)
            comment_on(out, "COLUMN", want->view_schema, name, columns[i], comment);
    }
}

void ddl_comment_relations(struct buf *out, const struct shape *want)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    comment_on(out, "TABLE", want->schema, want->table, NULL, want->comment);
    comment_on(out, "VIEW", want->view_schema, want->view, NULL, want->comment);
    comment_on(out, "VIEW", want->view_schema, all, NULL, want->comment);
}

void ddl_comment_column(struct buf *out, const struct shape *want,
                        const struct shape_column *column)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    comment_on(out, "COLUMN", want->schema, want->table, column->name, column->comment);
    if (shape_names_have(want->view_columns, want->n_view_columns, column->name))
        comment_on(out, "COLUMN", want->view_schema, want->view, column->name, column->comment);
    if (shape_names_have(want->view_all_columns, want->n_view_all_columns, column->name))
        comment_on(out, "COLUMN", want->view_schema, all, column->name, column->comment);
}

void ddl_widen(struct buf *out, const struct shape *want, const struct shape_column *const *columns,
               unsigned n, char *const *checked, unsigned n_checked)
{
    for (unsigned i = 0; i < n_checked; i++)
        ddl_drop_required(out, want, checked[i]);
    alter_table(out, want);
    for (unsigned i = 0; i < n; i++) {
        buf_puts(out, i ? ", ALTER COLUMN " : "ALTER COLUMN ");
        sql_identifier(out, columns[i]->name);
        buf_printf(out, " TYPE %s", columns[i]->type);
    }
    buf_puts(out, ";\n");
    for (unsigned i = 0; i < n_checked; i++)
        ddl_add_required(out, want, checked[i]);
}

/* ---- a view made anew ---- */

void ddl_view_print(struct buf *out, const char *schema, const char *name)
{
    buf_puts(out,
             "SELECT md5(concat_ws('|', pg_get_userbyid(c.relowner), c.relacl, c.reloptions,"
             " obj_description(c.oid, 'pg_class'), (SELECT string_agg(concat_ws(' ', a.attname,"
             " a.attacl, col_description(a.attrelid, a.attnum)), ',' ORDER BY a.attnum)"
             " FROM pg_attribute a WHERE a.attrelid = c.oid)))"
             " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ");
    sql_literal(out, schema);
    buf_puts(out, " AND c.relname = ");
    sql_literal(out, name);
}

static void expect_view(struct buf *out, const struct shape *want, const char *name,
                        const char *print)
{
    struct buf body = BUF_INIT;
    buf_puts(&body, "BEGIN IF (");
    ddl_view_print(&body, want->view_schema, name);
    buf_puts(&body, ") IS DISTINCT FROM ");
    sql_literal(&body, print);
    buf_puts(&body, " THEN RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'the view has other"
                    " rights, options or comments than when this was planned: plan again'; END IF;"
                    " END");
    buf_puts(out, "DO ");
    sql_literal(out, body.data);
    buf_puts(out, ";\n");
    buf_free(&body);
}

void ddl_drop_view(struct buf *out, const struct shape *want, const char *name, const char *print)
{
    if (print)
        expect_view(out, want, name, print);
    buf_puts(out, "DROP VIEW ");
    sql_qualified(out, want->view_schema, name);
    buf_puts(out, ";\n");
}

static void put_role(struct buf *out, const char *role)
{
    if (*role)
        sql_identifier(out, role);
    else
        buf_puts(out, "PUBLIC");
}

static void alter_view(struct buf *out, const struct shape *want, const char *name)
{
    buf_puts(out, "ALTER VIEW ");
    sql_qualified(out, want->view_schema, name);
    buf_putc(out, ' ');
}

void ddl_view_options(struct buf *out, const struct shape *want, const char *name,
                      const char *options)
{
    if (!options || !*options)
        return;
    alter_view(out, want, name);
    buf_printf(out, "SET (%s);\n", options);
}

static void grant_again(struct buf *out, const struct shape *want, const char *name,
                        const struct shape_grant *grant)
{
    buf_printf(out, "GRANT %s", grant->privilege);
    if (*grant->column) {
        buf_puts(out, " (");
        sql_identifier(out, grant->column);
        buf_putc(out, ')');
    }
    buf_puts(out, " ON ");
    sql_qualified(out, want->view_schema, name);
    buf_puts(out, " TO ");
    put_role(out, grant->role);
    buf_puts(out, grant->grantable ? " WITH GRANT OPTION;\n" : ";\n");
}

void ddl_restore_view(struct buf *out, const struct shape *want, const char *name,
                      char *const *columns, const struct shape_view *had)
{
    ddl_view_options(out, want, name, had->options);
    if (!*want->comment && *had->comment)
        comment_on(out, "VIEW", want->view_schema, name, NULL, had->comment);
    for (unsigned i = 0; i < had->n_comments; i++)
        if (*had->comments[i] && !*column_comment(want, columns[i]))
            comment_on(out, "COLUMN", want->view_schema, name, columns[i], had->comments[i]);
    /* What default privileges give to a new view was perhaps taken from the old one. */
    for (unsigned i = 0; i < had->n_defaults; i++) {
        buf_puts(out, "REVOKE ALL ON ");
        sql_qualified(out, want->view_schema, name);
        buf_puts(out, " FROM ");
        put_role(out, had->defaults[i]);
        buf_puts(out, ";\n");
    }
    for (unsigned i = 0; i < had->n_grants; i++)
        grant_again(out, want, name, &had->grants[i]);
    if (*had->owner) {
        alter_view(out, want, name);
        buf_puts(out, "OWNER TO ");
        sql_identifier(out, had->owner);
        buf_puts(out, ";\n");
    }
}

/* ---- readers ---- */

static void grant_select(struct buf *out, const struct shape *want, const char *view,
                         const char *role)
{
    buf_puts(out, "GRANT SELECT ON ");
    sql_qualified(out, want->view_schema, view);
    buf_puts(out, " TO ");
    sql_identifier(out, role);
    buf_puts(out, ";\n");
}

void ddl_grant_reader(struct buf *out, const struct shape *want, const struct shape_reader *have)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    if (!have->usage) {
        buf_puts(out, "GRANT USAGE ON SCHEMA ");
        sql_identifier(out, want->view_schema);
        buf_puts(out, " TO ");
        sql_identifier(out, have->role);
        buf_puts(out, ";\n");
    }
    if (!have->view)
        grant_select(out, want, want->view, have->role);
    if (!have->view_all)
        grant_select(out, want, all, have->role);
}
