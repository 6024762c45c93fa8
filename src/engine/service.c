/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/service.h"

#include "base/memory.h"
#include "postgres/claim.h"

#include <stdlib.h>

struct service {
    struct loop *loop;
    struct service_options options;
    struct worker *worker;
    struct watch *watch;
    struct service_sessions sessions; /* the worker thread's while a task runs */
};

/* The new session says whose it is before it does anything else. */
static PGconn *connect(const struct service_options *options, struct err *err)
{
    PGconn *conn = conn_open(&options->conn, err);
    if (conn && !owner_register(conn, options->owner, options->group, err)) {
        conn_close(conn);
        conn = NULL;
    }
    return conn;
}

static void disconnect(struct service_sessions *sessions)
{
    conn_close(sessions->conn);
    conn_close(sessions->control);
    *sessions = (struct service_sessions){0};
}

static bool ensure(struct service *service, struct err *err)
{
    struct service_sessions *sessions = &service->sessions;
    if (sessions->conn && conn_lost(sessions->conn))
        disconnect(sessions);
    if (!sessions->conn)
        sessions->conn = connect(&service->options, err);
    if (service->options.alone)
        return sessions->conn != NULL;
    if (sessions->conn && !sessions->control)
        sessions->control = connect(&service->options, err);
    return sessions->conn && sessions->control;
}

static void run(struct job *job)
{
    struct task *task = (struct task *)job;
    struct service *service = task->service;
    task->ok = ensure(service, &task->err) && task->work(task, &service->sessions);
    /* A session that met trouble may be on a server that is no longer the primary: start afresh. */
    if (!task->ok && task->err.class == ERR_RETRY)
        disconnect(&service->sessions);
}

struct service *service_open(struct loop *loop, const struct service_options *options,
                             struct err *err)
{
    struct service *service = mem_zero(1, sizeof(*service));
    service->loop = loop;
    service->options = *options;
    service->worker = worker_open("pactolus-ask", err);
    if (!service->worker) {
        free(service);
        return NULL;
    }
    service->watch = loop_watch_socket(loop, worker_fd(service->worker));
    return service;
}

void service_submit(struct service *service, struct task *task)
{
    task->job.run = run;
    task->service = service;
    worker_submit(service->worker, &task->job);
}

void service_turn(struct service *service, usec_t now)
{
    if (!service->watch->readable)
        return;
    service->watch->readable = false;
    struct task *task;
    while ((task = (struct task *)worker_take(service->worker)))
        task->done(task, now);
}

unsigned service_pending(const struct service *service)
{
    return worker_pending(service->worker);
}

usec_t service_busy(const struct service *service, usec_t now)
{
    return worker_busy(service->worker, now);
}

static void cancel(struct job *job)
{
    struct task *task = (struct task *)job;
    task->cancelled = true;
    task->ok = false;
    task->done(task, 0);
}

bool service_close(struct service *service, usec_t patience)
{
    if (!service)
        return true;
    loop_unwatch(service->loop, service->watch);
    if (!worker_close(service->worker, patience, cancel))
        return false;
    disconnect(&service->sessions);
    free(service);
    return true;
}
