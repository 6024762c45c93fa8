/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/states.h"

#include "base/clock.h"
#include "engine/reload.h"
#include "postgres/streams.h"

#include <stdlib.h>

static const usec_t look_interval = 2 * USEC_PER_SEC;

struct look {
    struct task task; /* first */
    struct engine *engine;
    struct stream_row *rows; /* one per live stream */
};

struct halting {
    struct task task; /* first */
    struct live_stream *live;
    enum halt_kind kind;
    usec_t letters_from;
    struct err err;
};

static bool read_states(struct task *task, struct service_sessions *sessions)
{
    struct look *look = (struct look *)task;
    struct engine *engine = look->engine;
    for (unsigned i = 0; i < engine->n_live; i++)
        if (!streams_find(sessions->conn, engine->config->group,
                          engine->live[i].stream->config->name, &look->rows[i], &task->err))
            return false;
    return true;
}

static void apply_state(struct engine *engine, struct live_stream *live,
                        const struct stream_row *row, usec_t now)
{
    if (row->state == STREAM_RUNNING) {
        if (!live->halt_unwritten)
            engine_resumed(engine, live, now);
        return;
    }
    if (engine_halted(live))
        return;
    struct err err;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA, "%s by %s (%s): %s", stream_state_name(row->state),
            row->changed_by, row->kind, row->reason);
    err_hint(&err, "%s", row->hint);
    engine_stopped(engine, live, &err, now);
}

static void looked(struct task *task, usec_t now)
{
    struct look *look = (struct look *)task;
    struct engine *engine = look->engine;
    engine->states_asked = false;
    engine->states_at = engine->states_again ? now : now + look_interval;
    engine->states_again = false;
    if (task->ok && !task->cancelled)
        for (unsigned i = 0; i < engine->n_live; i++) {
            apply_state(engine, &engine->live[i], &look->rows[i], now);
            reload_consider(engine, &engine->live[i], look->rows[i].fingerprint, now);
        }
    free(look->rows);
    free(look);
}

void states_look(struct engine *engine, usec_t now)
{
    engine->states_again = engine->states_asked;
    engine->states_at = now;
}

usec_t states_turn(struct engine *engine, usec_t now)
{
    if (engine->states_asked)
        return USEC_NEVER;
    if (now < engine->states_at)
        return engine->states_at;
    for (unsigned i = 0; i < engine->n_live; i++)
        if (engine->live[i].halt_unwritten && !engine->live[i].halt_asked)
            states_halt(engine, &engine->live[i]);
    struct look *look = mem_zero(1, sizeof(*look));
    look->task = (struct task){.work = read_states, .done = looked};
    look->engine = engine;
    look->rows = mem_zero(engine->n_live + 1, sizeof(*look->rows));
    engine->states_asked = true;
    service_submit(engine->service, &look->task);
    return USEC_NEVER;
}

/* How long ago the flood's first letter may have failed, by the server's clock: it committed after
 * it was read. What the way to the server takes makes it longer, never shorter. */
static usec_t letters_for(const struct halting *halting)
{
    const usec_t margin = 1 * USEC_PER_SEC;
    usec_t since = clock_monotonic() - halting->letters_from;
    if (halting->kind != HALT_FLOOD)
        return -1;
    return (since > 0 ? since : 0) + margin;
}

static bool write_halt(struct task *task, struct service_sessions *sessions)
{
    struct halting *halting = (struct halting *)task;
    return streams_halt(sessions->conn, halting->live->stream_id, halting->kind, &halting->err,
                        letters_for(halting), &task->err);
}

static void halt_written(struct task *task, usec_t now)
{
    struct halting *halting = (struct halting *)task;
    (void)now;
    halting->live->halt_asked = false; /* not written: asked again with the next look */
    if (task->ok)
        halting->live->halt_unwritten = false;
    free(halting);
}

void states_halt(struct engine *engine, struct live_stream *live)
{
    struct halting *halting = mem_zero(1, sizeof(*halting));
    *halting = (struct halting){.task = {.work = write_halt, .done = halt_written},
                                .live = live,
                                .kind = live->halt_kind,
                                .letters_from = live->letters_from,
                                .err = live->halt};
    live->halt_unwritten = live->halt_asked = true;
    service_submit(engine->service, &halting->task);
}
