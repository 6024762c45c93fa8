/* SPDX-License-Identifier: Apache-2.0 */
#include "command/binding.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fault(struct errs *errs, enum err_exit code, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);
static bool fault(struct errs *errs, enum err_exit code, const char *hint, const char *format, ...)
{
    struct err err = ERR_INIT;
    char text[sizeof err.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&err, ERR_HALT, code, "%s", text);
    if (hint)
        err_hint(&err, "%s", hint);
    errs_add(errs, &err);
    return false;
}

/* ---- a stream of the configuration ---- */

static const struct stream_config *find_stream(const struct binding *binding, const char *topic,
                                               unsigned *index)
{
    const struct config *config = binding->config;
    for (unsigned i = 0; i < config->n_streams; i++) {
        const struct stream_config *stream = &config->streams[i];
        if (binding->stream_name && strcmp(stream->name, binding->stream_name) != 0)
            continue;
        *index = 0;
        if (!topic && binding->stream_name)
            return stream;
        for (; topic && *index < stream->n_topics; ++*index)
            if (strcmp(stream->topics[*index].name, topic) == 0)
                return stream;
    }
    return NULL;
}

static bool open_configured(struct binding *binding, const char *topic, struct errs *errs)
{
    binding->config = setup_config(&binding->setup, errs);
    if (!binding->config)
        return false;
    const struct stream_config *stream = find_stream(binding, topic, &binding->topic_index);
    if (!stream && !topic)
        return fault(errs, ERR_EXIT_USAGE, "name the topic or --stream", "%s%s",
                     binding->stream_name ? "no such stream: " : "which topic?",
                     binding->stream_name ? binding->stream_name : "");
    if (!stream)
        return fault(errs, ERR_EXIT_CONFIG,
                     "--descriptors FILE --contract NAME say what it carries",
                     "no stream of %s reads topic %s", setup_file(&binding->setup), topic);
    if (!topic && stream->n_topics > 1)
        return fault(errs, ERR_EXIT_USAGE, "name one of its topics", "stream %s has %u topics",
                     stream->name, stream->n_topics);
    binding->topic = stream->topics[binding->topic_index].name;
    return stream_load(&binding->stream, stream, errs);
}

/* ---- the command line alone ---- */

/* stream_config's texts are not const; stream_load only reads them. */
static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static bool open_made(struct binding *binding, const char *topic, struct errs *errs)
{
    if (!topic)
        return fault(errs, ERR_EXIT_USAGE, NULL, "which topic?");
    struct stream_config *made = &binding->made;
    binding->topic = topic;
    binding->made_topic = (struct stream_topic){
        .name = unconst(topic), .version = 1, .place = unconst("command line")};
    *made = (struct stream_config){.name = unconst("(command line)"),
                                   .place = unconst("command line"),
                                   .descriptors = unconst(binding->descriptors),
                                   .contract = unconst(binding->contract),
                                   .topics = &binding->made_topic,
                                   .n_topics = 1,
                                   .lanes = 1,
                                   .record_bytes = INT64_C(16) * 1024 * 1024,
                                   .depth = 64};
    if (binding->framing && !framing_parse(binding->framing, &made->framing))
        return fault(errs, ERR_EXIT_USAGE, "raw or confluent", "no framing %s", binding->framing);
    if (binding->key_field) {
        binding->made_key[0] = binding->key_field;
        made->overrides.contract.key = binding->made_key;
        made->overrides.contract.n_key = 1;
        made->key_format = KEY_TEXT;
    } else { /* no table is meant: no key is needed */
        made->overrides.contract.mode = CONTRACT_APPEND;
        made->overrides.contract.mode_said = true;
    }
    return stream_load(&binding->stream, made, errs);
}

/* ---- Kafka ---- */

static bool add_property(struct binding *binding, const char *text, struct errs *errs)
{
    unsigned at = binding->kafka.n_properties;
    char *name = mem_string(text), *value = strchr(name, '=');
    binding->texts[at] = name;
    binding->kafka_list[at] = (struct kafka_property){name, "", "command line"};
    binding->kafka.n_properties++;
    if (!value)
        return fault(errs, ERR_EXIT_USAGE, "-X NAME=VALUE", "not a property: %s", text);
    *value = 0;
    binding->kafka_list[at].value = value + 1;
    return true;
}

/* The configuration's properties, then those of the command line, which win. */
static bool open_kafka(struct binding *binding, struct errs *errs)
{
    struct err err = ERR_INIT;
    struct kafka_options from = {0};
    bool brokers = binding->bootstrap != NULL;
    for (unsigned i = 0; i < binding->properties.count; i++)
        brokers |= strncmp(binding->properties.items[i], "bootstrap", 9) == 0;
    if (binding->config && !setup_kafka(binding->config, &from, &err) && !brokers) {
        errs_add(errs, &err);
        return false;
    }
    if (!binding->config && !brokers)
        return fault(errs, ERR_EXIT_USAGE, "--bootstrap HOST:PORT", "no Kafka brokers are named");
    unsigned room = from.n_properties + binding->properties.count + 1;
    binding->kafka_list = mem_zero(room, sizeof *binding->kafka_list);
    binding->texts = mem_zero(room, sizeof *binding->texts);
    for (unsigned i = 0; i < from.n_properties; i++)
        binding->kafka_list[binding->kafka.n_properties++] = from.properties[i];
    setup_free_kafka(&from);
    binding->kafka.properties = binding->kafka_list;
    binding->kafka.client_id = binding->config ? binding->config->client_id : "pactolus";
    bool good = true;
    if (binding->bootstrap)
        binding->kafka_list[binding->kafka.n_properties++] =
            (struct kafka_property){"bootstrap.servers", binding->bootstrap, "--bootstrap"};
    for (unsigned i = 0; i < binding->properties.count; i++)
        good &= add_property(binding, binding->properties.items[i], errs);
    return good;
}

bool binding_open(struct binding *binding, const char *topic, struct errs *errs)
{
    bool opened = binding->descriptors ? open_made(binding, topic, errs)
                                       : open_configured(binding, topic, errs);
    if (opened)
        binding->its =
            binding->stream.contracts[binding->stream.topics[binding->topic_index].contract];
    return opened && open_kafka(binding, errs);
}

void binding_close(struct binding *binding)
{
    for (unsigned i = 0; binding->texts && i < binding->kafka.n_properties; i++)
        free(binding->texts[i]);
    free(binding->texts);
    free(binding->kafka_list);
    if (binding->stream.config)
        stream_free(&binding->stream);
    if (binding->config)
        config_free(binding->config);
    args_list_free(&binding->properties);
    setup_free(&binding->setup);
}
