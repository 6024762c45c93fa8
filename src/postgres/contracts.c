/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/contracts.h"

#include "postgres/cells.h"

/* A contract that came back is not added again, so its age alone does not say what is in force. */
static const char sql_history[] =
    "SELECT c.fingerprint, to_char(c.added_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"
    "       c.descriptors"
    "  FROM pactolus.contracts c WHERE c.name = $1"
    " ORDER BY EXISTS (SELECT FROM pactolus.streams s WHERE s.fingerprint = c.fingerprint) DESC,"
    "          c.added_at DESC, c.fingerprint";

static struct span bytes_of(const PGresult *result, int row, int column, struct arena *arena)
{
    size_t length = 0;
    unsigned char *bytes =
        PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), &length);
    struct span span = {arena_copy(arena, bytes ? bytes : (unsigned char *)"", length), length};
    PQfreemem(bytes);
    return span;
}

bool contracts_history(PGconn *conn, const char *name, struct arena *arena,
                       struct contracts_version **versions, unsigned *count, struct err *err)
{
    PGresult *result = conn_query(conn, sql_history, 1, &name, err);
    if (!result)
        return false;
    *count = (unsigned)PQntuples(result);
    *versions = arena_alloc(arena, (*count + 1) * sizeof **versions);
    for (unsigned i = 0; i < *count; i++)
        (*versions)[i] = (struct contracts_version){
            .fingerprint = cells_text(result, (int)i, 0, arena),
            .added_at = cells_text(result, (int)i, 1, arena),
            .descriptors = bytes_of(result, (int)i, 2, arena),
        };
    PQclear(result);
    return true;
}
