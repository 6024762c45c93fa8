/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/log.h"
#include "engine/lane.h"
#include "engine/ledger_room.h"
#include "engine/listener.h"
#include "engine/membership.h"
#include "engine/metrics.h"
#include "engine/notify.h"
#include "engine/progress.h"
#include "engine/relay.h"
#include "engine/reload.h"
#include "engine/states.h"
#include "engine/table_range.h"
#include "engine/tally.h"

#include <string.h>

/* The consumer's control queue is also looked at this often, so that idle topics do not pass
 * max.poll.interval.ms. */
static const usec_t poll_interval = 500 * USEC_PER_MS;

static const usec_t end_interval = 10 * USEC_PER_MS;

/* ---- one turn ---- */

void engine_fail(struct engine *engine, const struct err *err)
{
    if (engine->failed)
        return;
    engine->failed = true;
    engine->err = *err;
}

void engine_leave(struct engine *engine, const struct err *err, usec_t now)
{
    if (engine->failed || engine->stops > 0)
        return;
    engine->leaving = true;
    engine->err = *err;
    engine_stop(engine, now);
}

static void stray(struct engine *engine, const struct consumer_event *event, usec_t now)
{
    /* Its forwarding was undone behind our back, and the record came the wrong way: read again. */
    for (struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next)
        if (cursor->lane && cursor->partition == event->partitions[0].partition &&
            strcmp(cursor->topic, event->partitions[0].topic) == 0)
            lane_drop(cursor->lane, now);
}

/* librdkafka reports every attempt to reconnect: a line now and then is enough. */
static void complain(struct engine *engine, const struct err *err, usec_t now)
{
    unsigned long held;
    if (!log_gate_open(&engine->kafka_gate, now, 30 * USEC_PER_SEC, &held))
        return;
    log_err(LOG_LEVEL_WARNING, "kafka", err);
    if (held)
        log_debug("kafka: %lu messages like this were held back", held);
}

static void take_event(struct engine *engine, const struct consumer_event *event, usec_t now)
{
    switch (event->kind) {
    case CONSUMER_ASSIGN:
    case CONSUMER_REVOKE:
        engine->counts.assigned += event->kind == CONSUMER_ASSIGN;
        engine->counts.revoked += event->kind == CONSUMER_REVOKE && !event->lost;
        engine->counts.lost += event->kind == CONSUMER_REVOKE && event->lost;
        membership_event(engine->membership, event, now);
        return;
    case CONSUMER_COMMITTED:
        membership_event(engine->membership, event, now);
        return;
    case CONSUMER_OUT_OF_RANGE:
        for (struct cursor *cursor = membership_cursors(engine->membership); cursor;
             cursor = cursor->next)
            if (cursor->partition == event->partitions[0].partition &&
                strcmp(cursor->topic, event->partitions[0].topic) == 0)
                engine_out_of_range(engine, cursor, now);
        return;
    case CONSUMER_STRAY:
        stray(engine, event, now);
        return;
    case CONSUMER_ERROR:
        complain(engine, &event->err, now);
        return;
    case CONSUMER_FATAL:
        engine_fail(engine, &event->err);
        return;
    case CONSUMER_NOTHING:
        return;
    }
}

/* A password that was changed in its file needs no restart. */
static void turn_secrets(struct engine *engine, usec_t now)
{
    if (now < engine->secrets_at)
        return;
    engine->secrets_at = now + 2 * USEC_PER_SEC;
    consumer_refresh(engine->consumer);
}

static void turn_consumer(struct engine *engine, usec_t now)
{
    if (!engine->consumer_watch->readable && now < engine->poll_at)
        return;
    engine->consumer_watch->readable = false;
    engine->poll_at = now + poll_interval;
    struct consumer_event event;
    do {
        consumer_poll(engine->consumer, &event);
        take_event(engine, &event, now);
    } while (event.kind != CONSUMER_NOTHING);
}

static usec_t sooner(usec_t a, usec_t b)
{
    return a < b ? a : b;
}

/* A verb wrote something for us: look. */
static usec_t hear(struct engine *engine, usec_t now)
{
    bool heard;
    usec_t again = listener_turn(engine->listener, now, &heard);
    if (heard) {
        states_look(engine, now);
        membership_look(engine->membership, now);
    }
    return again;
}

usec_t engine_step(struct engine *engine, usec_t now, usec_t wall)
{
    usec_t again;
    engine->wall = wall;
    engine->hurry = false;
    pace_turn(&engine->pace, now);
    service_turn(engine->service, now);
    service_turn(engine->isolator, now);
    turn_secrets(engine, now);
    turn_consumer(engine, now);
    usec_t listened = hear(engine, now);
    again = sooner(listened, membership_turn(engine->membership, now));
    /* An assign or a rewind may have let records into the control queue before they were forwarded:
     * they are found before a lane can take what comes behind them for what comes next. */
    turn_consumer(engine, now);
    again = sooner(engine->poll_at, again);
    again = sooner(again, pool_turn(engine->pool, now));
    for (unsigned i = 0; i < engine->n_live; i++)
        for (unsigned lane = 0; lane < engine->live[i].n_lanes; lane++)
            again = sooner(again, lane_turn(&engine->live[i].lanes[lane], now));
    reload_turn(engine, now);
    /* Lanes that asked for a connection in this turn get one without another. */
    again = sooner(again, pool_turn(engine->pool, now));
    if (!engine->options.alone)
        again = sooner(again, relay_turn(engine->relay, now));
    again = sooner(again, pace_due(&engine->pace, now));
    again = sooner(again, states_turn(engine, now));
    again = sooner(again, ledger_room_turn(engine, now));
    again = sooner(again, table_range_turn(engine, now));
    again = sooner(again, tally_turn(engine, now));
    again = sooner(again, progress_turn(engine, now));
    again = sooner(again, notify_turn(engine, now));
    again = sooner(again, metrics_turn(engine->metrics, now));
    if (engine->options.until_end && engine->stops == 0 && !reload_pending(engine) &&
        membership_at_end(engine->membership) && relay_idle(engine->relay))
        engine_stop(engine, now);
    /* That everything was read to its end is nobody's event. */
    if (engine->options.until_end)
        again = sooner(again, now + end_interval);
    return engine->hurry ? now : again;
}

void engine_stop(struct engine *engine, usec_t now)
{
    if (engine->stops++ == 0)
        membership_stop(engine->membership, now);
    else
        membership_abandon(engine->membership, now);
}

bool engine_done(const struct engine *engine)
{
    return engine->failed || tally_settled(engine);
}

/* ---- alone ---- */

void engine_assign(struct engine *engine, struct topic_partition *list, unsigned n, usec_t now)
{
    const struct consumer_event event = {
        .kind = CONSUMER_ASSIGN, .partitions = list, .n_partitions = n};
    membership_event(engine->membership, &event, now);
}

void engine_until(struct engine *engine, log_id log, int64_t offset)
{
    membership_until(engine->membership, log, offset);
    engine->hurry = true;
}

bool engine_ousted(const struct engine *engine)
{
    const struct cursor *cursor = membership_cursors(engine->membership);
    while (cursor && cursor->state != CURSOR_FENCED)
        cursor = cursor->next;
    return cursor != NULL;
}

/* ---- what lanes and membership tell ---- */

void engine_fenced(struct engine *engine, struct cursor *cursor, const struct cursor_position *at,
                   usec_t now)
{
    membership_fenced(engine->membership, cursor, at, now);
}

void engine_rewind_lane(struct engine *engine, struct lane *lane, usec_t now)
{
    engine->hurry = true;
    for (unsigned i = 0; i < lane->n_cursors; i++)
        if (lane->cursors[i])
            membership_rewind(engine->membership, lane->cursors[i], now);
}

void engine_out_of_range(struct engine *engine, struct cursor *cursor, usec_t now)
{
    (void)now;
    engine->hurry = true;
    membership_out_of_range(engine->membership, cursor);
}

void engine_letters_written(struct engine *engine)
{
    relay_kick(engine->relay);
}
