/* SPDX-License-Identifier: Apache-2.0 */
/* intake: the queue of one lane. The hot path of the daemon: nothing is allocated for a record. */
#include "kafka/internal.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct intake {
    struct consumer *consumer;
    rd_kafka_queue_t *queue;
    int fd;
    size_t waiting; /* items known to be queued still */
    bool draining;  /* something was taken since the queue was last seen empty */
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
    return rd_kafka_queue_length(intake->queue);
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
    kafka_error(&item->err, code, text);
    if (topic)
        err_place(&item->err, "%s[%d]@%lld", topic, (int)partition, (long long)item->record.offset);
}

static void item_from_error(struct intake *intake, rd_kafka_event_t *event,
                            struct intake_item *item)
{
    rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(event);
    item_error(intake, item, rd_kafka_event_error(event), rd_kafka_event_error_string(event),
               at ? at->topic : NULL, at ? at->partition : -1, at ? at->offset : -1);
    if (at)
        rd_kafka_topic_partition_destroy(at);
}

/* False when the event means nothing to a lane. */
static bool item_of(struct intake *intake, rd_kafka_event_t *event, struct intake_item *item)
{
    rd_kafka_event_type_t type = rd_kafka_event_type(event);
    item->handle = event;
    if (type == RD_KAFKA_EVENT_ERROR) {
        item_from_error(intake, event, item);
        return true;
    }
    if (type != RD_KAFKA_EVENT_FETCH)
        return false;
    /* A FETCH event carries one message (rdkafka.h, rd_kafka_event_message_next). */
    const rd_kafka_message_t *message = rd_kafka_event_message_next(event);
    if (!message)
        return false;
    if (__builtin_expect(message->err == RD_KAFKA_RESP_ERR_NO_ERROR, 1)) {
        item->kind = INTAKE_RECORD;
        record_of(message, &item->record);
        return true;
    }
    item_error(intake, item, message->err, rd_kafka_message_errstr(message),
               message->rkt ? rd_kafka_topic_name(message->rkt) : NULL, message->partition,
               message->offset);
    return true;
}

/*
 * The next event, without waiting. Asking an empty queue costs a system call in librdkafka, so the
 * end of a drain is seen by the queue's length instead. The first poll after an end is always a
 * real one, behind the read of the eventfd: it re-arms the wake-up.
 */
static rd_kafka_event_t *next_event(struct intake *intake)
{
    uint64_t ignored;
    if (!intake->draining) {
        if (read(intake->fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
            abort();
    } else if (intake->waiting == 0) {
        intake->waiting = rd_kafka_queue_length(intake->queue);
        if (intake->waiting == 0) {
            intake->draining = false;
            return NULL;
        }
    }
    rd_kafka_event_t *event = rd_kafka_queue_poll(intake->queue, 0);
    intake->draining = event != NULL;
    intake->waiting -= intake->waiting > 0;
    if (!event)
        intake->waiting = 0;
    return event;
}

enum intake_kind intake_next(struct intake *intake, struct intake_item *item)
{
    rd_kafka_event_t *event;
    item->kind = INTAKE_EMPTY;
    item->handle = NULL;
    while ((event = next_event(intake))) {
        if (item_of(intake, event, item))
            return item->kind;
        rd_kafka_event_destroy(event);
        item->handle = NULL;
    }
    return INTAKE_EMPTY;
}

void intake_release(struct intake *intake, struct intake_item *item)
{
    (void)intake;
    if (item->handle)
        rd_kafka_event_destroy(item->handle);
    item->handle = NULL;
    item->record.source = NULL;
}
