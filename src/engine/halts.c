/* SPDX-License-Identifier: Apache-2.0 */
/* halts: streams that stand still, and how they go on. What engine.h says of halts, pauses and
 * holds. */
#include "base/log.h"
#include "engine/engine.h"
#include "engine/lane.h"
#include "engine/membership.h"
#include "engine/states.h"

#include <stdio.h>
#include <string.h>

static void stop_stream(struct engine *engine, struct live_stream *live, const struct err *err,
                        usec_t now)
{
    live->stopped = true;
    live->reload.holds = false; /* a halt that comes meanwhile stays */
    live->halt = *err;
    membership_halt(engine->membership, live);
    for (unsigned lane = 0; lane < live->n_lanes; lane++)
        lane_stop(&live->lanes[lane], now);
}

void engine_stopped(struct engine *engine, struct live_stream *live, const struct err *err,
                    usec_t now)
{
    struct err kept = *err;
    if (engine_halted(live))
        return;
    log_err_about(
        LOG_LEVEL_NOTICE,
        &(struct log_about){.event = LOG_EVENT_HALTED, .stream = live->stream->config->name},
        live->stream->config->name, &kept);
    stop_stream(engine, live, &kept, now);
}

bool engine_halted(const struct live_stream *live)
{
    return live->stopped && !live->reload.holds;
}

void engine_hold(struct engine *engine, struct live_stream *live, usec_t now)
{
    const struct err nothing = ERR_INIT;
    stop_stream(engine, live, &nothing, now);
    live->reload.holds = true;
}

static void go_on(struct engine *engine, struct live_stream *live, usec_t now)
{
    live->stopped = live->reload.holds = false;
    for (unsigned lane = 0; lane < live->n_lanes; lane++)
        lane_fire(&live->lanes[lane], LANE_RESUME);
    membership_resume(engine->membership, live, now);
    engine->hurry = true;
}

void engine_release(struct engine *engine, struct live_stream *live, usec_t now)
{
    if (live->reload.holds)
        go_on(engine, live, now);
}

/* What only `adopt` ends says so first (engine/origin, postgres/identity). */
static enum log_event event_of(enum halt_kind kind, const struct err *err)
{
    if (kind == HALT_FLOOD)
        return LOG_EVENT_FLOODED;
    return strncmp(err->hint, "pactolus adopt", 14) == 0 ? LOG_EVENT_UNKNOWN : LOG_EVENT_HALTED;
}

/* One line, and the same words in pactolus.streams: what is wrong, and the way out. */
static void halt(struct engine *engine, struct live_stream *live, const struct err *why,
                 enum halt_kind kind, usec_t now)
{
    const char *name = live->stream->config->name;
    struct err err = *why; /* stopping the lanes clears the one that we were given */
    char prefix[CONTRACT_NAME_MAX + 32];
    snprintf(prefix, sizeof prefix, "%s: the stream is halted, the others go on", name);
    if (!strstr(err.hint, "resume"))
        err_hint(&err, "%s; then: pactolus resume %s", *why->hint ? why->hint : "mend the cause",
                 name);
    log_err_about(LOG_LEVEL_ERROR,
                  &(struct log_about){.event = event_of(kind, why), .stream = name}, prefix, &err);
    live->halt_kind = kind;
    stop_stream(engine, live, &err, now);
    states_halt(engine, live);
}

void engine_halt(struct engine *engine, struct live_stream *live, const struct err *why, usec_t now)
{
    if (!engine_halted(live))
        halt(engine, live, why, HALT_DAEMON, now);
}

void engine_flooded(struct engine *engine, struct live_stream *live, const char *detail, usec_t now)
{
    struct err err;
    if (engine_halted(live))
        return;
    flood_explain(&live->flood, detail, &err);
    err_hint(&err,
             "mend the contract or the producer, then: pactolus resume %s, which reads the dead "
             "letters of this flood again",
             live->stream->config->name);
    live->letters_from = now - flood_age(&live->flood, now);
    halt(engine, live, &err, HALT_FLOOD, now);
}

/* What is read again from here on counts again. */
static void forget_flood(struct live_stream *live)
{
    flood_reset(&live->flood);
    for (unsigned n = 0; n < live->n_lanes; n++)
        for (unsigned i = 0; i < live->lanes[n].n_cursors; i++)
            if (live->lanes[n].cursors[i])
                live->lanes[n].cursors[i]->judged = 0;
}

void engine_resumed(struct engine *engine, struct live_stream *live, usec_t now)
{
    if (!engine_halted(live))
        return;
    for (unsigned lane = 0; lane < live->n_lanes; lane++)
        if (live->lanes[lane].n_sent)
            return; /* what was in flight ends first; asked again at the next look */
    log_about(LOG_LEVEL_NOTICE,
              &(struct log_about){.event = LOG_EVENT_RESUMED, .stream = live->stream->config->name},
              "%s: resumed", live->stream->config->name);
    forget_flood(live);
    go_on(engine, live, now);
}
