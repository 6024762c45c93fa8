/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintain: what time asks of tables. Rows that were deleted longer ago than `purge_deleted_after`
 * are removed; personal data that deleted rows still hold is blanked.
 */
#include "base/memory.h"
#include "base/text.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "kafka/admin.h"
#include "kafka/retention.h"
#include "postgres/purge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

struct options {
    struct setup setup;
    bool dry_run, execute, below_retention;
    char **names; /* of streams; none = all */
    unsigned n_names;
};

struct maintaining {
    const struct options *options;
    const struct config *config;
    struct stream *streams;
    PGconn *conn;
};

/* The longest that a contract of the table says; 0 when none does. */
static usec_t purge_after(const struct layout *layout)
{
    int64_t longest = 0, after;
    for (unsigned i = 0; i < layout->n_contracts; i++) {
        const char *text = layout->contracts[i]->purge_deleted_after;
        if (*text && text_parse_duration(text, &after) && after > longest)
            longest = after;
    }
    return longest;
}

static bool is_wanted(const struct options *options, const struct stream *stream)
{
    for (unsigned i = 0; i < options->n_names; i++)
        if (strcmp(options->names[i], stream->config->name) == 0)
            return true;
    return options->n_names == 0;
}

static void judge_names(const struct maintaining *maintaining, struct errs *errs)
{
    const struct options *options = maintaining->options;
    for (unsigned i = 0; i < options->n_names; i++) {
        struct err err = ERR_INIT;
        bool known = false;
        for (unsigned k = 0; k < maintaining->config->n_streams; k++)
            known = known || strcmp(maintaining->config->streams[k].name, options->names[i]) == 0;
        if (known)
            continue;
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "there is no stream %s", options->names[i]);
        errs_add(errs, &err);
    }
}

/* ------------------------------------------------------------------------------- retention */

static void refuse(const struct stream *stream, const char *topic, const char *kept,
                   struct errs *errs)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA,
            "purge_deleted_after is shorter than topic %s keeps records (%s): an older record of a "
            "removed key that is read again would bring it back",
            topic, kept);
    err_place(&err, "%s", stream->config->name);
    err_hint(&err,
             "let it be longer, or say --below-retention if these topics are never read again");
    errs_add(errs, &err);
}

static void warn_unknown(const struct err *why)
{
    struct err warning = ERR_INIT;
    struct errs list = {0};
    err_set(&warning, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
            "how long the topic keeps records is not known: %.300s", why->text);
    err_place(&warning, "%s", why->place);
    err_hint(&warning, "purge_deleted_after must be longer, or what was deleted may come back");
    errs_add(&list, &warning);
    report_warnings(&list);
    errs_free(&list);
}

static void judge_topic(rd_kafka_t *client, const struct stream *stream, usec_t after,
                        const char *topic, struct errs *errs)
{
    struct err err = ERR_INIT;
    usec_t kept = 0;
    char text[32];
    if (!retention_of(client, topic, BROKER_PATIENCE_MS, &kept, &err)) {
        warn_unknown(&err);
        return;
    }
    if (kept == RETENTION_FOREVER)
        refuse(stream, topic, "forever, or as compaction goes", errs);
    else if (kept > after)
        refuse(stream, topic, text_duration(kept, text), errs);
}

static bool purges(const struct maintaining *maintaining, const struct stream *stream)
{
    return purge_after(stream->layout) && !stream->layout->append &&
           is_wanted(maintaining->options, stream);
}

/* A broker that cannot be asked is told and no end: the database can do its part alone. */
static void judge_retention(const struct maintaining *maintaining, struct errs *errs)
{
    struct kafka_options kafka = {0};
    struct err err = ERR_INIT;
    rd_kafka_t *client = NULL;
    if (setup_kafka(maintaining->config, &kafka, &err))
        client = admin_open(&kafka, errs);
    else
        warn_unknown(&err);
    for (unsigned i = 0; client && i < maintaining->config->n_streams; i++) {
        const struct stream *stream = &maintaining->streams[i];
        for (unsigned k = 0; purges(maintaining, stream) && k < stream->config->n_topics; k++)
            judge_topic(client, stream, purge_after(stream->layout), stream->config->topics[k].name,
                        errs);
    }
    admin_close(client);
    setup_free_kafka(&kafka);
}

/* ------------------------------------------------------------------------------------ work */

static void tell(const struct maintaining *maintaining, const struct stream *stream,
                 const struct purge_found *found)
{
    char removed[32], blanked[32];
    bool execute = maintaining->options->execute;
    printf("%s: deleted rows %s %s, %s %s\n", stream->config->name,
           text_thousands(found->removed, removed), execute ? "removed" : "to remove",
           text_thousands(found->blanked, blanked), execute ? "blanked" : "to blank");
    fflush(stdout);
}

static bool maintain_stream(const struct maintaining *maintaining, const struct stream *stream,
                            struct err *err)
{
    struct purge purge = {.layout = stream->layout,
                          .after = purge_after(stream->layout),
                          .execute = maintaining->options->execute};
    struct purge_found found;
    if (stream->layout->append)
        return true;
    bool good = purge_table(maintaining->conn, &purge, &found, err);
    if (good || found.removed || found.blanked)
        tell(maintaining, stream, &found);
    return good;
}

static void act(struct maintaining *maintaining, struct errs *errs)
{
    struct err err = ERR_INIT;
    bool any = false;
    setup_quiet(maintaining->config);
    for (unsigned i = 0; i < maintaining->config->n_streams; i++)
        any = any || purges(maintaining, &maintaining->streams[i]);
    if (any && !maintaining->options->below_retention)
        judge_retention(maintaining, errs);
    if (errs->count)
        return;
    maintaining->conn = setup_connect(maintaining->config, &err);
    if (!maintaining->conn) {
        errs_add(errs, &err);
        return;
    }
    for (unsigned i = 0; i < maintaining->config->n_streams; i++) {
        if (!is_wanted(maintaining->options, &maintaining->streams[i]) ||
            maintain_stream(maintaining, &maintaining->streams[i], &err))
            continue;
        errs_add(errs, &err);
        if (PQstatus(maintaining->conn) != CONNECTION_OK)
            break;
    }
    if (!maintaining->options->execute && !errs->count)
        printf("nothing was changed; --execute does it\n");
}

static int maintain(const struct options *options)
{
    struct errs errs = {0};
    struct maintaining maintaining = {.options = options};
    struct config *config = setup_config(&options->setup, &errs);
    if (config) {
        maintaining.config = config;
        maintaining.streams = setup_streams(config, &errs);
        judge_names(&maintaining, &errs);
        if (!errs.count)
            act(&maintaining, &errs);
        setup_free_streams(maintaining.streams, config->n_streams);
    }
    fflush(stdout);
    int code = report_errs(&errs);
    if (maintaining.conn)
        conn_close(maintaining.conn);
    config_free(config);
    errs_free(&errs);
    return code;
}

int command_maintain(int argc, char **argv)
{
    enum { STREAMS_MAX = 10000 };
    struct options options = {0};
    const struct args_option table[] = {
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run, "count what it would do"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "do it"},
        {0, "below-retention", NULL, ARGS_FLAG, &options.below_retention,
         "though topics keep records for longer than purge_deleted_after"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "maintain",
        .usage = "--dry-run | --execute [STREAM…] [OPTION…]",
        .summary = "remove rows that were deleted longer ago than purge_deleted_after, and blank "
                   "personal data that deleted rows still hold. For a timer: once a day",
        .options = table,
        .examples = "pactolus maintain --dry-run\n"
                    "pactolus maintain --execute orders\n",
        .exits = "0   done\n"
                 "64  no such stream\n"
                 "65  purge_deleted_after is shorter than a topic keeps records\n"
                 "69  the database is out of reach\n"
                 "75  a lock could not be had; try again\n"
                 "77  the database refuses us\n"
                 "78  configuration or a contract is wrong\n",
        .operands_max = STREAMS_MAX,
    };
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &options.n_names, &code)) {
        options.names = argv;
        if (options.dry_run != options.execute) {
            code = maintain(&options);
        } else {
            struct err err = ERR_INIT;
            err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "maintain wants either --dry-run or --execute");
            err_hint(&err, "look first: pactolus maintain --dry-run");
            code = report_err(&err);
        }
    }
    setup_free(&options.setup);
    return code;
}
