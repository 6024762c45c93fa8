/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replays: cursors as a replay finds them, moves them, and watches them come back
 * (migrations/0010). Blocks: verbs and the start of the daemon only. Borrows everything for the
 * call. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_REPLAYS_H
#define PACTOLUS_POSTGRES_REPLAYS_H

#include "postgres/conn.h"
#include "record/record.h"

/* One partition of a plan. */
struct replay_step {
    /* given */
    unsigned stream_id;
    const char *stream, *topic;
    const char *topic_id; /* Kafka's; "" = not known */
    unsigned topic_version;
    int32_t partition;
    int64_t earliest, latest; /* of the log in Kafka: the first offset, and the next to be written */
    /* by replays_look */
    bool exists; /* it has a cursor; without one all that follows is -1, and pass is 0 */
    int64_t pass;
    int64_t next_offset;
    int64_t first; /* where this stream read the log first */
    /* by engine/replay */
    int64_t asked;  /* within [earliest, latest] */
    int64_t wanted; /* before it was brought within the log; -1 = it was not */
    /* by replays_points: where reading begins, at or below `asked` */
    int64_t begins;
};

/* Fills exists, pass, next_offset and first. */
bool replays_look(PGconn *conn, const char *cluster_id, struct replay_step *steps, unsigned n,
                  struct err *err) MUST_CHECK;
/* Fills begins. */
bool replays_points(PGconn *conn, const char *cluster_id, struct replay_step *steps, unsigned n,
                    struct err *err) MUST_CHECK;

struct replay_order {
    const char *group, *cluster_id;
    const char *key; /* NULL = none; a key that the group has had does nothing */
    const char *scenario, *reason;
};

/* Move the cursors, all or none. *id is the replay's, 0 when the key was known. Halt/65 when the
 * plan no longer holds. */
bool replays_execute(PGconn *conn, const struct replay_order *order,
                     const struct replay_step *steps, unsigned n, int64_t *id,
                     struct err *err) MUST_CHECK;

/* How far a replay is. */
struct replay_state {
    int64_t cursors, done, superseded, standing; /* standing: their stream is paused or halted */
    int64_t left;                                /* offsets until all have come back */
    char stands[320]; /* the first stream that stands still, and why; "" = none */
};
bool replays_state(PGconn *conn, int64_t id, struct replay_state *state, struct err *err) MUST_CHECK;

#endif
