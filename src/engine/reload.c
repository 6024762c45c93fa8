/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/reload.h"

#include "base/log.h"
#include "contract/fingerprint.h"
#include "engine/lane.h"
#include "engine/membership.h"
#include "engine/preflight.h"
#include "engine/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that is not the one yet; reading it costs little. */
static const usec_t look_again = 10 * USEC_PER_SEC;

/* The descriptor file, read again in the worker. */
struct loading {
    struct task task; /* first */
    struct live_stream *live;
    const struct stream_config *config;
    char wanted[FINGERPRINT_LENGTH + 1]; /* the one that the database has */
    struct stream *stream;
};

/* ---- reading ---- */

static bool read_file(struct loading *loading, struct err *err)
{
    struct errs errs = {0};
    loading->stream = mem_zero(1, sizeof(*loading->stream));
    bool good = stream_load(loading->stream, loading->config, &errs);
    if (!good)
        *err = errs.items[0];
    errs_free(&errs);
    return good;
}

static bool load(struct task *task, struct service_sessions *sessions)
{
    struct loading *loading = (struct loading *)task;
    char found[FINGERPRINT_LENGTH + 1];
    struct err *err = &task->err;
    if (!read_file(loading, err))
        return false;
    streams_fingerprint(loading->stream->layout, found);
    if (strcmp(found, loading->wanted) == 0)
        return preflight_table(sessions->conn, loading->stream, loading->live->stream_id, err);
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "this is not the contract that migrate noted for the stream (%.12s, here %.12s)",
            loading->wanted, found);
    err_place(err, "%s", loading->config->descriptors);
    return err_hint(err, "put the descriptor set that migrate was run with in its place");
}

static void drop(struct stream *stream)
{
    if (stream)
        stream_free(stream);
    free(stream);
}

/* Once for each reason: what is wrong with a file is so at every look. */
static void tell_kept(struct live_stream *live, const struct err *err)
{
    struct reload *reload = &live->reload;
    char prefix[CONTRACT_NAME_MAX + 64];
    if (strcmp(reload->said, err->text) == 0)
        return;
    snprintf(reload->said, sizeof(reload->said), "%s", err->text);
    snprintf(prefix, sizeof(prefix), "%s: goes on with the contract that it has",
             live->stream->config->name);
    log_err(LOG_LEVEL_WARNING, prefix, err);
}

static void loaded(struct task *task, usec_t now)
{
    struct loading *loading = (struct loading *)task;
    struct reload *reload = &loading->live->reload;
    reload->asked = false;
    if (task->ok && !task->cancelled) {
        reload->stream = loading->stream;
        reload->counted = false;
        *reload->said = '\0';
    } else {
        drop(loading->stream);
        reload->again = now + look_again;
        if (task->err.class == ERR_RETRY)
            reload->again = now; /* the database is away: it says nothing of the contract */
        else if (!task->cancelled)
            tell_kept(loading->live, &task->err);
    }
    free(loading);
}

void reload_consider(struct engine *engine, struct live_stream *live, const char *fingerprint,
                     usec_t now)
{
    struct reload *reload = &live->reload;
    char mine[FINGERPRINT_LENGTH + 1];
    streams_fingerprint(live->stream->layout, mine);
    bool news = strcmp(reload->wanted, fingerprint) != 0;
    if (!*fingerprint || strcmp(mine, fingerprint) == 0 || reload->asked || reload->stream ||
        (!news && now < reload->again))
        return;
    snprintf(reload->wanted, sizeof(reload->wanted), "%s", fingerprint);
    struct loading *loading = mem_zero(1, sizeof(*loading));
    loading->task = (struct task){.work = load, .done = loaded};
    loading->live = live;
    loading->config = live->stream->config;
    memcpy(loading->wanted, reload->wanted, sizeof(loading->wanted));
    reload->asked = true;
    service_submit(engine->service, &loading->task);
}

void reload_missed(struct lane *lane, const struct err *err)
{
    /* A plan whose result has changed, a column or type that is another one. */
    static const char *const states[] = {"0A000", "42703", "42804"};
    for (unsigned i = 0; i < sizeof(states) / sizeof(*states); i++)
        if (strcmp(err->sqlstate, states[i]) == 0) {
            lane->live->reload.again = 0;
            lane->engine->states_at = 0;
        }
}

/* ---- changing over ---- */

/* Nothing of the stream is in flight, not even in the worker that isolates. */
static bool is_quiet(const struct live_stream *live)
{
    for (unsigned i = 0; i < live->n_lanes; i++)
        if (live->lanes[i].state != LANE_HALTED || live->lanes[i].n_sealed || live->lanes[i].n_sent)
            return false;
    return true;
}

/* Counts are of the contract that they were made with. Once: that they cannot be written down keeps
 * no stream waiting. */
static void count(struct engine *engine, struct live_stream *live)
{
    if (live->reload.counted || live->tally.asked)
        return;
    tally_write(engine, live);
    live->reload.counted = true;
}

static void change_over(struct engine *engine, struct live_stream *live)
{
    struct stream *stream = &engine->options.streams[live - engine->live];
    tally_free(live);
    sql_free(live->statements);
    stream_free(stream);
    *stream = *live->reload.stream;
    free(live->reload.stream);
    live->reload.stream = NULL;
    live->edition++;
    engine_take_contract(engine, live);
    for (unsigned i = 0; i < live->n_lanes; i++)
        if (live->lanes[i].target.account_id)
            lane_account(&live->lanes[i], live->lanes[i].target.account_id);
    for (unsigned i = 0; i < stream->layout->n_contracts; i++)
        log_about(LOG_LEVEL_NOTICE,
                  &(struct log_about){.event = LOG_EVENT_CONTRACT, .stream = stream->config->name},
                  "%s: took the contract %s that migrate has noted (%.12s)", stream->config->name,
                  stream->layout->contracts[i]->name, stream->layout->contracts[i]->fingerprint);
}

/* Released, a fenced cursor would be claimed back from an owner that the group may have given it to
 * by now. */
static bool is_fenced(const struct engine *engine, const struct live_stream *live)
{
    const struct cursor *cursor = membership_cursors(engine->membership);
    while (cursor && (cursor->live != live || cursor->state != CURSOR_FENCED))
        cursor = cursor->next;
    return cursor != NULL;
}

static void turn_stream(struct engine *engine, struct live_stream *live, usec_t now)
{
    if (!live->stopped) {
        /* Not in the middle of a rebalance: the stream would stand still for as long. */
        if (!membership_owns(engine->membership) || is_fenced(engine, live))
            return;
        engine_hold(engine, live, now);
    }
    if (!is_quiet(live))
        return;
    count(engine, live);
    /* Then no question is under way that looks at what is freed here. */
    if (service_pending(engine->service))
        return;
    change_over(engine, live);
    engine_release(engine, live, now);
}

void reload_turn(struct engine *engine, usec_t now)
{
    /* Who ends takes no contract any more. */
    if (engine->stops)
        return;
    /* Streams that share a file are read one by one: none stands still while others are. */
    for (unsigned i = 0; i < engine->n_live; i++)
        if (engine->live[i].reload.asked)
            return;
    /* Whatever a stream waits for ends with an event. */
    for (unsigned i = 0; i < engine->n_live; i++)
        if (engine->live[i].reload.stream)
            turn_stream(engine, &engine->live[i], now);
}

bool reload_pending(const struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_live; i++)
        if (engine->live[i].reload.stream && !engine_halted(&engine->live[i]))
            return true;
    return false;
}

void reload_free(struct live_stream *live)
{
    drop(live->reload.stream);
}
