/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention: how long a topic keeps records, asked of the broker. Blocks up to its timeout. The
 * client is admin_open's.
 */
#ifndef PACTOLUS_KAFKA_RETENTION_H
#define PACTOLUS_KAFKA_RETENTION_H

#include "base/clock.h"
#include "kafka/conf.h"

enum { RETENTION_FOREVER = -1 }; /* no limit of time, or compaction alone */

/* At most, in microseconds, or RETENTION_FOREVER: retention.ms counts from when a segment is
 * closed, which is segment.ms after its first record at the latest (segment.ms and retention.ms in
 * Kafka's documentation of topic settings). False with err: unreachable (69), unknown topic, or a
 * broker that may not say (needs DescribeConfigs on the topic). */
bool retention_of(rd_kafka_t *client, const char *topic, int timeout_ms, usec_t *retention,
                  struct err *err) MUST_CHECK;
/* The same from the topic's settings as the broker writes them; NULL = not told. False when they do
 * not say. */
struct retention_settings {
    const char *cleanup_policy, *retention_ms, *segment_ms;
};
bool retention_read(const struct retention_settings *settings, usec_t *retention);

#endif
