/* SPDX-License-Identifier: Apache-2.0 */
/* What only the database or the broker knows, asked now and then by the service. */
#include "engine/measures.h"
#include "engine/membership.h"
#include "engine/metrics_internal.h"
#include "kafka/ends.h"

#include <stdlib.h>
#include <string.h>

static const usec_t look_interval = 5 * USEC_PER_SEC;
static const usec_t overdue_after = 20 * USEC_PER_SEC;
static const usec_t ends_interval = 5 * USEC_PER_SEC;
static const usec_t rest_after_failure = 30 * USEC_PER_SEC;
enum {
    REST_FACTOR = 20,        /* a question rests so many times as long as it took */
    ENDS_PATIENCE_MS = 2000, /* others wait for the service */
};

/* ---- the database ---- */

struct looking {
    struct task task; /* first */
    struct metrics *metrics;
    struct stream_gauges *gauges;
    usec_t took;
};

static bool look(struct task *task, struct service_sessions *sessions)
{
    struct looking *looking = (struct looking *)task;
    const struct engine *engine = looking->metrics->engine;
    usec_t began = clock_monotonic();
    bool good = gauges_read(sessions->conn, engine->config->group, looking->gauges,
                            engine->config->n_streams, &task->err);
    looking->took = clock_monotonic() - began;
    return good;
}

static void looked(struct task *task, usec_t now)
{
    struct looking *looking = (struct looking *)task;
    struct metrics *metrics = looking->metrics;
    usec_t rest = looking->took * REST_FACTOR;
    if (!task->cancelled) {
        metrics->looking = false;
        metrics->failed = !task->ok;
        metrics->look_at = now + (rest > look_interval ? rest : look_interval);
    }
    if (task->ok && !task->cancelled) {
        struct stream_gauges *old = metrics->gauges;
        metrics->gauges = looking->gauges;
        looking->gauges = old;
        metrics->heard = true;
        metrics->heard_at = metrics->engine->wall;
    }
    free(looking->gauges);
    free(looking);
}

static void put_look(struct metrics *metrics, usec_t now)
{
    const struct engine *engine = metrics->engine;
    struct looking *looking = mem_zero(1, sizeof(*looking));
    *looking = (struct looking){.task = {.work = look, .done = looked}, .metrics = metrics};
    looking->gauges = mem_zero(engine->config->n_streams + 1, sizeof(*looking->gauges));
    for (unsigned i = 0; i < engine->config->n_streams; i++)
        looking->gauges[i].stream = engine->config->streams[i].name;
    metrics->looking = true;
    metrics->looked_at = now;
    service_submit(engine->service, &looking->task);
}

bool metrics_database_answers(const struct metrics *metrics, usec_t now)
{
    bool overdue = metrics->looking && now - metrics->looked_at > overdue_after;
    return metrics->heard && !metrics->failed && !overdue && !pool_trouble(metrics->engine->pool);
}

/* ---- ends of logs ---- */

struct asking {
    struct task task; /* first */
    struct metrics *metrics;
    rd_kafka_t *client;
    struct log_end *ends;
    unsigned n;
};

/* Of one that is read to its end, or is being read, the client hears by itself; but not while a
 * full lane stands still, as in an outage. */
static bool is_unheard(const struct cursor *cursor)
{
    return cursor->cursor_id && !(cursor->state == CURSOR_RUNNING && cursor->at_end);
}

static bool ask(struct task *task, struct service_sessions *sessions)
{
    struct asking *asking = (struct asking *)task;
    (void)sessions;
    return ends_ask(asking->client, asking->ends, asking->n, ENDS_PATIENCE_MS, &task->err);
}

static void asked(struct task *task, usec_t now)
{
    struct asking *asking = (struct asking *)task;
    struct metrics *metrics = asking->metrics;
    if (!task->cancelled) {
        metrics->asking_ends = false;
        metrics->ends_at = now + (task->ok ? ends_interval : rest_after_failure);
        for (struct cursor *cursor = membership_cursors(metrics->engine->membership);
             task->ok && cursor; cursor = cursor->next)
            for (unsigned i = 0; i < asking->n && is_unheard(cursor); i++)
                if (asking->ends[i].topic == cursor->topic &&
                    asking->ends[i].partition == cursor->partition)
                    measures_end(cursor, asking->ends[i].end);
    }
    free(asking->ends);
    free(asking);
}

static void put_ends(struct metrics *metrics, usec_t now)
{
    struct engine *engine = metrics->engine;
    unsigned n = 0;
    for (struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next)
        n += is_unheard(cursor);
    metrics->ends_at = now + ends_interval;
    if (n == 0)
        return;
    struct asking *asking = mem_zero(1, sizeof(*asking));
    *asking = (struct asking){.task = {.work = ask, .done = asked},
                              .metrics = metrics,
                              .client = consumer_client(engine->consumer)};
    asking->ends = mem_zero(n, sizeof(*asking->ends));
    for (struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next)
        if (is_unheard(cursor))
            asking->ends[asking->n++] =
                (struct log_end){.topic = cursor->topic, .partition = cursor->partition};
    metrics->asking_ends = true;
    service_submit(engine->service, &asking->task);
}

void metrics_hear_ends(struct engine *engine)
{
    for (struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next) {
        if (cursor->state != CURSOR_RUNNING)
            continue;
        int64_t end = cursor->at_end
                          ? cursor->read_offset
                          : consumer_high(engine->consumer, cursor->topic, cursor->partition);
        if (cursor->at_end || end > cursor->known_end)
            measures_end(cursor, end);
    }
}

usec_t metrics_look(struct metrics *metrics, usec_t now)
{
    usec_t again = USEC_NEVER;
    if (metrics->engine->stops) /* whoever ends asks nothing more */
        return again;
    if (!metrics->looking && now >= metrics->look_at)
        put_look(metrics, now);
    if (!metrics->asking_ends && now >= metrics->ends_at)
        put_ends(metrics, now);
    if (!metrics->looking)
        again = metrics->look_at;
    if (!metrics->asking_ends && metrics->ends_at < again)
        again = metrics->ends_at;
    return again;
}
