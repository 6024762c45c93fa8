/* SPDX-License-Identifier: Apache-2.0 */
#include "config/stream.h"

#include "base/text.h"
#include "config/guess.h"
#include "contract/field_path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fault(struct errs *errs, const char *place, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);
static void fault(struct errs *errs, const char *place, const char *hint, const char *format, ...)
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
    errs_add(errs, &err);
}

/* ----------------------------------------------------------------------- the descriptor set */

static bool read_descriptors(struct stream *stream, struct errs *errs)
{
    const struct stream_config *config = stream->config;
    const char *hint = "protoc --include_imports --include_source_info -o FILE.binpb FILE.proto";
    FILE *file = fopen(config->descriptors, "re");
    if (!file) {
        fault(errs, config->place, hint, "streams.%s: descriptors %s: %s", config->name,
              config->descriptors, strerror(errno));
        return false;
    }
    char *bytes = mem_alloc(DESCRIPTOR_SET_MAX + 1);
    size_t length = fread(bytes, 1, DESCRIPTOR_SET_MAX + 1, file);
    bool read = !ferror(file);
    fclose(file);
    stream->descriptors = (struct span){mem_grow(bytes, length + 1, 1), length};
    if (!read || length > DESCRIPTOR_SET_MAX) {
        fault(errs, config->place, NULL, "streams.%s: descriptors %s: %s", config->name,
              config->descriptors, read ? "larger than 16 MiB" : "cannot be read");
        return false;
    }
    struct err err = ERR_INIT;
    stream->set = descriptor_set_parse(stream->descriptors.data, length, config->descriptors, &err);
    if (!stream->set)
        errs_add(errs, &err);
    return stream->set != NULL;
}

/* The nearest full name of a message in the set, or NULL. Written into `hint`. */
static const char *nearest_message(const struct stream *stream, const char *name, char *hint,
                                   size_t size)
{
    const struct message_type **types = mem_zero(GUESS_MAX, sizeof *types);
    const char **names = mem_zero(GUESS_MAX + 1, sizeof *names);
    unsigned used = guess_candidates(stream->set, types);
    for (unsigned i = 0; i < used; i++)
        names[i] = types[i]->full_name;
    const char *nearest = text_nearest(name, names);
    const char *dot = strrchr(name, '.');
    /* The right message in another package is likelier than none. */
    for (unsigned i = 0; !nearest && i < used; i++) {
        const char *other = strrchr(names[i], '.');
        if (strcmp(other ? other + 1 : names[i], dot ? dot + 1 : name) == 0)
            nearest = names[i];
    }
    if (nearest)
        snprintf(hint, size, "did you mean %s?", nearest);
    else if (used == 1)
        snprintf(hint, size, "the set holds %s", names[0]);
    free(types);
    free(names);
    return nearest || used == 1 ? hint
                                : "the set does not hold it: was it built from another .proto?";
}

static const struct message_type *find_message(const struct stream *stream, const char *name,
                                               const char *place, const char *what,
                                               struct errs *errs)
{
    char hint[320];
    const struct message_type *type = descriptor_set_message(stream->set, name);
    if (!type)
        fault(errs, place, nearest_message(stream, name, hint, sizeof hint),
              "streams.%s: %s %s is not in %s", stream->config->name, what, name,
              stream->config->descriptors);
    return type;
}

/* --------------------------------------------------------------------- which topic, which type */

static const struct message_type *topic_message(const struct stream *stream,
                                                const struct stream_topic *topic, struct errs *errs)
{
    const char *name = topic->contract ? topic->contract : stream->config->contract;
    if (name)
        return find_message(stream, name, topic->place, "contract", errs);
    const struct message_type *type = guess_message(stream->set, topic->name);
    if (!type)
        fault(errs, topic->place, "{ name = \"…\"; contract = \"package.Message\"; }",
              "streams.%s: no contract is named for topic %s, and %s does not say which",
              stream->config->name, topic->name, stream->config->descriptors);
    return type;
}

/* -------------------------------------------------------------------------------- contracts */

/* The overrides that concern `type`: with several contracts, a column's may concern only one. */
static struct column_override *overrides_for(const struct stream *stream,
                                             const struct message_type *type, bool all, unsigned *n)
{
    const struct contract_overrides *overrides = &stream->config->overrides;
    struct column_override *columns = mem_zero(overrides->n_columns + 1, sizeof *columns);
    struct field_path found;
    *n = 0;
    for (unsigned i = 0; i < overrides->n_columns; i++)
        if (all || field_path_find(type, overrides->columns[i].field, &found))
            columns[(*n)++] = overrides->columns[i];
    return columns;
}

static struct contract *make_contract(const struct stream *stream, const struct message_type *type,
                                      bool alone, struct errs *errs)
{
    struct contract_overrides overrides = stream->config->overrides;
    struct column_override *columns = overrides_for(stream, type, alone, &overrides.n_columns);
    overrides.columns = columns;
    struct contract *contract = contract_make(type, &overrides, errs);
    free(columns);
    return contract;
}

static bool judge_column_overrides(const struct stream *stream,
                                   const struct message_type *const *types, unsigned n_types,
                                   struct errs *errs)
{
    const struct contract_overrides *overrides = &stream->config->overrides;
    bool good = true;
    for (unsigned i = 0; n_types > 1 && i < overrides->n_columns; i++) {
        struct field_path path;
        bool found = false;
        for (unsigned k = 0; k < n_types; k++)
            found |= field_path_find(types[k], overrides->columns[i].field, &path);
        if (!found)
            fault(errs, overrides->columns[i].place, NULL,
                  "streams.%s.columns: no contract of the stream has a field %s",
                  stream->config->name, overrides->columns[i].field);
        good &= found;
    }
    return good;
}

/* Makes a contract of each distinct message and binds the topics to them. */
static bool make_contracts(struct stream *stream, struct errs *errs)
{
    const struct stream_config *config = stream->config;
    const struct message_type **types = mem_zero(config->n_topics + 1, sizeof *types);
    unsigned n_types = 0;
    bool good = true;
    stream->topics = mem_zero(config->n_topics + 1, sizeof *stream->topics);
    for (unsigned i = 0; i < config->n_topics; i++) {
        const struct message_type *type = topic_message(stream, &config->topics[i], errs);
        unsigned at = 0;
        good &= type != NULL;
        while (type && at < n_types && types[at] != type)
            at++;
        if (type && at == n_types)
            types[n_types++] = type;
        stream->topics[i] = (struct pipeline_topic){config->topics[i].name, at};
    }
    stream->contracts = mem_zero(n_types + 1, sizeof *stream->contracts);
    for (unsigned i = 0; i < n_types; i++) {
        struct contract *contract = make_contract(stream, types[i], n_types == 1, errs);
        good &= contract != NULL;
        if (contract)
            stream->contracts[stream->n_contracts++] = contract;
    }
    good &= judge_column_overrides(stream, types, n_types, errs);
    free(types);
    return good;
}

/* ------------------------------------------------------------------------- key and deletes */

static bool judge_key(struct stream *stream, struct errs *errs)
{
    const struct stream_config *config = stream->config;
    struct key_mapping *key = &stream->pipeline.key;
    *key = (struct key_mapping){.format = config->key_format, .framing = config->key_framing};
    if (key->format == KEY_NONE)
        return true;
    if (config->key_message) {
        key->message =
            find_message(stream, config->key_message, config->place, "key.message", errs);
        if (!key->message)
            return false;
    }
    bool good = true;
    for (unsigned i = 0; i < stream->n_contracts; i++) {
        const struct contract *contract = stream->contracts[i];
        struct err err = ERR_INIT;
        if (!key_mapping_check(key, contract, &err)) {
            if (!*err.place)
                err_place(&err, "%s", config->place);
            errs_add(errs, &err);
            good = false;
            continue;
        }
        const char *column = contract->n_key ? contract->columns[contract->key[0]].name : "";
        if (config->key_column && contract->n_key && strcmp(config->key_column, column) != 0) {
            fault(errs, config->place, NULL,
                  "streams.%s: key.column is %s, but the key of %s is %s", config->name,
                  config->key_column, contract->name, column);
            good = false;
        }
    }
    return good;
}

/* A delete needs a place that compares with every row's (docs/guarantees.md §5). */
static bool judge_deletes(struct stream *stream, struct errs *errs)
{
    const struct stream_config *config = stream->config;
    const struct layout *layout = stream->layout;
    struct pipeline *pipeline = &stream->pipeline;
    const char *problem = NULL, *hint = NULL;
    bool fits = config->deletes == DELETES_HEADER || config->deletes == DELETES_FINAL ||
                config->deletes == DELETES_REJECT;
    pipeline->deletes = config->deletes;
    pipeline->deletes_header = config->deletes_header;
    if (!config->deletes_said) {
        if (layout->append || layout->versioned || config->key_format == KEY_NONE)
            pipeline->deletes = DELETES_REJECT;
        return true;
    }
    if (config->deletes == DELETES_REJECT)
        return true;
    if (layout->append) {
        problem = "an append stream has no key whose row a delete could hide";
        hint = "deletes = \"reject\";";
    } else if (config->key_format == KEY_NONE) {
        problem = "without key.format a delete cannot name its row";
        hint = "key : { format = \"text\"; };";
    } else if (layout->versioned && !fits) {
        problem = "a delete without a version cannot be ordered among versions";
        hint = "deletes = \"header:NAME\", \"final\" or \"reject\"";
    } else if (!layout->versioned && config->deletes == DELETES_HEADER) {
        problem =
            "the contract has no version field that the header's version could be compared with";
        hint = "table : { version = \"…\"; }; or deletes = \"soft\";";
    }
    if (problem)
        fault(errs, config->place, hint, "streams.%s: deletes = \"%s\": %s", config->name,
              deletes_name(config->deletes), problem);
    return !problem;
}

static void fill_pipeline(struct stream *stream)
{
    const struct stream_config *config = stream->config;
    struct pipeline *pipeline = &stream->pipeline;
    stream->drift = mem_zero(1, sizeof *stream->drift);
    pipeline->layout = stream->layout;
    pipeline->set = stream->set;
    pipeline->topics = stream->topics;
    pipeline->n_topics = config->n_topics;
    pipeline->framing = config->framing;
    pipeline->skip_other_types = config->skip_other_types;
    pipeline->drift = stream->drift;
    guard_init(&pipeline->guard, stream->drift);
    pipeline->guard.record_max = (size_t)config->record_bytes;
    pipeline->guard.limits.field_max = (size_t)config->record_bytes;
    pipeline->guard.limits.depth_max = config->depth;
}

/* -------------------------------------------------------------------------------- the whole */

bool stream_load(struct stream *stream, const struct stream_config *config, struct errs *errs)
{
    *stream = (struct stream){.config = config};
    if (!read_descriptors(stream, errs))
        return false;
    bool good = make_contracts(stream, errs);
    good &= judge_key(stream, errs);
    if (!good)
        return false;
    stream->layout =
        layout_make((const struct contract *const *)stream->contracts, stream->n_contracts, errs);
    if (!stream->layout)
        return false;
    fill_pipeline(stream);
    return judge_deletes(stream, errs);
}

void stream_free(struct stream *stream)
{
    layout_free(stream->layout);
    for (unsigned i = 0; i < stream->n_contracts; i++)
        contract_free(stream->contracts[i]);
    free(stream->contracts);
    free(stream->topics);
    free(stream->drift);
    descriptor_set_free(stream->set);
    free((char *)(uintptr_t)stream->descriptors.data);
    *stream = (struct stream){0};
}
