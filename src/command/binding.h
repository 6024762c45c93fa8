/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding: a topic with its contract, and how to reach it, for the verbs that read and write
 * records: from a stream of the configuration, or from the command line alone. It owns what
 * binding_open makes and borrows argv's texts; binding_close releases it. Faults are collected in
 * errs.
 */
#ifndef PACTOLUS_COMMAND_BINDING_H
#define PACTOLUS_COMMAND_BINDING_H

#include "command/setup.h"

struct binding {
    /* Filled by the options; borrowed from argv. */
    struct setup setup;
    const char *stream_name, *bootstrap, *descriptors, *contract, *framing, *key_field;
    struct args_list properties; /* -X NAME=VALUE */

    /* Filled by binding_open. */
    const char *topic;
    struct config *config; /* NULL when the command line said it all */
    struct stream_config made;
    struct stream_topic made_topic;
    const char *made_key[1];
    struct stream stream;
    unsigned topic_index;       /* in stream.topics */
    const struct contract *its; /* the topic's contract */
    struct kafka_options kafka;
    struct kafka_property *kafka_list; /* owned; the text of -X too */
    char **texts;
};

/* Rows for a verb's table of options. */
/* clang-format off */
#define BINDING_OPTIONS(binding)                                                                   \
    SETUP_OPTIONS(&(binding)->setup),                                                              \
        {'s', "stream", "NAME", ARGS_TEXT, &(binding)->stream_name,                                \
         "the stream of the configuration"},                                                       \
        {'b', "bootstrap", "HOST:PORT", ARGS_TEXT, &(binding)->bootstrap,                          \
         "brokers, instead of the configuration's"},                                               \
        {0, "descriptors", "FILE", ARGS_TEXT, &(binding)->descriptors,                             \
         "descriptor set, for a topic of no stream"},                                              \
        {0, "contract", "NAME", ARGS_TEXT, &(binding)->contract,                                   \
         "its message: payments.v1.Payment"},                                                      \
        {0, "framing", "NAME", ARGS_TEXT, &(binding)->framing,                                     \
         "raw (default) or confluent, with --descriptors"},                                        \
        {'X', "property", "NAME=VALUE", ARGS_MANY, &(binding)->properties,                         \
         "a librdkafka property"}
/* clang-format on */

/* Configuration, contract and Kafka options of `topic` (NULL: the only topic of --stream). False
 * with all faults in errs. binding_close in any case. */
bool binding_open(struct binding *binding, const char *topic, struct errs *errs) MUST_CHECK;
void binding_close(struct binding *binding);

#endif
