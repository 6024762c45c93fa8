/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/text.h"
#include "config/file.h"
#include "config/listen.h"
#include "config/parse.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT "PACTOLUS_"

/* ------------------------------------------------------------------- environment and --set */

/* "database.pool" → "DATABASE_POOL". */
static void environment_name(const char *name, char *out, size_t size)
{
    size_t i = 0;
    for (; name[i] && i + 1 < size; i++)
        out[i] = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
    out[i] = '\0';
}

static const struct option *find_by_environment(const char *wanted)
{
    char name[64];
    for (const struct option *option = option_table(); option->name; option++) {
        if (option->kind > OPTION_DELETES ||
            !(option->scope == OPTION_PROCESS || option->everywhere))
            continue;
        environment_name(option->name, name, sizeof name);
        if (strcmp(name, wanted) == 0)
            return option;
    }
    return NULL;
}

static void parse_variable(struct load *load, const char *name, const char *value)
{
    struct arena *arena = &load->config->memory;
    const struct option *option = find_by_environment(name);
    struct given given = {.kind = GIVEN_WORD,
                          .text = value,
                          .place =
                              arena_format(arena, "environment variable " ENVIRONMENT "%s", name)};
    if (option) {
        parse_word(load, option->name, &given, false);
    } else if (strncmp(name, "KAFKA_", 6) == 0) {
        char *property = arena_string(arena, name + 6, strlen(name + 6));
        for (char *at = property; *at; at++)
            *at = (char)tolower((unsigned char)*at);
        parse_kafka(load, property, value, given.place);
    }
    /* Other variables of that prefix are not ours to judge: whoever starts us may use them. */
}

static void parse_environment(struct load *load)
{
    for (char **variable = environ; *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        size_t prefix = strlen(ENVIRONMENT);
        if (!equals || strncmp(*variable, ENVIRONMENT, prefix) != 0)
            continue;
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)((size_t)(equals - *variable) - prefix),
                 *variable + prefix);
        parse_variable(load, name, equals + 1);
    }
}

static void parse_overrides(struct load *load, const struct config_overrides *overrides,
                            bool streams)
{
    for (unsigned i = 0; overrides && i < overrides->n_set; i++) {
        const char *equals = strchr(overrides->set[i], '=');
        struct given given = {
            .kind = GIVEN_WORD, .place = "--set", .text = equals ? equals + 1 : ""};
        if (equals) {
            char *name = arena_string(&load->config->memory, overrides->set[i],
                                      (size_t)(equals - overrides->set[i]));
            parse_word(load, name, &given, streams);
        } else if (!streams) {
            load_fault(load, given.place, "--set NAME=VALUE", "%s has no value", overrides->set[i]);
        }
    }
}

/* ----------------------------------------------------------------------------------- files */

/* The main file and the files of conf.d beside it. What cannot be read is told and left out. */
static unsigned read_files(struct load *load, const char *path, struct given **roots)
{
    struct arena *arena = &load->config->memory;
    char **more;
    unsigned n = file_list(arena_format(arena, "%sconf.d", file_directory(path, arena)), arena,
                           &more, load->errs);
    *roots = arena_alloc(arena, (n + 1) * sizeof **roots);
    bool clean = file_read(path, arena, &(*roots)[0], load->errs);
    for (unsigned i = 0; i < n; i++)
        clean &= file_read(more[i], arena, &(*roots)[i + 1], load->errs);
    (void)clean; /* errs has it all */
    return n + 1;
}

/* ------------------------------------------------------- what several settings say together */

struct topic_user {
    const struct stream_config *stream;
    const struct stream_topic *topic;
};

static struct topic_user find_topic(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->n_streams; i++)
        for (unsigned k = 0; k < config->streams[i].n_topics; k++)
            if (strcmp(config->streams[i].topics[k].name, name) == 0)
                return (struct topic_user){&config->streams[i], &config->streams[i].topics[k]};
    return (struct topic_user){0};
}

/* A topic belongs to one stream of a group: its partitions go to one lane's queue. */
static void judge_topics(struct load *load, const struct stream_config *stream)
{
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct stream_topic *topic = &stream->topics[i];
        struct topic_user first = find_topic(load->config, topic->name);
        assert(first.stream); /* at the latest, the topic finds itself */
        if (first.topic != topic)
            load_fault(load, topic->place, "a topic belongs to one stream of a group",
                       "streams.%s: topic %s belongs to stream %s already (%s)", stream->name,
                       topic->name, first.stream->name, first.topic->place);
    }
    struct topic_user source = {0};
    if (stream->dlq_topic)
        source = find_topic(load->config, stream->dlq_topic);
    if (source.topic)
        load_fault(load, stream->place, "dead letters would be read again as records",
                   "streams.%s: dlq.topic %s is a topic of stream %s", stream->name,
                   stream->dlq_topic, source.stream->name);
}

static void judge_key(struct load *load, const struct stream_config *stream)
{
    if (stream->key_column && stream->key_format != KEY_TEXT)
        load_fault(load, stream->place, "key : { format = \"text\"; column = \"…\"; };",
                   "streams.%s: key.column serves key.format \"text\" only", stream->name);
    if (stream->key_message && stream->key_format != KEY_PROTOBUF)
        load_fault(load, stream->place, "key : { format = \"protobuf\"; message = \"…\"; };",
                   "streams.%s: key.message serves key.format \"protobuf\" only", stream->name);
    if (!stream->key_message && stream->key_format == KEY_PROTOBUF)
        load_fault(load, stream->place, "key : { format = \"protobuf\"; message = \"…\"; };",
                   "streams.%s: key.format \"protobuf\" wants key.message", stream->name);
}

static void judge_listen(struct load *load)
{
    struct listen_address ignored;
    struct err err;
    if (load->config->metrics_listen && !listen_parse(load->config->metrics_listen, &ignored, &err))
        load_fault(load, load->config->file, err.hint, "%s", err.text);
}

static void judge(struct load *load)
{
    const struct config *config = load->config;
    if (config->retry_base > config->retry_cap)
        load_fault(load, config->file, NULL, "retry.base is greater than retry.cap");
    judge_listen(load);
    for (unsigned i = 0; i < config->n_streams; i++) {
        judge_topics(load, &config->streams[i]);
        judge_key(load, &config->streams[i]);
    }
}

/* ------------------------------------------------------------------------------------ whole */

struct config *config_load(const char *path, const struct config_overrides *overrides,
                           struct errs *errs)
{
    struct config *config = mem_zero(1, sizeof *config);
    arena_init(&config->memory, 16384);
    config->file = arena_string(&config->memory, path, strlen(path));
    struct load load = {.config = config, .errs = errs};
    unsigned before = errs->count;
    option_defaults(OPTION_PROCESS, config, &config->memory);
    option_defaults(OPTION_STREAM, &load.defaults, &config->memory);

    struct given *roots;
    unsigned n_roots = read_files(&load, path, &roots);
    for (unsigned i = 0; i < n_roots; i++)
        parse_process(&load, &roots[i]);
    parse_environment(&load);
    parse_overrides(&load, overrides, false);
    for (unsigned i = 0; i < n_roots; i++)
        parse_streams(&load, &roots[i]);
    parse_overrides(&load, overrides, true);
    judge(&load);

    if (errs->count == before)
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_free(&config->memory);
    free(config);
}
