/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal: what the files of kafka/ share. The consumer keeps a table of partitions, because two
 * things of librdkafka do not last as long as one thinks: forwarding ends with every unassign, a
 * while after the call; and a pause survives unassign, so that the next owner's assign would be
 * silent.
 */
#ifndef PACTOLUS_KAFKA_INTERNAL_H
#define PACTOLUS_KAFKA_INTERNAL_H

#include "kafka/bootstrap.h"
#include "kafka/consumer.h"
#include "kafka/rotation.h"

/* Logs a line of the client at our levels; fits rd_kafka_conf_set_log_cb. Thread-safe. */
void kafka_log_line(const rd_kafka_t *client, int level, const char *facility, const char *text);
/* True of a line about a failed attempt to connect, which an outage repeats for each broker and
 * every few seconds. */
bool kafka_log_repeats(int level, const char *facility);

enum { ERROR_KINDS = 24 }; /* what is past them is counted together */

struct known_partition {
    char *topic; /* owned */
    int32_t partition;
    rd_kafka_queue_t *queue; /* of the intake; borrowed, NULL = not forwarded */
    bool paused;
};

struct consumer {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    int fd;
    bool member; /* subscribed: in a group */
    bool cooperative, protocol_known;
    bool committing;
    struct bootstrap bootstrap;
    uint64_t strays;
    struct kafka_error_count errors[ERROR_KINDS + 1]; /* the last: all other codes */
    unsigned n_errors;
    struct kafka_statistics statistics;
    struct rotation rotation;
    rd_kafka_event_t *event; /* the last one, from which the caller's lists borrow */
    rd_kafka_topic_partition_t *one;
    struct topic_partition *list; /* of the last event */
    unsigned list_capacity;
    struct known_partition *partitions;
    unsigned n_partitions, partitions_capacity;
};

/* The entry of a partition, made when there is none and `make` is set; NULL otherwise. Valid until
 * the next call that makes one. */
struct known_partition *consumer_partition(struct consumer *consumer, const char *topic,
                                           int32_t partition, bool make);

/* Count an error that the client reported. */
void consumer_count_error(struct consumer *consumer, rd_kafka_resp_err_t code);

/* Tell librdkafka to put the partition's records into that entry's queue. */
void consumer_forward(struct consumer *consumer, const struct known_partition *entry);

#endif
