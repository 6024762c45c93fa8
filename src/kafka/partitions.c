/* SPDX-License-Identifier: Apache-2.0 */
/* partitions: assign, unassign, rewind, pause; what librdkafka forgets about a partition is kept.
 */
#include "kafka/internal.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

struct known_partition *consumer_partition(struct consumer *consumer, const char *topic,
                                           int32_t partition, bool make)
{
    for (unsigned i = 0; i < consumer->n_partitions; i++) {
        struct known_partition *entry = &consumer->partitions[i];
        if (entry->partition == partition && strcmp(entry->topic, topic) == 0)
            return entry;
    }
    if (!make)
        return NULL;
    if (consumer->n_partitions == consumer->partitions_capacity) {
        consumer->partitions_capacity =
            consumer->partitions_capacity ? consumer->partitions_capacity * 2 : 16;
        consumer->partitions = mem_grow(consumer->partitions, consumer->partitions_capacity,
                                        sizeof *consumer->partitions);
    }
    struct known_partition *entry = &consumer->partitions[consumer->n_partitions++];
    *entry = (struct known_partition){.topic = mem_string(topic), .partition = partition};
    return entry;
}

static void forget(struct consumer *consumer, const char *topic, int32_t partition)
{
    struct known_partition *entry = consumer_partition(consumer, topic, partition, false);
    if (!entry)
        return;
    free(entry->topic);
    *entry = consumer->partitions[--consumer->n_partitions];
}

void consumer_forward(struct consumer *consumer, const struct known_partition *entry)
{
    if (!entry->queue)
        return;
    rd_kafka_queue_t *queue =
        rd_kafka_queue_get_partition(consumer->client, entry->topic, entry->partition);
    if (!queue)
        return;
    rd_kafka_queue_forward(queue, entry->queue);
    rd_kafka_queue_destroy(queue);
}

/* ---- lists ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct topic_partition *list, unsigned n)
{
    rd_kafka_topic_partition_list_t *out = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(out, list[i].topic, list[i].partition)->offset =
            list[i].offset >= 0 ? list[i].offset : RD_KAFKA_OFFSET_INVALID;
    return out;
}

static bool failed(rd_kafka_error_t *error, const char *what, struct err *err)
{
    if (!error)
        return false;
    kafka_error(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
    err_place(err, "%s", what);
    rd_kafka_error_destroy(error);
    return true;
}

static bool code_failed(rd_kafka_resp_err_t code, const char *what, struct err *err)
{
    if (!code)
        return false;
    kafka_error(err, code, NULL);
    err_place(err, "%s", what);
    return true;
}

/* Waits until librdkafka has stopped what an unassign stops. The stop is queued behind the unassign
 * for the client's main thread, which serves its queue in order: when it has answered a later
 * question, the stop is done. (Read in rdkafka_assignment.c and rdkafka_partition.c.) */
static void settle(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *ignored = NULL;
    if (rd_kafka_assignment(consumer->client, &ignored) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_topic_partition_list_destroy(ignored);
}

/* A forwarded partition never falls back to the consumer's queue: what came between its start and
 * this waits in the partition's own queue and moves along. */
static void forward_all(struct consumer *consumer)
{
    settle(consumer);
    for (unsigned i = 0; i < consumer->n_partitions; i++)
        consumer_forward(consumer, &consumer->partitions[i]);
}

/* ---- assign ---- */

bool consumer_assign(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                     struct err *err)
{
    for (unsigned i = 0; i < n; i++)
        assert(list[i].offset >= 0); /* never the group's committed offset, never a reset */
    rd_kafka_topic_partition_list_t *partitions = list_of(list, n);
    bool ok =
        consumer->cooperative
            ? !failed(rd_kafka_incremental_assign(consumer->client, partitions), "assign", err)
            : !code_failed(rd_kafka_assign(consumer->client, partitions), "assign", err);
    rd_kafka_topic_partition_list_destroy(partitions);
    if (ok)
        forward_all(consumer);
    return ok;
}

static void forget_all(struct consumer *consumer)
{
    while (consumer->n_partitions > 0)
        free(consumer->partitions[--consumer->n_partitions].topic);
}

/* A pause outlives the assignment: it ends before. */
static void resume_paused(struct consumer *consumer, const struct topic_partition *list, unsigned n)
{
    if (consumer->cooperative) {
        consumer_resume(consumer, list, n);
        return;
    }
    for (unsigned i = 0; i < consumer->n_partitions; i++) {
        const struct known_partition *entry = &consumer->partitions[i];
        struct topic_partition one = {.topic = entry->topic, .partition = entry->partition};
        consumer_resume(consumer, &one, 1);
    }
}

bool consumer_unassign(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                       struct err *err)
{
    resume_paused(consumer, list, n);
    if (!consumer->cooperative) {
        forget_all(consumer);
        return !code_failed(rd_kafka_assign(consumer->client, NULL), "unassign", err);
    }
    rd_kafka_topic_partition_list_t *partitions = list_of(list, n);
    bool ok = !failed(rd_kafka_incremental_unassign(consumer->client, partitions), "unassign", err);
    rd_kafka_topic_partition_list_destroy(partitions);
    for (unsigned i = 0; i < n; i++)
        forget(consumer, list[i].topic, list[i].partition);
    return ok;
}

/* ---- rewind ---- */

static bool rewind_incremental(struct consumer *consumer,
                               rd_kafka_topic_partition_list_t *partitions, struct err *err)
{
    /* Not assigned any more, because an earlier rewind got no further: the assign tells. */
    struct err ignored;
    (void)failed(rd_kafka_incremental_unassign(consumer->client, partitions), "rewind", &ignored);
    return !failed(rd_kafka_incremental_assign(consumer->client, partitions), "rewind", err);
}

/* An eager member can only assign everything: the others go on where they are, which is behind the
 * last record given out, or where they were assigned if there was none yet. */
static bool rewind_whole(struct consumer *consumer, const rd_kafka_topic_partition_list_t *wanted,
                         struct err *err)
{
    rd_kafka_topic_partition_list_t *all = NULL, *positions = NULL;
    bool ok = !code_failed(rd_kafka_assignment(consumer->client, &all), "rewind", err);
    if (!ok)
        return false;
    positions = rd_kafka_topic_partition_list_copy(all);
    ok = !code_failed(rd_kafka_position(consumer->client, positions), "rewind", err);
    for (int i = 0; ok && i < all->cnt; i++) {
        rd_kafka_topic_partition_t *entry = &all->elems[i];
        const rd_kafka_topic_partition_t *asked =
            rd_kafka_topic_partition_list_find(wanted, entry->topic, entry->partition);
        if (asked)
            entry->offset = asked->offset;
        else if (positions->elems[i].offset >= 0)
            entry->offset = positions->elems[i].offset;
    }
    ok = ok && !code_failed(rd_kafka_assign(consumer->client, all), "rewind", err);
    rd_kafka_topic_partition_list_destroy(positions);
    rd_kafka_topic_partition_list_destroy(all);
    return ok;
}

bool consumer_rewind(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                     struct err *err)
{
    for (unsigned i = 0; i < n; i++)
        assert(list[i].offset >= 0);
    rd_kafka_topic_partition_list_t *partitions = list_of(list, n);
    bool ok = consumer->member && !consumer->cooperative
                  ? rewind_whole(consumer, partitions, err)
                  : rewind_incremental(consumer, partitions, err);
    rd_kafka_topic_partition_list_destroy(partitions);
    if (ok)
        forward_all(consumer);
    return ok;
}

/* ---- pause ---- */

static void set_paused(struct consumer *consumer, const struct topic_partition *list, unsigned n,
                       bool pause)
{
    rd_kafka_topic_partition_list_t *changed = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++) {
        struct known_partition *entry =
            consumer_partition(consumer, list[i].topic, list[i].partition, pause);
        if (!entry || entry->paused == pause)
            continue;
        entry->paused = pause;
        rd_kafka_topic_partition_list_add(changed, entry->topic, entry->partition);
    }
    /* Fails for a partition that is not ours any more, which then fetches nothing anyway. */
    if (changed->cnt > 0 && pause)
        rd_kafka_pause_partitions(consumer->client, changed);
    else if (changed->cnt > 0)
        rd_kafka_resume_partitions(consumer->client, changed);
    rd_kafka_topic_partition_list_destroy(changed);
}

void consumer_pause(struct consumer *consumer, const struct topic_partition *list, unsigned n)
{
    set_paused(consumer, list, n, true);
}

void consumer_resume(struct consumer *consumer, const struct topic_partition *list, unsigned n)
{
    set_paused(consumer, list, n, false);
}

/* ---- commit ---- */

bool consumer_commit(struct consumer *consumer, const struct topic_partition *list,
                     const char *const *notes, unsigned n)
{
    if (consumer->committing || !consumer->member || n == 0)
        return false;
    rd_kafka_topic_partition_list_t *offsets = list_of(list, n);
    for (unsigned i = 0; i < n; i++) {
        offsets->elems[i].metadata = mem_string(notes[i]); /* the list frees it */
        offsets->elems[i].metadata_size = strlen(notes[i]);
    }
    consumer->committing = rd_kafka_commit_queue(consumer->client, offsets, consumer->queue, NULL,
                                                 NULL) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(offsets);
    return consumer->committing;
}

int64_t consumer_high(const struct consumer *consumer, const char *topic, int32_t partition)
{
    int64_t low, high;
    return rd_kafka_get_watermark_offsets(consumer->client, topic, partition, &low, &high) ||
                   high < 0
               ? -1
               : high;
}
