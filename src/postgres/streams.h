/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams: the rows of pactolus.streams: which streams a group has, and their wished state, which
 * binds every daemon and survives restarts. Blocks: verbs and worker threads only. Borrows
 * everything for the call. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_STREAMS_H
#define PACTOLUS_POSTGRES_STREAMS_H

#include "base/clock.h"
#include "contract/fingerprint.h"
#include "contract/layout.h"
#include "postgres/conn.h"

/* What a stream halts for (pactolus.streams.kind). */
enum halt_kind {
    HALT_DAEMON,    /* met what only a person can mend */
    HALT_FLOOD,     /* of dead letters */
    HALT_PREFLIGHT, /* not ready when a daemon started; ends when one finds it ready */
};

/* "role (os user)": who did it, for a row that others will read. */
enum { ACTOR_TEXT = 192 };
void streams_actor(const PGconn *conn, char out[ACTOR_TEXT]);

enum stream_state { STREAM_RUNNING = 0, STREAM_PAUSED, STREAM_HALTED };
const char *stream_state_name(enum stream_state state);

/* Make or update the row of a stream (migrate), keep its contracts with the bytes of their
 * descriptor set in pactolus.contracts, and since when it has them in pactolus.stream_contracts.
 * The text is the statement that does it. */
void streams_note_text(const PGconn *conn, const char *group, const char *name,
                       const struct layout *layout, struct span descriptors, struct buf *out);
bool streams_upsert(PGconn *conn, const char *group, const char *name, const struct layout *layout,
                    struct span descriptors, struct err *err) MUST_CHECK;

/* What the row keeps of all contracts of a layout together; another one at start means that migrate
 * has not run for this contract. */
void streams_fingerprint(const struct layout *layout, char out[FINGERPRINT_LENGTH + 1]);

/* Is this the fingerprint that the stream has, or one that it had before? */
bool streams_had(PGconn *conn, unsigned stream_id, const char *fingerprint, bool *had,
                 struct err *err) MUST_CHECK;

/* May a daemon with this contract claim? Not after a rebuild for another one. */
bool streams_may_claim(PGconn *conn, unsigned stream_id, const char *fingerprint, bool *may,
                       struct err *err) MUST_CHECK;

struct stream_row {
    unsigned stream_id; /* 0: no such row (migrate has not run for it) */
    enum stream_state state;
    char kind[16]; /* operator, daemon, flood, preflight; "" while it runs */
    char reason[512], hint[320];
    char changed_by[192];
    char fingerprint[65];
};
bool streams_find(PGconn *conn, const char *group, const char *name, struct stream_row *row,
                  struct err *err) MUST_CHECK;

/* Halt it, unless it is halted already: the first reason stays. `letters_for` (flood): how long ago
 * the first dead letter of the flood may have failed, in microseconds; negative = no flood. Like
 * all that follows it is signed with the session's database role and the process's OS user. */
bool streams_halt(PGconn *conn, unsigned stream_id, enum halt_kind kind, const struct err *why,
                  usec_t letters_for, struct err *err) MUST_CHECK;
/* A daemon found it ready. `ended`: a halt by an earlier preflight ended with that, whose reason is
 * in `reason` then. */
bool streams_passed(PGconn *conn, unsigned stream_id, bool *ended, char reason[512],
                    struct err *err) MUST_CHECK;
/* Before a verb writes its table, as before a claim: its group becomes the writer. False with err
 * (PA007) when another group is. */
bool streams_take_table(PGconn *conn, unsigned stream_id, struct err *err) MUST_CHECK;
/* Whether the stream has, or had, a cursor in a topic of that name. */
bool streams_read_topic(PGconn *conn, unsigned stream_id, const char *cluster_id,
                        const char *topic, bool *did, struct err *err) MUST_CHECK;
/* False in `*done` when it is halted, which a pause must not hide. */
bool streams_pause(PGconn *conn, unsigned stream_id, const char *reason, bool *done,
                   struct err *err) MUST_CHECK;
/* What a resume sends back: cursors, and the dead letters and records that are read again. */
struct resumed {
    int64_t cursors, letters, records;
};
bool streams_resume(PGconn *conn, unsigned stream_id, const char *reason, bool keep_letters,
                    struct resumed *resumed, struct err *err) MUST_CHECK;

#endif
