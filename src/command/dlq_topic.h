/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq_topic: the letters that a DLQ topic holds, read without a group, so that it disturbs nobody:
 * for a ledger that is lost, and for a look at what was relayed. What stands there twice (the relay
 * sends at least once) comes once. Blocks until the topic was read to the end that it had at the
 * start, or somebody stops the process.
 */
#ifndef PACTOLUS_COMMAND_DLQ_TOPIC_H
#define PACTOLUS_COMMAND_DLQ_TOPIC_H

#include "command/dlq.h"
#include "engine/letter_headers.h"
#include "kafka/admin.h"

/* False with err ends the reading. The letter is valid for the call. */
typedef bool dlq_topic_each(void *context, struct topic_letter *found, struct err *err);

struct dlq_topic {
    const struct dlq *dlq;
    const char *topic;
    dlq_topic_each *each;
    void *context;
    /* What it met: */
    int64_t records, foreign; /* of these no letters of ours, or of another group */
    int64_t chosen, again;    /* that the filter means; the same place again */
};

bool dlq_topic_read(struct dlq_topic *reading, struct errs *errs) MUST_CHECK;

/* Was the process asked to end? */
bool dlq_stopped(void);
/* From now on SIGINT and SIGTERM ask. */
void dlq_catch_signals(void);

#endif
