/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that PostgreSQL refuses for one of its rows: applied without the bad ones, alone. */
#include "engine/engine.h"
#include "engine/lane.h"
#include "engine/measures.h"
#include "engine/outcome.h"
#include "engine/reload.h"
#include "engine/table_range.h"
#include "postgres/isolate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct isolating {
    struct task task; /* first */
    struct lane *lane;
    struct batch *batch;
    struct isolation isolation;
};

static bool work(struct task *task, struct service_sessions *sessions)
{
    struct isolating *isolating = (struct isolating *)task;
    return isolate_batch(sessions->conn, &isolating->lane->target, isolating->batch,
                         &isolating->isolation, &task->err);
}

static void tell(struct lane *lane, const struct isolating *isolating, usec_t now)
{
    const struct isolation *isolation = &isolating->isolation;
    unsigned long held;
    if (isolation->refused == 0 || !log_gate_open(&lane->gate, now, 30 * USEC_PER_SEC, &held))
        return;
    log_about(LOG_LEVEL_WARNING, &(struct log_about){.stream = lane->live->stream->config->name},
              "%s: PostgreSQL refuses %u of %u rows; they are dead letters (%u statements): "
              "%s: %s %s",
              lane->live->stream->config->name, isolation->refused, isolating->batch->n_rows,
              isolation->statements, isolation->example.place, isolation->example.text,
              isolation->example.sqlstate);
}

/* Its rows were counted as good when they were read. */
static bool is_flood(struct lane *lane, const struct isolating *isolating, usec_t now)
{
    const struct isolation *isolation = &isolating->isolation;
    if (isolation->refused == 0)
        return false;
    const struct flood_letter first = {REASON_DATABASE, isolation->first->topic,
                                       isolation->first->partition, isolation->first_offset};
    unsigned good = isolating->batch->n_rows + isolation->gave_way - isolation->refused;
    return flood_refused(&lane->live->flood, good, isolation->refused, &first, now);
}

static void committed(struct lane *lane, struct isolating *isolating, usec_t now)
{
    const struct isolation *isolation = &isolating->isolation;
    struct batch *batch = isolating->batch;
    unsigned left = batch->n_rows + isolation->gave_way - isolation->refused;
    bool flood = is_flood(lane, isolating, now);
    tell(lane, isolating, now);
    lane->counts.isolations++;
    lane->counts.refused += isolation->refused;
    lane->counts.dead_letters += isolation->refused;
    lane->live->measures.letters[REASON_DATABASE] += isolation->refused;
    lane->counts.deduplicated -= isolation->gave_way;
    lane->counts.rows += (uint64_t)isolation->written;
    lane->counts.stale += (uint64_t)(left - isolation->written);
    if (isolation->refused)
        engine_letters_written(lane->engine);
    backoff_reset(&lane->backoff);
    lane_committed(lane, batch);
    if (lane->state == LANE_ISOLATING)
        lane_fire(lane, LANE_ISOLATED);
    if (lane->doomed)
        lane_drop(lane, now);
    if (flood)
        engine_flooded(lane->engine, lane->live, isolation->example.text, now);
}

static void failed(struct lane *lane, const struct isolating *isolating, usec_t now)
{
    const struct err *err = &isolating->task.err;
    enum remedy remedy = outcome_isolated(err);
    if (lane->state != LANE_ISOLATING) /* halted meanwhile: the lane drops it */
        return;
    if (lane->doomed && remedy != REMEDY_HALT) {
        lane_fire(lane, LANE_EMPTIED);
        lane_drop(lane, now);
        return;
    }
    lane->attempts += isolating->isolation.deferred;
    measures_failure(lane->live, remedy, err);
    outcome_log(lane, remedy, err, now);
    table_range_missed(lane, err);
    reload_missed(lane, err);
    if (remedy == REMEDY_HALT)
        engine_halt(lane->engine, lane->live, err, now);
    else if (remedy == REMEDY_SETTLE)
        lane_begin(lane, LANE_DOUBT);
    else
        lane_wait(lane, LANE_REFUSED, now);
}

static void done(struct task *task, usec_t now)
{
    struct isolating *isolating = (struct isolating *)task;
    struct lane *lane = isolating->lane;
    lane->n_sent = 0;
    lane->engine->hurry = true; /* a drain or a rewind may wait for this */
    if (task->cancelled)
        ;
    else if (task->ok)
        committed(lane, isolating, now);
    else
        failed(lane, isolating, now);
    free(isolating);
}

void lane_isolate(struct lane *lane)
{
    assert(lane->n_sent == 0 && lane->n_sealed > 0);
    struct isolating *isolating = mem_zero(1, sizeof(*isolating));
    *isolating = (struct isolating){
        .task = {.work = work, .done = done},
        .lane = lane,
        .batch = lane->sealed[0],
        .isolation = {.known_bad = lane->attempts == 0,
                      .attempts = lane->attempts,
                      .most = lane->engine->config->retry_attempts},
    };
    lane->n_sent = 1;
    service_submit(lane->engine->isolator, &isolating->task);
}
