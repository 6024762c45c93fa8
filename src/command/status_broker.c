/* SPDX-License-Identifier: Apache-2.0 */
#include "command/setup.h"
#include "command/status.h"
#include "kafka/admin.h"

#include <stdlib.h>
#include <string.h>

void status_make_logs(struct status *status, struct arena *arena)
{
    const struct overview *overview = &status->overview;
    status->logs = arena_alloc(arena, (overview->n_streams + 1) * sizeof *status->logs);
    for (unsigned i = 0; i < overview->n_streams; i++) {
        unsigned n = overview->streams[i].n_partitions;
        status->logs[i] = arena_alloc(arena, (n + 1) * sizeof **status->logs);
        for (unsigned k = 0; k < n; k++)
            status->logs[i][k] = (struct status_log){-1, -1};
    }
}

void status_from_config(struct status *status, const struct config *config, struct arena *arena)
{
    struct overview *overview = &status->overview;
    *overview = (struct overview){.cluster_id = "", .now = clock_wall()};
    overview->n_streams = config->n_streams;
    overview->streams = arena_alloc(arena, (config->n_streams + 1) * sizeof *overview->streams);
    for (unsigned i = 0; i < config->n_streams; i++) {
        const struct stream_config *from = &config->streams[i];
        struct overview_topic *topics = arena_alloc(arena, (from->n_topics + 1) * sizeof *topics);
        for (unsigned k = 0; k < from->n_topics; k++)
            topics[k] = (struct overview_topic){
                .topic = from->topics[k].name, .records = -1, .percent = -1};
        overview->streams[i] = (struct overview_stream){.name = from->name,
                                                        .changed_at = -1,
                                                        .topics = topics,
                                                        .n_topics = from->n_topics,
                                                        .again = -1,
                                                        .open_dead_letters = -1,
                                                        .unattended = -1};
    }
}

/* Who asks, and how; the first question that is not answered ends all. */
struct asking {
    struct status *status;
    rd_kafka_t *client;
    int timeout_ms;
    struct arena *arena;
};

/* An answer that says no is this topic's alone; one that does not answer would cost the patience
 * once per partition. */
static bool goes_on(struct asking *asking, const struct err *err)
{
    asking->status->broker = *err;
    return err->class != ERR_RETRY;
}

static void add_partitions(struct asking *asking, struct overview_stream *stream, const char *topic,
                           unsigned n)
{
    struct overview_partition *all =
        arena_alloc(asking->arena, (stream->n_partitions + n + 1) * sizeof *all);
    if (stream->n_partitions)
        memcpy(all, stream->partitions, stream->n_partitions * sizeof *all);
    for (unsigned k = 0; k < n; k++)
        all[stream->n_partitions + k] = (struct overview_partition){.topic = topic,
                                                                    .partition = (int32_t)k,
                                                                    .next_offset = -1,
                                                                    .newest = -1,
                                                                    .last_commit = -1,
                                                                    .again = -1};
    stream->partitions = all;
    stream->n_partitions += n;
}

/* PostgreSQL would have told them. */
static bool ask_partitions(struct asking *asking)
{
    const struct overview *overview = &asking->status->overview;
    for (unsigned i = 0; i < overview->n_streams; i++) {
        struct overview_stream *stream = &overview->streams[i];
        for (unsigned k = 0; k < stream->n_topics; k++) {
            struct err err = ERR_INIT;
            int n =
                admin_partitions(asking->client, stream->topics[k].topic, asking->timeout_ms, &err);
            if (n >= 0)
                add_partitions(asking, stream, stream->topics[k].topic, (unsigned)n);
            else if (!goes_on(asking, &err))
                return false;
        }
    }
    return true;
}

static bool ask_watermarks(struct asking *asking)
{
    struct status *status = asking->status;
    for (unsigned i = 0; i < status->overview.n_streams; i++) {
        const struct overview_stream *stream = &status->overview.streams[i];
        for (unsigned k = 0; k < stream->n_partitions; k++) {
            struct status_log *log = &status->logs[i][k];
            struct err err = ERR_INIT;
            if (admin_watermarks(asking->client, stream->partitions[k].topic,
                                 stream->partitions[k].partition, asking->timeout_ms, &log->low,
                                 &log->high, &err))
                continue;
            *log = (struct status_log){-1, -1};
            if (!goes_on(asking, &err))
                return false;
        }
    }
    return true;
}

static void ask_all(struct asking *asking)
{
    bool told = status_stored(asking->status) || ask_partitions(asking);
    status_make_logs(asking->status, asking->arena);
    /* Whoever does not answer has its error in the status. */
    if (told && !ask_watermarks(asking))
        return;
}

/* The first of errs becomes the broker's. */
void status_ask_broker(struct status *status, const struct config *config, int timeout_ms,
                       struct arena *arena)
{
    struct kafka_options options;
    struct errs errs = {0};
    status_make_logs(status, arena);
    if (!setup_kafka(config, &options, &status->broker))
        return;
    rd_kafka_t *client = admin_open(&options, &errs);
    if (!client && errs.count)
        status->broker = errs.items[0];
    char *cluster = client ? admin_cluster_id(client, timeout_ms, &status->broker) : NULL;
    if (cluster) {
        struct asking asking = {status, client, timeout_ms, arena};
        status->cluster_id = arena_string(arena, cluster, strlen(cluster));
        ask_all(&asking);
    }
    free(cluster);
    if (client)
        admin_close(client);
    errs_free(&errs);
    setup_free_kafka(&options);
}
