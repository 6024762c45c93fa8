/* SPDX-License-Identifier: Apache-2.0 */
#include "command/dlq_topic.h"

#include "kafka/consumer.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 10000, CLOSE_MS = 3000, ARENA_BYTES = 256 * 1024, TICK_MS = 500 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool dlq_stopped(void)
{
    return stopped != 0;
}

void dlq_catch_signals(void)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

/* ---- places that have come: a set of hashes ---- */

/* 64 bits of FNV-1a: two of a million places share one with a chance of one in thirty million. */
struct seen {
    uint64_t *slots; /* 0 = free */
    size_t size, used;
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_place(const struct letter *letter)
{
    const char *const texts[] = {letter->stream, letter->cluster, letter->topic, letter->topic_id};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = hash_bytes(hash, texts[i], strlen(texts[i]) + 1);
    hash = hash_bytes(hash, &letter->partition, sizeof letter->partition);
    hash = hash_bytes(hash, &letter->offset, sizeof letter->offset);
    return hash ? hash : 1;
}

static bool put_hash(struct seen *seen, uint64_t hash)
{
    size_t at = (size_t)hash & (seen->size - 1);
    for (; seen->slots[at]; at = (at + 1) & (seen->size - 1))
        if (seen->slots[at] == hash)
            return false;
    seen->slots[at] = hash;
    seen->used++;
    return true;
}

/* True the first time. */
static bool first_time(struct seen *seen, const struct letter *letter)
{
    if (2 * seen->used >= seen->size) {
        struct seen larger = {.size = seen->size ? 2 * seen->size : 1024};
        larger.slots = mem_zero(larger.size, sizeof *larger.slots);
        for (size_t i = 0; i < seen->size; i++)
            if (seen->slots[i])
                (void)put_hash(&larger, seen->slots[i]);
        free(seen->slots);
        *seen = larger;
    }
    return put_hash(seen, hash_place(letter));
}

/* ---- reading ---- */

struct reader {
    struct dlq_topic *reading;
    struct kafka_options kafka;
    struct consumer *consumer;
    struct intake *intake;
    struct topic_partition *starts;
    int64_t *ends; /* by partition: the high watermark at the start */
    bool *ended;
    unsigned n, n_ended;
    struct arena arena;
    struct seen seen;
};

static bool find_ends(struct reader *reader, rd_kafka_t *admin, struct err *err)
{
    const char *topic = reader->reading->topic;
    int partitions = admin_partitions(admin, topic, ASK_MS, err);
    if (partitions < 0)
        return false;
    reader->starts = mem_zero((size_t)partitions + 1, sizeof *reader->starts);
    reader->ends = mem_zero((size_t)partitions + 1, sizeof *reader->ends);
    reader->ended = mem_zero((size_t)partitions + 1, sizeof *reader->ended);
    for (int i = 0; i < partitions; i++) {
        int64_t low, high;
        if (!admin_watermarks(admin, topic, i, ASK_MS, &low, &high, err))
            return false;
        reader->ends[i] = high;
        reader->starts[reader->n++] =
            (struct topic_partition){.topic = topic, .partition = i, .offset = low};
    }
    return true;
}

static bool begin(struct reader *reader, struct errs *errs)
{
    struct err err = ERR_INIT;
    const char *topic = reader->reading->topic;
    if (!setup_kafka(reader->reading->dlq->config, &reader->kafka, &err)) {
        errs_add(errs, &err);
        return false;
    }
    rd_kafka_t *admin = admin_open(&reader->kafka, errs);
    bool found = admin && find_ends(reader, admin, &err);
    if (admin)
        admin_close(admin);
    if (!found) {
        if (admin)
            errs_add(errs, &err);
        return false;
    }
    /* No member of it: librdkafka only wants a name where assignments are made by hand. */
    struct kafka_options options = reader->kafka;
    options.group = "pactolus-dlq";
    reader->consumer = consumer_open(&options, NULL, 0, errs);
    if (!reader->consumer)
        return false;
    reader->intake = intake_open(reader->consumer, &err);
    for (unsigned i = 0; reader->intake && i < reader->n; i++)
        intake_forward(reader->intake, reader->consumer, topic, reader->starts[i].partition);
    if (reader->intake && consumer_assign(reader->consumer, reader->starts, reader->n, &err))
        return true;
    errs_add(errs, &err);
    return false;
}

static void count_end(struct reader *reader, int32_t partition)
{
    if (reader->ended[partition])
        return;
    reader->ended[partition] = true;
    reader->n_ended++;
}

static bool take(struct reader *reader, const struct record *record, struct err *err)
{
    struct dlq_topic *reading = reader->reading;
    struct topic_letter found;
    if (record->offset >= reader->ends[record->partition])
        return true; /* it came since */
    reading->records++;
    arena_reset(&reader->arena, ARENA_BYTES);
    if (!letter_from_record(record, &reader->arena, &found) ||
        strcmp(found.group, reading->dlq->config->group) != 0) {
        reading->foreign++;
        return true;
    }
    if (!dlq_selects(&reading->dlq->filter, &found.letter))
        return true;
    if (!first_time(&reader->seen, &found.letter)) {
        reading->again++;
        return true;
    }
    reading->chosen++;
    found.letter.dlq_topic = reading->topic;
    return reading->each(reading->context, &found, err);
}

static bool drain(struct reader *reader, struct err *err)
{
    struct intake_item item;
    enum intake_kind kind;
    bool good = true;
    while (good && !stopped && (kind = intake_next(reader->intake, &item)) != INTAKE_EMPTY) {
        int32_t partition = item.record.partition;
        if (kind == INTAKE_RECORD) {
            good = take(reader, &item.record, err);
            if (item.record.offset + 1 >= reader->ends[partition])
                count_end(reader, partition);
        } else if (kind == INTAKE_END) {
            count_end(reader, partition);
        } else if (kind == INTAKE_OUT_OF_RANGE || item.err.class == ERR_HALT) {
            good = (*err = item.err, false);
        }
        intake_release(reader->intake, &item);
    }
    return good;
}

static bool follow(struct reader *reader, struct err *err)
{
    struct consumer_event event;
    while (!stopped && reader->n_ended < reader->n) {
        do {
            consumer_poll(reader->consumer, &event);
            if (event.kind == CONSUMER_FATAL ||
                (event.kind == CONSUMER_ERROR && event.err.class == ERR_HALT)) {
                *err = event.err;
                return false;
            }
        } while (event.kind != CONSUMER_NOTHING);
        if (!drain(reader, err))
            return false;
        struct pollfd fds[] = {{.fd = intake_fd(reader->intake), .events = POLLIN},
                               {.fd = consumer_fd(reader->consumer), .events = POLLIN}};
        if (!stopped && reader->n_ended < reader->n)
            poll(fds, 2, TICK_MS);
    }
    return true;
}

bool dlq_topic_read(struct dlq_topic *reading, struct errs *errs)
{
    struct reader reader = {.reading = reading};
    struct err err = ERR_INIT;
    arena_init(&reader.arena, ARENA_BYTES);
    bool begun = begin(&reader, errs), good = begun && follow(&reader, &err);
    if (begun && !good)
        errs_add(errs, &err);
    if (reader.intake)
        intake_close(reader.intake);
    if (reader.consumer)
        consumer_free(reader.consumer, CLOSE_MS);
    setup_free_kafka(&reader.kafka);
    arena_free(&reader.arena);
    free(reader.seen.slots);
    free(reader.starts);
    free(reader.ends);
    free(reader.ended);
    return good;
}
