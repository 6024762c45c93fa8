/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends: where many partitions end, in one question. For those that are not being fetched, of which
 * the client hears nothing. Blocks up to its timeout: worker threads only.
 */
#ifndef PACTOLUS_KAFKA_ENDS_H
#define PACTOLUS_KAFKA_ENDS_H

#include "kafka/conf.h"

#include <stdint.h>

struct log_end {
    const char *topic; /* asked for; borrowed */
    int32_t partition;
    int64_t end; /* the next offset to be read, past no open transaction; -1 = not known */
};

/* Fills `end` of every entry. Partitions that do not answer are no error. */
bool ends_ask(rd_kafka_t *client, struct log_end *list, unsigned n, int timeout_ms,
              struct err *err) MUST_CHECK;

#endif
