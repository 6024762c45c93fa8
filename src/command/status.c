/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: PostgreSQL's positions and accounts beside the broker's watermarks. A broker out of reach
 * is named and leaves the lag unknown; without PostgreSQL there is nothing to say.
 */
#include "command/status.h"

#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "kafka/admin.h"
#include "postgres/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct setup setup;
    bool json, partitions, offline, ready;
    usec_t timeout;
};

int64_t status_lag(const struct status *status, unsigned stream, unsigned partition)
{
    const struct status_log *log = &status->logs[stream][partition];
    int64_t next = status->overview.streams[stream].partitions[partition].next_offset;
    if (log->high < 0)
        return -1;
    /* What the log no longer holds will not be read. */
    if (next < log->low)
        next = log->low;
    return next < log->high ? log->high - next : 0;
}

int64_t status_stream_lag(const struct status *status, unsigned stream)
{
    int64_t sum = 0;
    if (!status->overview.streams[stream].n_partitions)
        return -1;
    for (unsigned k = 0; k < status->overview.streams[stream].n_partitions; k++) {
        int64_t lag = status_lag(status, stream, k);
        if (lag < 0)
            return -1;
        sum += lag;
    }
    return sum;
}

int64_t status_stream_behind(const struct status *status, unsigned stream)
{
    const struct overview_stream *overview = &status->overview.streams[stream];
    int64_t most = 0;
    if (!overview->n_partitions)
        return -1;
    for (unsigned k = 0; k < overview->n_partitions; k++) {
        int64_t lag = status_lag(status, stream, k);
        if (lag < 0 || (lag > 0 && overview->partitions[k].newest < 0))
            return -1;
        int64_t behind = lag ? status->overview.now - overview->partitions[k].newest : 0;
        most = behind > most ? behind : most;
    }
    return most;
}

bool status_ready(const struct overview *overview, struct err *err)
{
    for (unsigned i = 0; i < overview->n_streams; i++) {
        const struct overview_stream *stream = &overview->streams[i];
        if (strcmp(stream->state, "halted") == 0) {
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "halted (%s): %s", stream->kind,
                    stream->reason);
            err_place(err, "%s", stream->name);
            return err_hint(err, "%s", stream->hint);
        }
        if (stream->unattended && !stream->n_partitions)
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "no daemon has claimed it yet");
        else if (stream->unattended)
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY,
                    "no live daemon holds %" PRId64 " of its %u partitions", stream->unattended,
                    stream->n_partitions);
        else
            continue;
        return err_place(err, "%s", stream->name);
    }
    return true;
}

/* ---------------------------------------------------------------------------------- broker */

static void ask_watermarks(struct status *status, rd_kafka_t *client, int timeout_ms)
{
    for (unsigned i = 0; i < status->overview.n_streams; i++) {
        const struct overview_stream *stream = &status->overview.streams[i];
        for (unsigned k = 0; k < stream->n_partitions; k++) {
            struct status_log *log = &status->logs[i][k];
            struct err err = ERR_INIT;
            if (admin_watermarks(client, stream->partitions[k].topic,
                                 stream->partitions[k].partition, timeout_ms, &log->low, &log->high,
                                 &err))
                continue;
            *log = (struct status_log){-1, -1};
            status->broker = err;
            /* One that does not answer would cost the patience once per partition. */
            if (err.class == ERR_RETRY)
                return;
        }
    }
}

/* The first of errs becomes the broker's. */
static void ask_broker(struct status *status, const struct config *config, int timeout_ms,
                       struct arena *arena)
{
    struct kafka_options options;
    struct errs errs = {0};
    if (!setup_kafka(config, &options, &status->broker))
        return;
    rd_kafka_t *client = admin_open(&options, &errs);
    if (!client && errs.count)
        status->broker = errs.items[0];
    char *cluster = client ? admin_cluster_id(client, timeout_ms, &status->broker) : NULL;
    if (cluster) {
        status->cluster_id = arena_string(arena, cluster, strlen(cluster));
        ask_watermarks(status, client, timeout_ms);
    }
    free(cluster);
    if (client)
        admin_close(client);
    errs_free(&errs);
    setup_free_kafka(&options);
}

static void make_logs(struct status *status, struct arena *arena)
{
    const struct overview *overview = &status->overview;
    status->logs = arena_alloc(arena, (overview->n_streams + 1) * sizeof *status->logs);
    for (unsigned i = 0; i < overview->n_streams; i++) {
        unsigned n = overview->streams[i].n_partitions;
        status->logs[i] = arena_alloc(arena, (n + 1) * sizeof **status->logs);
        for (unsigned k = 0; k < n; k++)
            status->logs[i][k] = (struct status_log){-1, -1};
    }
}

/* -------------------------------------------------------------------------------- database */

static bool read_database(struct status *status, const struct config *config, struct arena *arena,
                          struct err *err)
{
    int version;
    PGconn *conn = setup_connect(config, err);
    bool good = conn && migrations_version(conn, &version, err);
    if (good && version == 0) {
        good = err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the control schema is not there");
        err_place(err, "database %s", PQdb(conn));
        err_hint(err, "pactolus migrate --config %s --dry-run, then --execute", config->file);
    }
    good = good && overview_read(conn, config->group, arena, &status->overview, err);
    if (conn)
        conn_close(conn);
    return good;
}

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
static void tell_ready(const struct status *status, struct errs *errs)
{
    struct err err = ERR_INIT;
    if (!status_ready(&status->overview, &err))
        errs_add(errs, &err);
}

static void tell(struct status *status, const struct config *config, const struct options *options,
                 struct arena *arena)
{
    make_logs(status, arena);
    if (options->offline)
        err_set(&status->broker, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "not asked");
    else
        ask_broker(status, config, (int)(options->timeout / USEC_PER_MS), arena);
    print(status, options);
}

static int status_run(const struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct arena arena;
    struct config *config = setup_config(&options->setup, &errs);
    arena_init(&arena, 65536);
    if (config) {
        setup_quiet(config);
        struct status status = {.group = config->group, .partitions = options->partitions};
        if (!read_database(&status, config, &arena, &err))
            errs_add(&errs, &err);
        else if (options->ready)
            tell_ready(&status, &errs);
        else
            tell(&status, config, options, &arena);
    }
    int code = report_errs(&errs);
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
        {'t', "timeout", "TIME", ARGS_DURATION, &options.timeout, "patience with the broker (3s)"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "status",
        .usage = "[OPTION…]",
        .summary = "state, position, lag and dead letters of every stream",
        .options = table,
        .examples = "pactolus status\n"
                    "pactolus status --partitions\n"
                    "pactolus status --ready && echo all is well\n"
                    "pactolus status --json | jq '.streams[] | {name, lag_records}'\n",
        .exits = "0   told, even if the broker is out of reach (then it says so)\n"
                 "75  with --ready: a stream is halted, or no daemon holds a partition of it\n"
                 "69  the database is out of reach\n"
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
