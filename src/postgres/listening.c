/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/listening.h"

#include "base/memory.h"
#include "postgres/claim.h"

#include <stdlib.h>
#include <string.h>

struct listening {
    PGconn *conn;
    const char *group;
};

struct listening *listening_open(const struct conn_options *options, const char *owner,
                                 const char *group, struct err *err)
{
    PGconn *conn = conn_open(options, err);
    if (!conn || !owner_register(conn, owner, group, err) ||
        !conn_exec(conn, "LISTEN pactolus", err)) {
        conn_close(conn);
        return NULL;
    }
    PQsetnonblocking(conn, 1);
    struct listening *listening = mem_zero(1, sizeof *listening);
    *listening = (struct listening){conn, group};
    return listening;
}

int listening_socket(const struct listening *listening)
{
    return PQsocket(listening->conn);
}

bool listening_take(struct listening *listening, bool *heard)
{
    PGnotify *said;
    if (!PQconsumeInput(listening->conn) || PQstatus(listening->conn) != CONNECTION_OK)
        return false;
    while ((said = PQnotifies(listening->conn))) {
        *heard |= strcmp(said->extra, listening->group) == 0;
        PQfreemem(said);
    }
    return true;
}

void listening_close(struct listening *listening)
{
    if (!listening)
        return;
    conn_close(listening->conn);
    free(listening);
}
