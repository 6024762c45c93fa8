/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim: taking over cursors (docs/guarantees.md §2). Everything here blocks; worker threads only.
 *
 * A claim gives each cursor a new fence and a new random token. When the rows are locked by a
 * session that another owner recorded (a daemon frozen between its first statement and its Sync
 * escapes every server timeout), the claim ends that session through the second connection and goes
 * on.
 */
#ifndef PACTOLUS_POSTGRES_CLAIM_H
#define PACTOLUS_POSTGRES_CLAIM_H

#include "base/clock.h"
#include "postgres/conn.h"
#include "record/record.h"

#include <stdint.h>

enum { OWNER_TEXT = 37 }; /* a uuid as text with its NUL */

/* A new random uuid (version 4). */
void owner_new(char owner[OWNER_TEXT]);

/* Right after a session was opened: join the group's daemons, and record the session as the
 * owner's. With every session, since the owner may be gone: other daemons forget who holds neither
 * cursor nor session, and a standby that was promoted behind its primary may never have heard of
 * it. */
bool owner_register(PGconn *conn, const char *owner, const char *group, struct err *err) MUST_CHECK;

struct claimed {
    /* wanted */
    const char *topic;
    const char *topic_id; /* Kafka's; "" = not known. Another one than the log's: a new log */
    unsigned topic_version;
    int32_t partition;
    int64_t start; /* first offset if the cursor does not exist; -1 = it must exist */
    /* found */
    bool exists;      /* by claim_look: this partition of this topic has a cursor */
    bool topic_known; /* by claim_look: some partition of the name has, or had, one */
    bool made;        /* by claim_run: it made the cursor */
    /* by claim_look (0 when there is no cursor), then by claim_run */
    int64_t cursor_id, next_offset, fence;
    log_id log;
    int64_t token, order_ts;
    /* by engine/origin: the offset that the group was told of this log by us, and the database does
     * not know of; -1 = none */
    int64_t told;
};

/* Which of the partitions have a cursor already (fills `exists` and `topic_known`). */
bool claim_look(PGconn *conn, unsigned stream_id, const char *cluster_id, struct claimed *list,
                unsigned n, struct err *err) MUST_CHECK;
/* Claim them all, or none. `control` is a second connection, used after 300 ms of waiting and every
 * second from then to end blockers; retry/75 after `patience`. After any failure of class retry
 * `conn` may still be waiting for its answer: close it. */
bool claim_run(PGconn *conn, PGconn *control, unsigned stream_id, const char *cluster_id,
               const char *owner, struct claimed *list, unsigned n, usec_t patience,
               struct err *err) MUST_CHECK;

/* The account row of one lane. */
bool account_open(PGconn *conn, unsigned stream_id, const char *owner, unsigned lane,
                  int64_t *account_id, struct err *err) MUST_CHECK;

/* Where cursors stand now, to settle a batch whose outcome is not known. Entries whose row is gone
 * get fence 0. */
struct cursor_position {
    int64_t cursor_id;
    int64_t next_offset, fence, token, order_ts;
    char owner[OWNER_TEXT]; /* who claimed it last; "" = nobody */
};
bool cursor_positions(PGconn *conn, struct cursor_position *list, unsigned n,
                      struct err *err) MUST_CHECK;

#endif
