/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/dependents.h"

#include "postgres/cells.h"

#include <string.h>

/* A view depends on a relation through its rule, and on itself through the same. */
#define SQL_READERS                                                                                \
    "WITH RECURSIVE own AS (SELECT c.oid FROM unnest($1::text[], $2::text[]) AS w(schema, name)"   \
    "    JOIN pg_namespace n ON n.nspname = w.schema"                                              \
    "    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name),"                       \
    " reader AS (SELECT oid FROM own UNION"                                                        \
    "    SELECT r.ev_class FROM reader JOIN pg_depend d ON d.refobjid = reader.oid"                \
    "      AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass"         \
    "    JOIN pg_rewrite r ON r.oid = d.objid)"

static const char sql_views[] =
    SQL_READERS " SELECT n.nspname || '.' || c.relname, pg_get_userbyid(c.relowner),"
                "        c.relkind = 'm'"
                "  FROM reader JOIN pg_class c USING (oid) JOIN pg_namespace n"
                "    ON n.oid = c.relnamespace"
                " WHERE c.oid NOT IN (SELECT oid FROM own) ORDER BY 1";

static const char sql_grants[] =
    SQL_READERS " SELECT n.nspname || '.' || c.relname,"
                "        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END,"
                "        string_agg(DISTINCT g.privilege_type, ', ' ORDER BY g.privilege_type)"
                "  FROM reader JOIN pg_class c USING (oid) JOIN pg_namespace n"
                "    ON n.oid = c.relnamespace, aclexplode(c.relacl) g"
                " WHERE g.grantee <> c.relowner GROUP BY 1, 2 ORDER BY 1, 2";

static PGresult *ask(PGconn *conn, const char *sql, const char *const *schemas,
                     const char *const *names, unsigned n, struct err *err)
{
    struct buf lists[2] = {BUF_INIT, BUF_INIT};
    conn_text_array(&lists[0], schemas, n);
    conn_text_array(&lists[1], names, n);
    const char *params[] = {lists[0].data, lists[1].data};
    PGresult *result = conn_query(conn, sql, 2, params, err);
    buf_free(&lists[0]);
    buf_free(&lists[1]);
    return result;
}

bool dependents_read(PGconn *conn, const char *const *schemas, const char *const *names, unsigned n,
                     struct arena *arena, struct dependents *dependents, struct err *err)
{
    PGresult *views = ask(conn, sql_views, schemas, names, n, err);
    PGresult *grants = views ? ask(conn, sql_grants, schemas, names, n, err) : NULL;
    bool good = views && grants;
    *dependents = (struct dependents){0};
    if (good) {
        dependents->n_views = (unsigned)PQntuples(views);
        dependents->views =
            arena_alloc(arena, (dependents->n_views + 1) * sizeof *dependents->views);
        for (int i = 0; i < PQntuples(views); i++)
            dependents->views[i] =
                (struct dependents_view){cells_text(views, i, 0, arena),
                                         cells_text(views, i, 1, arena), cells_truth(views, i, 2)};
        dependents->n_grants = (unsigned)PQntuples(grants);
        dependents->grants =
            arena_alloc(arena, (dependents->n_grants + 1) * sizeof *dependents->grants);
        for (int i = 0; i < PQntuples(grants); i++)
            dependents->grants[i] = (struct dependents_grant){cells_text(grants, i, 0, arena),
                                                              cells_text(grants, i, 1, arena),
                                                              cells_text(grants, i, 2, arena)};
    }
    PQclear(views);
    PQclear(grants);
    return good;
}
