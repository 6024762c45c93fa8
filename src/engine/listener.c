/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/listener.h"

#include "base/memory.h"
#include "postgres/listening.h"

#include <stdlib.h>

static const usec_t try_again = 5 * USEC_PER_SEC;

struct opening {
    struct job job; /* first */
    struct listener *listener;
    /* NULL: it failed; tried again without a word, the lanes have said it. */
    struct listening *session;
};

struct listener {
    struct loop *loop;
    struct service_options options;
    struct worker *worker;
    struct watch *worker_watch;
    struct listening *session; /* NULL: there is none, or it is being opened */
    struct watch *watch;
    usec_t open_at;
    bool opening;
};

/* ---- opening, in the worker ---- */

static void open_session(struct job *job)
{
    struct opening *opening = (struct opening *)job;
    const struct service_options *options = &opening->listener->options;
    struct err ignored;
    opening->session = listening_open(&options->conn, options->owner, options->group, &ignored);
}

static void drop(struct job *job)
{
    struct opening *opening = (struct opening *)job;
    listening_close(opening->session);
    free(opening);
}

static void begin_opening(struct listener *listener)
{
    struct opening *opening = mem_zero(1, sizeof *opening);
    opening->job.run = open_session;
    opening->listener = listener;
    listener->opening = true;
    worker_submit(listener->worker, &opening->job);
}

/* What was said before it listened is looked at now. */
static void take_opened(struct listener *listener, usec_t now, bool *heard)
{
    struct opening *opening = (struct opening *)worker_take(listener->worker);
    if (!opening)
        return;
    listener->opening = false;
    listener->open_at = now + try_again;
    listener->session = opening->session;
    free(opening);
    if (!listener->session)
        return;
    listener->watch = loop_watch_socket(listener->loop, listening_socket(listener->session));
    *heard = true;
}

/* ---- listening, in the loop ---- */

/* Opened again at once, but not more often than every five seconds. */
static void lose(struct listener *listener)
{
    loop_unwatch(listener->loop, listener->watch);
    listening_close(listener->session);
    listener->watch = NULL;
    listener->session = NULL;
}

static void take_notes(struct listener *listener, bool *heard)
{
    listener->watch->readable = false;
    if (!listening_take(listener->session, heard))
        lose(listener);
}

struct listener *listener_open(struct loop *loop, const struct service_options *options,
                               struct err *err)
{
    struct listener *listener = mem_zero(1, sizeof *listener);
    listener->loop = loop;
    listener->options = *options;
    listener->worker = worker_open("pactolus-hear", err);
    if (!listener->worker) {
        free(listener);
        return NULL;
    }
    listener->worker_watch = loop_watch_socket(loop, worker_fd(listener->worker));
    return listener;
}

usec_t listener_turn(struct listener *listener, usec_t now, bool *heard)
{
    *heard = false;
    if (listener->worker_watch->readable) {
        listener->worker_watch->readable = false;
        take_opened(listener, now, heard);
    }
    if (listener->session && listener->watch->readable)
        take_notes(listener, heard);
    if (listener->session || listener->opening)
        return USEC_NEVER;
    if (now < listener->open_at)
        return listener->open_at;
    begin_opening(listener);
    return USEC_NEVER;
}

bool listener_close(struct listener *listener, usec_t patience)
{
    if (!listener)
        return true;
    loop_unwatch(listener->loop, listener->worker_watch);
    if (listener->session)
        lose(listener);
    if (!worker_close(listener->worker, patience, drop))
        return false;
    free(listener);
    return true;
}
