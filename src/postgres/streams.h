/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams: the rows of pactolus.streams: which streams a group has, and their wished state, which
 * binds every daemon and survives restarts. Blocks: verbs and worker threads only. Borrows
 * everything for the call. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_STREAMS_H
#define PACTOLUS_POSTGRES_STREAMS_H

#include "contract/fingerprint.h"
#include "contract/layout.h"
#include "postgres/conn.h"

enum stream_state { STREAM_RUNNING = 0, STREAM_PAUSED, STREAM_HALTED };
const char *stream_state_name(enum stream_state state);

/* Make or update the row of a stream (migrate), and keep its contracts with the bytes of their
 * descriptor set in pactolus.contracts. */
bool streams_upsert(PGconn *conn, const char *group, const char *name, const struct layout *layout,
                    struct span descriptors, struct err *err) MUST_CHECK;

/* What the row keeps of all contracts of a layout together; another one at start means that migrate
 * has not run for this contract. */
void streams_fingerprint(const struct layout *layout, char out[FINGERPRINT_LENGTH + 1]);

struct stream_row {
    unsigned stream_id; /* 0: no such row (migrate has not run for it) */
    enum stream_state state;
    char reason[256], hint[256];
    char fingerprint[65];
};
bool streams_find(PGconn *conn, const char *group, const char *name, struct stream_row *row,
                  struct err *err) MUST_CHECK;

/* `who` NULL: the session's database role and the process's OS user. */
bool streams_set_state(PGconn *conn, unsigned stream_id, enum stream_state state,
                       const char *reason, const char *hint, const char *who,
                       struct err *err) MUST_CHECK;

#endif
