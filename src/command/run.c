/* SPDX-License-Identifier: Apache-2.0 */
/* run: the daemon. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "command/replay_options.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "config/moment.h"
#include "engine/engine.h"
#include "engine/notify.h"
#include "engine/preflight.h"
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
    struct config *config;
    struct stream *streams;
    unsigned n_streams;
    struct engine_options options;
    struct loop *loop;
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

/* Everything is parsed and judged before anything acts. */
static bool prepare(struct run *run, struct errs *errs)
{
    struct err err;
    run->config = setup_config(&run->setup, errs);
    if (!run->config)
        return false;
    run->replay.group = run->config->group;
    if (run->reset_offsets) {
        if (!replay_options_read(&run->replay, clock_wall(), &run->request, &err)) {
            errs_add(errs, &err);
            return false;
        }
        run->request.key = run->replay_id;
    }
    run->n_streams = run->config->n_streams;
    run->streams = setup_streams(run->config, errs);
    run->options = (struct engine_options){.config = run->config,
                                           .streams = run->streams,
                                           .n_streams = run->n_streams,
                                           .until_end = run->until_text != NULL,
                                           .until = run->until_text ? &run->until : NULL};
    if (errs->count == 0 && !setup_kafka(run->config, &run->options.kafka, &err))
        errs_add(errs, &err);
    if (errs->count)
        return false;
    PGconn *conn = setup_connect(run->config, &err);
    if (!conn) {
        errs_add(errs, &err);
        return false;
    }
    bool good = preflight(&run->options, conn, errs) &&
                (!run->reset_offsets || replay_once(run->config, &run->request, &run->options.kafka,
                                                    run->options.cluster_id, conn, errs));
    conn_close(conn);
    return good;
}

/* SIGHUP: what of the configuration can change while the daemon runs is read again. */
static void reload(struct run *run)
{
    (void)run;
    notify_reloading(clock_monotonic());
    log_notice("asked to reload: contracts, passwords and tables are read again by themselves; "
               "what the configuration says is taken up when the daemon starts");
    notify_reloaded();
}

static void turn_until_done(struct run *run)
{
    struct engine *engine = &run->engine;
    unsigned stops = 0, reloads = 0;
    while (!engine_done(engine)) {
        usec_t again = engine_step(engine, clock_monotonic(), clock_wall());
        if (engine_done(engine))
            break;
        loop_wait(run->loop, clock_monotonic(), again);
        for (; stops < loop_stops(run->loop); stops++) {
            if (stops == 0)
                notify_stopping(engine);
            engine_stop(engine, clock_monotonic());
        }
        for (; reloads < loop_reloads(run->loop); reloads++)
            if (stops == 0)
                reload(run);
    }
}

static bool go(struct run *run, struct errs *errs)
{
    struct err err;
    usec_t began = clock_monotonic();
    run->loop = loop_open(&err);
    if (!run->loop) {
        errs_add(errs, &err);
        return false;
    }
    run->opened = true;
    if (!engine_open(&run->engine, run->loop, &run->options, errs))
        return false;
    log_notice("pactolus %s: group %s, %u stream%s", PACTOLUS_VERSION, run->config->group,
               run->options.n_streams, run->options.n_streams == 1 ? "" : "s");
    notify_ready();
    turn_until_done(run);
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
    /* A client that hangs on a broker out of reach must not keep the service from ending; what
     * matters is in PostgreSQL. The thread still looks at what would be freed here. */
    if (run->opened && !engine_close(&run->engine)) {
        log_warning("a thread still waits for a server; ending without it");
        _exit(code);
    }
    loop_close(run->loop);
    preflight_free(&run->options);
    setup_free_kafka(&run->options.kafka);
    setup_free_streams(run->streams, run->n_streams);
    config_free(run->config);
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
