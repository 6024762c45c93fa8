/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuilds: tables that are filled anew beside the live one (pactolus.rebuilds), as the verb
 * `rebuild` begins, follows and ends them. Blocks: verbs only. Borrows the connection and all else
 * for the call. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_REBUILDS_H
#define PACTOLUS_POSTGRES_REBUILDS_H

#include "base/memory.h"
#include "postgres/conn.h"
#include "postgres/streams.h"
#include "table/shape.h"

#include <stdint.h>

/* Settings of a session that works at rebuilds: its statements take as long as they take; frozen in
 * the middle of a swap, it does not hold the live stream for more than ten seconds. */
bool rebuilds_session(PGconn *conn, struct err *err) MUST_CHECK;

/* A row of pactolus.rebuilds. Strings live in the arena that it was read into. */
struct rebuild {
    unsigned id; /* 0: no such rebuild */
    unsigned stream_id, shadow_id;
    const char *stream, *shadow_stream;       /* "payments", "payments/rebuild-7" */
    const char *state;                        /* filling, ready, swapped, aborted, rolled_back */
    const char *schema, *table, *shadow, *old; /* table names */
    const char *fingerprint, *stream_fingerprint; /* of the rebuild; what its stream has now */
    const char *old_fingerprint; /* its stream's before the swap, "" until then */
    const char *reason, *begun_by, *begun_at, *changed_at;
    bool seeds, seed_done, old_dropped;
    int64_t seeded;
};

/* The group's rebuilds, the newest first; with `id` or `unfinished` of that stream only those. */
bool rebuilds_read(PGconn *conn, const char *group, unsigned id, const char *unfinished_of,
                   struct arena *arena, struct rebuild **list, unsigned *n,
                   struct err *err) MUST_CHECK;

/* Be the one process that works at it, as long as the session lives. False in *mine when another
 * does. */
bool rebuilds_own(PGconn *conn, unsigned id, bool *mine, struct err *err) MUST_CHECK;

/* A log that a rebuild reads. */
struct rebuild_position {
    int64_t log;
    const char *topic;
    int32_t partition;
    bool current; /* of the newest incarnation of its topic */
    int64_t first; /* where the live stream began it */
    int64_t live; /* its next offset */
    int64_t shadow; /* the rebuild's; -1 = it has no cursor there */
};
/* Those that it reads, and current ones of the live stream that it does not yet. */
bool rebuilds_positions(PGconn *conn, unsigned id, struct arena *arena,
                        struct rebuild_position **list, unsigned *n, struct err *err) MUST_CHECK;
/* The same for a stream that has no rebuild yet. `history`: logs that are read no more, which
 * brought rows. */
bool rebuilds_logs(PGconn *conn, unsigned stream_id, struct arena *arena,
                   struct rebuild_position **list, unsigned *n, unsigned *history,
                   struct err *err) MUST_CHECK;

/* Where a rollback sends the live cursors: `live` = stands now, `first` = goes to. */
bool rebuilds_way_back(PGconn *conn, unsigned id, struct arena *arena,
                       struct rebuild_position **list, unsigned *n, struct err *err) MUST_CHECK;

/* What would not come along with the live table, as lines of text. */
bool rebuilds_hindrances(PGconn *conn, const struct shape *want, struct arena *arena,
                         const char ***lines, unsigned *n, struct err *err) MUST_CHECK;

/* A number for a rebuild to come. */
bool rebuilds_number(PGconn *conn, unsigned *id, struct err *err) MUST_CHECK;
struct rebuild_plan {
    unsigned id, stream_id;
    const struct shape *live, *shadow; /* the latter is the table to be made */
    const char *old;                   /* what the live table will be called */
    const char *const *contract_names;
    unsigned n_contracts;
    const char *fingerprint, *reason;
    bool seeds;
    const struct rebuild_position *logs; /* `shadow`: where each begins */
    unsigned n_logs;
};
/* The rows, the table with what the live one has beside its contract, and the cursors: one
 * transaction. Two for one stream are refused (halt/65). */
bool rebuilds_begin(PGconn *conn, const struct rebuild_plan *plan, struct err *err) MUST_CHECK;
/* The live table's own indexes, those that the other does not have yet; lines for what does not
 * come along. The table that fills is locked meanwhile. */
bool rebuilds_indexes(PGconn *conn, unsigned id, const struct shape *live,
                      const struct shape *shadow, struct arena *arena, const char ***left_out,
                      unsigned *n, struct err *err) MUST_CHECK;
/* More logs to read. */
bool rebuilds_more(PGconn *conn, unsigned id, const struct rebuild_position *logs, unsigned n,
                   struct err *err) MUST_CHECK;
/* After seeding: what was copied says more of the logs' times. */
bool rebuilds_seeded(PGconn *conn, const struct rebuild *rebuild, struct err *err) MUST_CHECK;
/* One of the functions of migration 0013: `SELECT pactolus.NAME(id)`, or with `text` and with who
 * does it where they are wanted. */
bool rebuilds_call(PGconn *conn, const char *function, unsigned id, const char *text, bool who,
                   struct err *err) MUST_CHECK;

/* The owners of a stream's two views, "" where there is none. */
bool rebuilds_view_owners(PGconn *conn, const struct shape *want, char owner[64],
                          char all_owner[64], struct err *err) MUST_CHECK;
/* Who holds the views or the table: "process 123 (analyst, psql) is idle in transaction for 40 s";
 * "" for nobody. */
void rebuilds_holder(PGconn *conn, const struct shape *want, char out[256]);

#endif
