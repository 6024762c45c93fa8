/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ledger_room.h"

#include "base/text.h"
#include "engine/progress.h"
#include "postgres/ledger.h"

#include <stdlib.h>

static const usec_t look_interval = 2 * USEC_PER_SEC;
enum { REST_FACTOR = 20 }; /* rests so many times as long as the adding up took */

struct look {
    struct task task; /* first */
    struct engine *engine;
    int64_t *bytes; /* by live stream; 0 = it cannot be past its room */
    usec_t took;
};

static int64_t room_of(const struct engine *engine, unsigned i)
{
    return engine->live[i].stream->config->ledger_bytes;
}

static bool add_up(struct task *task, struct service_sessions *sessions)
{
    struct look *look = (struct look *)task;
    struct engine *engine = look->engine;
    usec_t began = clock_monotonic();
    int64_t whole;
    if (!ledger_size(sessions->conn, &whole, &task->err))
        return false;
    for (unsigned i = 0; i < engine->n_live; i++)
        if (whole > room_of(engine, i) &&
            !ledger_open_bytes(sessions->conn, engine->live[i].stream_id, &look->bytes[i],
                               &task->err))
            return false;
    look->took = clock_monotonic() - began;
    return true;
}

static void halt(struct engine *engine, struct live_stream *live, int64_t bytes, usec_t now)
{
    struct err err;
    char have[32], room[32];
    const char *name = live->stream->config->name;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA,
            "open dead letters hold %s bytes of the ledger, ledger.bytes allows %s",
            text_thousands(bytes, have), text_thousands(live->stream->config->ledger_bytes, room));
    err_place(&err, "pactolus.dead_letters");
    err_hint(&err,
             "see why in pactolus.dead_letters; discard letters or raise streams.%s.ledger.bytes, "
             "then: pactolus resume %s",
             name, name);
    engine_halt(engine, live, &err, now);
}

static void looked(struct task *task, usec_t now)
{
    struct look *look = (struct look *)task;
    struct engine *engine = look->engine;
    struct ledger_room *room = &engine->ledger_room;
    usec_t rest = look->took * REST_FACTOR;
    room->asked = false;
    room->look_at = now + (rest > look_interval ? rest : look_interval);
    if (!task->ok)
        room->letters = UINT64_MAX; /* not seen: looked at again */
    for (unsigned i = 0; task->ok && !task->cancelled && i < engine->n_live; i++)
        if (look->bytes[i] > room_of(engine, i))
            halt(engine, &engine->live[i], look->bytes[i], now);
    free(look->bytes);
    free(look);
}

usec_t ledger_room_turn(struct engine *engine, usec_t now)
{
    struct ledger_room *room = &engine->ledger_room;
    if (room->asked)
        return USEC_NEVER;
    if (now < room->look_at)
        return room->look_at;
    uint64_t letters = progress_totals(engine).dead_letters;
    room->look_at = now + look_interval;
    if (letters == room->letters)
        return room->look_at;
    struct look *look = mem_zero(1, sizeof(*look));
    look->task = (struct task){.work = add_up, .done = looked};
    look->engine = engine;
    look->bytes = mem_zero(engine->n_live + 1, sizeof(*look->bytes));
    room->letters = letters;
    room->asked = true;
    service_submit(engine->service, &look->task);
    return USEC_NEVER;
}
