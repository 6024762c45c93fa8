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
    bool *keeps; /* by stream: its deleted rows stay, it may be too early to remove any */
    PGconn *conn;
};

/* The longest that a contract of the table says; 0, which is never, when one of them says nothing:
 * a row does not tell whose it is. */
static usec_t purge_after(const struct layout *layout)
{
    int64_t longest = 0, after;
    for (unsigned i = 0; i < layout->n_contracts; i++) {
        const char *text = layout->contracts[i]->purge_deleted_after;
        if (!*text || !text_parse_duration(text, &after))
            return 0;
        longest = after > longest ? after : longest;
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

/* What may come back once its delete is forgotten is not removed on a guess. */
static void keep(struct maintaining *maintaining, unsigned stream, const struct err *why,
                 struct errs *errs)
{
    maintaining->keeps[stream] = true;
    errs_add(errs, why);
}

static struct err too_early(const struct stream *stream, const char *topic, const char *kept)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA,
            "purge_deleted_after is shorter than topic %s may keep records (retention.ms and "
            "segment.ms: %s): an older record of a removed key that is read again would bring it "
            "back",
            topic, kept);
    err_place(&err, "%s", stream->config->name);
    err_hint(&err,
             "let it be longer, or say --below-retention if these topics are never read again");
    return err;
}

static struct err not_known(const struct err *why)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
            "no deleted row is removed: how long the topic keeps records is not known: %.300s",
            why->text);
    err_place(&err, "%s", why->place);
    err_hint(&err, "or say --below-retention if the topics are never read again");
    return err;
}

static void judge_topic(struct maintaining *maintaining, rd_kafka_t *client, unsigned stream,
                        const char *topic, struct errs *errs)
{
    struct err err = ERR_INIT;
    usec_t kept = 0;
    char text[32];
    const struct stream *one = &maintaining->streams[stream];
    if (!retention_of(client, topic, BROKER_PATIENCE_MS, &kept, &err))
        err = not_known(&err);
    else if (kept == RETENTION_FOREVER)
        err = too_early(one, topic, "forever, or as compaction goes");
    else if (kept > purge_after(one->layout))
        err = too_early(one, topic, text_duration(kept, text));
    else
        return;
    keep(maintaining, stream, &err, errs);
}

static bool purges(const struct maintaining *maintaining, const struct stream *stream)
{
    return purge_after(stream->layout) && !stream->layout->append &&
           is_wanted(maintaining->options, stream);
}

/* Fails for all streams when there is no client to ask with. */
static void judge_retention(struct maintaining *maintaining, struct errs *errs)
{
    struct kafka_options kafka = {0};
    struct err err = ERR_INIT;
    rd_kafka_t *client = NULL;
    if (setup_kafka(maintaining->config, &kafka, &err))
        client = admin_open(&kafka, errs);
    else
        errs_add(errs, &err);
    for (unsigned i = 0; i < maintaining->config->n_streams; i++) {
        const struct stream *stream = &maintaining->streams[i];
        if (!purges(maintaining, stream))
            continue;
        maintaining->keeps[i] = !client;
        for (unsigned k = 0; client && k < stream->config->n_topics; k++)
            judge_topic(maintaining, client, i, stream->config->topics[k].name, errs);
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

static bool maintain_stream(const struct maintaining *maintaining, unsigned at, struct err *err)
{
    const struct stream *stream = &maintaining->streams[at];
    struct purge purge = {.layout = stream->layout,
                          .after = maintaining->keeps[at] ? 0 : purge_after(stream->layout),
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
    maintaining->conn = setup_connect(maintaining->config, &err);
    if (!maintaining->conn) {
        errs_add(errs, &err);
        return;
    }
    for (unsigned i = 0; i < maintaining->config->n_streams; i++) {
        if (!is_wanted(maintaining->options, &maintaining->streams[i]) ||
            maintain_stream(maintaining, i, &err))
            continue;
        errs_add(errs, &err);
        if (conn_lost(maintaining->conn))
            break;
    }
    if (!maintaining->options->execute)
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
        maintaining.keeps = mem_zero(config->n_streams + 1, sizeof *maintaining.keeps);
        judge_names(&maintaining, &errs);
        if (!errs.count)
            act(&maintaining, &errs);
        setup_free_streams(maintaining.streams, config->n_streams);
    }
    fflush(stdout);
    int code = report_errs(&errs);
    if (maintaining.conn)
        conn_close(maintaining.conn);
    free(maintaining.keeps);
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
                 "65  purge_deleted_after is shorter than a topic keeps records: all else is done\n"
                 "69  the database is out of reach, or the brokers: all else is done\n"
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
