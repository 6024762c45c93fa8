/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: the dead letters as the relay reads and marks them. Blocks: the relay's worker thread.
 *
 * One relay per group holds a fenced row with a heartbeat: a session advisory lock would never be
 * given up by a frozen holder. Letters are marked after the delivery report and only under the
 * holder's fence: at least once; coordinates and attempt in the headers are the dedupe id.
 */
#ifndef PACTOLUS_POSTGRES_LEDGER_H
#define PACTOLUS_POSTGRES_LEDGER_H

#include "postgres/conn.h"
#include "postgres/letter.h"

/* Take or keep the group's relay row: ours already, or free, or its heartbeat older than `stale_s`.
 * *held tells whether we have it; *fence is then ours. */
bool ledger_hold(PGconn *conn, const char *group, const char *owner, int stale_s, bool *held,
                 int64_t *fence, struct err *err) MUST_CHECK;
/* Give the row up (shutdown). */
bool ledger_release(PGconn *conn, const char *group, const char *owner, struct err *err) MUST_CHECK;

/* At most `max` unrelayed letters of the group's streams with ids above `after`, oldest first, at
 * most `max_bytes` of values (at least one letter). *list is in the arena. */
bool ledger_fetch(PGconn *conn, const char *group, int64_t after, unsigned max, size_t max_bytes,
                  struct arena *arena, struct letter **list, unsigned *n,
                  struct err *err) MUST_CHECK;
/* Mark as relayed those ids, if `fence` is still the group's. *marked = false when it is not. */
bool ledger_mark(PGconn *conn, const char *group, int64_t fence, const int64_t *ids, unsigned n,
                 bool *marked, struct err *err) MUST_CHECK;

/* Bytes on disk of the whole ledger, all groups' open and closed letters and indexes: cheap. */
bool ledger_size(PGconn *conn, int64_t *bytes, struct err *err) MUST_CHECK;
/* Bytes of one stream's open letters (keys, values, headers, as stored). Reads all its open rows,
 * but not their values. */
bool ledger_open_bytes(PGconn *conn, unsigned stream_id, int64_t *bytes,
                       struct err *err) MUST_CHECK;

/* How many letters of the group's streams are open. */
bool ledger_open_count(PGconn *conn, const char *group, int64_t *count, struct err *err) MUST_CHECK;

/* The group's open letters by stream and reason, for people; in the arena. */
struct letter_count {
    const char *stream, *reason;
    int64_t open, unrelayed;
    const char *oldest; /* first failure of the oldest, RFC 3339 */
};
bool ledger_counts(PGconn *conn, const char *group, struct arena *arena, struct letter_count **list,
                   unsigned *n, struct err *err) MUST_CHECK;

#endif
