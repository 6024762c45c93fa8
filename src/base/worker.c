/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct queue {
    struct job *first, **last;
};

struct worker {
    pthread_t thread;
    char name[16];
    pthread_mutex_t lock; /* guards all below it but `pending` */
    pthread_cond_t wake;  /* a job came, or the end */
    pthread_cond_t gone;  /* the thread has ended */
    struct queue todo, done;
    bool closing, ended;
    int event;            /* readable exactly while `done` holds something */
    unsigned pending;     /* only the loop's thread knows it */
    _Atomic usec_t began; /* the running job; 0 = none */
};

static void queue_put(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (!queue->first)
        queue->last = &queue->first;
    *queue->last = job;
    queue->last = &job->next;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;
    if (job) {
        queue->first = job->next;
        job->next = NULL;
    }
    return job;
}

/* Both under the lock: the eventfd's counter is 1 while `done` holds something, else 0. */
static void event_raise(struct worker *worker)
{
    uint64_t one = 1;
    ssize_t written = write(worker->event, &one, sizeof one);
    assert(written == sizeof one);
}

static void event_clear(struct worker *worker)
{
    uint64_t count;
    ssize_t got = read(worker->event, &count, sizeof count);
    assert(got == sizeof count);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    pthread_setname_np(pthread_self(), worker->name);
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->closing && !worker->todo.first)
            pthread_cond_wait(&worker->wake, &worker->lock);
        if (worker->closing)
            break;
        struct job *job = queue_take(&worker->todo);
        pthread_mutex_unlock(&worker->lock);
        atomic_store(&worker->began, clock_monotonic());
        job->run(job);
        atomic_store(&worker->began, 0);
        pthread_mutex_lock(&worker->lock);
        if (!worker->done.first)
            event_raise(worker);
        queue_put(&worker->done, job);
    }
    worker->ended = true;
    pthread_cond_signal(&worker->gone);
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* Signals belong to the loop's thread, so the new one is born with all of them blocked. */
static int start_thread(struct worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void worker_free(struct worker *worker)
{
    if (worker->event >= 0)
        close(worker->event);
    pthread_cond_destroy(&worker->gone);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

struct worker *worker_open(const char *name, struct err *err)
{
    struct worker *worker = mem_zero(1, sizeof *worker);
    memcpy(worker->name, name, strnlen(name, sizeof worker->name - 1));
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    /* worker_close's patience must not depend on somebody setting the wall clock. */
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->gone, &monotonic);
    pthread_condattr_destroy(&monotonic);

    const char *what = "eventfd";
    worker->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = worker->event < 0 ? errno : 0;
    if (code == 0) {
        what = "thread";
        code = start_thread(worker);
    }
    if (code != 0) {
        worker_free(worker);
        err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "cannot make the %s of worker %s: %s", what,
                name, strerror(code));
        return NULL;
    }
    return worker;
}

int worker_fd(const struct worker *worker)
{
    return worker->event;
}

void worker_submit(struct worker *worker, struct job *job)
{
    worker->pending++;
    pthread_mutex_lock(&worker->lock);
    assert(!worker->closing);
    queue_put(&worker->todo, job);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

struct job *worker_take(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct job *job = queue_take(&worker->done);
    if (job && !worker->done.first)
        event_clear(worker);
    pthread_mutex_unlock(&worker->lock);
    if (job)
        worker->pending--;
    return job;
}

unsigned worker_pending(const struct worker *worker)
{
    return worker->pending;
}

usec_t worker_busy(const struct worker *worker, usec_t now)
{
    usec_t began = atomic_load(&worker->began);
    return began && began < now ? now - began : 0;
}

/* Ask the thread to end and wait for it. `todo` is emptied into the caller's hands. */
static bool await_end(struct worker *worker, usec_t patience, struct queue *left)
{
    usec_t now = clock_monotonic();
    usec_t deadline = patience > USEC_NEVER - now ? USEC_NEVER : now + patience;
    struct timespec until = {.tv_sec = (time_t)(deadline / USEC_PER_SEC),
                             .tv_nsec = (long)(deadline % USEC_PER_SEC) * 1000};
    pthread_mutex_lock(&worker->lock);
    worker->closing = true;
    pthread_cond_signal(&worker->wake);
    for (struct job *job; (job = queue_take(&worker->todo));)
        queue_put(left, job);
    while (!worker->ended && pthread_cond_timedwait(&worker->gone, &worker->lock, &until) == 0) {
    }
    bool ended = worker->ended;
    pthread_mutex_unlock(&worker->lock);
    return ended;
}

static void drop_all(struct worker *worker, struct queue *queue, void (*drop)(struct job *))
{
    for (struct job *job; (job = queue_take(queue));) {
        worker->pending--;
        if (drop)
            drop(job);
    }
}

bool worker_close(struct worker *worker, usec_t patience, void (*drop)(struct job *))
{
    if (!worker)
        return true;
    struct queue left = {0};
    bool ended = await_end(worker, patience, &left);
    drop_all(worker, &left, drop);
    if (!ended)
        return false;
    pthread_join(worker->thread, NULL);
    drop_all(worker, &worker->done, drop);
    worker_free(worker);
    return true;
}
