/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/notify.h"

#include "base/log.h"
#include "base/text.h"
#include "engine/membership.h"
#include "engine/progress.h"
#include "engine/relay.h"
#include "postgres/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usec_t status_interval = 2 * USEC_PER_SEC;
/* Counting open letters rests so many times as long as it took: the ledger may be large. */
enum { REST_FACTOR = 20 };
/* So often within WATCHDOG_USEC: one ping may come late. */
enum { PINGS = 3 };
/* No single question takes as long: what waits for a server gives up after answer_timeout, and
 * opening a connection after connect_timeout per host. */
static const usec_t least_patience = 600 * USEC_PER_SEC;
enum { ANSWERS = 4 };

struct count {
    struct task task; /* first */
    struct engine *engine;
    int64_t open;
    usec_t took;
};

void notify_ready(void)
{
    loop_notify("READY=1");
}

void notify_stopping(const struct engine *engine)
{
    /* The drain, leaving the group and closing (engine/membership, engine_close), and some slack.
     */
    usec_t most = engine->config->drain_timeout + 20 * USEC_PER_SEC;
    loop_notify("STOPPING=1\nSTATUS=stopping: batches on their way end first\n"
                "EXTEND_TIMEOUT_USEC=%lld",
                (long long)most);
}

void notify_reloading(usec_t now)
{
    /* Type=notify-reload takes no answer without the time for one to this signal. */
    loop_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now);
}

void notify_reloaded(void)
{
    loop_notify("READY=1");
}

/* ---- alive ---- */

/* What has a thread of its own and has taken longer over one thing than it can, or NULL. The
 * isolator's one thing is many statements, each of which has its timeout. */
static const char *overdue(const struct engine *engine, usec_t now)
{
    usec_t patience = ANSWERS * engine->config->answer_timeout;
    if (patience < least_patience)
        patience = least_patience;
    if (service_busy(engine->service, now) > patience)
        return "a question to a server";
    if (pool_busy(engine->pool, now) > patience)
        return "the opening of a connection";
    if (relay_busy(engine->relay, now) > patience)
        return "relaying dead letters";
    return NULL;
}

static usec_t ping(struct engine *engine, usec_t now)
{
    struct notifying *notifying = &engine->notifying;
    usec_t within = loop_watchdog(engine->loop);
    if (within == 0)
        return USEC_NEVER;
    if (now < notifying->ping_at)
        return notifying->ping_at;
    const char *late = overdue(engine, now);
    if (!late)
        loop_notify("WATCHDOG=1");
    else if (!notifying->late)
        log_error("%s has not ended for too long; systemd is no longer told that all is well",
                  late);
    notifying->late = late != NULL;
    notifying->ping_at = now + within / PINGS;
    return notifying->ping_at;
}

/* ---- how it stands ---- */

static int64_t behind(const struct engine *engine)
{
    int64_t sum = 0;
    for (const struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next) {
        int64_t high = consumer_high(engine->consumer, cursor->topic, cursor->partition);
        if (high > cursor->next_offset)
            sum += high - cursor->next_offset;
    }
    return sum;
}

const char *notify_status(const struct engine *engine, int64_t open_letters, char out[NOTIFY_TEXT])
{
    char lag[32], open[32];
    unsigned partitions = progress_partitions(engine), still = 0;
    for (unsigned i = 0; i < engine->n_live; i++)
        still += engine_halted(&engine->live[i]);
    int used = snprintf(out, NOTIFY_TEXT, "%u partition%s, %s records behind", partitions,
                        partitions == 1 ? "" : "s", text_thousands(behind(engine), lag));
    if (open_letters >= 0)
        used += snprintf(out + used, NOTIFY_TEXT - (size_t)used, ", %s dead letter%s open",
                         text_thousands(open_letters, open), open_letters == 1 ? "" : "s");
    if (still)
        snprintf(out + used, NOTIFY_TEXT - (size_t)used, ", %u of %u streams stand still", still,
                 engine->n_live);
    return out;
}

static bool count_open(struct task *task, struct service_sessions *sessions)
{
    struct count *count = (struct count *)task;
    usec_t began = clock_monotonic();
    bool done =
        ledger_open_count(sessions->conn, count->engine->config->group, &count->open, &task->err);
    count->took = clock_monotonic() - began;
    return done;
}

static void counted(struct task *task, usec_t now)
{
    struct count *count = (struct count *)task;
    struct notifying *notifying = &count->engine->notifying;
    usec_t rest = count->took * REST_FACTOR;
    notifying->asked = false;
    notifying->count_at = now + (rest > status_interval ? rest : status_interval);
    /* Not counted: the database is away, and what was counted last says nothing of now. */
    notifying->known = task->ok;
    notifying->open = count->open;
    free(count);
}

static void ask(struct engine *engine)
{
    struct count *count = mem_zero(1, sizeof(*count));
    count->task = (struct task){.work = count_open, .done = counted};
    count->engine = engine;
    engine->notifying.asked = true;
    service_submit(engine->service, &count->task);
}

static usec_t tell_status(struct engine *engine, usec_t now)
{
    struct notifying *notifying = &engine->notifying;
    char text[NOTIFY_TEXT];
    /* The last word is that it stops. */
    if (!loop_notified(engine->loop) || engine->stops > 0)
        return USEC_NEVER;
    if (now < notifying->status_at)
        return notifying->status_at;
    if (!notifying->asked && now >= notifying->count_at)
        ask(engine);
    notify_status(engine, notifying->known ? notifying->open : -1, text);
    if (strcmp(text, notifying->told) != 0)
        loop_notify("STATUS=%s", text);
    memcpy(notifying->told, text, sizeof text);
    notifying->status_at = now + status_interval;
    return notifying->status_at;
}

usec_t notify_turn(struct engine *engine, usec_t now)
{
    usec_t at = ping(engine, now), status = tell_status(engine, now);
    return at < status ? at : status;
}
