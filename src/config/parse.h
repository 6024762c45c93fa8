/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: given values into the configuration, by the table of settings. Collects every fault and
 * goes on. Internal to config/config.
 */
#ifndef PACTOLUS_CONFIG_PARSE_H
#define PACTOLUS_CONFIG_PARSE_H

#include "config/config.h"
#include "config/given.h"
#include "config/option.h"

struct load {
    struct config *config; /* its arena holds all that is made here */
    struct errs *errs;
    struct stream_config defaults; /* what every stream begins with */
};

/* A fault at `place`, with a hint unless NULL. */
void load_fault(struct load *load, const char *place, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* What stands in a file outside of `streams`, then its streams: defaults of all files are known
 * before the first stream is made. */
void parse_process(struct load *load, const struct given *root);
void parse_streams(struct load *load, const struct given *root);

/* One setting by its full name, from environment or command line. `streams` tells which half is
 * wanted: names that begin with "streams.", or all others. */
void parse_word(struct load *load, const char *name, const struct given *value, bool streams);

/* A librdkafka property; underscores become dots. The last one of a name wins. */
void parse_kafka(struct load *load, const char *name, const char *value, const char *place);

/* One stream's block: config/parse_stream. */
void parse_block(struct load *load, enum option_scope scope, const char *block, void *base,
                 const struct given *given);
void parse_structured(struct load *load, const struct option *option, void *base,
                      const struct given *given);
void parse_topics(struct load *load, struct stream_config *stream, const struct given *given);
void parse_columns(struct load *load, struct stream_config *stream, const struct given *given);
void parse_unknown(struct load *load, enum option_scope scope, const char *block,
                   const struct given *given);
struct stream_config *parse_stream_named(struct load *load, const char *name);

#endif
