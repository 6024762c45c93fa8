/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/catalog_internal.h"

#include "base/memory.h"
#include "postgres/cells.h"

#include <stdlib.h>
#include <string.h>

static const char sql_schemas[] = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),"
                                  "       EXISTS (SELECT FROM pg_namespace WHERE nspname = $2)";

static const char sql_relation[] =
    "SELECT c.oid, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), ''),"
    "       coalesce(array_to_string(c.reloptions, ', '), '')"
    "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2";

static const char sql_columns[] =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod),"
    "       coalesce(col_description(a.attrelid, a.attnum), ''), a.attnotnull,"
    "       a.atthasdef OR a.attidentity <> '',"
    "       EXISTS (SELECT FROM pg_partitioned_table p"
    "                WHERE p.partrelid = a.attrelid AND a.attnum = ANY (p.partattrs))"
    "  FROM pg_attribute a"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/* The key's columns in the key's order, each with the constraint's name. */
static const char sql_key[] =
    "SELECT c.conname, a.attname"
    "  FROM pg_constraint c"
    "  CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)"
    "  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum"
    " WHERE c.conrelid = $1::oid AND c.contype = 'p' ORDER BY k.place";

static const char sql_checks[] =
    "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'c'";

static bool read_schemas(PGconn *conn, struct shape *shape, struct err *err)
{
    const char *params[] = {shape->schema, shape->view_schema};
    PGresult *result = conn_query(conn, sql_schemas, 2, params, err);
    if (!result)
        return false;
    shape->schema_exists = cells_truth(result, 0, 0);
    shape->view_schema_exists = cells_truth(result, 0, 1);
    PQclear(result);
    return true;
}

/* Finds a relation: its OID as text (empty when there is none), its comment and its options (both
 * may be NULL). False with err when the name belongs to something else. */
static bool find_relation(PGconn *conn, const char *schema, const char *name, const char *kinds,
                          char oid[16], char **comment, char **options, struct err *err)
{
    const char *params[] = {schema, name};
    PGresult *result = conn_query(conn, sql_relation, 2, params, err);
    bool good = true;
    oid[0] = '\0';
    if (!result)
        return false;
    if (PQntuples(result) > 0) {
        good = strchr(kinds, *PQgetvalue(result, 0, 1)) != NULL;
        cells_copy(result, 0, 0, oid, 16);
        if (good && comment) {
            free(*comment);
            *comment = cells_string(result, 0, 2);
        }
        if (good && options)
            *options = cells_string(result, 0, 3);
    }
    PQclear(result);
    if (good)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "the name belongs to something that is no %s",
            *kinds == 'v' ? "view" : "table");
    err_hint(err, "name another table or view in the contract's options or the stream");
    return err_place(err, "%s.%s", schema, name);
}

static bool read_columns(PGconn *conn, const char *oid, struct shape *shape, struct err *err)
{
    PGresult *result = conn_query(conn, sql_columns, 1, &oid, err);
    if (!result)
        return false;
    shape->n_columns = (unsigned)PQntuples(result);
    shape->columns = mem_zero(shape->n_columns, sizeof *shape->columns);
    for (int i = 0; i < PQntuples(result); i++)
        shape->columns[i] = (struct shape_column){
            .name = cells_string(result, i, 0),
            .type = cells_string(result, i, 1),
            .comment = cells_string(result, i, 2),
            .not_null = cells_truth(result, i, 3),
            .has_default = cells_truth(result, i, 4),
            .partitions = cells_truth(result, i, 5),
        };
    PQclear(result);
    return true;
}

static bool read_key(PGconn *conn, const char *oid, struct shape *shape, struct err *err)
{
    PGresult *result = conn_query(conn, sql_key, 1, &oid, err);
    if (!result)
        return false;
    if (PQntuples(result) > 0) {
        free(shape->key_constraint);
        shape->key_constraint = cells_string(result, 0, 0);
    }
    for (int i = 0; i < PQntuples(result); i++)
        shape_names_add(&shape->key, &shape->n_key, PQgetvalue(result, i, 1));
    PQclear(result);
    return true;
}

/* A check is known by its name; checks under other names are their makers' business. */
static bool read_checks(PGconn *conn, const char *oid, struct shape *shape, struct err *err)
{
    PGresult *result = conn_query(conn, sql_checks, 1, &oid, err);
    if (!result)
        return false;
    for (unsigned c = 0; c < shape->n_columns; c++) {
        char name[SHAPE_NAME_MAX + 1];
        const char *column = shape->columns[c].name;
        shape_constraint_name(shape->table, column, "required", name);
        for (int i = 0; i < PQntuples(result); i++) {
            if (strcmp(PQgetvalue(result, i, 0), name) != 0)
                continue;
            shape_names_add(&shape->required, &shape->n_required, column);
            if (!cells_truth(result, i, 1))
                shape_names_add(&shape->unvalidated, &shape->n_unvalidated, column);
        }
    }
    PQclear(result);
    return true;
}

static bool read_table(PGconn *conn, struct shape *shape, struct err *err)
{
    char oid[16];
    if (!find_relation(conn, shape->schema, shape->table, "rp", oid, &shape->comment, NULL, err))
        return false;
    if (!*oid)
        return true;
    shape->exists = true;
    return read_columns(conn, oid, shape, err) && read_key(conn, oid, shape, err) &&
           read_checks(conn, oid, shape, err);
}

static bool read_view(PGconn *conn, const char *schema, const char *name, bool *exists,
                      char ***names, unsigned *count, struct shape_view *has, struct err *err)
{
    char text[16];
    const char *oid = text;
    if (!find_relation(conn, schema, name, "v", text, NULL, &has->options, err))
        return false;
    *exists = *oid != '\0';
    if (!*exists)
        return true;
    PGresult *result = conn_query(conn, sql_columns, 1, &oid, err);
    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++) {
        shape_names_add(names, count, PQgetvalue(result, i, 0));
        shape_names_add(&has->types, &has->n_types, PQgetvalue(result, i, 1));
        shape_names_add(&has->comments, &has->n_comments, PQgetvalue(result, i, 2));
    }
    PQclear(result);
    return true;
}

/* Is there a role, and what may it? A relation that is not there may be read by nobody. */
static const char sql_reader[] = "SELECT r.oid IS NOT NULL,"
                                 "       coalesce(has_schema_privilege(r.oid, "
                                 "to_regnamespace(quote_ident($2)), 'USAGE'), false),"
                                 "       coalesce(has_table_privilege(r.oid, "
                                 "to_regclass(quote_ident($2) || '.' || quote_ident($3)),"
                                 "                'SELECT'), false),"
                                 "       coalesce(has_table_privilege(r.oid, "
                                 "to_regclass(quote_ident($2) || '.' || quote_ident($4)),"
                                 "                'SELECT'), false)"
                                 "  FROM (SELECT 1) one LEFT JOIN pg_roles r ON r.rolname = $1";

static bool read_readers(PGconn *conn, const struct shape *want, struct shape *shape,
                         struct err *err)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    shape->readers = mem_zero(want->n_readers + 1, sizeof *shape->readers);
    for (unsigned i = 0; i < want->n_readers; i++) {
        const char *params[] = {want->readers[i].role, want->view_schema, want->view, all};
        PGresult *result = conn_query(conn, sql_reader, 4, params, err);
        if (!result)
            return false;
        shape->readers[shape->n_readers++] = (struct shape_reader){
            mem_string(want->readers[i].role), cells_truth(result, 0, 0), cells_truth(result, 0, 1),
            cells_truth(result, 0, 2), cells_truth(result, 0, 3)};
        PQclear(result);
    }
    return true;
}

/* May it come to dropping a view, or to refusing that it loses a column? Only then does it matter
 * what else a view has, and who is built on it. */
static bool needs_care(const struct shape *shape, const struct shape *want)
{
    for (unsigned i = 0; i < shape->n_columns; i++) {
        const struct shape_column *wanted = shape_column(want, shape->columns[i].name);
        if (wanted && strcmp(wanted->type, shape->columns[i].type) != 0)
            return true;
    }
    for (unsigned i = 0; i < shape->n_view_columns; i++) {
        const struct shape_column *live = shape_column(shape, shape->view_columns[i]);
        if (!shape_names_have(want->view_columns, want->n_view_columns, shape->view_columns[i]) ||
            (live && strcmp(live->type, shape->view_has.types[i]) != 0))
            return true;
    }
    for (unsigned i = 0; i < shape->n_view_all_columns; i++) {
        const char *name = shape->view_all_columns[i];
        const struct shape_column *live = shape_column(shape, name);
        if (!shape_names_have(want->view_all_columns, want->n_view_all_columns, name) ||
            (live && strcmp(live->type, shape->view_all_has.types[i]) != 0))
            return true;
    }
    return false;
}

struct shape *catalog_read(PGconn *conn, const struct shape *want, struct err *err)
{
    char all[SHAPE_NAME_MAX + 1];
    struct shape *shape = mem_zero(1, sizeof *shape);
    shape->schema = mem_string(want->schema);
    shape->table = mem_string(want->table);
    shape->view_schema = mem_string(want->view_schema);
    shape->view = mem_string(want->view);
    shape->comment = mem_string("");
    shape->key_constraint = mem_string("");
    shape_view_all(want->view, all);
    if (read_schemas(conn, shape, err) && read_table(conn, shape, err) &&
        read_view(conn, want->view_schema, want->view, &shape->view_exists, &shape->view_columns,
                  &shape->n_view_columns, &shape->view_has, err) &&
        read_view(conn, want->view_schema, all, &shape->view_all_exists, &shape->view_all_columns,
                  &shape->n_view_all_columns, &shape->view_all_has, err) &&
        read_readers(conn, want, shape, err) &&
        (!needs_care(shape, want) || catalog_read_care(conn, want, shape, err)))
        return shape;
    shape_free(shape);
    return NULL;
}
