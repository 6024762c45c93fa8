/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause, resume: the wished state of streams in pactolus.streams, with a reason. It binds every
 * daemon of the group and survives restarts; resume ends a halt too, and sends cursors back to the
 * first dead letter of a flood.
 */
#include "base/memory.h"
#include "base/text.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "postgres/overview.h"
#include "postgres/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct setup setup;
    bool all, keep_letters;
    const char *reason;
    char **names;
    unsigned n_names;
    enum stream_state wished;
};

static bool unknown_stream(const struct overview *overview, const char *name, struct errs *errs)
{
    struct err err = ERR_INIT;
    const char **names = mem_zero(overview->n_streams + 1, sizeof *names);
    for (unsigned i = 0; i < overview->n_streams; i++)
        names[i] = overview->streams[i].name;
    const char *nearest = text_nearest(name, names);
    err_set(&err, ERR_HALT, ERR_EXIT_DATA, "the group has no stream %s", name);
    if (nearest)
        err_hint(&err, "did you mean %s?", nearest);
    else
        err_hint(&err, "pactolus status lists them");
    errs_add(errs, &err);
    free(names);
    return false;
}

/* The overview's streams that are meant, as flags. False when a name is not among them. */
static bool choose(const struct options *options, const struct overview *overview, bool *chosen,
                   struct errs *errs)
{
    bool good = true;
    for (unsigned i = 0; i < overview->n_streams; i++)
        chosen[i] = options->all;
    for (unsigned k = 0; k < options->n_names; k++) {
        unsigned i = 0;
        while (i < overview->n_streams && strcmp(overview->streams[i].name, options->names[k]) != 0)
            i++;
        if (i < overview->n_streams)
            chosen[i] = true;
        else
            good = unknown_stream(overview, options->names[k], errs);
    }
    return good;
}

static bool pause_one(PGconn *conn, const struct options *options,
                      const struct overview_stream *stream, struct err *err)
{
    bool done = false;
    if (!streams_pause(conn, stream->stream_id, options->reason, &done, err))
        return false;
    if (done)
        printf("%s is paused, was %s%s%s\n", stream->name, stream->state,
               *stream->reason ? ": " : "", stream->reason);
    else
        printf("%s stays halted, which a pause would hide: %s\n", stream->name, stream->reason);
    return true;
}

static bool resume_one(PGconn *conn, const struct options *options,
                       const struct overview_stream *stream, struct err *err)
{
    struct resumed resumed;
    const char *reason = options->reason ? options->reason : "";
    char letters[32], records[32];
    if (!streams_resume(conn, stream->stream_id, reason, options->keep_letters, &resumed, err))
        return false;
    printf("%s is running, was %s%s%s\n", stream->name, stream->state, *stream->reason ? ": " : "",
           stream->reason);
    if (resumed.cursors)
        printf("%s reads %s records again, %s of them dead letters, from %" PRId64 " partition%s\n",
               stream->name, text_thousands(resumed.records, records),
               text_thousands(resumed.letters, letters), resumed.cursors,
               resumed.cursors == 1 ? "" : "s");
    return true;
}

static bool change(PGconn *conn, const struct options *options,
                   const struct overview_stream *stream, struct err *err)
{
    const char *wished = stream_state_name(options->wished);
    if (strcmp(stream->state, wished) == 0) {
        printf("%s is %s already\n", stream->name, wished);
        return true;
    }
    if (options->wished == STREAM_PAUSED)
        return pause_one(conn, options, stream, err);
    return resume_one(conn, options, stream, err);
}

static void act(PGconn *conn, const struct options *options, const char *group, struct errs *errs)
{
    struct arena arena;
    struct overview overview;
    struct err err = ERR_INIT;
    bool *chosen = NULL;
    arena_init(&arena, 16384);
    if (!overview_read(conn, group, &arena, &overview, &err)) {
        errs_add(errs, &err);
        goto cleanup;
    }
    chosen = mem_zero(overview.n_streams + 1, sizeof *chosen);
    if (!choose(options, &overview, chosen, errs))
        goto cleanup;
    if (!overview.n_streams)
        printf("group %s has no streams yet\n", group);
    for (unsigned i = 0; i < overview.n_streams; i++)
        if (chosen[i] && !change(conn, options, &overview.streams[i], &err)) {
            errs_add(errs, &err);
            break;
        }
cleanup:
    free(chosen);
    arena_free(&arena);
}

static int set_state(const struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct config *config = setup_config(&options->setup, &errs);
    PGconn *conn = config ? setup_connect(config, &err) : NULL;
    if (conn)
        act(conn, options, config->group, &errs);
    else if (config)
        errs_add(&errs, &err);
    int code = report_errs(&errs);
    if (conn)
        conn_close(conn);
    config_free(config);
    errs_free(&errs);
    return code;
}

static int judge_and_set(struct options *options, const char *verb)
{
    struct err err = ERR_INIT;
    if (options->all == (options->n_names > 0)) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "%s wants either streams or --all", verb);
        err_hint(&err, "pactolus status lists the streams");
        return report_err(&err);
    }
    if (options->wished == STREAM_PAUSED && (!options->reason || !*options->reason)) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "pause wants a reason");
        err_hint(&err, "--reason \"…\": whoever finds the stream paused will read it");
        return report_err(&err);
    }
    return set_state(options);
}

static int begin(const struct args *described, struct options *options, int argc, char **argv)
{
    const bool resume = options->wished == STREAM_RUNNING;
    const struct args_option table[] = {
        {'a', "all", NULL, ARGS_FLAG, &options->all, "every stream of the group"},
        {'r', "reason", "TEXT", ARGS_TEXT, &options->reason, "why; kept with the stream"},
        SETUP_OPTIONS(&options->setup),
        {0, resume ? "keep-letters" : NULL, NULL, ARGS_FLAG, &options->keep_letters,
         "after a flood: do not read its dead letters again"}, /* without a name: the end */
        {0},
    };
    struct args args = *described;
    int code = ERR_EXIT_OK;
    args.usage = "STREAM… | --all [OPTION…]";
    args.options = table;
    args.operands_max = UINT32_MAX;
    args.exits = "0   done\n"
                 "65  the group has no such stream\n"
                 "69  the database is out of reach\n"
                 "77  the database refuses us\n"
                 "78  the configuration is wrong\n";
    if (args_begin(&args, argc, argv, &options->n_names, &code)) {
        options->names = argv;
        code = judge_and_set(options, args.verb);
    }
    setup_free(&options->setup);
    return code;
}

int command_pause(int argc, char **argv)
{
    struct options options = {.wished = STREAM_PAUSED};
    const struct args args = {
        .verb = "pause",
        .summary = "stop streams until they are resumed, with a reason",
        .examples = "pactolus pause payments --reason \"the topic is being repartitioned\"\n"
                    "pactolus pause --all --reason \"database upgrade\"\n",
    };
    return begin(&args, &options, argc, argv);
}

int command_resume(int argc, char **argv)
{
    struct options options = {.wished = STREAM_RUNNING};
    const struct args args = {
        .verb = "resume",
        .summary = "let paused or halted streams go on; after a flood of dead letters these are "
                   "read again",
        .examples = "pactolus resume payments\n"
                    "pactolus resume payments --keep-letters\n"
                    "pactolus resume --all\n",
    };
    return begin(&args, &options, argc, argv);
}
