/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause, resume: the wished state of streams in pactolus.streams, with a reason. It binds every
 * daemon of the group and survives restarts; resume ends a halt too.
 */
#include "base/memory.h"
#include "base/text.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "postgres/overview.h"
#include "postgres/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct setup setup;
    bool all;
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

static bool change(PGconn *conn, const struct options *options,
                   const struct overview_stream *stream, struct err *err)
{
    const char *wished = stream_state_name(options->wished);
    const char *reason = options->reason ? options->reason : "";
    if (strcmp(stream->state, wished) == 0) {
        printf("%s is %s already\n", stream->name, wished);
        return true;
    }
    if (!streams_set_state(conn, stream->stream_id, options->wished, reason, "", NULL, err))
        return false;
    printf("%s is %s, was %s%s%s\n", stream->name, wished, stream->state,
           *stream->reason ? ": " : "", stream->reason);
    return true;
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
    const struct args_option table[] = {
        {'a', "all", NULL, ARGS_FLAG, &options->all, "every stream of the group"},
        {'r', "reason", "TEXT", ARGS_TEXT, &options->reason, "why; kept with the stream"},
        SETUP_OPTIONS(&options->setup),
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
        .summary = "let paused or halted streams go on",
        .examples = "pactolus resume payments\n"
                    "pactolus resume --all\n",
    };
    return begin(&args, &options, argc, argv);
}
