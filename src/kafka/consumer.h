/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer: one member of one group, by librdkafka's event API; and the queues through which its
 * records reach lanes. Rebalances are reported, never answered here: the engine answers when the
 * claim or the drain is done. Never blocks except where said.
 */
#ifndef PACTOLUS_KAFKA_CONSUMER_H
#define PACTOLUS_KAFKA_CONSUMER_H

#include "kafka/conf.h"
#include "kafka/statistics.h"
#include "record/record.h"

struct consumer;
struct intake;

/* A partition in a list; `topic` is borrowed from whoever made the list. */
struct topic_partition {
    const char *topic;
    int32_t partition;
    int64_t offset; /* start offset in assigns, next offset in commits; else -1 */
};

enum consumer_event_kind {
    CONSUMER_NOTHING = 0,
    CONSUMER_ASSIGN,       /* partitions given to us: answer with consumer_assign */
    CONSUMER_REVOKE,       /* partitions to give back: answer with consumer_unassign; `lost` */
    CONSUMER_COMMITTED,    /* an advisory commit ended; err says how */
    CONSUMER_OUT_OF_RANGE, /* partitions[0]: its offset is not in the log (any more) */
    /* partitions[0]: its record (or end) at that offset came here, not to an intake, and is
     * dropped: rewind the partition to what it expects */
    CONSUMER_STRAY,
    CONSUMER_ERROR, /* trouble that librdkafka handles itself; for the log */
    CONSUMER_FATAL, /* the client is of no more use (fenced static member, …) */
};

struct consumer_event {
    enum consumer_event_kind kind;
    bool lost;                          /* REVOKE: the group has already given them away */
    struct topic_partition *partitions; /* valid until the next consumer_poll */
    unsigned n_partitions;
    struct err err;
};

/* Makes the client and subscribes. NULL with err. enable.partition.eof is on. Client logs go to our
 * log from consumer_poll. Without topics it joins no group: the caller assigns what it likes. */
struct consumer *consumer_open(const struct kafka_options *options, const char *const *topics,
                               unsigned n_topics, struct errs *errs);
/* Readable when control events wait (edge-like: drain with consumer_poll until NOTHING). Poll on a
 * timer too, so that idle topics do not pass max.poll.interval.ms. */
int consumer_fd(const struct consumer *consumer);
/* The next control event, without waiting. */
void consumer_poll(struct consumer *consumer, struct consumer_event *event);

/* True when assignments are incremental (cooperative-sticky). Cached at the first rebalance. */
bool consumer_cooperative(const struct consumer *consumer);
/* Answer an ASSIGN: with start offsets as numbers; an eager one replaces the assignment, a
 * cooperative one adds to it. Each partition has been forwarded to its lane's intake before; that
 * is done again here when librdkafka has settled. */
bool consumer_assign(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                     struct err *err) MUST_CHECK;
/* Answer a REVOKE: eager gives everything back, cooperative what is listed. Ends their pauses and
 * their forwarding. */
bool consumer_unassign(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                       struct err *err) MUST_CHECK;
/* Stop and restart fetching of assigned partitions during an outage (the prefetch is thrown away).
 * Saying it twice does nothing. */
void consumer_pause(struct consumer *consumer, const struct topic_partition *list, unsigned n);
void consumer_resume(struct consumer *consumer, const struct topic_partition *list, unsigned n);
/* Start fetching assigned partitions anew at these offsets (after a rewind): unassign and assign.
 * They stay forwarded to their intakes. Under an eager protocol the other partitions go on behind
 * the last record that their intake gave out. */
bool consumer_rewind(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                     struct err *err) MUST_CHECK;
/* Advisory commit of an explicit list, each entry with a note that the group keeps with the offset;
 * answered by CONSUMER_COMMITTED. At most one outstanding. */
bool consumer_commit(struct consumer *consumer, const struct topic_partition *list,
                     const char *const *notes, unsigned n);

/* Leave the group: REVOKEs still arrive through consumer_poll and want answers until
 * consumer_closed. */
void consumer_close_begin(struct consumer *consumer);
bool consumer_closed(const struct consumer *consumer);
/* Destroy; blocks at most `patience_ms`, after which the client is left behind (the process is
 * about to end). All intakes must be closed before. */
void consumer_free(struct consumer *consumer, int patience_ms);

/* Take a password that was changed in its file (kafka/rotation); cheap, to be called now and then. */
void consumer_refresh(struct consumer *consumer);

/* Records and ends that came without an intake (CONSUMER_STRAY), since the start. */
uint64_t consumer_strays(const struct consumer *consumer);

/* Errors that the client reported since the start, by name ("_TRANSPORT"); "other" when there are
 * too many kinds. */
struct kafka_error_count {
    const char *name; /* static */
    uint64_t times;
};
const struct kafka_error_count *consumer_errors(const struct consumer *consumer, unsigned *n);
/* What the client last told about itself (kafka_options.statistics_ms). */
const struct kafka_statistics *consumer_statistics(const struct consumer *consumer);

/* The partition's high watermark as the broker last told it with records: what lies below was
 * written before this call. -1 when nothing is known. */
int64_t consumer_high(const struct consumer *consumer, const char *topic, int32_t partition);

/* The underlying client, for kafka/admin calls from a worker thread (thread-safe in librdkafka). */
rd_kafka_t *consumer_client(struct consumer *consumer);

/* ---- intake: the queue of one lane ---- */

enum intake_kind {
    INTAKE_EMPTY = 0,
    INTAKE_RECORD,
    INTAKE_END,
    INTAKE_ERROR,   /* trouble that librdkafka handles itself; for the log */
    INTAKE_DAMAGED, /* records at that offset cannot be read, and librdkafka goes on behind them */
    INTAKE_OUT_OF_RANGE, /* that offset is not in the log */
};

struct intake_item {
    enum intake_kind kind;
    struct record record; /* RECORD: borrowed until intake_release; END, ERROR: topic, partition and
                             offset (END: the next offset that will be written) */
    struct err err;
    void *handle;
};

struct intake *intake_open(struct consumer *consumer, struct err *err);
void intake_close(struct intake *intake);
/* Readable when the queue went from empty to not: call intake_next until EMPTY. One that was left
 * before EMPTY (a full lane) must be asked again without waiting for this. */
int intake_fd(const struct intake *intake);
/* Send a partition's records here, until it is unassigned: so it is called at every assign, before
 * consumer_assign. Trap: librdkafka clears its forwarding asynchronously; consumer_assign and
 * consumer_rewind forward again when that is over. Calling it twice does no harm. */
void intake_forward(struct intake *intake, struct consumer *consumer, const char *topic,
                    int32_t partition);
/* Let go of what was taken from that partition and not given out: it is about to be fetched from
 * another place, and what is left of the old one would look like a gap. */
void intake_forget(struct intake *intake, const char *topic, int32_t partition);
/* The next item, without waiting. A RECORD or END must be released before the next call. */
enum intake_kind intake_next(struct intake *intake, struct intake_item *item);
void intake_release(struct intake *intake, struct intake_item *item);
/* Items in the queue now (an estimate). */
size_t intake_length(const struct intake *intake);

#endif
