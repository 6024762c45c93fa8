/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: one thread for what blocks (DNS, opening connections, watermarks, admin calls), so that
 * the event loop never does. A service has a worker of its own.
 *
 * The loop submits jobs and is told through an eventfd when some are done. A job is owned by the
 * submitter before worker_submit and after worker_take; in between by the worker. Jobs run one at
 * a time in order.
 */
#ifndef PACTOLUS_BASE_WORKER_H
#define PACTOLUS_BASE_WORKER_H

#include "base/clock.h"
#include "base/err.h"

struct job {
    void (*run)(struct job *job); /* in the worker thread; must not touch the engine */
    struct job *next;             /* worker's own */
};

struct worker;

/* Starts the thread (all signals blocked in it). `name` shows in ps and gdb, at most 15 bytes.
 * NULL with err when the thread or the eventfd cannot be made. */
struct worker *worker_open(const char *name, struct err *err);
/* Readable when finished jobs wait; worker_take drains it. */
int worker_fd(const struct worker *worker);
void worker_submit(struct worker *worker, struct job *job);
/* The next finished job, or NULL when none is. */
struct job *worker_take(struct worker *worker);
/* Jobs submitted and not yet taken back. */
unsigned worker_pending(const struct worker *worker);
/* How long the running job has run; 0 = none runs. `now` is clock_monotonic's. */
usec_t worker_busy(const struct worker *worker, usec_t now);
/* Wait at most `patience` for the running job. Jobs that have not begun, or that ended and were not
 * taken, go to `drop` (which may be NULL) in the caller's thread. True if the thread ended and all
 * is freed; false if it is still stuck, in which case the worker is left as it is (the process is
 * about to end, or the caller closes again). A NULL worker is closed already. */
bool worker_close(struct worker *worker, usec_t patience, void (*drop)(struct job *));

#endif
