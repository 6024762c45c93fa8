/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/recheck.h"

#include "base/log.h"
#include "engine/lane.h"

#include <stdlib.h>
#include <string.h>

/* Others wait for the service thread: an answer that takes longer is asked for again. */
enum { BROKER_PATIENCE_MS = 2000 };

struct recheck {
    struct task task; /* first */
    struct membership *membership;
    rd_kafka_t *client;
    unsigned long sequence;
    struct topic_identity *topics;
    unsigned n_topics;
};

static bool look(struct task *task, struct service_sessions *sessions)
{
    struct recheck *recheck = (struct recheck *)task;
    (void)sessions;
    return admin_topic_ids(recheck->client, recheck->topics, recheck->n_topics, BROKER_PATIENCE_MS,
                           &task->err);
}

static bool is_of_older(const struct cursor *cursor, const struct topic_identity *identity)
{
    bool fetched = cursor->state == CURSOR_RUNNING || cursor->state == CURSOR_REWINDING ||
                   cursor->state == CURSOR_STRANDED;
    return fetched && cursor->topic_id[0] && identity->id[0] &&
           strcmp(cursor->topic, identity->topic) == 0 &&
           strcmp(cursor->topic_id, identity->id) != 0;
}

void recheck_recreated(struct membership *membership, const struct topic_identity *identity,
                       usec_t now)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (!is_of_older(cursor, identity))
            continue;
        struct log_about about = cursor_about(cursor, LOG_EVENT_RECREATED, NULL);
        log_about(LOG_LEVEL_NOTICE, &about,
                  "%s[%d]: the topic is another one of that name now; claiming its log",
                  cursor->topic, (int)cursor->partition);
        cursor_fire(cursor, CURSOR_RECREATED);
        /* What was read may be of either; a batch in flight ends as the old log's. */
        if (cursor->lane)
            lane_drop(cursor->lane, now);
        membership->restless = true;
        membership->claim_at = 0;
    }
}

static void looked(struct task *task, usec_t now)
{
    struct recheck *recheck = (struct recheck *)task;
    struct membership *membership = recheck->membership;
    membership->rechecking = false;
    membership->recheck_at = now + membership->engine->config->recheck_interval;
    membership->look_at = 0;
    if (!task->ok && !task->cancelled)
        log_debug("comparing topics: %s", task->err.text);
    if (task->ok && recheck->sequence == atomic_load(&membership->sequence) &&
        membership->state == MEMBER_OWNING)
        for (unsigned i = 0; i < recheck->n_topics; i++)
            recheck_recreated(membership, &recheck->topics[i], now);
    free(recheck->topics);
    free(recheck);
}

static bool listed(const struct recheck *recheck, const char *topic)
{
    for (unsigned i = 0; i < recheck->n_topics; i++)
        if (strcmp(recheck->topics[i].topic, topic) == 0)
            return true;
    return false;
}

static void list_topics(struct recheck *recheck)
{
    const struct membership *membership = recheck->membership;
    unsigned n = 0;
    for (unsigned i = 0; i < membership->engine->n_live; i++)
        n += membership->engine->live[i].stream->config->n_topics;
    recheck->topics = mem_zero(n + 1, sizeof(*recheck->topics));
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->topic_id[0] && !listed(recheck, cursor->topic))
            recheck->topics[recheck->n_topics++].topic = cursor->topic;
}

usec_t recheck_turn(struct membership *membership, usec_t now)
{
    if (membership->rechecking)
        return USEC_NEVER;
    if (membership->recheck_at == 0) /* what was just claimed is known */
        membership->recheck_at = now + membership->engine->config->recheck_interval;
    if (now < membership->recheck_at)
        return membership->recheck_at;
    struct recheck *recheck = mem_zero(1, sizeof(*recheck));
    *recheck = (struct recheck){.task = {.work = look, .done = looked},
                                .membership = membership,
                                .client = consumer_client(membership->engine->consumer),
                                .sequence = atomic_load(&membership->sequence)};
    list_topics(recheck);
    membership->rechecking = true;
    service_submit(membership->engine->service, &recheck->task);
    return USEC_NEVER;
}
