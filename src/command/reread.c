/* SPDX-License-Identifier: Apache-2.0 */
#include "command/reread.h"

#include "base/memory.h"
#include "base/worker.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct job job; /* first */
    const struct setup *setup;
    struct loaded loaded;
    struct errs errs;
    bool sound;
};

struct reread {
    struct loop *loop;
    const struct setup *setup;
    struct worker *worker;
    struct watch *watch;
    bool again; /* asked while one was under way */
};

static void read_and_judge(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    reading->sound = loaded_read(&reading->loaded, reading->setup, &reading->errs) &&
                     loaded_judge(&reading->loaded, PREFLIGHT_ALL, NULL, &reading->errs);
}

static void drop(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    loaded_free(&reading->loaded);
    errs_free(&reading->errs);
    free(reading);
}

struct reread *reread_open(struct loop *loop, const struct setup *setup, struct err *err)
{
    struct reread *reread = mem_zero(1, sizeof *reread);
    reread->loop = loop;
    reread->setup = setup;
    reread->worker = worker_open("pactolus-read", err);
    if (!reread->worker) {
        free(reread);
        return NULL;
    }
    reread->watch = loop_watch_socket(loop, worker_fd(reread->worker));
    return reread;
}

void reread_ask(struct reread *reread)
{
    if (worker_pending(reread->worker)) {
        reread->again = true;
        return;
    }
    struct reading *reading = mem_zero(1, sizeof *reading);
    reading->job.run = read_and_judge;
    reading->setup = reread->setup;
    worker_submit(reread->worker, &reading->job);
}

bool reread_pending(const struct reread *reread)
{
    return worker_pending(reread->worker) > 0;
}

/* Another group is another daemon: its offsets, its members, its ledger. */
static bool may_follow(const struct loaded *now, struct reading *reading)
{
    struct err err = ERR_INIT;
    const struct config *config = reading->loaded.config;
    if (!config || strcmp(now->config->group, config->group) == 0)
        return reading->sound;
    errs_free(&reading->errs); /* what is wrong for that group is beside the point */
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "the group is %s while the daemon runs, not %s",
            now->config->group, config->group);
    err_hint(&err, "start another daemon, or this one anew");
    errs_add(&reading->errs, &err);
    return false;
}

bool reread_take(struct reread *reread, const struct loaded *now, struct loaded *next, bool *sound)
{
    struct reading *reading;
    if (!reread->watch->readable)
        return false;
    reread->watch->readable = false;
    reading = (struct reading *)worker_take(reread->worker);
    if (!reading)
        return false;
    *sound = may_follow(now, reading);
    for (unsigned i = 0; i < reading->errs.count; i++)
        log_err(*sound ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "the configuration is not taken",
                &reading->errs.items[i]);
    if (*sound) {
        *next = reading->loaded;
        reading->loaded = (struct loaded){0};
    }
    drop(&reading->job);
    if (reread->again) {
        reread->again = false;
        reread_ask(reread);
    }
    return true;
}

bool reread_close(struct reread *reread, usec_t patience)
{
    if (!reread)
        return true;
    if (!worker_close(reread->worker, patience, drop))
        return false;
    loop_unwatch(reread->loop, reread->watch);
    free(reread);
    return true;
}
