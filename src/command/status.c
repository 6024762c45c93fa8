/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: PostgreSQL's positions and accounts beside the broker's watermarks. A server that is out
 * of reach is named, and leaves unknown what only it knows; without PostgreSQL the streams are
 * those of the configuration, and the exit code is its error's.
 */
#include "command/status.h"

#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "postgres/apply.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct setup setup;
    bool json, partitions, offline, ready;
    usec_t timeout, rates; /* rates: 0 = not measured */
};

/* -------------------------------------------------------------------------------- database */

static bool check_schema(PGconn *conn, const struct config *config, struct err *err)
{
    int version;
    unsigned wanted;
    migrations_all(&wanted);
    if (!migrations_version(conn, &version, err))
        return false;
    if ((unsigned)version >= wanted)
        return true;
    if (version == 0)
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the control schema is not there");
    else
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the control schema is at %d of %u", version,
                wanted);
    err_place(err, "database %s", conn_database(conn));
    return err_hint(err, "pactolus migrate --config %s --dry-run, then --execute", config->file);
}

/* Twice, when rates are asked for: what is told is the second. */
static bool read_overviews(PGconn *conn, const struct options *options, struct status *status,
                           struct arena *arena, struct err *err)
{
    struct overview before;
    if (options->rates > 0) {
        if (!overview_read(conn, status->group, arena, &before, err))
            return false;
        clock_pause(options->rates);
    }
    if (!overview_read(conn, status->group, arena, &status->overview, err))
        return false;
    if (options->rates > 0) {
        status->rates = arena_alloc(arena, (status->overview.n_streams + 1) * sizeof(double));
        status_rates(&before, &status->overview, status->rates);
    }
    return true;
}

static bool read_database(struct status *status, const struct config *config,
                          const struct options *options, struct arena *arena, struct err *err)
{
    PGconn *conn = setup_connect(config, err);
    if (!conn)
        return false;
    /* A server that is frozen is out of reach too. */
    conn_set_patience(conn, (int)(config->answer_timeout / USEC_PER_MS));
    bool good =
        check_schema(conn, config, err) && read_overviews(conn, options, status, arena, err);
    conn_close(conn);
    return good;
}

/* ------------------------------------------------------------------------------------ told */

static void print(const struct status *status, const struct options *options)
{
    struct buf out = BUF_INIT;
    if (options->json)
        status_write_json(status, &out);
    else
        status_write_text(status, report_colour(), &out);
    fputs(out.data, stdout);
    buf_free(&out);
}

/* --ready: the database knows; nothing is printed but what is amiss. */
static int tell_ready(const struct status *status, const struct err *unread)
{
    struct err err = *unread;
    if (err.class == ERR_NONE && status_ready(&status->overview, &err))
        return ERR_EXIT_OK;
    return report_err(&err);
}

/* A database that is out of reach is part of what is told, and its exit code the verb's. */
static int tell(struct status *status, const struct config *config, const struct options *options,
                struct arena *arena)
{
    if (!status_stored(status))
        status_from_config(status, config, arena);
    if (options->offline) {
        status_make_logs(status, arena);
        err_set(&status->broker, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "not asked");
    } else {
        status_ask_broker(status, config, (int)(options->timeout / USEC_PER_MS), arena);
    }
    print(status, options);
    return status_stored(status) ? ERR_EXIT_OK : (int)status->database.exit;
}

static int status_run(const struct options *options)
{
    struct errs errs = {0};
    struct config *config = setup_config(&options->setup, &errs);
    if (!config) {
        int code = report_errs(&errs);
        errs_free(&errs);
        return code;
    }
    struct arena arena;
    struct err err = ERR_INIT;
    struct status status = {.group = config->group, .partitions = options->partitions};
    arena_init(&arena, 65536);
    setup_quiet(config);
    if (!read_database(&status, config, options, &arena, &err))
        status.database = err;
    int code = options->ready ? tell_ready(&status, &err) : tell(&status, config, options, &arena);
    config_free(config);
    arena_free(&arena);
    errs_free(&errs);
    return code;
}

int command_status(int argc, char **argv)
{
    struct options options = {.timeout = 3 * USEC_PER_SEC};
    const struct args_option table[] = {
        {'p', "partitions", NULL, ARGS_FLAG, &options.partitions, "every partition on a line"},
        {'j', "json", NULL, ARGS_FLAG, &options.json, "as one JSON object"},
        {0, "no-broker", NULL, ARGS_FLAG, &options.offline, "ask the database alone"},
        {'r', "ready", NULL, ARGS_FLAG, &options.ready,
         "print nothing if every stream does what it should, else what is amiss (exit 75)"},
        {0, "rates", "TIME", ARGS_DURATION, &options.rates,
         "records a second of each stream, measured over so long"},
        {'t', "timeout", "TIME", ARGS_DURATION, &options.timeout, "patience with the broker (3s)"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "status",
        .usage = "[OPTION…]",
        .summary = "daemons, and the state, position, lag and dead letters of every stream",
        .options = table,
        .examples = "pactolus status\n"
                    "pactolus status --partitions\n"
                    "pactolus status --rates 2s\n"
                    "pactolus status --ready && echo all is well\n"
                    "pactolus status --json | jq '.streams[] | {name, lag_records}'\n",
        .exits = "0   told, even if the broker is out of reach (then it says so)\n"
                 "75  with --ready: a stream is halted, or no daemon holds a partition of it\n"
                 "69  the database is out of reach; what the broker knows is told all the same\n"
                 "77  the database refuses us\n"
                 "78  the configuration is wrong, or migrate has not run\n",
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = status_run(&options);
    setup_free(&options.setup);
    return code;
}
