/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claiming: the service task that claims a stream's cursors: which topics these are, whether this
 * is the right database for them, start offsets resolved with the broker where there is no cursor
 * yet, account rows opened.
 */
#ifndef PACTOLUS_ENGINE_CLAIMING_H
#define PACTOLUS_ENGINE_CLAIMING_H

#include "engine/engine.h"
#include "kafka/admin.h"
#include "postgres/identity.h"

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
    struct topic_identity *topics; /* of the list's entries, which borrow the ids */
    unsigned n_topics;
    int64_t *accounts;                  /* per lane of the stream; 0 = to be opened */
    struct database database; /* that it was claimed in */
    bool alone;                         /* of a rebuild: no group was told anything */
    bool outdated;                      /* the table was rebuilt for another contract */
    bool stopped;                       /* the stream is halted or paused: nothing was claimed */
};

/* Takes over `list` (allocated). `done` runs in the engine's thread and calls claiming_free. */
struct claiming *claiming_start(struct membership *membership, struct engine *engine,
                                struct live_stream *live, const atomic_ulong *sequence,
                                struct claimed *list, unsigned n,
                                void (*done)(struct task *task, usec_t now));
void claiming_free(struct claiming *claiming);

#endif
