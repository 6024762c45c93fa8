/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake: the queue of one lane. The hot path of the daemon: nothing is allocated for a record.
 *
 * Messages are taken from librdkafka in small batches, which costs a tenth of the daemon's time
 * less than one event each: librdkafka reads the clock twice and takes two locks for every call.
 * Its batch interface lost messages around seeks and rebalances before 2.13.2; we need 2.14.2. What
 * was taken is out of librdkafka's sight, so whoever fetches a partition anew calls intake_forget
 * first.
 */
#include "kafka/internal.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { INTAKE_BATCH = 64 }; /* messages taken at once */

struct intake {
    struct consumer *consumer;
    rd_kafka_queue_t *queue;
    int fd;
    rd_kafka_message_t *taken[INTAKE_BATCH]; /* [next, count) wait to be given out */
    unsigned next, count;
    bool draining; /* something was taken since the queue was last seen empty */
};

struct intake *intake_open(struct consumer *consumer, struct err *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "cannot make an eventfd: %s", strerror(errno));
        return NULL;
    }
    struct intake *intake = mem_zero(1, sizeof *intake);
    intake->consumer = consumer;
    intake->fd = fd;
    intake->queue = rd_kafka_queue_new(consumer->client);
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(intake->queue, fd, &one, sizeof one);
    return intake;
}

void intake_close(struct intake *intake)
{
    if (!intake)
        return;
    struct consumer *consumer = intake->consumer;
    for (unsigned i = 0; i < consumer->n_partitions; i++)
        if (consumer->partitions[i].queue == intake->queue)
            consumer->partitions[i].queue = NULL;
    while (intake->next < intake->count) /* one that is kept would hang rd_kafka_destroy */
        rd_kafka_message_destroy(intake->taken[intake->next++]);
    rd_kafka_queue_io_event_enable(intake->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(intake->queue);
    close(intake->fd);
    free(intake);
}

int intake_fd(const struct intake *intake)
{
    return intake->fd;
}

size_t intake_length(const struct intake *intake)
{
    return intake->count - intake->next + rd_kafka_queue_length(intake->queue);
}

void intake_forward(struct intake *intake, struct consumer *consumer, const char *topic,
                    int32_t partition)
{
    assert(intake->consumer == consumer);
    struct known_partition *entry = consumer_partition(consumer, topic, partition, true);
    entry->queue = intake->queue;
    consumer_forward(consumer, entry);
}

/* ---- items ---- */

static unsigned headers_of(const void *source, struct header *out, unsigned max)
{
    rd_kafka_headers_t *headers;
    const rd_kafka_message_t *message = source;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    size_t count = rd_kafka_header_cnt(headers);
    for (size_t i = 0; i < count && i < max; i++) {
        const void *value = NULL;
        size_t length = 0;
        rd_kafka_header_get_all(headers, i, &out[i].name, &value, &length);
        out[i].value = (struct span){.data = value, .length = value ? length : 0};
    }
    return (unsigned)count;
}

static void record_of(const rd_kafka_message_t *message, struct record *record)
{
    rd_kafka_timestamp_type_t type;
    record->topic = rd_kafka_topic_name(message->rkt);
    record->partition = message->partition;
    record->offset = message->offset;
    record->timestamp = rd_kafka_message_timestamp(message, &type);
    record->key = (struct span){.data = message->key, .length = message->key_len};
    record->value = (struct span){.data = message->payload, .length = message->len};
    record->headers = headers_of;
    record->source = message;
}

/* The name of a topic that lives as long as the consumer: ends and errors give up their event. */
static void place_of(struct intake *intake, const char *topic, int32_t partition, int64_t offset,
                     struct record *record)
{
    record->topic = consumer_partition(intake->consumer, topic, partition, true)->topic;
    record->partition = partition;
    record->offset = offset >= 0 ? offset : -1;
    record->timestamp = -1;
}

/* Bytes of the log that cannot be read: the next record would look as if there had been none here.
 */
static bool is_damage(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
           code == RD_KAFKA_RESP_ERR_INVALID_MSG || code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

static void item_error(struct intake *intake, struct intake_item *item, rd_kafka_resp_err_t code,
                       const char *text, const char *topic, int32_t partition, int64_t offset)
{
    if (topic)
        place_of(intake, topic, partition, offset, &item->record);
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        item->kind = INTAKE_END;
        return;
    }
    item->kind = code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ? INTAKE_OUT_OF_RANGE
                 : is_damage(code) && topic                   ? INTAKE_DAMAGED
                                                              : INTAKE_ERROR;
    consumer_count_error(intake->consumer, code);
    kafka_error(&item->err, code, text);
    if (topic)
        err_place(&item->err, "%s[%d]@%lld", topic, (int)partition, (long long)item->record.offset);
}

static void item_of(struct intake *intake, rd_kafka_message_t *message, struct intake_item *item)
{
    item->handle = message;
    if (__builtin_expect(message->err == RD_KAFKA_RESP_ERR_NO_ERROR, 1)) {
        item->kind = INTAKE_RECORD;
        record_of(message, &item->record);
        return;
    }
    item_error(intake, item, message->err, rd_kafka_message_errstr(message),
               message->rkt ? rd_kafka_topic_name(message->rkt) : NULL, message->partition,
               message->offset);
}

/*
 * Take what the queue holds, without waiting. Asking an empty queue costs a system call in
 * librdkafka, so the end of a drain is seen by the queue's length instead. The first poll after an
 * end is always a real one, behind the read of the eventfd: it re-arms the wake-up.
 */
static bool refill(struct intake *intake)
{
    uint64_t ignored;
    if (!intake->draining) {
        if (read(intake->fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
            abort();
    } else if (rd_kafka_queue_length(intake->queue) == 0) {
        intake->draining = false;
        return false;
    }
    ssize_t n = rd_kafka_consume_batch_queue(intake->queue, 0, intake->taken, INTAKE_BATCH);
    intake->next = 0;
    intake->count = n > 0 ? (unsigned)n : 0;
    intake->draining = intake->count > 0;
    return intake->draining;
}

enum intake_kind intake_next(struct intake *intake, struct intake_item *item)
{
    item->kind = INTAKE_EMPTY;
    item->handle = NULL;
    if (intake->next < intake->count || refill(intake))
        item_of(intake, intake->taken[intake->next++], item);
    return item->kind;
}

void intake_release(struct intake *intake, struct intake_item *item)
{
    (void)intake;
    if (item->handle)
        rd_kafka_message_destroy(item->handle);
    item->handle = NULL;
    item->record.source = NULL;
}

void intake_forget(struct intake *intake, const char *topic, int32_t partition)
{
    unsigned kept = intake->next;
    for (unsigned i = intake->next; i < intake->count; i++) {
        rd_kafka_message_t *message = intake->taken[i];
        if (message->partition == partition && message->rkt &&
            strcmp(rd_kafka_topic_name(message->rkt), topic) == 0)
            rd_kafka_message_destroy(message);
        else
            intake->taken[kept++] = message;
    }
    intake->count = kept;
}
