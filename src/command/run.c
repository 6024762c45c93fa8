/* SPDX-License-Identifier: Apache-2.0 */
/* run: the daemon. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "command/loaded.h"
#include "command/replay_options.h"
#include "command/report.h"
#include "command/reread.h"
#include "command/verb.h"
#include "config/moment.h"
#include "engine/membership.h"
#include "engine/notify.h"
#include "engine/progress.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
    struct setup setup;
    struct replay_options replay;
    bool reset_offsets;
    const char *replay_id;
    struct replay_request request;
    const char *until_text;
    struct until until;
    struct loaded loaded, next; /* what it runs with; after SIGHUP, what it will */
    usec_t change_by;           /* when to change over at the latest; 0 = there is no next */
    bool changing;              /* it stops to go on with `next` */
    struct loop *loop;
    struct reread *reread;
    struct engine engine;
    bool opened;
};

/* A number is an offset, as Kafka's tools have it; anything else a point in time, UTC without a
 * zone. The records before it are read. */
static bool parse_until(const char *text, struct until *until, struct err *err)
{
    usec_t wall;
    *until = (struct until){OFFSET_NEVER, OFFSET_NEVER};
    if (!text || strcmp(text, "end") == 0)
        return true;
    if (text_parse_int(text, &until->offset) && until->offset >= 0)
        return true;
    until->offset = OFFSET_NEVER;
    if (moment_parse(text, &wall)) {
        until->time_ms = (wall + USEC_PER_MS - 1) / USEC_PER_MS;
        return true;
    }
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--until: %s is neither end, an offset nor a time",
            text);
    err_hint(err, "for example --until 120000 or --until 2026-11-21T08:00");
    return false;
}

static bool prepare(struct run *run, struct errs *errs)
{
    struct err err;
    PGconn *conn = NULL;
    if (!loaded_read(&run->loaded, &run->setup, errs))
        return false;
    run->replay.group = run->loaded.config->group;
    if (run->reset_offsets &&
        !replay_options_read(&run->replay, clock_wall(), &run->request, &err)) {
        errs_add(errs, &err);
        return false;
    }
    run->request.key = run->replay_id;
    const struct engine_options *options = &run->loaded.options;
    bool good =
        loaded_judge(&run->loaded, PREFLIGHT_SOME, &conn, errs) &&
        (!run->reset_offsets || replay_once(run->loaded.config, &run->request, &options->kafka,
                                            options->cluster_id, conn, errs));
    conn_close(conn);
    return good;
}

static bool open_engine(struct run *run, struct errs *errs)
{
    struct engine_options *options = &run->loaded.options;
    options->until_end = run->until_text != NULL;
    options->until = run->until_text ? &run->until : NULL;
    run->opened = true;
    if (!engine_open(&run->engine, run->loop, options, errs))
        return false;
    log_notice("pactolus %s: group %s, %u stream%s", PACTOLUS_VERSION, run->loaded.config->group,
               options->n_streams, options->n_streams == 1 ? "" : "s");
    return true;
}

/* A client that hangs on a server out of reach must not keep the service from ending; what matters
 * is in PostgreSQL. The thread still looks at what would be freed. */
static void close_engine(struct run *run, int code)
{
    if (run->opened && !engine_close(&run->engine)) {
        log_warning("a thread still waits for a server; ending without it");
        _exit(code);
    }
    run->opened = false;
}

/* ---- SIGHUP ---- */

static const usec_t join_patience = 10 * USEC_PER_SEC;

/* The daemon goes on with what it has until the new configuration was judged. */
static void take_configuration(struct run *run)
{
    struct loaded next;
    bool sound;
    if (!reread_take(run->reread, &run->loaded, &next, &sound))
        return;
    if (!sound) {
        log_error("the daemon goes on with the configuration that it has");
        notify_reloaded();
        return;
    }
    loaded_free(&run->next); /* one that was not begun yet is outdated */
    run->next = next;
    run->change_by = clock_monotonic() + join_patience;
}

/* Not while the group is being joined: who leaves before it has a name there is missed only after
 * its session timeout, and the next one would wait for that. */
static void begin_change(struct run *run)
{
    usec_t now = clock_monotonic();
    if (run->change_by == 0 || (!membership_joined(run->engine.membership) && now < run->change_by))
        return;
    run->change_by = 0;
    run->changing = true;
    engine_stop(&run->engine, now);
}

/* What was on its way has ended, and the partitions were given back. */
static bool change_over(struct run *run, struct errs *errs)
{
    close_engine(run, ERR_EXIT_TEMPORARY); /* the service manager starts another */
    loaded_free(&run->loaded);
    run->loaded = run->next;
    run->next = (struct loaded){0};
    run->changing = false;
    log_notice("going on with the configuration as it is now");
    if (!open_engine(run, errs))
        return false;
    notify_reloaded();
    return true;
}

/* ---- running ---- */

static void take_signals(struct run *run, unsigned *stops, unsigned *reloads)
{
    for (; *stops < loop_stops(run->loop); ++*stops) {
        if (*stops == 0)
            notify_stopping(&run->engine);
        if (*stops > 0 || !run->changing) /* to change over it is stopping already */
            engine_stop(&run->engine, clock_monotonic());
    }
    for (; *reloads < loop_reloads(run->loop); ++*reloads)
        if (*stops == 0) {
            notify_reloading(clock_monotonic());
            reread_ask(run->reread);
        }
}

/* False when it should end; then errs say why, if for a reason. */
static bool turn_until_done(struct run *run, unsigned *stops, unsigned *reloads)
{
    struct engine *engine = &run->engine;
    while (!engine_done(engine)) {
        usec_t again = engine_step(engine, clock_monotonic(), clock_wall());
        if (engine_done(engine))
            break;
        loop_wait(run->loop, clock_monotonic(), again);
        take_signals(run, stops, reloads);
        if (*stops == 0 && !run->changing) {
            take_configuration(run);
            begin_change(run);
        }
    }
    return run->changing && *stops == 0 && !engine->failed && !engine->leaving;
}

static bool go(struct run *run, struct errs *errs)
{
    struct err err;
    usec_t began = clock_monotonic();
    unsigned stops = 0, reloads = 0;
    run->loop = loop_open(&err);
    run->reread = run->loop ? reread_open(run->loop, &run->setup, &err) : NULL;
    if (!run->reread) {
        errs_add(errs, &err);
        return false;
    }
    if (!open_engine(run, errs))
        return false;
    notify_ready();
    while (turn_until_done(run, &stops, &reloads)) {
        progress_summary(&run->engine, clock_monotonic() - began);
        if (!change_over(run, errs))
            return false;
        began = clock_monotonic();
    }
    progress_summary(&run->engine, clock_monotonic() - began);
    if (run->engine.failed || run->engine.leaving)
        errs_add(errs, &run->engine.err);
    for (unsigned i = 0; run->until_text && i < run->engine.n_live; i++)
        if (engine_halted(&run->engine.live[i]))
            errs_add(errs, &run->engine.live[i].halt);
    return errs->count == 0;
}

static void clean_up(struct run *run, int code)
{
    close_engine(run, code);
    if (!reread_close(run->reread, 5 * USEC_PER_SEC)) {
        log_warning("the configuration is still being judged; ending without it");
        _exit(code);
    }
    loop_close(run->loop);
    loaded_free(&run->loaded);
    loaded_free(&run->next);
    replay_options_free(&run->replay);
    setup_free(&run->setup);
}

static bool judge_replay(const struct run *run, struct err *err)
{
    const struct replay_options *said = &run->replay;
    bool given = replay_options_given(said) || said->streams.count || said->topics.count ||
                 said->all_topics || run->replay_id;
    if (!run->reset_offsets && given) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "these options are for --reset-offsets");
        return err_hint(err, "pactolus run --reset-offsets …, or pactolus replay …");
    }
    if (run->reset_offsets && (!run->replay_id || !*run->replay_id)) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--reset-offsets wants --replay-id");
        return err_hint(err, "--replay-id NAME: the same one again, as after a restart, does "
                             "nothing");
    }
    return true;
}

int command_run(int argc, char **argv)
{
    struct run run = {0};
    struct errs errs = {0};
    const struct args_option options[] = {
        SETUP_OPTIONS(&run.setup),
        {0, "reset-offsets", NULL, ARGS_FLAG, &run.reset_offsets,
         "first read again, as `pactolus replay` has it"},
        {0, "replay-id", "NAME", ARGS_TEXT, &run.replay_id,
         "of --reset-offsets: a name that was used before does nothing"},
        REPLAY_SCOPE_OPTIONS(&run.replay),
        REPLAY_SCENARIO_OPTIONS(&run.replay),
        {0, "until", "end|OFFSET|TIME", ARGS_TEXT, &run.until_text,
         "stop when every assigned partition was read to its end, or up to this offset or time"},
        {0},
    };
    const struct args args = {
        .verb = "run",
        .usage = "[OPTION…]",
        .summary = "Run the daemon: join the consumer group and write tables until SIGTERM.",
        .options = options,
        .examples = "pactolus run --config /etc/pactolus/pactolus.conf\n"
                    "pactolus run --until end\n"
                    "pactolus run --until 2026-11-21T08:00\n"
                    "pactolus run --reset-offsets --replay-id mended-rates --all-topics "
                    "--to-earliest\n",
        .exits = "0   stopped as asked\n69  broker or database out of reach\n"
                 "78  the configuration, a contract or the database is not ready\n",
    };
    unsigned operands;
    int code;
    if (!args_begin(&args, argc, argv, &operands, &code))
        return code;
    struct err err;
    if (!parse_until(run.until_text, &run.until, &err) || !judge_replay(&run, &err)) {
        replay_options_free(&run.replay);
        setup_free(&run.setup);
        return report_err(&err);
    }
    bool good = prepare(&run, &errs) && go(&run, &errs);
    code = good ? ERR_EXIT_OK : report_errs(&errs);
    errs_free(&errs);
    clean_up(&run, code);
    return code;
}
