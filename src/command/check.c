/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: configuration, contracts and, with --connect, broker and database; everything wrong at
 * once. Changes nothing.
 */
#include "command/live.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "contract/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct setup setup;
    bool connect, print_config;
    usec_t timeout;
};

/* Librdkafka judges the properties when a configuration is made of them. */
static void check_kafka(const struct config *config, struct errs *errs)
{
    struct kafka_options options;
    struct err err = ERR_INIT;
    if (!kafka_library_check(&err))
        errs_add(errs, &err);
    if (!setup_kafka(config, &options, &err)) {
        errs_add(errs, &err);
        return;
    }
    rd_kafka_conf_t *conf = kafka_conf(KAFKA_CONSUMER, &options, errs);
    if (conf)
        rd_kafka_conf_destroy(conf);
    setup_free_kafka(&options);
}

static void check_database(const struct config *config, struct errs *errs)
{
    struct err err = ERR_INIT;
    if (conn_check(config->conninfo, &err))
        return;
    err_place(&err, "database.conninfo");
    errs_add(errs, &err);
}

static void warn(struct errs *warnings, const struct stream_config *stream, const char *hint,
                 const char *text)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_OK, "stream %s: %s", stream->name, text);
    err_place(&err, "%s", stream->place);
    err_hint(&err, "%s", hint);
    errs_add(warnings, &err);
}

static void warn_stream(const struct config *config, const struct stream *stream,
                        struct errs *warnings)
{
    const struct stream_config *said = stream->config;
    if (!descriptor_set_has_source_info(stream->set))
        warn(warnings, said, "protoc --include_source_info",
             "the descriptor set has no comments: table and columns get none");
    if (!stream->layout)
        return;
    if (!said->accept_skew &&
        lint_topics_unordered(said->n_topics, stream->layout->versioned, stream->layout->append))
        warn(warnings, said, "table : { version = \"…\"; }; or accept_skew = true;",
             "one key may come from several topics, and without a version field the records' "
             "timestamps decide");
    if (said->lanes > config->pool - 1)
        warn(warnings, said, "raise database.pool, or lower lanes",
             "it has more lanes than connections that one stream may hold");
}

static void describe(const struct stream *stream)
{
    const struct layout *layout = stream->layout;
    printf("stream %s\n", stream->config->name);
    for (unsigned i = 0; i < stream->config->n_topics; i++) {
        const struct stream_topic *topic = &stream->config->topics[i];
        printf("  topic     %s (version %u) carries %s\n", topic->name, topic->version,
               stream->contracts[stream->topics[i].contract]->name);
    }
    printf("  table     %s.%s, %u columns, ", layout->schema, layout->table, layout->n_data);
    if (layout->append)
        printf("one row per record\n");
    else
        for (unsigned i = 0; i < layout->n_key; i++)
            printf("%s%s%s", i ? ", " : "key ", layout->columns[layout->key[i]].name,
                   i + 1 == layout->n_key ? "\n" : "");
    printf("  view      %s.%s\n", layout->view_schema, layout->view);
    printf("  deletes   %s\n", deletes_name(stream->pipeline.deletes));
    if (stream->config->dlq_topic)
        printf("  dlq       %s\n", stream->config->dlq_topic);
}

/* Everything that can be judged; what is well is printed, unless anything is wrong. */
static void check_all(const struct config *config, const struct options *options, struct errs *errs,
                      struct errs *warnings)
{
    setup_quiet(config);
    struct stream *streams = setup_streams(config, errs);
    check_kafka(config, errs);
    check_database(config, errs);
    for (unsigned i = 0; i < config->n_streams; i++)
        if (streams[i].set)
            warn_stream(config, &streams[i], warnings);
    for (unsigned i = 0; i < config->n_streams && !errs->count; i++)
        describe(&streams[i]);
    if (options->connect) {
        fflush(stdout);
        live_check_broker(config, (int)(options->timeout / USEC_PER_MS), errs);
        live_check_database(config, streams, errs, warnings);
    }
    setup_free_streams(streams, config->n_streams);
}

static int check(const struct options *options)
{
    struct errs errs = {0}, warnings = {0};
    struct config *config = setup_config(&options->setup, &errs);
    if (config && options->print_config) {
        struct buf text = BUF_INIT;
        config_print(config, &text);
        fputs(text.data, stdout);
        buf_free(&text);
    } else if (config) {
        check_all(config, options, &errs, &warnings);
    }
    report_warnings(&warnings);
    int code = report_errs(&errs);
    if (config && code == ERR_EXIT_OK && !options->print_config)
        printf("%s: %u stream%s, all is well\n", setup_file(&options->setup), config->n_streams,
               config->n_streams == 1 ? "" : "s");
    config_free(config);
    errs_free(&errs);
    errs_free(&warnings);
    return code;
}

int command_check(int argc, char **argv)
{
    struct options options = {.timeout = 10 * USEC_PER_SEC};
    const struct args_option table[] = {
        SETUP_OPTIONS(&options.setup),
        {'C', "connect", NULL, ARGS_FLAG, &options.connect, "ask broker and database too"},
        {'t', "timeout", "TIME", ARGS_DURATION, &options.timeout, "patience with the broker (10s)"},
        {0, "print-config", NULL, ARGS_FLAG, &options.print_config,
         "print all settings in force, secrets left out, and stop"},
        {0},
    };
    const struct args args = {
        .verb = "check",
        .usage = "[OPTION…]",
        .summary = "judge configuration and contracts, and with --connect the servers",
        .options = table,
        .examples = "pactolus check\n"
                    "pactolus check --config ./pactolus.conf --connect\n"
                    "pactolus check --set database.pool=8 --print-config\n",
        .exits = "0   all is well (warnings do not count)\n"
                 "65  the database's tables cannot become what the contracts want\n"
                 "69  broker or database is out of reach, or a topic is missing\n"
                 "77  broker or database refuses us\n"
                 "78  configuration or a contract is wrong, or migrate has not run\n",
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = check(&options);
    setup_free(&options.setup);
    return code;
}
