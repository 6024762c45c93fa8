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

/* In microseconds, or RETENTION_FOREVER. False with err: unreachable (69), unknown topic, or a
 * broker that may not say (needs DescribeConfigs on the topic). */
bool retention_of(rd_kafka_t *client, const char *topic, int timeout_ms, usec_t *retention,
                  struct err *err) MUST_CHECK;
/* The same from the topic's settings as the broker writes them; NULL = not told. False when they do
 * not say. */
bool retention_read(const char *cleanup_policy, const char *retention_ms, usec_t *retention);

#endif
