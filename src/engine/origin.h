/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin: is this the database that the group's offsets come from? With every offset that is told to
 * Kafka goes a note: the database's id, the log, the fence, and timeline and system of the server. A
 * claim compares it with what
 * PostgreSQL knows:
 *
 *   another database    halt, until `pactolus adopt`: a copy beside the original, or the wrong one.
 *                       Unless a promotion has cut it off: then ours is behind it, as below
 *   a later claim or    the database is behind: a restored backup, or a standby that lagged when it
 *   offset than ours    was promoted. Reading again is harmless, since every record has its place; so
 *                       go on, say so, and give the database a new id: should the other history go
 *                       on as well, its daemons find the new id and halt
 *
 * Nothing else is ever taken from the group's offsets.
 */
#ifndef PACTOLUS_ENGINE_ORIGIN_H
#define PACTOLUS_ENGINE_ORIGIN_H

#include "engine/claiming.h"

struct origin {
    struct database database;
    log_id log;
    int64_t fence;
};

void origin_write(const struct origin *origin, char note[COMMIT_NOTE]);
/* False for what is no note of ours. */
bool origin_parse(const char *note, struct origin *origin);

/* In the worker, after claim_look: halts, or sets `told` of what is behind, and the claiming's
 * database. */
bool origin_check(struct claiming *claiming, PGconn *conn, struct err *err) MUST_CHECK;

/* What was seen to be committed is gone, though nobody else has claimed the cursor: whoever moves
 * one back on purpose gives it a new fence. */
bool origin_is_back(const struct cursor_position *before, const struct cursor_position *now);
/* In the worker, for a daemon that runs while the database falls back: the same as above. Gives the
 * database a new id if a cursor is back. `database`: the one that the cursors were claimed in; then
 * the new one, or with the id "" when none is back. */
bool origin_went_back(PGconn *conn, const char *group, struct database *database,
                      const struct cursor_position *before, const struct cursor_position *now,
                      unsigned n, struct err *err) MUST_CHECK;

#endif
