/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statistics: what is worth showing of what librdkafka tells about itself, as JSON, every
 * statistics.interval.ms. https://github.com/confluentinc/librdkafka/blob/master/STATISTICS.md
 */
#ifndef PACTOLUS_KAFKA_STATISTICS_H
#define PACTOLUS_KAFKA_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATISTICS_BROKERS = 64 }; /* more are not kept */

struct broker_statistics {
    int64_t id;
    bool up;
    int64_t rtt_average, rtt_p99; /* µs, of the last interval; 0 = nothing was asked */
    int64_t timeouts, disconnects;
};

struct kafka_statistics {
    bool known; /* one report was read */
    int64_t sent_bytes, received_bytes, sent_requests;
    int64_t queued_records, queued_bytes; /* fetched and not taken, over all partitions */
    struct broker_statistics brokers[STATISTICS_BROKERS];
    unsigned n_brokers;
};

/* False, and nothing changed, when it is not the JSON that we know. */
bool statistics_read(const char *json, size_t length, struct kafka_statistics *statistics);

#endif
