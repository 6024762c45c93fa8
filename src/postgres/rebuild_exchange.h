/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_exchange: the transaction in which a rebuilt table takes the live one's place, and that
 * of the way back. Its steps are the caller's to put between what it waits for: begin, lock, and a
 * text that ends with COMMIT; whoever gives up says ROLLBACK. Blocks: verbs only. Borrows
 * everything for the call. Errors are classified by postgres/sqlstate; a lock that could not be had
 * is told by sqlstate_is_lock.
 */
#ifndef PACTOLUS_POSTGRES_REBUILD_EXCHANGE_H
#define PACTOLUS_POSTGRES_REBUILD_EXCHANGE_H

#include "postgres/rebuilds.h"
#include "table/compare.h"

/* Begin with the stream's views, against everybody, for a tenth of a second at most: whoever reads
 * them makes this give way, and nobody queues up behind it. */
bool rebuild_exchange_begin(PGconn *conn, const struct shape *want, struct err *err) MUST_CHECK;

/* Lock the live stream's cursors in the transaction that is open: batches in flight are waited for,
 * at most `patience_ms` for each lock, and those that come wait. */
bool rebuild_exchange_lock(PGconn *conn, unsigned id, int patience_ms,
                           struct err *err) MUST_CHECK;

struct rebuild_exchange {
    const struct rebuild *row;
    const struct shape *want, *have; /* the live table under its name; what it and its views are */
    const struct plan *plan;         /* what becomes of the views */
    const char *group, *stream, *dlq_topic; /* NULL = none */
    const struct layout *layout;            /* what is noted as the stream's contract */
    struct span descriptors;
};
/* The tables renamed, views pointed to them, the contract noted, dead letters moved, cursors
 * fenced; then COMMIT. The session signs it. */
void rebuild_exchange_text(const PGconn *conn, const struct rebuild_exchange *exchange,
                           struct buf *sql);
/* The same back: views and contract as they were remembered at the swap; then COMMIT. */
void rebuild_exchange_back_text(const PGconn *conn, const struct rebuild *row,
                                const struct shape *want, struct buf *sql);

#endif
