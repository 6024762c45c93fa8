/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/roles.h"

#include "postgres/cells.h"
#include "postgres/conn.h"

const char *roles_text(void)
{
    return "SELECT pactolus.make_roles();\nSELECT pactolus.grant_roles();\n";
}

bool roles_apply(PGconn *conn, struct buf *missing, int64_t *granted, struct err *err)
{
    PGresult *made = conn_query(conn, "SELECT pactolus.make_roles()", 0, NULL, err);
    if (!made)
        return false;
    for (int i = 0; i < PQntuples(made); i++)
        buf_printf(missing, "%s\n", PQgetvalue(made, i, 0));
    PQclear(made);
    return cells_only_number(conn_query(conn, "SELECT pactolus.grant_roles()", 0, NULL, err),
                             granted);
}
