/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/deaf.h"

#include "engine/lane.h"

#include <stdlib.h>
#include <string.h>

/* Others wait for the service thread. */
enum { BROKER_PATIENCE_MS = 2000 };

struct question {
    struct task task; /* first */
    struct membership *membership;
    rd_kafka_t *client;
    unsigned long sequence;
    char *topic;
    int32_t partition;
    int64_t cursor_id;
};

void deaf_listen(struct cursor *cursor, usec_t now)
{
    cursor->heard = false;
    cursor->silent_since = now;
    cursor->answered_at = 0;
}

/* What waits in the lane's intake may be this one's, and is not looked at while PostgreSQL is away.
 */
static bool is_silent(const struct cursor *cursor)
{
    return cursor->state == CURSOR_RUNNING && cursor->assigned && cursor->lane && !cursor->heard &&
           !cursor->draining && intake_length(cursor->lane->intake) == 0;
}

static usec_t due(const struct membership *membership, const struct cursor *cursor)
{
    usec_t timeout = membership->engine->config->silence_timeout;
    return cursor->answered_at ? cursor->answered_at + timeout / 3 : cursor->silent_since + timeout;
}

static bool ask(struct task *task, struct service_sessions *sessions)
{
    const struct question *question = (struct question *)task;
    int64_t low, high;
    (void)sessions;
    return admin_watermarks(question->client, question->topic, question->partition,
                            BROKER_PATIENCE_MS, &low, &high, &task->err);
}

static void judge(struct membership *membership, struct cursor *cursor, bool answered, usec_t now)
{
    char text[CURSOR_TEXT];
    struct err err;
    bool twice = cursor->answered_at != 0;
    cursor->answered_at = answered ? now : 0;
    if (!answered)
        cursor->silent_since = now;
    if (!answered || !twice)
        return;
    err_set(&err, ERR_RETRY, ERR_EXIT_TEMPORARY,
            "the broker answers for this partition, but the Kafka client hears nothing of it");
    err_place(&err, "%s", cursor_text(cursor, cursor->read_offset, text));
    err_hint(&err, "start again: another client hears it (a topic that was made anew can be the "
                   "cause)");
    engine_leave(membership->engine, &err, now);
}

static void asked(struct task *task, usec_t now)
{
    struct question *question = (struct question *)task;
    struct membership *membership = question->membership;
    membership->listening = false;
    membership->look_at = 0;
    if (!task->cancelled && question->sequence == atomic_load(&membership->sequence) &&
        membership->state == MEMBER_OWNING)
        for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
            if (cursor->cursor_id == question->cursor_id && is_silent(cursor))
                judge(membership, cursor, task->ok, now);
    free(question->topic);
    free(question);
}

static void put(struct membership *membership, const struct cursor *cursor)
{
    struct question *question = mem_zero(1, sizeof(*question));
    *question = (struct question){.task = {.work = ask, .done = asked},
                                  .membership = membership,
                                  .client = consumer_client(membership->engine->consumer),
                                  .sequence = atomic_load(&membership->sequence),
                                  .topic = mem_string(cursor->topic),
                                  .partition = cursor->partition,
                                  .cursor_id = cursor->cursor_id};
    membership->listening = true;
    service_submit(membership->engine->service, &question->task);
}

usec_t deaf_turn(struct membership *membership, usec_t now)
{
    usec_t again = USEC_NEVER;
    if (membership->listening)
        return again;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (!is_silent(cursor))
            continue;
        if (now >= due(membership, cursor)) {
            put(membership, cursor);
            return USEC_NEVER;
        }
        if (due(membership, cursor) < again)
            again = due(membership, cursor);
    }
    return again;
}
