/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin: questions to the broker. Everything here blocks up to its timeout; worker threads and
 * verbs only. The caller owns the client until admin_close. Errors carry their class by
 * kafka_error_class.
 */
#ifndef PACTOLUS_KAFKA_ADMIN_H
#define PACTOLUS_KAFKA_ADMIN_H

#include "kafka/conf.h"

#include <stdint.h>

enum { TOPIC_ID_TEXT = 23 }; /* a topic's id in base64, with its NUL */

/* A client for questions only; closed with rd_kafka_destroy by admin_close. */
rd_kafka_t *admin_open(const struct kafka_options *options, struct errs *errs);
/* One that can also ask what its group has committed. It never joins it. */
rd_kafka_t *admin_open_group(const struct kafka_options *options, struct errs *errs);
void admin_close(rd_kafka_t *client);

/* The cluster's id, to be freed. NULL with err (retry/69: unreachable). */
char *admin_cluster_id(rd_kafka_t *client, int timeout_ms, struct err *err);
/* Number of partitions of a topic; -1 with err (halt/69: unknown topic, hint: the kafka-topics.sh
 * command that creates it; retry/69: unreachable; halt/77: not authorised). */
int admin_partitions(rd_kafka_t *client, const char *topic, int timeout_ms, struct err *err);

/* What makes a topic itself: one that was deleted and made anew has its name and another id. */
struct topic_identity {
    const char *topic;      /* asked for; borrowed */
    char id[TOPIC_ID_TEXT]; /* "" = the broker does not say (before 2.8), or may not */
    bool missing;           /* there is no such topic now */
};
/* Fills `id` and `missing` of every entry. A broker that knows no ids is no error. */
bool admin_topic_ids(rd_kafka_t *client, struct topic_identity *list, unsigned n, int timeout_ms,
                     struct err *err) MUST_CHECK;

/* What a group has committed for a partition. */
enum { COMMIT_NOTE = 128 };
struct group_offset {
    const char *topic; /* asked for; borrowed */
    int32_t partition;
    int64_t offset;         /* -1 = none */
    char note[COMMIT_NOTE]; /* kept with it; "" = none, or longer than ours are */
};
/* Fills `offset` and `note` of every entry, by the client's own group: of admin_open_group, or of a
 * member (consumer_client). */
bool admin_group_offsets(rd_kafka_t *client, struct group_offset *list, unsigned n, int timeout_ms,
                         struct err *err) MUST_CHECK;

/* Low and high watermark (high = next offset to be written). */
bool admin_watermarks(rd_kafka_t *client, const char *topic, int32_t partition, int timeout_ms,
                      int64_t *low, int64_t *high, struct err *err) MUST_CHECK;
/* First offset at or after `time_ms`; the high watermark when there is none. */
bool admin_offset_at(rd_kafka_t *client, const char *topic, int32_t partition, int64_t time_ms,
                     int timeout_ms, int64_t *offset, struct err *err) MUST_CHECK;

#endif
