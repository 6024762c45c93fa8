/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rewind.h"

#include "base/log.h"
#include "engine/deaf.h"
#include "engine/lane.h"
#include "engine/origin.h"

#include <stdlib.h>
#include <string.h>

static const usec_t try_again = 1 * USEC_PER_SEC;

struct rewind {
    struct task task; /* first */
    struct membership *membership;
    unsigned long sequence;
    const char *group;
    struct database database;
    struct cursor_position *before; /* as we knew them to be committed */
    struct cursor_position *positions;
    unsigned n;
};

static bool read_positions(struct task *task, struct service_sessions *sessions)
{
    struct rewind *rewind = (struct rewind *)task;
    return cursor_positions(sessions->conn, rewind->positions, rewind->n, &task->err) &&
           origin_went_back(sessions->conn, rewind->group, &rewind->database, rewind->before,
                            rewind->positions, rewind->n, &task->err);
}

/* Once: the cursor knows it then. */
static void tell_back(struct cursor *cursor, const struct cursor_position *at)
{
    char text[CURSOR_TEXT];
    struct log_about about = cursor_about(cursor, LOG_EVENT_WENT_BACK, &at->next_offset);
    log_about(LOG_LEVEL_WARNING, &about,
              "%s: postgresql is back at %lld: what was committed since is lost, as after a "
              "failover to a standby that was behind",
              cursor_text(cursor, cursor->next_offset, text), (long long)at->next_offset);
    cursor->next_offset = at->next_offset;
}

/* Fetch from PostgreSQL's offset; the cursor counts again only when librdkafka has taken that:
 * going on from its old position would book what lies between as a gap. False when it has to be
 * tried again. */
static bool rewind_one(struct membership *membership, struct cursor *cursor,
                       const struct cursor_position *at, usec_t now)
{
    char text[CURSOR_TEXT];
    struct err err;
    struct topic_partition where = {cursor->topic, cursor->partition, at->next_offset};
    if (at->fence != cursor->fence || at->token != cursor->token) {
        membership_fenced(membership, cursor, at, now);
        return true;
    }
    if (at->next_offset < cursor->next_offset)
        tell_back(cursor, at);
    membership->engine->poll_at = 0;
    if (!consumer_rewind(membership->engine->consumer, &where, 1, &err)) {
        log_err(LOG_LEVEL_WARNING, "reading again", &err);
        return false;
    }
    intake_forget(cursor->lane->intake, cursor->topic, cursor->partition);
    intake_forward(cursor->lane->intake, membership->engine->consumer, cursor->topic,
                   cursor->partition);
    if (cursor->beyond) /* a pause would outlive the assignment */
        consumer_resume(membership->engine->consumer, &where, 1);
    else
        log_info("%s: reading again from %lld", cursor_text(cursor, cursor->read_offset, text),
                 (long long)at->next_offset);
    cursor->beyond = false;
    cursor->next_offset = cursor->read_offset = at->next_offset;
    cursor->order_ts = at->order_ts;
    cursor->at_end = false;
    cursor->assigned_at = now;
    deaf_listen(cursor, now);
    cursor_fire(cursor, CURSOR_REWOUND);
    return true;
}

static bool ready(const struct cursor *cursor)
{
    return cursor->state == CURSOR_REWINDING && cursor->lane && cursor->lane->n_sent == 0;
}

static void rewind_done(struct task *task, usec_t now)
{
    struct rewind *rewind = (struct rewind *)task;
    struct membership *membership = rewind->membership;
    bool good = task->ok && !task->cancelled;
    unsigned long held;
    membership->rewinding = false;
    membership->restless = true;
    if (!task->ok && task->err.class == ERR_HALT &&
        log_gate_open(&membership->gate, now, 30 * USEC_PER_SEC, &held))
        log_err(LOG_LEVEL_WARNING, "reading positions", &task->err);
    if (good && *rewind->database.id)
        membership->engine->database = rewind->database;
    if (good && rewind->sequence == atomic_load(&membership->sequence) &&
        membership->state == MEMBER_OWNING)
        for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
            for (unsigned i = 0; i < rewind->n; i++)
                if (rewind->positions[i].cursor_id == cursor->cursor_id && ready(cursor))
                    good &= rewind_one(membership, cursor, &rewind->positions[i], now);
    membership->rewind_at = good ? now : now + try_again;
    free(rewind->before);
    free(rewind->positions);
    free(rewind);
}

usec_t rewind_cursors(struct membership *membership, usec_t now)
{
    unsigned n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        n += ready(cursor);
    if (n == 0 || membership->rewinding)
        return USEC_NEVER;
    if (now < membership->rewind_at)
        return membership->rewind_at;
    struct rewind *rewind = mem_zero(1, sizeof(*rewind));
    rewind->task = (struct task){.work = read_positions, .done = rewind_done};
    rewind->membership = membership;
    rewind->sequence = atomic_load(&membership->sequence);
    rewind->group = membership->engine->config->group;
    rewind->database = membership->engine->database;
    rewind->before = mem_zero(n, sizeof(*rewind->before));
    rewind->positions = mem_zero(n, sizeof(*rewind->positions));
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (ready(cursor)) {
            rewind->positions[rewind->n].cursor_id = cursor->cursor_id;
            rewind->before[rewind->n++] =
                (struct cursor_position){.cursor_id = cursor->cursor_id,
                                         .next_offset = cursor->next_offset,
                                         .fence = cursor->fence,
                                         .token = cursor->token};
        }
    membership->rewinding = true;
    service_submit(membership->engine->service, &rewind->task);
    return USEC_NEVER;
}
