/* SPDX-License-Identifier: Apache-2.0 */
#include "command/setup.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *setup_file(const struct setup *setup)
{
    const char *file = setup->file ? setup->file : getenv("PACTOLUS_CONFIG");
    return file && *file ? file : SETUP_DEFAULT_FILE;
}

struct config *setup_config(const struct setup *setup, struct errs *errs)
{
    struct config_overrides overrides = {setup->set.items, setup->set.count};
    struct config *config = config_load(setup_file(setup), &overrides, errs);
    if (config)
        log_set_level(config->log_level);
    return config;
}

void setup_quiet(const struct config *config)
{
    if (config->log_level < LOG_LEVEL_DEBUG)
        log_set_level(LOG_LEVEL_ERROR);
}

void setup_free(struct setup *setup)
{
    args_list_free(&setup->set);
}

struct stream *setup_streams(const struct config *config, struct errs *errs)
{
    struct stream *streams = mem_zero(config->n_streams + 1, sizeof *streams);
    for (unsigned i = 0; i < config->n_streams; i++) {
        unsigned before = errs->count;
        /* Whatever is missing of a stream has its fault in errs. */
        if (!stream_load(&streams[i], &config->streams[i], errs) && errs->count == before) {
            struct err err = ERR_INIT;
            err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "stream %s cannot be loaded",
                    config->streams[i].name);
            err_place(&err, "%s", config->streams[i].place);
            errs_add(errs, &err);
        }
    }
    return streams;
}

void setup_free_streams(struct stream *streams, unsigned n)
{
    for (unsigned i = 0; streams && i < n; i++)
        stream_free(&streams[i]);
    free(streams);
}

PGconn *setup_connect(const struct config *config, struct err *err)
{
    char name[64];
    snprintf(name, sizeof name, "pactolus %s", config->group);
    struct conn_options options = {
        .conninfo = config->conninfo,
        .password_file = config->password_file,
        .application_name = name,
        .connect_timeout_s = (int)(config->connect_timeout / USEC_PER_SEC),
        .statement_timeout_ms = (int)(config->statement_timeout / USEC_PER_MS),
        .lock_timeout_ms = (int)(config->lock_timeout / USEC_PER_MS),
        .session_pooler = strcmp(config->pooler, "session") == 0,
        .prove_pooler = true,
    };
    return conn_open(&options, err);
}

static bool has_brokers(const struct config *config)
{
    for (unsigned i = 0; i < config->n_kafka; i++)
        if (strcmp(config->kafka[i].name, "bootstrap.servers") == 0 ||
            strcmp(config->kafka[i].name, "metadata.broker.list") == 0)
            return true;
    return false;
}

bool setup_kafka(const struct config *config, struct kafka_options *options, struct err *err)
{
    if (!has_brokers(config)) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "no Kafka brokers are named");
        err_place(err, "%s", config->file);
        return err_hint(err, "kafka : { bootstrap_servers = \"localhost:9092\"; };");
    }
    struct kafka_property *properties = mem_zero(config->n_kafka, sizeof *properties);
    for (unsigned i = 0; i < config->n_kafka; i++)
        properties[i] = (struct kafka_property){config->kafka[i].name, config->kafka[i].value,
                                                config->kafka[i].place};
    *options = (struct kafka_options){.properties = properties,
                                      .n_properties = config->n_kafka,
                                      .group = config->group,
                                      .client_id = config->client_id};
    return true;
}

void setup_free_kafka(struct kafka_options *options)
{
    free((void *)(uintptr_t)options->properties);
    *options = (struct kafka_options){0};
}
