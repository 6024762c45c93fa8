/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lane.h"

#include "engine/engine.h"
#include "engine/machines.h"
#include "engine/measures.h"
#include "engine/membership.h"
#include "engine/outcome.h"
#include "engine/reload.h"
#include "engine/table_range.h"
#include "engine/tally.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"idle",      "waiting", "busy",  "settling",
                                     "isolating", "backoff", "halted"};
static const char *const events[] = {"want",    "granted",  "sent",    "emptied",
                                     "failed",  "doubt",    "refused", "again",
                                     "settled", "isolated", "halt",    "resume"};

static const struct machine_row rows[] = {
    {LANE_IDLE, LANE_WANT, LANE_WAITING, NULL, "a batch is ready and no connection is lent"},
    {LANE_IDLE, LANE_SENT, LANE_BUSY, NULL, "a batch went out"},
    {LANE_IDLE, LANE_EMPTIED, LANE_IDLE, NULL, "nothing to do"},
    {LANE_IDLE, LANE_FAILED, LANE_BACKOFF, NULL, "the connection broke while sending"},
    {LANE_IDLE, LANE_DOUBT, LANE_SETTLING, NULL, "the connection broke with a batch half sent"},
    {LANE_IDLE, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_WAITING, LANE_GRANTED, LANE_IDLE, NULL, "the pool lent a connection"},
    {LANE_WAITING, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_BUSY, LANE_SENT, LANE_BUSY, NULL, "a second batch in flight"},
    {LANE_BUSY, LANE_EMPTIED, LANE_IDLE, NULL, "all committed"},
    {LANE_BUSY, LANE_FAILED, LANE_BACKOFF, NULL, "rolled back; the identical batch goes again"},
    {LANE_BUSY, LANE_DOUBT, LANE_SETTLING, NULL, "unknown outcome, or the fence"},
    {LANE_BUSY, LANE_REFUSED, LANE_ISOLATING, NULL, "a row is refused, or a batch is too much"},
    {LANE_BUSY, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_BACKOFF, LANE_AGAIN, LANE_IDLE, NULL, "the wait is over"},
    {LANE_BACKOFF, LANE_DOUBT, LANE_SETTLING, NULL, "the wait is over; settling is tried again"},
    {LANE_BACKOFF, LANE_REFUSED, LANE_ISOLATING, NULL, "the wait is over; a row may pass now"},
    {LANE_BACKOFF, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_SETTLING, LANE_SETTLED, LANE_IDLE, NULL, "the cursors were read"},
    {LANE_SETTLING, LANE_FAILED, LANE_BACKOFF, NULL, "PostgreSQL cannot be asked now"},
    {LANE_SETTLING, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_ISOLATING, LANE_ISOLATED, LANE_IDLE, NULL, "committed without its bad rows"},
    {LANE_ISOLATING, LANE_EMPTIED, LANE_IDLE, NULL, "rolled back, and dropped meanwhile"},
    {LANE_ISOLATING, LANE_FAILED, LANE_BACKOFF, NULL, "rolled back; tried again"},
    {LANE_ISOLATING, LANE_DOUBT, LANE_SETTLING, NULL, "unknown outcome, or the fence"},
    {LANE_ISOLATING, LANE_HALT, LANE_HALTED, NULL, "the stream halts, is paused or held"},
    {LANE_HALTED, LANE_HALT, LANE_HALTED, NULL, "known already"},
    {LANE_HALTED, LANE_SETTLED, LANE_HALTED, NULL, "the answer came too late"},
    {LANE_HALTED, LANE_FAILED, LANE_HALTED, NULL, "the answer came too late"},
    {LANE_HALTED, LANE_RESUME, LANE_IDLE, NULL, "the stream goes on"},
};

const struct machine lane_machine = {
    .name = "lane",
    .states = states,
    .events = events,
    .n_states = LANE_STATES,
    .n_events = LANE_EVENTS,
    .start = LANE_IDLE,
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(*rows),
};

void lane_fire(struct lane *lane, enum lane_event event)
{
    machine_fire(&lane_machine, &lane->state, (int)event, lane);
}

bool lane_init(struct lane *lane, struct engine *engine, struct live_stream *live, unsigned number,
               struct err *err)
{
    const struct stream_config *config = live->stream->config;
    *lane = (struct lane){.engine = engine, .live = live, .number = number, .plain_insert = true};
    lane->backoff = (struct backoff){.base = engine->config->retry_base,
                                     .cap = engine->config->retry_cap,
                                     .seed = (uint64_t)(uintptr_t)lane};
    struct batch_limits limits = {.rows = config->batch_rows, .bytes = (size_t)config->batch_bytes};
    for (unsigned i = 0; i < LANE_BATCHES; i++) {
        batch_init(&lane->batches[i], &limits);
        lane->spare[lane->n_spare++] = &lane->batches[i];
    }
    lane->filling = lane->spare[--lane->n_spare];
    lane->intake = intake_open(engine->consumer, err);
    if (!lane->intake)
        return false;
    lane->watch = loop_watch_event(engine->loop, intake_fd(lane->intake));
    return true;
}

void lane_free(struct lane *lane, usec_t now)
{
    lane_unhold(lane);
    pool_forget(lane->engine->pool, lane);
    if (lane->slot)
        pool_give(lane->engine->pool, lane, writer_in_flight(lane->slot->writer) > 0, now);
    loop_unwatch(lane->engine->loop, lane->watch);
    if (lane->intake)
        intake_close(lane->intake);
    for (unsigned i = 0; i < LANE_BATCHES; i++)
        batch_free(&lane->batches[i]);
    free(lane->cursors);
    *lane = (struct lane){0};
}

/* ---- cursors ---- */

void lane_add(struct lane *lane, struct cursor *cursor)
{
    unsigned slot = 0;
    while (slot < lane->n_cursors && lane->cursors[slot])
        slot++;
    if (slot == lane->n_cursors) {
        lane->cursors = mem_grow(lane->cursors, lane->n_cursors + 1, sizeof(*lane->cursors));
        lane->n_cursors++;
    }
    lane->cursors[slot] = cursor;
    cursor->lane = lane;
    cursor->slot = slot;
    intake_forget(lane->intake, cursor->topic, cursor->partition);
    intake_forward(lane->intake, lane->engine->consumer, cursor->topic, cursor->partition);
}

bool lane_drained(const struct cursor *cursor)
{
    return cursor->next_offset == cursor->read_offset;
}

bool lane_clean(const struct lane *lane)
{
    return lane->n_sealed == 0 && batch_empty(lane->filling) && lane->held.kind == INTAKE_EMPTY;
}

void lane_remove(struct lane *lane, struct cursor *cursor, usec_t now)
{
    if (lane->held.kind == INTAKE_RECORD && lane->last_cursor == cursor)
        lane_unhold(lane);
    lane->last_cursor = NULL;
    if (!lane_drained(cursor)) {
        cursor->next_offset = cursor->read_offset; /* it has nothing to rewind any more */
        lane_drop(lane, now);
    }
    for (unsigned i = 0; i < lane->n_sealed; i++)
        for (unsigned m = 0; m < lane->sealed[i]->n_moves; m++)
            if (lane->sealed[i]->moves[m].cursor == cursor)
                lane->sealed[i]->moves[m].cursor = NULL;
    lane->cursors[cursor->slot] = NULL;
    cursor->lane = NULL;
}

/* ---- batches ---- */

static void make_spare(struct lane *lane, struct batch *batch)
{
    batch_reset(batch);
    lane->spare[lane->n_spare++] = batch;
}

static void take_from_sealed(struct lane *lane, const struct batch *batch)
{
    unsigned i = 0;
    while (lane->sealed[i] != batch)
        i++;
    memmove(lane->sealed + i, lane->sealed + i + 1,
            (lane->n_sealed - i - 1) * sizeof(*lane->sealed));
    lane->n_sealed--;
}

void lane_committed(struct lane *lane, struct batch *batch)
{
    for (unsigned i = 0; i < batch->n_moves; i++) {
        struct cursor *cursor = batch->moves[i].cursor;
        if (!cursor)
            continue;
        cursor->next_offset = batch->moves[i].next;
        cursor->applied_ts = batch->moves[i].order_ts;
        tally_take(lane->live, cursor->topic, batch->moves[i].consumed, batch->moves[i].order_ts);
    }
    measures_batch(lane->live, batch);
    lane->counts.batches++;
    lane->counts.records += (uint64_t)batch->consumed;
    lane->counts.deduplicated += (uint64_t)batch->deduplicated;
    lane->counts.dead_letters += batch->n_letters;
    lane->counts.other_types += (uint64_t)batch->other_types;
    if (batch->n_letters)
        engine_letters_written(lane->engine);
    lane->attempts = lane->too_much = 0;
    take_from_sealed(lane, batch);
    make_spare(lane, batch);
}

void lane_drop(struct lane *lane, usec_t now)
{
    lane_unhold(lane);
    while (lane->n_sealed > lane->n_sent) {
        struct batch *batch = lane->sealed[lane->n_sent];
        take_from_sealed(lane, batch);
        make_spare(lane, batch);
    }
    batch_reset(lane->filling);
    lane->attempts = lane->too_much = 0;
    /* What is in flight must not be sent again if it fails: its cursors will be elsewhere by then.
     */
    lane->doomed = lane->n_sent > 0;
    lane->counts.rewinds++;
    engine_rewind_lane(lane->engine, lane, now);
}

/* A batch is kept in order behind those that are sealed already. */
static bool seal(struct lane *lane)
{
    bool room = lane->n_sealed < LANE_IN_FLIGHT && lane->n_spare > 0;
    bool due = lane->n_sealed == 0 || batch_full(lane->filling) || lane->held.kind == INTAKE_RECORD;
    if (!room || !due || batch_empty(lane->filling))
        return false;
    batch_seal(lane->filling);
    lane->sealed[lane->n_sealed++] = lane->filling;
    lane->filling = lane->spare[--lane->n_spare];
    return true;
}

/* ---- outcomes ---- */

static void learn_freshness(struct lane *lane, const struct write_outcome *outcome)
{
    enum { FRESH_BATCHES = 3 };
    bool fresh = outcome->met == 0;
    lane->fresh_batches = fresh ? lane->fresh_batches + 1 : 0;
    lane->plain_insert = lane->fresh_batches >= FRESH_BATCHES || (fresh && lane->plain_insert);
}

static void take_outcome(struct lane *lane, const struct write_outcome *outcome, usec_t now)
{
    measures_outcome(lane, outcome->result == WRITE_COMMITTED);
    lane->n_sent--;
    enum remedy remedy = outcome_remedy(outcome, lane->remedy != REMEDY_NONE, &lane->too_much);
    if (remedy == REMEDY_NONE) {
        lane->counts.rows += (uint64_t)outcome->written;
        lane->counts.stale += (uint64_t)(outcome->batch->n_rows - outcome->written);
        if (outcome->batch->n_rows)
            learn_freshness(lane, outcome);
        backoff_reset(&lane->backoff);
        lane_committed(lane, outcome->batch);
        return;
    }
    if (outcome->key_conflict) {
        lane->plain_insert = false;
        lane->fresh_batches = 0;
        lane->counts.conflicts++;
    }
    measures_failure(lane->live, remedy, &outcome->err);
    outcome_log(lane, remedy, &outcome->err, now);
    table_range_missed(lane, &outcome->err);
    reload_missed(lane, &outcome->err);
    if (remedy > lane->remedy) {
        lane->remedy = remedy;
        lane->failure = outcome->err;
    }
}

void lane_wait(struct lane *lane, enum lane_event then, usec_t now)
{
    lane->counts.retries++;
    lane->after_backoff = (int)then;
    lane->due = now + backoff_next(&lane->backoff);
    lane_fire(lane, LANE_FAILED);
}

void lane_begin(struct lane *lane, enum lane_event why)
{
    lane_fire(lane, why);
    if (why == LANE_DOUBT)
        lane_settle(lane);
    else
        lane_isolate(lane);
}

/* Nothing is in flight any more: do what the worst failure asks for. */
static void act(struct lane *lane, usec_t now)
{
    enum remedy remedy = lane->remedy;
    bool broken = outcome_reconnects(&lane->failure);
    /* A drain may have been waiting for this, or a rewind. */
    lane->engine->hurry |= remedy != REMEDY_NONE || !membership_steady(lane->engine->membership);
    lane->remedy = REMEDY_NONE;
    if (lane->doomed) {
        lane_drop(lane, now);
        /* The rewind reads the cursors: there is nothing to send again, and nothing to settle. */
        remedy = remedy == REMEDY_HALT ? REMEDY_HALT : REMEDY_NONE;
        pool_give(lane->engine->pool, lane, broken, now);
    }
    switch (remedy) {
    case REMEDY_NONE:
    case REMEDY_RESEND:
        lane_fire(lane, LANE_EMPTIED);
        return;
    case REMEDY_RETRY:
        pool_give(lane->engine->pool, lane, broken, now);
        lane_wait(lane, LANE_AGAIN, now);
        return;
    case REMEDY_ISOLATE:
        pool_give(lane->engine->pool, lane, broken, now);
        lane_begin(lane, LANE_REFUSED);
        return;
    case REMEDY_SETTLE:
        pool_give(lane->engine->pool, lane, broken, now);
        lane_begin(lane, LANE_DOUBT);
        return;
    case REMEDY_HALT:
        engine_halt(lane->engine, lane->live, &lane->failure, now);
    }
}

static void collect(struct lane *lane, usec_t now)
{
    struct pool_slot *slot = lane->slot;
    if (!slot || writer_in_flight(slot->writer) == 0)
        return;
    struct err err;
    bool readable = slot->watch->readable;
    slot->watch->readable = slot->watch->writable = false;
    if (writer_turn(slot->writer, readable, &err))
        loop_want_write(lane->engine->loop, slot->watch, writer_wants_write(slot->writer));
    struct write_outcome outcome;
    while (writer_outcome(slot->writer, &outcome))
        take_outcome(lane, &outcome, now);
    if (writer_in_flight(slot->writer) == 0 && lane->state == LANE_BUSY)
        act(lane, now);
}

/* ---- sending ---- */

void lane_account(struct lane *lane, int64_t account_id)
{
    const struct stream_config *config = lane->live->stream->config;
    lane->target = (struct write_target){
        .stream_id = lane->live->stream_id,
        .edition = lane->live->edition,
        .owner = lane->engine->owner,
        .lane = lane->number,
        .account_id = account_id,
        .layout = lane->live->stream->layout,
        .statements = lane->live->statements,
        .dlq_topic = config->dlq_topic ? config->dlq_topic : "",
        .hard_deletes = config->deletes == DELETES_HARD,
    };
}

static void send_one(struct lane *lane)
{
    struct err err;
    struct batch *batch = lane->sealed[lane->n_sent];
    lane->target.partitioned = lane->live->partitioned;
    lane->sent_at[lane->n_sent++] = clock_monotonic();
    lane->lease++;
    lane_fire(lane, LANE_SENT);
    /* A connection that breaks here gives the batch back as an outcome. */
    if (writer_send(lane->slot->writer, &lane->target, batch, lane->plain_insert, &err))
        loop_want_write(lane->engine->loop, lane->slot->watch,
                        writer_wants_write(lane->slot->writer));
    else
        lane->slot->watch->readable = true;
}

/* Borrow, send, give back. After a failure what is in flight ends first: act() decides then. */
static void dispatch(struct lane *lane, usec_t now)
{
    struct pool *pool = lane->engine->pool;
    if (lane->remedy != REMEDY_NONE)
        return;
    if (lane->state == LANE_IDLE && lane->slot && pool_wanted(pool) &&
        (lane->n_sealed == 0 || lane->lease >= 2))
        pool_give(pool, lane, false, now);
    if (lane->n_sealed == lane->n_sent)
        return;
    if (!lane->slot) {
        pool_want(pool, lane);
        if (lane->state == LANE_IDLE)
            lane_fire(lane, LANE_WANT);
        return;
    }
    /* Whoever waits gets the connection after what is in flight. */
    bool hold_back = lane->lease >= 2 && pool_wanted(pool);
    while (lane->n_sent < lane->n_sealed && lane->n_sent < lane->engine->in_flight && !hold_back)
        send_one(lane);
}

/* What was in flight has ended: the connection goes back, and what failed is not sent again. */
static void rest(struct lane *lane, usec_t now)
{
    if (lane->n_sent)
        return;
    if (lane->slot)
        pool_give(lane->engine->pool, lane, outcome_reconnects(&lane->failure), now);
    lane->remedy = REMEDY_NONE;
    err_clear(&lane->failure);
    if (lane->n_sealed)
        lane_drop(lane, now);
}

usec_t lane_turn(struct lane *lane, usec_t now)
{
    if (lane->watch->readable) {
        lane->watch->readable = false;
        lane->ready = true;
    }
    collect(lane, now);
    if (lane->state == LANE_WAITING && lane->slot)
        lane_fire(lane, LANE_GRANTED);
    if (lane->state == LANE_BACKOFF && now >= lane->due) {
        /* What was to be isolated may have been dropped meanwhile. */
        bool gone = lane->after_backoff == LANE_REFUSED && lane->n_sealed == 0;
        if (lane->after_backoff == LANE_AGAIN || gone)
            lane_fire(lane, LANE_AGAIN);
        else
            lane_begin(lane, (enum lane_event)lane->after_backoff);
    }
    switch (lane->state) {
    case LANE_IDLE:
    case LANE_BUSY:
    case LANE_WAITING:
        do
            lane_pull(lane, now);
        while (seal(lane) && lane->n_sealed < LANE_IN_FLIGHT);
        dispatch(lane, now);
        return USEC_NEVER;
    case LANE_BACKOFF:
        return lane->due;
    case LANE_HALTED:
        rest(lane, now);
        return USEC_NEVER;
    default:
        return USEC_NEVER;
    }
}

void lane_stop(struct lane *lane, usec_t now)
{
    lane_drop(lane, now);
    pool_forget(lane->engine->pool, lane);
    lane_fire(lane, LANE_HALT);
    rest(lane, now);
}
