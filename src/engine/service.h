/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service: blocking questions to PostgreSQL and Kafka that the engine asks now and then (claims,
 * settling, halts), answered in a worker thread with connections of its own, so that lanes never
 * starve them. A task that fails with class retry is tried again by whoever asked.
 */
#ifndef PACTOLUS_ENGINE_SERVICE_H
#define PACTOLUS_ENGINE_SERVICE_H

#include "base/worker.h"
#include "engine/loop.h"
#include "postgres/conn.h"

struct service;

/* Connections as a task's work sees them; opened on demand, closed when an error says so. */
struct service_sessions {
    PGconn *conn, *control;
};

struct task {
    struct job job; /* first */
    /* In the worker thread. False with task->err. */
    bool (*work)(struct task *task, struct service_sessions *sessions);
    /* In the engine's thread, with ok and err set; frees the task. */
    void (*done)(struct task *task, usec_t now);
    struct service *service;
    bool ok, cancelled;
    struct err err;
};

struct service_options {
    struct conn_options conn;
    const char *owner, *group;
    bool alone; /* its tasks use one connection: no control */
};

struct service *service_open(struct loop *loop, const struct service_options *options,
                             struct err *err);
void service_submit(struct service *service, struct task *task);
/* Hand finished tasks to their `done`. */
void service_turn(struct service *service, usec_t now);
unsigned service_pending(const struct service *service);
/* How long the running task has run; 0 = none runs. */
usec_t service_busy(const struct service *service, usec_t now);
/* Tasks not begun come back with cancelled set; waits at most `patience` for the running one. */
bool service_close(struct service *service, usec_t patience);

#endif
