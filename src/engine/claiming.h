/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claiming: the service tasks of membership: claim a stream's cursors (start offsets resolved with
 * the broker where there is none yet, account rows opened), and read where cursors stand before a
 * rewind.
 */
#ifndef PACTOLUS_ENGINE_CLAIMING_H
#define PACTOLUS_ENGINE_CLAIMING_H

#include "engine/engine.h"

#include <stdatomic.h>

struct claiming {
    struct task task; /* first */
    struct membership *membership;
    struct live_stream *live;
    unsigned long sequence;      /* of the assignment that asked */
    const atomic_ulong *current; /* of the newest one: another number makes the claim void */
    const char *cluster_id, *owner, *group;
    rd_kafka_t *client;
    struct claimed *list;
    unsigned n;
    int64_t *accounts; /* per lane of the stream; 0 = to be opened */
    bool stopped;      /* the stream is halted or paused: nothing was claimed */
};

/* Takes over `list` (allocated). `done` runs in the engine's thread and calls claiming_free. */
struct claiming *claiming_start(struct membership *membership, struct engine *engine,
                                struct live_stream *live, const atomic_ulong *sequence,
                                struct claimed *list, unsigned n,
                                void (*done)(struct task *task, usec_t now));
void claiming_free(struct claiming *claiming);

#endif
