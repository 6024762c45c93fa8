/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer: idempotent, acks=all, awaiting each delivery report. Used by the relay's worker thread,
 * `produce`, and the load generator. Not thread-safe. The caller owns the producer until
 * producer_close; messages are copied.
 */
#ifndef PACTOLUS_KAFKA_PRODUCER_H
#define PACTOLUS_KAFKA_PRODUCER_H

#include "kafka/conf.h"
#include "record/record.h"

struct producer;

struct producer_message {
    const char *topic;
    int32_t partition; /* -1 = by key */
    struct span key, value;
    const struct header *headers;
    unsigned n_headers;
    int64_t timestamp; /* ms; 0 = now */
    void *tag;         /* comes back in the report */
};

/* Called from producer_poll / producer_drain for every message: `code` NO_ERROR when the broker has
 * it. */
typedef void producer_report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                             int64_t offset);

struct producer *producer_open(const struct kafka_options *options, producer_report *report,
                               void *context, struct errs *errs);
/* Copies the message into the client's queue; waits at most `wait_ms` while the queue is full.
 * False with err (retry when the queue stays full; reject: too large; halt: unknown topic …). */
bool producer_send(struct producer *producer, const struct producer_message *message, int wait_ms,
                   struct err *err) MUST_CHECK;
void producer_poll(struct producer *producer, int wait_ms);
/* Wait until every message is reported or `wait_ms` passed; returns how many are still out. */
unsigned producer_drain(struct producer *producer, int wait_ms);
/* Take a password that was changed in its file (kafka/rotation). */
void producer_refresh(struct producer *producer);
/* Purges what is out (each is reported with _PURGE_QUEUE or _PURGE_INFLIGHT) and destroys. */
void producer_close(struct producer *producer);
/* True when the client saw a fatal error and must be closed and opened anew. */
bool producer_fatal(struct producer *producer, struct err *err);

#endif
