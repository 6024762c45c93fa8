/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/identity.h"

#include "postgres/cells.h"
#include "postgres/streams.h"

#include <string.h>

/* A halt whose hint begins like this is ended by adopt (migrations/0006). */
#define ADOPT_HINT "pactolus adopt --dry-run, then --execute, if this is the right one"

/* Where this database lies and in which history: two columns. Only of a server that takes writes.
 */
#define PLACE                                                                                      \
    "(SELECT h.system_identifier FROM pactolus.here() h),"                                         \
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8"

static void take_database(const PGresult *result, int id, int place, struct database *database)
{
    cells_copy(result, 0, id, database->id, sizeof database->id);
    cells_copy(result, 0, place, database->system, sizeof database->system);
    database->timeline = cells_number(result, 0, place + 1);
}

bool identity_read(PGconn *conn, const char *group, const char *cluster_id,
                   struct identity *identity, struct err *err)
{
    const char *params[] = {group, cluster_id};
    PGresult *result =
        conn_query(conn,
                   "SELECT database_id, known, moved, was, is_now, cluster_id, " PLACE
                   "  FROM pactolus.identify($1, $2)",
                   2, params, err);
    identity_free(identity);
    if (!result)
        return false;
    bool found = PQntuples(result) == 1;
    if (found) {
        take_database(result, 0, 6, &identity->database);
        buf_puts(&identity->known, PQgetvalue(result, 0, 1));
        identity->moved = cells_truth(result, 0, 2);
        cells_copy(result, 0, 3, identity->was, sizeof identity->was);
        cells_copy(result, 0, 4, identity->is_now, sizeof identity->is_now);
        cells_copy(result, 0, 5, identity->cluster_id, sizeof identity->cluster_id);
    }
    PQclear(result);
    return found || err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "pactolus.identity has no row");
}

void identity_free(struct identity *identity)
{
    buf_free(&identity->known);
    *identity = (struct identity){0};
}

bool identity_judge(const struct identity *identity, const char *cluster_id, struct err *err)
{
    if (identity->moved) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "this database is a copy: written as %s, it is now %s", identity->was,
                identity->is_now);
        return err_hint(err, ADOPT_HINT "; else look at database.conninfo");
    }
    if (strcmp(identity->cluster_id, cluster_id) == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the group's positions are of Kafka cluster %s, the brokers are of %s",
            identity->cluster_id, cluster_id);
    return err_hint(err, ADOPT_HINT "; else look at kafka.bootstrap_servers");
}

bool identity_knows(const struct identity *identity, const char *database_id)
{
    return *database_id && identity->known.data && strstr(identity->known.data, database_id);
}

bool identity_cut_off(const struct identity *identity, const struct database *other)
{
    return *other->system && other->timeline > 0 &&
           strcmp(other->system, identity->database.system) == 0 &&
           other->timeline < identity->database.timeline;
}

bool identity_foreign(const struct identity *identity, const char *database_id, struct err *err)
{
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the group's offsets in Kafka were committed from database %s, this is %s", database_id,
            identity->database.id);
    return err_hint(err, ADOPT_HINT "; else another database works under this group's name");
}

bool identity_branch(PGconn *conn, struct database *database, const char *group, const char *why,
                     struct err *err)
{
    char who[ACTOR_TEXT];
    streams_actor(conn, who);
    const char *params[] = {database->id, group, why, who};
    PGresult *result =
        conn_query(conn, "SELECT pactolus.branch($1::uuid, $2, $3, $4), " PLACE, 4, params, err);
    if (!result)
        return false;
    take_database(result, 0, 1, database);
    PQclear(result);
    return true;
}

bool identity_adopt(PGconn *conn, const char *group, const char *cluster_id,
                    const char *const *over, unsigned n, const char *why,
                    void (*each)(const char *kind, const char *what), struct err *err)
{
    char who[ACTOR_TEXT];
    struct buf ids = BUF_INIT;
    streams_actor(conn, who);
    conn_text_array(&ids, over, n);
    const char *params[] = {group, cluster_id, ids.data, why, who};
    PGresult *result = conn_query(
        conn, "SELECT kind, what FROM pactolus.adopt($1, $2, $3::text[]::uuid[], $4, $5)", 5,
        params, err);
    buf_free(&ids);
    for (int i = 0; result && i < PQntuples(result); i++)
        each(PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
    PQclear(result);
    return result != NULL;
}
