/* SPDX-License-Identifier: Apache-2.0 */
/* consumer: the client's life and its control events. Assignments are in partitions.c. */
#include "kafka/internal.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- open ---- */

static bool subscribe(struct consumer *consumer, const char *const *topics, unsigned n_topics,
                      struct err *err)
{
    if (n_topics == 0)
        return true;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n_topics);
    for (unsigned i = 0; i < n_topics; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    consumer->member = true;
    if (code)
        kafka_error(err, code, NULL);
    return !code;
}

/* One queue for everything but records: the main queue's events, the group's, the log. */
static bool open_queue(struct consumer *consumer, struct err *err)
{
    consumer->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (consumer->fd < 0)
        return err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "cannot make an eventfd: %s",
                       strerror(errno));
    rd_kafka_resp_err_t code = rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    if (!code)
        code = rd_kafka_set_log_queue(consumer->client, consumer->queue);
    if (code) {
        kafka_error(err, code, NULL);
        return false;
    }
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(consumer->queue, consumer->fd, &one, sizeof one);
    return true;
}

struct consumer *consumer_open(const struct kafka_options *options, const char *const *topics,
                               unsigned n_topics, struct errs *errs)
{
    struct err err = ERR_INIT;
    char why[512];
    rd_kafka_conf_t *conf = kafka_conf(KAFKA_CONSUMER, options, errs);
    if (!conf)
        return NULL;
    struct consumer *consumer = mem_zero(1, sizeof *consumer);
    consumer->fd = -1;
    rotation_begin(&consumer->rotation, options);
    consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!consumer->client) {
        rd_kafka_conf_destroy(conf);
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "kafka: %s", why);
    } else if (open_queue(consumer, &err) && subscribe(consumer, topics, n_topics, &err)) {
        return consumer;
    }
    errs_add(errs, &err);
    consumer_free(consumer, 2000);
    return NULL;
}

void consumer_refresh(struct consumer *consumer)
{
    rotation_look(&consumer->rotation, consumer->client);
}

int consumer_fd(const struct consumer *consumer)
{
    return consumer->fd;
}

bool consumer_cooperative(const struct consumer *consumer)
{
    return consumer->cooperative;
}

uint64_t consumer_strays(const struct consumer *consumer)
{
    return consumer->strays;
}

void consumer_count_error(struct consumer *consumer, rd_kafka_resp_err_t code)
{
    const char *name = rd_kafka_err2name(code);
    unsigned i = 0;
    while (i < consumer->n_errors && strcmp(consumer->errors[i].name, name) != 0)
        i++;
    if (i == consumer->n_errors && i <= ERROR_KINDS)
        consumer->errors[consumer->n_errors++].name = i < ERROR_KINDS ? name : "other";
    consumer->errors[i < ERROR_KINDS ? i : ERROR_KINDS].times++;
}

const struct kafka_error_count *consumer_errors(const struct consumer *consumer, unsigned *n)
{
    *n = consumer->n_errors;
    return consumer->errors;
}

const struct kafka_statistics *consumer_statistics(const struct consumer *consumer)
{
    return &consumer->statistics;
}

rd_kafka_t *consumer_client(struct consumer *consumer)
{
    return consumer->client;
}

/* ---- events ---- */

static void event_release(struct consumer *consumer)
{
    if (consumer->one)
        rd_kafka_topic_partition_destroy(consumer->one);
    if (consumer->event)
        rd_kafka_event_destroy(consumer->event);
    consumer->one = NULL;
    consumer->event = NULL;
}

static struct topic_partition *list_reserve(struct consumer *consumer, unsigned n)
{
    if (n > consumer->list_capacity) {
        consumer->list = mem_grow(consumer->list, n, sizeof *consumer->list);
        consumer->list_capacity = n;
    }
    return consumer->list;
}

static void event_list(struct consumer *consumer, struct consumer_event *event)
{
    const rd_kafka_topic_partition_list_t *list =
        rd_kafka_event_topic_partition_list(consumer->event);
    unsigned n = list ? (unsigned)list->cnt : 0;
    event->partitions = list_reserve(consumer, n);
    event->n_partitions = n;
    for (unsigned i = 0; i < n; i++)
        event->partitions[i] = (struct topic_partition){
            .topic = list->elems[i].topic,
            .partition = list->elems[i].partition,
            .offset = list->elems[i].offset >= 0 ? list->elems[i].offset : -1};
}

static void event_one(struct consumer *consumer, struct consumer_event *event, const char *topic,
                      int32_t partition, int64_t offset)
{
    event->partitions = list_reserve(consumer, 1);
    event->n_partitions = 1;
    event->partitions[0] = (struct topic_partition){
        .topic = topic, .partition = partition, .offset = offset >= 0 ? offset : -1};
}

static void on_rebalance(struct consumer *consumer, struct consumer_event *event)
{
    /* Asked at the first rebalance and kept: librdkafka forgets it when the group terminates. */
    const char *protocol =
        consumer->protocol_known ? NULL : rd_kafka_rebalance_protocol(consumer->client);
    if (protocol && strcmp(protocol, "NONE") != 0) {
        consumer->cooperative = strcmp(protocol, "COOPERATIVE") == 0;
        consumer->protocol_known = true;
    }
    event_list(consumer, event);
    if (rd_kafka_event_error(consumer->event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        event->kind = CONSUMER_ASSIGN;
        return;
    }
    event->kind = CONSUMER_REVOKE; /* any other code is an error that takes everything away */
    event->lost = rd_kafka_assignment_lost(consumer->client);
}

static void on_committed(struct consumer *consumer, struct consumer_event *event)
{
    consumer->committing = false;
    event->kind = CONSUMER_COMMITTED;
    event_list(consumer, event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(consumer->event);
    const rd_kafka_topic_partition_list_t *list =
        rd_kafka_event_topic_partition_list(consumer->event);
    for (int i = 0; !code && list && i < list->cnt; i++)
        code = list->elems[i].err;
    if (code)
        kafka_error(&event->err, code, NULL);
}

static void stray(struct consumer *consumer, struct consumer_event *event)
{
    consumer->strays++;
    event->kind = CONSUMER_STRAY;
}

/* An error about a partition (range, end) or about the client. */
static void on_error(struct consumer *consumer, struct consumer_event *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(consumer->event);
    bool fatal = rd_kafka_event_error_is_fatal(consumer->event);
    event->kind = fatal ? CONSUMER_FATAL : CONSUMER_ERROR;
    consumer->one = rd_kafka_event_topic_partition(consumer->event);
    if (consumer->one)
        event_one(consumer, event, consumer->one->topic, consumer->one->partition,
                  consumer->one->offset);
    kafka_error(&event->err, code, rd_kafka_event_error_string(consumer->event));
    if (consumer->one)
        err_place(&event->err, "%s[%d]@%lld", consumer->one->topic, (int)consumer->one->partition,
                  (long long)event->partitions[0].offset);
    if (fatal) {
        /* Whatever the code would mean of a living client: this one is over. */
        if (event->err.class != ERR_HALT)
            event->err.exit = ERR_EXIT_TEMPORARY;
        event->err.class = ERR_HALT;
    } else if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && consumer->one) {
        event->kind = CONSUMER_OUT_OF_RANGE;
    } else if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF && consumer->one) {
        stray(consumer, event);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        bootstrap_lost(&consumer->bootstrap, clock_monotonic());
    consumer_count_error(consumer, code);
}

static void on_record(struct consumer *consumer, struct consumer_event *event)
{
    const rd_kafka_message_t *message = rd_kafka_event_message_next(consumer->event);
    if (!message || !message->rkt)
        return;
    event_one(consumer, event, rd_kafka_topic_name(message->rkt), message->partition,
              message->offset);
    stray(consumer, event);
}

static void on_log(struct consumer *consumer)
{
    const char *facility = "", *text = "";
    int level = 0;
    if (rd_kafka_event_log(consumer->event, &facility, &text, &level) == 0)
        /* The failure itself comes as an event too. */
        kafka_log_line(consumer->client,
                       kafka_log_repeats(level, facility) ? LOG_LEVEL_DEBUG : level, facility,
                       text);
}

static void on_statistics(struct consumer *consumer)
{
    const char *json = rd_kafka_event_stats(consumer->event);
    if (json && !statistics_read(json, strlen(json), &consumer->statistics))
        log_debug("kafka: statistics in an unknown form");
}

static void event_read(struct consumer *consumer, struct consumer_event *event)
{
    switch (rd_kafka_event_type(consumer->event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        on_rebalance(consumer, event);
        break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        on_committed(consumer, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        on_error(consumer, event);
        break;
    case RD_KAFKA_EVENT_FETCH:
        on_record(consumer, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        on_log(consumer);
        break;
    case RD_KAFKA_EVENT_STATS:
        on_statistics(consumer);
        break;
    default:
        break;
    }
}

void consumer_poll(struct consumer *consumer, struct consumer_event *event)
{
    uint64_t ignored;
    *event = (struct consumer_event){.kind = CONSUMER_NOTHING};
    /* Before the queue is looked at, so that what comes later makes it readable again. */
    if (read(consumer->fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
        abort();
    bootstrap_turn(&consumer->bootstrap, consumer->client, clock_monotonic());
    do {
        event_release(consumer);
        consumer->event = rd_kafka_queue_poll(consumer->queue, 0);
        if (consumer->event)
            event_read(consumer, event);
    } while (consumer->event && event->kind == CONSUMER_NOTHING);
}

/* ---- the end ---- */

void consumer_close_begin(struct consumer *consumer)
{
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->client, consumer->queue);
    if (error) /* fails only when it is closing already */
        rd_kafka_error_destroy(error);
}

bool consumer_closed(const struct consumer *consumer)
{
    return rd_kafka_consumer_closed(consumer->client);
}

static void *destroy(void *client)
{
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return NULL;
}

/* librdkafka's destroy can wait for brokers that do not answer, so it has a thread of its own. */
static void destroy_within(rd_kafka_t *client, int patience_ms)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, destroy, client) != 0) {
        destroy(client);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        pthread_detach(thread);
}

void consumer_free(struct consumer *consumer, int patience_ms)
{
    if (!consumer)
        return;
    event_release(consumer);
    if (consumer->queue) {
        rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->client)
        destroy_within(consumer->client, patience_ms);
    if (consumer->fd >= 0)
        close(consumer->fd);
    for (unsigned i = 0; i < consumer->n_partitions; i++)
        free(consumer->partitions[i].topic);
    free(consumer->partitions);
    free(consumer->list);
    rotation_end(&consumer->rotation);
    free(consumer);
}
