/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/catalog_internal.h"

#include "base/memory.h"
#include "postgres/cells.h"
#include "postgres/dependents.h"
#include "table/ddl.h"

#include <string.h>

#define SQL_RELATION                                                                               \
    "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                   \
    " WHERE n.nspname = $1 AND c.relname = $2"

static const char sql_whole[] =
    "SELECT CASE WHEN pg_get_userbyid(relowner) = current_user THEN '' ELSE"
    "            pg_get_userbyid(relowner) END,"
    "       coalesce(obj_description(oid, 'pg_class'), '')"
    "  FROM pg_class WHERE oid = (" SQL_RELATION ")";

/* Rights on the view, then on its columns; the owner's own come with owning. */
static const char sql_grants[] =
    "SELECT CASE g.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(g.grantee) END, g.privilege_type,"
    "       a.attname, g.is_grantable"
    "  FROM (SELECT oid, relowner, relacl FROM pg_class WHERE oid = (" SQL_RELATION ")) c"
    "  CROSS JOIN LATERAL (SELECT '' AS attname, c.relacl AS acl, 0 AS place UNION ALL"
    "        SELECT attname, attacl, attnum FROM pg_attribute"
    "         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a"
    "  CROSS JOIN LATERAL aclexplode(a.acl) g"
    " WHERE g.grantee <> c.relowner ORDER BY a.place, 1, 2";

/* A new view is the asking role's, so its default privileges count. */
static const char sql_defaults[] =
    "SELECT DISTINCT CASE g.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(g.grantee) END"
    "  FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) g"
    " WHERE d.defaclobjtype = 'r' AND g.grantee <> d.defaclrole"
    "   AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    "   AND d.defaclnamespace IN (0, (SELECT oid FROM pg_namespace WHERE nspname = $1)) ORDER BY 1";

/* Beside views: rules, triggers, functions, defaults of the view's columns. */
static const char sql_others[] =
    "SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d"
    " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = (" SQL_RELATION ")"
    "   AND d.deptype IN ('n', 'a') AND d.classid <> 'pg_rewrite'::regclass"
    " UNION ALL SELECT 'rule ' || r.rulename FROM pg_rewrite r"
    " WHERE r.ev_class = (" SQL_RELATION ") AND r.rulename <> '_RETURN' ORDER BY 1";

static bool read_whole(PGconn *conn, const char *const *params, struct shape_view *has,
                       struct err *err)
{
    PGresult *result = conn_query(conn, sql_whole, 2, params, err);
    if (!result)
        return false;
    bool found = PQntuples(result) > 0;
    has->owner = found ? cells_string(result, 0, 0) : mem_string("");
    has->comment = found ? cells_string(result, 0, 1) : mem_string("");
    PQclear(result);
    return true;
}

static bool read_grants(PGconn *conn, const char *const *params, struct shape_view *has,
                        struct err *err)
{
    PGresult *result = conn_query(conn, sql_grants, 2, params, err);
    if (!result)
        return false;
    has->grants = mem_zero((size_t)PQntuples(result) + 1, sizeof *has->grants);
    for (int i = 0; i < PQntuples(result); i++)
        has->grants[has->n_grants++] = (struct shape_grant){
            .role = cells_string(result, i, 0),
            .privilege = cells_string(result, i, 1),
            .column = cells_string(result, i, 2),
            .grantable = cells_truth(result, i, 3),
        };
    PQclear(result);
    return true;
}

static bool read_print(PGconn *conn, const char *schema, const char *name, struct shape_view *has,
                       struct err *err)
{
    struct buf sql = BUF_INIT;
    ddl_view_print(&sql, schema, name);
    PGresult *result = conn_query(conn, sql.data, 0, NULL, err);
    buf_free(&sql);
    if (!result)
        return false;
    if (PQntuples(result) > 0)
        has->print = cells_string(result, 0, 0);
    PQclear(result);
    return true;
}

/* The first column of a query, appended to a list of names. */
static bool read_names(PGconn *conn, const char *sql, unsigned n, const char *const *params,
                       char ***names, unsigned *count, struct err *err)
{
    PGresult *result = conn_query(conn, sql, n, params, err);
    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        shape_names_add(names, count, PQgetvalue(result, i, 0));
    PQclear(result);
    return true;
}

/* Views built on these relations, however far, but for those of `not_in`. */
static bool read_users(PGconn *conn, const char *const *schemas, const char *const *relations,
                       unsigned n, char ***names, unsigned *count,
                       const struct shape_view *const not_in[2], struct err *err)
{
    struct arena arena;
    struct dependents dependents;
    arena_init(&arena, 4096);
    bool good = dependents_read(conn, schemas, relations, n, &arena, &dependents, err);
    for (unsigned i = 0; good && i < dependents.n_views; i++) {
        const char *name = dependents.views[i].name;
        bool known = false;
        for (unsigned k = 0; not_in && k < 2; k++)
            known |= shape_names_have(not_in[k]->users, not_in[k]->n_users, name);
        if (!known)
            shape_names_add(names, count, name);
    }
    arena_free(&arena);
    return good;
}

static bool read_view_care(PGconn *conn, const char *schema, const char *name,
                           struct shape_view *has, struct err *err)
{
    const char *params[] = {schema, name};
    has->known = true;
    /* The print first: what is changed while the rest is read makes it another one. */
    return read_print(conn, schema, name, has, err) && read_whole(conn, params, has, err) &&
           read_grants(conn, params, has, err) &&
           read_names(conn, sql_defaults, 1, params, &has->defaults, &has->n_defaults, err) &&
           read_users(conn, &schema, &name, 1, &has->users, &has->n_users, NULL, err) &&
           read_names(conn, sql_others, 2, params, &has->users, &has->n_users, err);
}

/* What keeps PostgreSQL from giving a column another type, or makes it read the table or write an
 * index anew for that, while nobody can read or write: policies, triggers on the column, generated
 * columns, publications' filters; indexes on an expression or of a part; checks but for our own. */
static const char sql_columns_users[] =
    "SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d"
    "  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
    " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = (" SQL_RELATION ")"
    "   AND a.attname = ANY ($3::text[])"
    "   AND (d.classid IN ('pg_policy'::regclass, 'pg_trigger'::regclass,"
    "                      'pg_publication_rel'::regclass)"
    "     OR EXISTS (SELECT FROM pg_attrdef e WHERE d.classid = 'pg_attrdef'::regclass"
    "                  AND e.oid = d.objid AND e.adnum <> a.attnum)"
    "     OR EXISTS (SELECT FROM pg_class g WHERE d.classid = 'pg_class'::regclass"
    "                  AND g.oid = d.objid AND g.oid = d.refobjid AND d.objsubid <> a.attnum)"
    "     OR EXISTS (SELECT FROM pg_index i WHERE d.classid = 'pg_class'::regclass"
    "                  AND i.indexrelid = d.objid"
    "                  AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))"
    "     OR EXISTS (SELECT FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass"
    "                  AND k.oid = d.objid AND k.contype = 'c'"
    "                  AND k.conname <> ALL ($4::text[]))) ORDER BY 1";

/* The columns that `want` has with another type, and the names of our own checks. */
static bool read_columns_users(PGconn *conn, const struct shape *want, struct shape *shape,
                               struct err *err)
{
    char **columns = NULL, **checks = NULL;
    unsigned n_columns = 0, n_checks = 0;
    for (unsigned i = 0; i < shape->n_columns; i++) {
        char check[SHAPE_NAME_MAX + 1];
        const char *name = shape->columns[i].name;
        const struct shape_column *wanted = shape_column(want, name);
        shape_constraint_name(shape->table, name, "required", check);
        shape_names_add(&checks, &n_checks, check);
        if (wanted && strcmp(wanted->type, shape->columns[i].type) != 0)
            shape_names_add(&columns, &n_columns, name);
    }
    struct buf lists[2] = {BUF_INIT, BUF_INIT};
    conn_text_array(&lists[0], (const char *const *)columns, n_columns);
    conn_text_array(&lists[1], (const char *const *)checks, n_checks);
    const char *params[] = {shape->schema, shape->table, lists[0].data, lists[1].data};
    bool good = read_names(conn, sql_columns_users, 4, params, &shape->users, &shape->n_users, err);
    buf_free(&lists[0]);
    buf_free(&lists[1]);
    shape_names_free(columns, n_columns);
    shape_names_free(checks, n_checks);
    return good;
}

bool catalog_read_care(PGconn *conn, const struct shape *want, struct shape *shape, struct err *err)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(shape->view, all);
    if (!read_view_care(conn, shape->view_schema, shape->view, &shape->view_has, err) ||
        !read_view_care(conn, shape->view_schema, all, &shape->view_all_has, err))
        return false;
    const char *schemas[] = {shape->schema, shape->view_schema, shape->view_schema};
    const char *names[] = {shape->table, shape->view, all};
    const struct shape_view *const views[2] = {&shape->view_has, &shape->view_all_has};
    return read_users(conn, schemas, names, 3, &shape->users, &shape->n_users, views, err) &&
           read_columns_users(conn, want, shape, err);
}
