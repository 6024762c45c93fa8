/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups: the consumer groups that read some topics: those that have committed an offset of one of
 * them, or whose members are assigned one. Blocks: verbs only. Errors carry their class by
 * kafka_error_class.
 */
#ifndef PACTOLUS_KAFKA_GROUPS_H
#define PACTOLUS_KAFKA_GROUPS_H

#include "kafka/admin.h"

struct groups_reader {
    char *group, *topic;
    const char *state; /* "Stable", "Empty", …; static */
    unsigned members;  /* that are assigned a partition of the topic now */
    bool committed;    /* it has an offset of it */
};

struct groups {
    struct groups_reader *items; /* by group, then topic */
    unsigned count;
    unsigned unreadable; /* groups whose offsets we may not see */
};

/* Asks for all groups of the cluster; the result is to be freed with groups_free. */
bool groups_read(rd_kafka_t *client, const char *const *topics, unsigned n_topics, int timeout_ms,
                 struct groups *groups, struct err *err) MUST_CHECK;
void groups_free(struct groups *groups);

#endif
