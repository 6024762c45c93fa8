/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void load_fault(struct load *load, const char *place, const char *hint, const char *format, ...)
{
    struct err err = ERR_INIT;
    char text[sizeof err.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "%s", text);
    err_place(&err, "%s", place);
    if (hint)
        err_hint(&err, "%s", hint);
    errs_add(load->errs, &err);
}

/* --------------------------------------------------------------------------- unknown names */

/* A word for where a setting of this name would be right, or NULL. */
static const char *elsewhere(enum option_scope scope, const char *name)
{
    if (scope == OPTION_PROCESS &&
        (option_find(OPTION_STREAM, name) || option_is_block(OPTION_STREAM, name)))
        return "this belongs to a stream: streams : { NAME : { … }; };";
    if (scope == OPTION_STREAM &&
        (option_find(OPTION_PROCESS, name) || option_is_block(OPTION_PROCESS, name)))
        return "this belongs outside of streams";
    return NULL;
}

void parse_unknown(struct load *load, enum option_scope scope, const char *block,
                   const struct given *given)
{
    static const char *const of[] = {[OPTION_PROCESS] = "",
                                     [OPTION_STREAM] = " of a stream",
                                     [OPTION_TOPIC] = " of a topic",
                                     [OPTION_COLUMN] = " of a column"};
    const char *other = *block ? NULL : elsewhere(scope, given->name);
    const char *nearest = option_nearest(scope, block, given->name);
    char hint[160] = "pactolus --help-settings lists all";
    if (other)
        snprintf(hint, sizeof hint, "%s", other);
    else if (nearest)
        snprintf(hint, sizeof hint, "did you mean %s%s%s?", block, *block ? "." : "", nearest);
    load_fault(load, given->place, hint, "unknown setting%s: %s%s%s", of[scope], block,
               *block ? "." : "", given->name);
}

/* ------------------------------------------------------------------------------- librdkafka */

static struct kafka_setting *find_kafka(struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->n_kafka; i++)
        if (strcmp(config->kafka[i].name, name) == 0)
            return &config->kafka[i];
    return NULL;
}

static void put_kafka(struct load *load, const char *name, const char *value, const char *place)
{
    struct config *config = load->config;
    struct arena *arena = &config->memory;
    struct kafka_setting *setting = find_kafka(config, name);
    if (!setting) {
        struct kafka_setting *grown = arena_alloc(arena, (config->n_kafka + 1) * sizeof *grown);
        if (config->n_kafka)
            memcpy(grown, config->kafka, config->n_kafka * sizeof *grown);
        config->kafka = grown;
        setting = &grown[config->n_kafka++];
        setting->name = arena_string(arena, name, strlen(name));
    }
    setting->value = arena_string(arena, value, strlen(value));
    setting->place = arena_string(arena, place, strlen(place));
}

void parse_kafka(struct load *load, const char *name, const char *value, const char *place)
{
    char *dotted = arena_string(&load->config->memory, name, strlen(name));
    for (char *at = dotted; *at; at++)
        if (*at == '_')
            *at = '.';
    put_kafka(load, dotted, value, place);
}

/* The text that librdkafka takes for a value, or NULL for a list or block. */
static const char *kafka_value(struct load *load, const struct given *given)
{
    struct arena *arena = &load->config->memory;
    switch (given->kind) {
    case GIVEN_WORD:
    case GIVEN_TEXT:
        return given->text;
    case GIVEN_NUMBER:
        return arena_format(arena, "%" PRId64, given->number);
    case GIVEN_REAL:
        return arena_format(arena, "%.15g", given->real);
    case GIVEN_SWITCH:
        return given->on ? "true" : "false";
    default:
        return NULL;
    }
}

static void parse_kafka_block(struct load *load, const struct given *given)
{
    if (given->kind != GIVEN_BLOCK) {
        load_fault(load, given->place, "kafka : { bootstrap_servers = \"host:9092\"; };",
                   "kafka: a block is wanted, not %s", given_kind_name(given->kind));
        return;
    }
    for (unsigned i = 0; i < given->n_items; i++) {
        const struct given *item = &given->items[i];
        const char *value = kafka_value(load, item);
        if (value)
            parse_kafka(load, item->name, value, item->place);
        else if (item->kind != GIVEN_BROKEN)
            load_fault(load, item->place, "librdkafka takes lists as text: \"a,b\"",
                       "kafka.%s: %s cannot stand here", item->name, given_kind_name(item->kind));
    }
}

static void parse_kafka_list(struct load *load, const struct given *given)
{
    const char *hint = "kafka_properties = ( { name = \"…\"; value = \"…\"; } );";
    if (given->kind != GIVEN_LIST) {
        load_fault(load, given->place, hint, "kafka_properties: a list is wanted, not %s",
                   given_kind_name(given->kind));
        return;
    }
    for (unsigned i = 0; i < given->n_items; i++) {
        const struct given *item = &given->items[i];
        const struct given *name = given_member(item, "name"), *value = given_member(item, "value");
        const char *text = value ? kafka_value(load, value) : NULL;
        if (item->kind == GIVEN_BLOCK && item->n_items == 2 && name && name->kind == GIVEN_TEXT &&
            text)
            put_kafka(load, name->text, text, item->place);
        else
            load_fault(load, item->place, hint, "kafka_properties: name and value are wanted");
    }
}

/* ---------------------------------------------------------------------------------- blocks */

void parse_structured(struct load *load, const struct option *option, void *base,
                      const struct given *given)
{
    switch (option->kind) {
    case OPTION_KAFKA:
        parse_kafka_block(load, given);
        break;
    case OPTION_PROPERTIES:
        parse_kafka_list(load, given);
        break;
    case OPTION_TOPICS:
        parse_topics(load, base, given);
        break;
    case OPTION_COLUMNS:
        parse_columns(load, base, given);
        break;
    case OPTION_STREAMS:
        break; /* parse_streams reads them later */
    default: {
        struct err err = ERR_INIT;
        if (!option_put(option, base, given, &load->config->memory, &err))
            errs_add(load->errs, &err);
    }
    }
}

static void parse_item(struct load *load, enum option_scope scope, const char *block, void *base,
                       const struct given *item)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", block, *block ? "." : "", item->name);
    const struct option *option = option_find(scope, name);
    if (option) {
        bool everywhere = option->scope == OPTION_STREAM && scope == OPTION_PROCESS;
        parse_structured(load, option, everywhere ? &load->defaults : base, item);
    } else if (*block || !option_is_block(scope, item->name)) {
        parse_unknown(load, scope, block, item);
    } else if (item->kind != GIVEN_BLOCK) {
        char hint[128];
        snprintf(hint, sizeof hint, "%s : { … };", item->name);
        load_fault(load, item->place, hint, "%s: a block is wanted, not %s", item->name,
                   given_kind_name(item->kind));
    } else {
        parse_block(load, scope, item->name, base, item);
    }
}

void parse_block(struct load *load, enum option_scope scope, const char *block, void *base,
                 const struct given *given)
{
    for (unsigned i = 0; i < given->n_items; i++)
        parse_item(load, scope, block, base, &given->items[i]);
}

void parse_process(struct load *load, const struct given *root)
{
    parse_block(load, OPTION_PROCESS, "", load->config, root);
}

/* ----------------------------------------------------------------------------------- words */

/* "streams.NAME.SETTING": NAME may hold no dot. */
static void parse_stream_word(struct load *load, const char *name, const struct given *value)
{
    const char *dot = strchr(name, '.');
    char stream_name[128];
    snprintf(stream_name, sizeof stream_name, "%.*s", dot ? (int)(dot - name) : (int)strlen(name),
             name);
    struct stream_config *stream = parse_stream_named(load, stream_name);
    struct given item = *value;
    if (!dot || !stream) {
        load_fault(load, value->place,
                   "streams.NAME.SETTING=VALUE, for a stream that is configured",
                   dot ? "no stream is named %s" : "streams.%s: no setting is named", stream_name);
        return;
    }
    item.name = dot + 1;
    const struct option *option = option_find(OPTION_STREAM, item.name);
    if (option && option->kind != OPTION_COLUMNS)
        parse_structured(load, option, stream, &item);
    else
        parse_unknown(load, OPTION_STREAM, "", &item);
}

void parse_word(struct load *load, const char *name, const struct given *value, bool streams)
{
    bool of_stream = strncmp(name, "streams.", 8) == 0;
    if (of_stream != streams)
        return;
    if (of_stream) {
        parse_stream_word(load, name + 8, value);
        return;
    }
    if (strncmp(name, "kafka.", 6) == 0) {
        parse_kafka(load, name + 6, value->text, value->place);
        return;
    }
    struct given item = *value;
    item.name = name;
    const struct option *option = option_find(OPTION_PROCESS, name);
    const char *dot = strchr(name, '.');
    char block[64];
    snprintf(block, sizeof block, "%.*s", dot ? (int)(dot - name) : 0, name);
    if (option && option->kind <= OPTION_DELETES) {
        parse_structured(load, option,
                         option->scope == OPTION_STREAM ? (void *)&load->defaults : load->config,
                         &item);
    } else if (dot && option_is_block(OPTION_PROCESS, block)) {
        item.name = dot + 1;
        parse_unknown(load, OPTION_PROCESS, block, &item);
    } else {
        parse_unknown(load, OPTION_PROCESS, "", &item);
    }
}
