/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup: what most verbs begin with: the configuration, its streams, and connections as it says.
 * What a function here makes is the caller's, with a function beside it that releases it; it
 * borrows from the configuration, which must outlive it.
 */
#ifndef PACTOLUS_COMMAND_SETUP_H
#define PACTOLUS_COMMAND_SETUP_H

#include "command/args.h"
#include "config/stream.h"
#include "kafka/conf.h"
#include "postgres/conn.h"

#define SETUP_DEFAULT_FILE "/etc/pactolus/pactolus.conf"

/* What the options of nearly every verb fill; begin with zeros, end with setup_free. */
struct setup {
    const char *file;
    struct args_list set;
};

/* Rows for a verb's table of options. */
#define SETUP_OPTIONS(setup)                                                                       \
    {'c', "config", "FILE", ARGS_TEXT, &(setup)->file, "main configuration file"},                 \
    {                                                                                              \
        0, "set", "NAME=VALUE", ARGS_MANY, &(setup)->set, "one setting, over file and environment" \
    }

/* --config, else PACTOLUS_CONFIG, else the default file. */
const char *setup_file(const struct setup *setup);
/* NULL with all faults in errs. The caller frees it with config_free. */
struct config *setup_config(const struct setup *setup, struct errs *errs);
/* For verbs that tell faults themselves: the clients' own words only at log_level "debug". */
void setup_quiet(const struct config *config);
void setup_free(struct setup *setup);

/* All streams of the configuration, loaded; faults of every one in errs. An array of
 * config->n_streams, to be freed with setup_free_streams; those that failed have no layout. */
struct stream *setup_streams(const struct config *config, struct errs *errs);
void setup_free_streams(struct stream *streams, unsigned n);

/* A session as the configuration says; NULL with err. */
PGconn *setup_connect(const struct config *config, struct err *err);
/* What kafka/conf wants, borrowed from the configuration; the properties array is to be freed.
 * False with err when no bootstrap.servers are given. */
bool setup_kafka(const struct config *config, struct kafka_options *options,
                 struct err *err) MUST_CHECK;
void setup_free_kafka(struct kafka_options *options);

#endif
