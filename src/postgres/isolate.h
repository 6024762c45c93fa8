/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolate: one bad record costs one dead letter, never its batch.
 *
 * A batch that PostgreSQL refused for one of its rows is applied again, alone, in one explicit
 * transaction: the fence, then the rows by bisection under a savepoint, then account and dead
 * letters. A part that is refused is halved; a row that is refused alone becomes a dead letter, and
 * the row that it had folded takes its place. That costs about 2·k·log2(n) row statements for k bad
 * rows among n, one round trip each. Rows keep their order, and offsets move as in any batch.
 *
 * The same halving serves a statement that again and again takes longer, or more memory, than the
 * server allows (SQLSTATE_HALVES).
 *
 * Blocks: worker threads only. Borrows everything for the call.
 */
#ifndef PACTOLUS_POSTGRES_ISOLATE_H
#define PACTOLUS_POSTGRES_ISOLATE_H

#include "postgres/writer.h"

struct isolation {
    /* in */
    bool known_bad;    /* the whole batch was refused a moment ago: begin with its halves */
    unsigned attempts; /* times that it was tried before */
    unsigned most;     /* attempts after which a row that could pass is a dead letter */
    /* out */
    unsigned refused;    /* rows that became dead letters */
    unsigned gave_way;   /* of these, how many were replaced by a row that they had folded */
    unsigned statements; /* row statements sent */
    int64_t written;     /* rows written */
    bool deferred;       /* failed for a row that could pass: counts as an attempt */
    struct err example;  /* the last refusal */
    const struct kept_record *first; /* the first refused record; borrowed from the batch */
    int64_t first_offset;
};

/* Apply the sealed batch without its bad rows. True when it committed. False with err: retry (a
 * lock, the fence, a row that could pass: rolled back), retry without a SQLSTATE (the connection
 * broke, perhaps in the COMMIT: read the cursors), halt (contract, table, or one row alone is too
 * much for the server). The session is as before, or broken. */
bool isolate_batch(PGconn *conn, const struct write_target *target, const struct batch *batch,
                   struct isolation *isolation, struct err *err) MUST_CHECK;

#endif
