/* SPDX-License-Identifier: Apache-2.0 */
/* After a failure whose outcome is not known: read the cursors, and let them decide. */
#include "engine/engine.h"
#include "engine/lane.h"
#include "postgres/claim.h"

#include <stdlib.h>
#include <string.h>

struct settling {
    struct task task; /* first */
    struct lane *lane;
    struct cursor_position *positions;
    int64_t *fences; /* as the cursors had them when this was asked */
    unsigned n;
};

static bool read_positions(struct task *task, struct service_sessions *sessions)
{
    struct settling *settling = (struct settling *)task;
    return cursor_positions(sessions->conn, settling->positions, settling->n, &task->err);
}

static const struct cursor_position *position_of(const struct settling *settling, int64_t id)
{
    for (unsigned i = 0; i < settling->n; i++)
        if (settling->positions[i].cursor_id == id)
            return &settling->positions[i];
    return NULL;
}

enum verdict_of_batch { BATCH_COMMITTED, BATCH_PENDING, BATCH_BROKEN };

/* What the cursors say of one batch: all of its moves happened, none did, or the batch can neither
 * be confirmed nor sent again (another owner, a rewind, a cursor that left). */
static enum verdict_of_batch judge(const struct settling *settling, const struct batch *batch)
{
    unsigned done = 0, pending = 0;
    for (unsigned i = 0; i < batch->n_moves; i++) {
        const struct move *move = &batch->moves[i];
        const struct cursor_position *at = position_of(settling, move->cursor_id);
        if (!move->cursor || !at || at->fence != move->fence || at->token != move->token)
            return BATCH_BROKEN;
        done += at->next_offset >= move->next;
        pending += at->next_offset == move->expected;
    }
    if (done == batch->n_moves)
        return BATCH_COMMITTED;
    return pending == batch->n_moves ? BATCH_PENDING : BATCH_BROKEN;
}

/* Cursors whose fence is gone stop; the batches that hold them go. */
static void mark_fenced(const struct settling *settling, struct lane *lane, usec_t now)
{
    for (unsigned i = 0; i < lane->n_cursors; i++) {
        struct cursor *cursor = lane->cursors[i];
        if (!cursor || (cursor->state != CURSOR_RUNNING && cursor->state != CURSOR_REWINDING))
            continue;
        const struct cursor_position *at = position_of(settling, cursor->cursor_id);
        /* One that joined, or was claimed anew, since this was asked is not judged by it. */
        if (!at || settling->fences[at - settling->positions] != cursor->fence ||
            (at->fence == cursor->fence && at->token == cursor->token))
            continue;
        engine_fenced(lane->engine, cursor, at, now);
    }
}

static void settled(struct task *task, usec_t now)
{
    struct settling *settling = (struct settling *)task;
    struct lane *lane = settling->lane;
    if (task->cancelled || lane->state != LANE_SETTLING)
        goto cleanup;
    if (!task->ok) {
        lane_wait(lane, LANE_DOUBT, now);
        goto cleanup;
    }
    lane_fire(lane, LANE_SETTLED);
    enum verdict_of_batch verdict = BATCH_COMMITTED;
    while (lane->n_sealed) {
        verdict = judge(settling, lane->sealed[0]);
        if (verdict != BATCH_COMMITTED)
            break;
        lane_committed(lane, lane->sealed[0]);
    }
    mark_fenced(settling, lane, now);
    if (verdict == BATCH_BROKEN)
        lane_drop(lane, now);
cleanup:
    free(settling->positions);
    free(settling->fences);
    free(settling);
}

void lane_settle(struct lane *lane)
{
    struct settling *settling = mem_zero(1, sizeof(*settling));
    settling->task = (struct task){.work = read_positions, .done = settled};
    settling->lane = lane;
    settling->positions = mem_zero(lane->n_cursors + 1, sizeof(*settling->positions));
    settling->fences = mem_zero(lane->n_cursors + 1, sizeof(*settling->fences));
    for (unsigned i = 0; i < lane->n_cursors; i++)
        if (lane->cursors[i] && lane->cursors[i]->cursor_id) {
            settling->fences[settling->n] = lane->cursors[i]->fence;
            settling->positions[settling->n++].cursor_id = lane->cursors[i]->cursor_id;
        }
    service_submit(lane->engine->service, &settling->task);
}
