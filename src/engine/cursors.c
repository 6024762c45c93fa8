/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cursors.h"

#include "base/log.h"
#include "engine/commits.h"
#include "engine/deaf.h"
#include "engine/lane.h"
#include "engine/range.h"
#include "engine/recheck.h"
#include "engine/rewind.h"

#include <stdlib.h>
#include <string.h>

/* A partition that stays silent this long is forwarded again: unassigning clears forwarding
 * asynchronously, so a forward can be undone behind our back. Every partition says at least where
 * its end is. */
static const usec_t silence = 500 * USEC_PER_MS;
/* How long Kafka may take to tell us what the fence says already. */
static const usec_t probe_delay = 2 * USEC_PER_SEC;

/* ---- lists ---- */

void owed_clear(struct owed *owed)
{
    free(owed->list);
    *owed = (struct owed){0};
}

void owed_join(struct owed *owed, struct owed *from)
{
    owed->list = mem_grow(owed->list, owed->n + from->n + 1, sizeof(*owed->list));
    if (from->n)
        memcpy(owed->list + owed->n, from->list, from->n * sizeof(*from->list));
    owed->n += from->n;
    owed_clear(from);
}

/* The stream that reads a topic, and the topic as its configuration names it. */
static struct live_stream *stream_of(const struct engine *engine, const char *topic,
                                     const struct stream_topic **found)
{
    for (unsigned i = 0; i < engine->n_live; i++) {
        const struct stream_config *config = engine->live[i].stream->config;
        for (unsigned t = 0; t < config->n_topics; t++)
            if (strcmp(config->topics[t].name, topic) == 0) {
                *found = &config->topics[t];
                return &engine->live[i];
            }
    }
    return NULL;
}

void owed_copy(struct owed *owed, const struct membership *membership,
               const struct consumer_event *event)
{
    const struct stream_topic *topic;
    owed->list = mem_zero(event->n_partitions + 1, sizeof(*owed->list));
    for (unsigned i = 0; i < event->n_partitions; i++) {
        const struct topic_partition *from = &event->partitions[i];
        if (!stream_of(membership->engine, from->topic, &topic))
            continue;
        owed->list[owed->n++] =
            (struct topic_partition){.topic = topic->name, .partition = from->partition};
    }
}

struct cursor *cursors_find(const struct membership *membership, const char *topic,
                            int32_t partition)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->partition == partition && strcmp(cursor->topic, topic) == 0)
            return cursor;
    return NULL;
}

struct until cursors_until(const struct membership *membership)
{
    const struct until no_bound = {OFFSET_NEVER, OFFSET_NEVER};
    const struct until *bound = membership->engine->options.until;
    return bound ? *bound : no_bound;
}

void cursors_add(struct membership *membership, const struct topic_partition *at)
{
    const struct stream_topic *topic = NULL;
    struct live_stream *live = stream_of(membership->engine, at->topic, &topic);
    struct cursor *cursor = cursors_find(membership, at->topic, at->partition);
    if (!live || cursor)
        return;
    cursor = mem_zero(1, sizeof(*cursor));
    *cursor = (struct cursor){.live = live,
                              .topic = topic->name,
                              .topic_number = (unsigned)(topic - live->stream->config->topics),
                              .topic_version = topic->version,
                              .partition = at->partition,
                              .state = CURSOR_CLAIMING,
                              .kafka_offset = -1,
                              .end_offset = -1,
                              .until = cursors_until(membership),
                              .applied_ts = -1,
                              .known_end = -1,
                              .input_end = -1,
                              .next = membership->cursors};
    membership->cursors = cursor;
}

void cursors_remove(struct membership *membership, struct cursor *cursor, usec_t now)
{
    cursor_fire(cursor, CURSOR_GIVE_BACK);
    if (cursor->lane)
        lane_remove(cursor->lane, cursor, now);
    struct cursor **at = &membership->cursors;
    while (*at != cursor)
        at = &(*at)->next;
    *at = cursor->next;
    if (membership->probed == cursor)
        membership->probed = NULL;
    free(cursor);
}

/* ---- starting ---- */

static struct lane *lane_for(const struct cursor *cursor)
{
    return &cursor->live->lanes[(unsigned)cursor->partition % cursor->live->n_lanes];
}

void cursors_start(struct membership *membership, const struct owed *owed, usec_t now)
{
    struct engine *engine = membership->engine;
    struct topic_partition *list = mem_zero(owed->n + 1, sizeof(*list));
    bool cooperative = consumer_cooperative(engine->consumer);
    unsigned n = 0;
    struct err err;
    for (unsigned i = 0; i < owed->n; i++) {
        struct cursor *cursor =
            cursors_find(membership, owed->list[i].topic, owed->list[i].partition);
        /* A cooperative assign adds, and must not name what librdkafka fetches already; an eager
         * one replaces, and must not leave it out. */
        if (!cursor || (cursor->assigned ? cooperative : cursor->state != CURSOR_RUNNING))
            continue; /* not running: its stream is halted, it is not fetched */
        if (!cursor->lane)
            lane_add(lane_for(cursor), cursor);
        cursor->assigned = true;
        cursor->assigned_at = now;
        deaf_listen(cursor, now);
        list[n++] = (struct topic_partition){cursor->topic, cursor->partition, cursor->read_offset};
    }
    /* Unanswered, the group would wait for us for ever: begin anew in a new process. */
    if (!consumer_assign(engine->consumer, list, n, &err))
        engine_fail(engine, &err);
    engine->poll_at = 0;
    free(list);
}

/* ---- while owning ---- */

/* Fenced, and Kafka has not revoked it: ask the group by committing PostgreSQL's own offset. If the
 * group takes it, the partition is ours, and somebody moved the cursor (a replay does). */
static usec_t probe(struct membership *membership, struct cursor *cursor, usec_t now)
{
    if (now < cursor->probe_at)
        return cursor->probe_at;
    if (membership->committing)
        return now + silence;
    cursor->probe_at = now + probe_delay;
    if (commits_send(membership, &cursor, 1))
        membership->probed = cursor;
    return cursor->probe_at;
}

static usec_t forward_again(struct cursor *cursor, usec_t now)
{
    if (cursor->heard || cursor->state != CURSOR_RUNNING)
        return USEC_NEVER;
    if (now >= cursor->assigned_at + silence) {
        cursor->assigned_at = now;
        intake_forward(cursor->lane->intake, cursor->lane->engine->consumer, cursor->topic,
                       cursor->partition);
        cursor->lane->engine->poll_at = 0;
    }
    return cursor->assigned_at + silence;
}

static usec_t sooner(usec_t a, usec_t b)
{
    return a < b ? a : b;
}

/* Cursors that were halted when they were assigned, and run since. An eager assignment is replaced
 * as a whole. */
static void start_late(struct membership *membership, usec_t now)
{
    struct owed owed = {0};
    bool late = false, all = !consumer_cooperative(membership->engine->consumer);
    unsigned n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next, n++)
        late |= cursor->state == CURSOR_RUNNING && !cursor->assigned;
    if (!late)
        return;
    owed.list = mem_zero(n, sizeof(*owed.list));
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->assigned ? all : cursor->state == CURSOR_RUNNING)
            owed.list[owed.n++] = (struct topic_partition){cursor->topic, cursor->partition, -1};
    cursors_start(membership, &owed, now);
    owed_clear(&owed);
}

/* What came from `until` on was not taken, so it is fetched again when that was raised; what was
 * read below is committed first. True while it is not. */
static bool go_beyond(struct membership *membership, struct cursor *cursor)
{
    if (!cursor->beyond || cursor->read_offset >= cursor->until.offset ||
        cursor->state != CURSOR_RUNNING)
        return false;
    if (lane_drained(cursor))
        membership_rewind(membership, cursor, membership->now);
    return true;
}

usec_t cursors_turn(struct membership *membership, usec_t now)
{
    usec_t again = membership->commit_at;
    bool claim = false;
    start_late(membership, now);
    membership->restless = false;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->lane)
            again = sooner(again, forward_again(cursor, now));
        if (cursor->state == CURSOR_FENCED)
            again = sooner(again, probe(membership, cursor, now));
        membership->restless |= go_beyond(membership, cursor);
        claim |= cursor->state == CURSOR_CLAIMING;
        membership->restless |=
            cursor->state == CURSOR_REWINDING || cursor->state == CURSOR_STRANDED;
    }
    again = sooner(again, range_turn(membership, now));
    again = sooner(again, rewind_cursors(membership, now));
    again = sooner(again, recheck_turn(membership, now));
    again = sooner(again, deaf_turn(membership, now));
    if (claim)
        again = sooner(again, cursors_claim(membership, now));
    if (now >= membership->commit_at) {
        commits_all(membership);
        membership->commit_at = now + membership->engine->config->commit_interval;
        again = sooner(again, membership->commit_at);
    }
    return again;
}

/* ---- what others tell ---- */

void membership_fenced(struct membership *membership, struct cursor *cursor,
                       const struct cursor_position *at, usec_t now)
{
    char text[CURSOR_TEXT];
    membership->restless = true;
    if (cursor->state != CURSOR_RUNNING && cursor->state != CURSOR_REWINDING &&
        cursor->state != CURSOR_STRANDED)
        return;
    struct log_about about = cursor_about(cursor, LOG_EVENT_FENCED, &cursor->next_offset);
    cursor_fire(cursor, CURSOR_FENCE_LOST);
    if (strcmp(at->owner, membership->engine->owner) == 0) {
        log_notice("%s: the cursor was moved to %lld; claiming it again",
                   cursor_text(cursor, cursor->next_offset, text), (long long)at->next_offset);
        cursor_fire(cursor, CURSOR_RECLAIM);
        return;
    }
    log_about(LOG_LEVEL_WARNING, &about,
              "%s: another owner holds the fence; nothing more is written for it",
              cursor_text(cursor, cursor->next_offset, text));
    cursor->live->measures.fences_lost++;
    cursor->probe_at = now + probe_delay;
}

void membership_rewind(struct membership *membership, struct cursor *cursor, usec_t now)
{
    (void)now;
    if (cursor->state != CURSOR_RUNNING && cursor->state != CURSOR_STRANDED)
        return;
    cursor_fire(cursor, CURSOR_UNSURE);
    membership->restless = true;
}

void membership_until(struct membership *membership, log_id log, int64_t offset)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->log == log && offset > cursor->until.offset)
            cursor->until.offset = offset;
    membership->restless = true;
}

void membership_halt(struct membership *membership, struct live_stream *live)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->live != live)
            continue;
        cursor_fire(cursor, CURSOR_HALT);
        struct topic_partition at = {cursor->topic, cursor->partition, -1};
        if (cursor->assigned)
            consumer_pause(membership->engine->consumer, &at, 1);
    }
}

void membership_resume(struct membership *membership, struct live_stream *live, usec_t now)
{
    (void)now;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->live != live)
            continue;
        struct topic_partition at = {cursor->topic, cursor->partition, -1};
        if (cursor->assigned)
            consumer_resume(membership->engine->consumer, &at, 1);
        /* One that was being claimed all the while goes on with that. */
        if (cursor->state == CURSOR_HALTED)
            cursor_fire(cursor, CURSOR_RESUME);
    }
    membership->claim_at = 0;
    membership->restless = true;
}
