/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

/* A job that notes what it saw; `gate`, if any, holds it until the test lets it go on. */
struct task {
    struct job job;
    sem_t *gate, *begun;
    unsigned *order; /* a counter that only the worker's thread touches */
    unsigned place;
    pthread_t thread;
    char name[16];
    sigset_t blocked;
    bool dropped;
};

static struct task *task_of(struct job *job)
{
    return (struct task *)job; /* its first member */
}

static void run(struct job *job)
{
    struct task *task = task_of(job);
    if (task->begun)
        sem_post(task->begun);
    if (task->gate)
        sem_wait(task->gate);
    if (task->order)
        task->place = ++*task->order;
    task->thread = pthread_self();
    pthread_getname_np(pthread_self(), task->name, sizeof task->name);
    pthread_sigmask(SIG_BLOCK, NULL, &task->blocked);
}

static void drop(struct job *job)
{
    task_of(job)->dropped = true;
}

static bool readable(const struct worker *worker, int timeout_ms)
{
    struct pollfd fd = {.fd = worker_fd(worker), .events = POLLIN};
    return poll(&fd, 1, timeout_ms) == 1;
}

static struct worker *open_worker(const char *name)
{
    struct err err = ERR_INIT;
    struct worker *worker = worker_open(name, &err);
    assert_non_null(worker);
    return worker;
}

static void jobs_run_in_order_in_a_thread_of_their_own(void **state)
{
    (void)state;
    enum { JOBS = 500 };
    static struct task tasks[JOBS];
    unsigned order = 0, taken = 0;
    struct worker *worker = open_worker("a-name-that-is-too-long");
    for (int i = 0; i < JOBS; i++) {
        tasks[i] = (struct task){.job.run = run, .order = &order};
        worker_submit(worker, &tasks[i].job);
    }
    while (taken < JOBS) {
        assert_true(readable(worker, 10000));
        for (struct job *job; (job = worker_take(worker));) {
            assert_ptr_equal(job, &tasks[taken].job);
            taken++;
            assert_int_equal(task_of(job)->place, taken);
            assert_int_equal(worker_pending(worker), JOBS - taken);
        }
    }
    assert_false(readable(worker, 0));
    assert_null(worker_take(worker));
    assert_false(pthread_equal(tasks[0].thread, pthread_self()));
    assert_string_equal(tasks[0].name, "a-name-that-is-");
    assert_true(worker_close(worker, USEC_PER_SEC, NULL));
}

static void signals_stay_with_the_loop(void **state)
{
    (void)state;
    struct task task = {.job.run = run};
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    struct worker *worker = open_worker("signals");
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    worker_submit(worker, &task.job);
    assert_true(readable(worker, 10000));
    assert_ptr_equal(worker_take(worker), &task.job);
    assert_int_equal(sigismember(&task.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&task.blocked, SIGHUP), 1);
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    assert_true(worker_close(worker, USEC_PER_SEC, NULL));
}

static void readable_while_anything_is_untaken(void **state)
{
    (void)state;
    struct task one = {.job.run = run}, two = {.job.run = run};
    sem_t begun, gate;
    sem_init(&begun, 0, 0);
    sem_init(&gate, 0, 0);
    struct task last = {.job.run = run, .begun = &begun, .gate = &gate};
    struct worker *worker = open_worker("readable");
    assert_false(readable(worker, 0));
    worker_submit(worker, &one.job);
    worker_submit(worker, &two.job);
    worker_submit(worker, &last.job);
    sem_wait(&begun); /* so both before it have ended */
    assert_true(readable(worker, 0));
    assert_ptr_equal(worker_take(worker), &one.job);
    assert_true(readable(worker, 0));
    assert_ptr_equal(worker_take(worker), &two.job);
    assert_false(readable(worker, 0));
    assert_null(worker_take(worker));
    assert_int_equal(worker_pending(worker), 1);
    sem_post(&gate);
    assert_true(readable(worker, 10000));
    assert_ptr_equal(worker_take(worker), &last.job);
    assert_true(worker_close(worker, USEC_PER_SEC, NULL));
    sem_destroy(&begun);
    sem_destroy(&gate);
}

static void close_gives_back_what_was_not_taken(void **state)
{
    (void)state;
    sem_t begun, gate;
    sem_init(&begun, 0, 0);
    sem_init(&gate, 0, 0);
    struct task ended = {.job.run = run};
    struct task running = {.job.run = run, .begun = &begun, .gate = &gate};
    struct task waiting = {.job.run = run};
    struct worker *worker = open_worker("close");
    worker_submit(worker, &ended.job);
    worker_submit(worker, &running.job);
    worker_submit(worker, &waiting.job);
    sem_wait(&begun);
    /* The running one is stuck: close gives up, and has dropped only what had not begun. */
    assert_false(worker_close(worker, 2000, drop));
    assert_true(waiting.dropped);
    assert_string_equal(waiting.name, ""); /* it never ran */
    assert_false(running.dropped);
    assert_int_equal(worker_pending(worker), 2);
    /* It comes free: the second close ends all. */
    sem_post(&gate);
    assert_true(worker_close(worker, 10 * USEC_PER_SEC, drop));
    assert_true(ended.dropped && running.dropped);
    assert_string_equal(running.name, "close");
    sem_destroy(&begun);
    sem_destroy(&gate);
}

static void an_idle_worker_closes_whatever_the_patience(void **state)
{
    (void)state;
    assert_true(worker_close(NULL, 0, NULL));
    for (int i = 0; i < 20; i++) {
        struct worker *worker = open_worker("idle");
        assert_true(worker_close(worker, USEC_NEVER, drop));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_in_order_in_a_thread_of_their_own),
        cmocka_unit_test(signals_stay_with_the_loop),
        cmocka_unit_test(readable_while_anything_is_untaken),
        cmocka_unit_test(close_gives_back_what_was_not_taken),
        cmocka_unit_test(an_idle_worker_closes_whatever_the_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
