/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: the connections that lanes borrow, so that 200 streams are not 200 backends.
 *
 * Connections are opened in a worker thread and lent first come, first served; one stream holds at
 * most all but one of them. A broken connection is closed and opened again after a backoff; if the
 * server refuses user or password then, the streams of the lanes that wait are halted. One
 * that owes an answer for longer than answer_timeout is cut: a frozen server would hold its lane
 * for ever; what became of the batch is then found out as after any lost connection.
 */
#ifndef PACTOLUS_ENGINE_POOL_H
#define PACTOLUS_ENGINE_POOL_H

#include "base/worker.h"
#include "engine/live.h"

struct pool_slot {
    struct pool *pool;
    struct writer *writer; /* NULL while down */
    struct watch *watch;
    struct lane *lane; /* who borrows it */
    bool opening;
    unsigned in_flight; /* when it was looked at last */
    usec_t heard_at;    /* when the server answered last, or got something to answer */
};

struct pool_options {
    struct conn_options conn;
    const char *owner, *group; /* the owner of each session is registered with it */
    unsigned size;
    usec_t retry_base, retry_cap;
    usec_t answer_timeout; /* a connection that is silent for so long is cut */
};

struct pool *pool_open(struct loop *loop, const struct pool_options *options, struct err *err);
/* Lend the lane a connection now or when one is free: then lane->slot is set. */
void pool_want(struct pool *pool, struct lane *lane);
/* No longer wanted. */
void pool_forget(struct pool *pool, struct lane *lane);
/* Give back; `broken` closes it. Nothing may be in flight unless it is broken. */
void pool_give(struct pool *pool, struct lane *lane, bool broken, usec_t now);
/* True when someone waits for a connection. */
bool pool_wanted(const struct pool *pool);
/* Take finished openings, lend what is free, open what is wanted. Returns when to come again. */
usec_t pool_turn(struct pool *pool, usec_t now);
/* Why no connection can be had at the moment; NULL when all is well. */
const struct err *pool_trouble(const struct pool *pool);
/* How its connections are used now. */
struct pool_use {
    unsigned lent, idle, down, waiting; /* connections; lanes that wait for one */
};
struct pool_use pool_use(const struct pool *pool);
/* How many sessions broke since it was opened. */
unsigned long pool_losses(const struct pool *pool);
/* How long the opening that is under way has taken; 0 = none is. */
usec_t pool_busy(const struct pool *pool, usec_t now);
/* Close everything; waits at most `patience` for an opening that is under way. */
bool pool_close(struct pool *pool, usec_t patience);

#endif
