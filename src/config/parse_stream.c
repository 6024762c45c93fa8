/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Room for one more item of `size` behind the `n` that are there. */
static void *grown(struct arena *arena, const void *items, unsigned n, size_t size)
{
    char *copy = arena_alloc(arena, (n + 1) * size);
    if (n)
        memcpy(copy, items, n * size);
    memset(copy + n * size, 0, size);
    return copy;
}

/* ---------------------------------------------------------------------------------- topics */

/* Kafka's own rule (org.apache.kafka.common.internals.Topic). */
static bool topic_name_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > 249 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '_' && *at != '-')
            return false;
    return true;
}

/* N of a name that ends in ".vN", 1 without. */
static int64_t version_of_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    int64_t version;
    if (dot && dot[1] == 'v' && isdigit((unsigned char)dot[2]) && text_parse_int(dot + 2, &version))
        return version;
    return 1;
}

static void judge_topic(struct load *load, const struct stream_config *stream,
                        struct stream_topic *topic)
{
    if (!topic->name) {
        load_fault(load, topic->place, "topics = ( { name = \"…\"; } );",
                   "streams.%s: a topic without a name", stream->name);
        topic->name = arena_string(&load->config->memory, "", 0);
        return;
    }
    if (!topic_name_valid(topic->name))
        load_fault(load, topic->place,
                   "letters, digits, dots, underscores and dashes, at most 249 of them",
                   "streams.%s: %s is no name that Kafka gives a topic", stream->name, topic->name);
    if (topic->version)
        return;
    int64_t version = version_of_name(topic->name);
    if (version < 1 || version > 127) {
        load_fault(load, topic->place, "say it otherwise: { name = \"…\"; version = N; }",
                   "streams.%s: the version in the name of topic %s is not between 1 and 127",
                   stream->name, topic->name);
        version = 1;
    }
    topic->version = (unsigned)version;
}

static void add_topic(struct load *load, struct stream_config *stream, const struct given *given)
{
    struct arena *arena = &load->config->memory;
    stream->topics = grown(arena, stream->topics, stream->n_topics, sizeof *stream->topics);
    struct stream_topic *topic = &stream->topics[stream->n_topics++];
    topic->place = arena_string(arena, given->place, strlen(given->place));
    if (given->kind == GIVEN_TEXT || given->kind == GIVEN_WORD)
        topic->name = arena_string(arena, given->text, strlen(given->text));
    else
        parse_block(load, OPTION_TOPIC, "", topic, given);
    judge_topic(load, stream, topic);
}

void parse_topics(struct load *load, struct stream_config *stream, const struct given *given)
{
    struct arena *arena = &load->config->memory;
    stream->n_topics = 0; /* --set replaces what the file says */
    if (given->kind == GIVEN_WORD) {
        char *copy = arena_string(arena, given->text, strlen(given->text)), *save;
        struct given item = *given;
        for (char *part = strtok_r(copy, ", ", &save); part; part = strtok_r(NULL, ", ", &save)) {
            item.text = part;
            add_topic(load, stream, &item);
        }
        return;
    }
    if (given->kind == GIVEN_TEXT) {
        add_topic(load, stream, given);
        return;
    }
    for (unsigned i = 0; given->kind == GIVEN_LIST && i < given->n_items; i++) {
        const struct given *item = &given->items[i];
        if (item->kind == GIVEN_TEXT || item->kind == GIVEN_BLOCK)
            add_topic(load, stream, item);
        else
            load_fault(load, item->place, "a name or { name = \"…\"; contract = \"…\"; }",
                       "streams.%s.topics: %s cannot stand here", stream->name,
                       given_kind_name(item->kind));
    }
    if (given->kind != GIVEN_LIST)
        load_fault(load, given->place, "topics = ( \"NAME\" );",
                   "streams.%s.topics: a list is wanted, not %s", stream->name,
                   given_kind_name(given->kind));
}

/* --------------------------------------------------------------------------------- columns */

void parse_columns(struct load *load, struct stream_config *stream, const struct given *given)
{
    struct arena *arena = &load->config->memory;
    const char *hint = "columns : { FIELD : { type = \"uuid\"; }; };";
    if (given->kind != GIVEN_BLOCK) {
        load_fault(load, given->place, hint, "streams.%s.columns: a block is wanted, not %s",
                   stream->name, given_kind_name(given->kind));
        return;
    }
    struct contract_overrides *overrides = &stream->overrides;
    for (unsigned i = 0; i < given->n_items; i++) {
        const struct given *item = &given->items[i];
        if (item->kind != GIVEN_BLOCK) {
            load_fault(load, item->place, hint, "streams.%s.columns.%s: a block is wanted, not %s",
                       stream->name, item->name, given_kind_name(item->kind));
            continue;
        }
        struct column_override *columns =
            grown(arena, overrides->columns, overrides->n_columns, sizeof *columns);
        struct column_override *column = &columns[overrides->n_columns++];
        overrides->columns = columns;
        column->field = arena_string(arena, item->name, strlen(item->name));
        column->place = arena_string(arena, item->place, strlen(item->place));
        parse_block(load, OPTION_COLUMN, "", &column->options, item);
    }
}

/* --------------------------------------------------------------------------------- streams */

struct stream_config *parse_stream_named(struct load *load, const char *name)
{
    for (unsigned i = 0; i < load->config->n_streams; i++)
        if (strcmp(load->config->streams[i].name, name) == 0)
            return &load->config->streams[i];
    return NULL;
}

static void require(struct load *load, const struct stream_config *stream, const void *member,
                    const char *name, const char *hint)
{
    if (!member)
        load_fault(load, stream->place, hint, "streams.%s: %s is missing", stream->name, name);
}

static void add_stream(struct load *load, const struct given *given)
{
    struct config *config = load->config;
    const struct stream_config *before = parse_stream_named(load, given->name);
    if (before) {
        load_fault(load, given->place, "a stream stands in one file; rename or remove one of them",
                   "stream %s is at %s already", given->name, before->place);
        return;
    }
    if (given->kind != GIVEN_BLOCK) {
        load_fault(load, given->place, "streams : { NAME : { … }; };",
                   "streams.%s: a block is wanted, not %s", given->name,
                   given_kind_name(given->kind));
        return;
    }
    if (strlen(given->name) > CONTRACT_NAME_MAX)
        load_fault(load, given->place, NULL, "the name of stream %s is over %d bytes", given->name,
                   CONTRACT_NAME_MAX);
    config->streams =
        grown(&config->memory, config->streams, config->n_streams, sizeof *config->streams);
    struct stream_config *stream = &config->streams[config->n_streams++];
    *stream = load->defaults;
    stream->name = arena_string(&config->memory, given->name, strlen(given->name));
    stream->place = arena_string(&config->memory, given->place, strlen(given->place));
    parse_block(load, OPTION_STREAM, "", stream, given);
    require(load, stream, given_member(given, "descriptors"), "descriptors",
            "descriptors = \"/etc/pactolus/contracts/NAME.binpb\";");
    require(load, stream, given_member(given, "topics"), "topics", "topics = ( \"NAME\" );");
}

void parse_streams(struct load *load, const struct given *root)
{
    const struct given *streams = given_member(root, "streams");
    if (!streams)
        return;
    if (streams->kind != GIVEN_BLOCK) {
        load_fault(load, streams->place, "streams : { NAME : { … }; };",
                   "streams: a block is wanted, not %s", given_kind_name(streams->kind));
        return;
    }
    for (unsigned i = 0; i < streams->n_items; i++)
        add_stream(load, &streams->items[i]);
}
