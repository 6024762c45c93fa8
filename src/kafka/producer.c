/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/producer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/internal.h"

#include <stdatomic.h>
#include <stdlib.h>

struct producer {
    struct rotation rotation;
    rd_kafka_t *client;
    producer_report *report;
    void *context;
    struct bootstrap bootstrap;
    unsigned out;           /* sent and not reported */
    atomic_llong failed_at; /* when a failed connection was logged last; the library's threads' */
};

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    (void)client;
    producer->out--;
    if (producer->report)
        producer->report(producer->context, message->_private, message->err, message->partition,
                         message->offset);
}

/* Errors of the client are seen in the reports and by producer_fatal; its log lines tell the rest.
 * Without a callback the library would log them a second time. */
static void on_error(rd_kafka_t *client, int code, const char *text, void *opaque)
{
    struct producer *producer = opaque;
    (void)client;
    (void)text;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        bootstrap_lost(&producer->bootstrap, clock_monotonic());
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    struct producer *producer = rd_kafka_opaque(client);
    if (kafka_log_repeats(level, facility)) {
        /* Two threads in one moment: one of them logs. */
        long long now = clock_monotonic(), last = atomic_load(&producer->failed_at);
        if ((last && now - last < 30 * USEC_PER_SEC) ||
            !atomic_compare_exchange_strong(&producer->failed_at, &last, now))
            level = LOG_LEVEL_DEBUG;
    }
    kafka_log_line(client, level, facility, text);
}

struct producer *producer_open(const struct kafka_options *options, producer_report *report,
                               void *context, struct errs *errs)
{
    char why[512];
    rd_kafka_conf_t *conf = kafka_conf(KAFKA_PRODUCER, options, errs);
    if (!conf)
        return NULL;
    struct producer *producer = mem_zero(1, sizeof *producer);
    producer->report = report;
    producer->context = context;
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rotation_begin(&producer->rotation, options);
    producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (producer->client)
        return producer;
    struct err err;
    rd_kafka_conf_destroy(conf);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "kafka: %s", why);
    errs_add(errs, &err);
    rotation_end(&producer->rotation);
    free(producer);
    return NULL;
}

void producer_refresh(struct producer *producer)
{
    rotation_look(&producer->rotation, producer->client);
}

/* ---- send ---- */

static rd_kafka_headers_t *headers_of(const struct producer_message *message)
{
    if (message->n_headers == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->n_headers);
    for (unsigned i = 0; i < message->n_headers; i++) {
        const struct header *header = &message->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.data,
                            (ssize_t)header->value.length);
    }
    return headers;
}

/* The library takes a pointer that it does not write to; the value is copied. */
static void *unconst(const void *data)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = data};
    return pointer.out;
}

static rd_kafka_error_t *send_once(struct producer *producer,
                                   const struct producer_message *message)
{
    rd_kafka_headers_t *headers = headers_of(message);
    rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = message->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = message->partition < 0 ? RD_KAFKA_PARTITION_UA : message->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = unconst(message->key.data), .size = message->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = unconst(message->value.data), .size = message->value.length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->timestamp},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = message->tag},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = sizeof vus / sizeof *vus - (headers ? 0 : 1);
    rd_kafka_error_t *error = rd_kafka_produceva(producer->client, vus, count);
    if (!error)
        producer->out++;
    else if (headers)
        rd_kafka_headers_destroy(headers); /* taken only on success */
    return error;
}

bool producer_send(struct producer *producer, const struct producer_message *message, int wait_ms,
                   struct err *err)
{
    enum { SLICE_MS = 100 };
    usec_t until = 0;
    for (;;) {
        rd_kafka_error_t *error = send_once(producer, message);
        if (!error)
            return true;
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        usec_t now = clock_monotonic();
        if (until == 0)
            until = now + wait_ms * USEC_PER_MS;
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && now < until) {
            rd_kafka_error_destroy(error);
            usec_t left = (until - now) / USEC_PER_MS + 1;
            rd_kafka_poll(producer->client, left < SLICE_MS ? (int)left : SLICE_MS);
            continue;
        }
        kafka_error(err, code, rd_kafka_error_string(error));
        err_place(err, "%s", message->topic);
        rd_kafka_error_destroy(error);
        return false;
    }
}

/* ---- reports ---- */

void producer_poll(struct producer *producer, int wait_ms)
{
    bootstrap_turn(&producer->bootstrap, producer->client, clock_monotonic());
    rd_kafka_poll(producer->client, wait_ms);
}

unsigned producer_drain(struct producer *producer, int wait_ms)
{
    bootstrap_turn(&producer->bootstrap, producer->client, clock_monotonic());
    if (producer->out > 0)
        rd_kafka_flush(producer->client, wait_ms);
    rd_kafka_poll(producer->client, 0);
    return producer->out;
}

void producer_close(struct producer *producer)
{
    enum { REPORTS_MS = 1000 };
    if (!producer)
        return;
    if (producer->out > 0) {
        rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(producer->client, REPORTS_MS);
    }
    rd_kafka_destroy(producer->client);
    rotation_end(&producer->rotation);
    free(producer);
}

bool producer_fatal(struct producer *producer, struct err *err)
{
    char why[512];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(producer->client, why, sizeof why);
    if (!code)
        return false;
    kafka_error(err, code, why);
    return true;
}
