/* SPDX-License-Identifier: Apache-2.0 */
/*
 * purge: what deleted rows leave behind. Skeletons that were deleted long ago are removed, and
 * columns classified personal or secret are blanked in rows whose delete came before the
 * classification did. Both in batches of a few megabytes of the table, each a transaction of its
 * own: a daemon that writes meanwhile waits for one of them at most, and no snapshot is held over
 * the whole. Blocks. Borrows the connection, whose lock_timeout holds. Errors are classified by
 * postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_PURGE_H
#define PACTOLUS_POSTGRES_PURGE_H

#include "base/clock.h"
#include "contract/layout.h"
#include "postgres/conn.h"

struct purge {
    const struct layout *layout; /* no append table: nothing is deleted there */
    usec_t after;                /* 0: nothing is removed */
    bool execute;                /* else only counted */
};

struct purge_found {
    int64_t removed; /* deleted and last written before `after`; by the server's clock */
    int64_t blanked; /* of the others that are deleted */
};

/* All partitions of the table. On failure what was done until then stays done, and is counted. */
bool purge_table(PGconn *conn, const struct purge *purge, struct purge_found *found,
                 struct err *err) MUST_CHECK;

#endif
