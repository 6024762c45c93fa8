/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is made of: opened in this order, and closed so that no thread outlives what it
 * looks at. */
#include "engine/engine.h"

#include "engine/lane.h"
#include "engine/listener.h"
#include "engine/measures.h"
#include "engine/membership.h"
#include "engine/metrics.h"
#include "engine/relay.h"
#include "engine/reload.h"
#include "engine/tally.h"

#include <stdlib.h>
#include <string.h>

static void fill_conn_options(struct engine *engine)
{
    const struct config *config = engine->config;
    engine->application_name = mem_format("pactolus %s", config->group);
    engine->conn_options = (struct conn_options){
        .conninfo = config->conninfo,
        .password_file = config->password_file,
        .application_name = engine->application_name,
        .connect_timeout_s = (int)(config->connect_timeout / USEC_PER_SEC),
        .statement_timeout_ms = (int)(config->statement_timeout / USEC_PER_MS),
        .lock_timeout_ms = (int)(config->lock_timeout / USEC_PER_MS),
        .idle_in_transaction_timeout_ms = (int)(config->idle_in_transaction_timeout / USEC_PER_MS),
        .answer_timeout_ms = (int)(config->answer_timeout / USEC_PER_MS),
        .session_pooler = strcmp(config->pooler, "session") == 0,
    };
    /* PgBouncer (seen in 1.18) takes a backend for free at the first ReadyForQuery, though more was
     * sent: if we die then in the middle of a message, its reset query becomes part of that
     * message, and whoever is given that backend waits until server_idle_timeout. */
    engine->in_flight = engine->conn_options.session_pooler ? 1 : LANE_IN_FLIGHT;
}

static bool open_consumer(struct engine *engine, struct errs *errs)
{
    unsigned n = 0, n_streams = engine->options.alone ? 0 : engine->options.n_streams;
    for (unsigned i = 0; i < n_streams; i++)
        n += engine->options.streams[i].config->n_topics;
    const char **topics = mem_zero(n + 1, sizeof(*topics));
    n = 0;
    for (unsigned i = 0; i < n_streams; i++)
        for (unsigned t = 0; t < engine->options.streams[i].config->n_topics; t++)
            topics[n++] = engine->options.streams[i].config->topics[t].name;
    engine->consumer = consumer_open(&engine->kafka_options, topics, n, errs);
    free(topics);
    if (!engine->consumer)
        return false;
    engine->consumer_watch = loop_watch_event(engine->loop, consumer_fd(engine->consumer));
    return true;
}

static bool open_services(struct engine *engine, struct err *err)
{
    const struct config *config = engine->config;
    struct pool_options pool = {.conn = engine->conn_options,
                                .answer_timeout = config->answer_timeout,
                                .owner = engine->owner,
                                .group = config->group,
                                .size = config->pool,
                                .retry_base = config->retry_base,
                                .retry_cap = config->retry_cap};
    struct service_options service = {
        .conn = engine->conn_options, .owner = engine->owner, .group = config->group};
    struct service_options alone = service;
    alone.alone = true;
    return (engine->pool = pool_open(engine->loop, &pool, err)) &&
           (engine->service = service_open(engine->loop, &service, err)) &&
           (engine->isolator = service_open(engine->loop, &alone, err)) &&
           (engine->listener = listener_open(engine->loop, &service, err)) &&
           (engine->relay = relay_open(engine, err));
}

void engine_take_contract(struct engine *engine, struct live_stream *live)
{
    engine->options.streams[live - engine->live].pipeline.range = &live->range;
    live->range = (struct range){0}; /* its column is another one's number now */
    live->range_known = live->partitioned = false;
    sql_statements(live->stream->layout, live->statements);
    tally_init(live);
    measures_contract(live);
}

static bool open_stream(struct engine *engine, unsigned i, struct err *err)
{
    struct live_stream *live = &engine->live[i];
    live->stream = &engine->options.streams[i];
    live->stream_id = engine->options.stream_ids[i];
    measures_init(live);
    const struct stream_config *config = live->stream->config;
    flood_init(&live->flood, &(struct flood_limits){.share = config->flood_share,
                                                    .window = config->flood_window,
                                                    .consecutive = config->flood_consecutive,
                                                    .least = config->flood_least});
    engine_take_contract(engine, live);
    live->lanes = mem_zero(live->stream->config->lanes, sizeof(*live->lanes));
    for (; live->n_lanes < live->stream->config->lanes; live->n_lanes++)
        if (!lane_init(&live->lanes[live->n_lanes], engine, live, live->n_lanes, err))
            return false;
    return true;
}

bool engine_open(struct engine *engine, struct loop *loop, const struct engine_options *options,
                 struct errs *errs)
{
    struct err err;
    *engine = (struct engine){.options = *options, .config = options->config, .loop = loop};
    engine->ledger_room.letters = UINT64_MAX; /* letters of an earlier life count too */
    owner_new(engine->owner);
    fill_conn_options(engine);
    engine->kafka_options = options->kafka;
    engine->kafka_options.statistics_ms =
        engine->config->metrics_listen ? METRICS_STATISTICS_MS : 0;
    if (!open_consumer(engine, errs))
        return false;
    engine->membership = membership_open(engine);
    engine->live = mem_zero(options->n_streams, sizeof(*engine->live));
    if (!open_services(engine, &err))
        goto failed;
    for (; engine->n_live < options->n_streams; engine->n_live++)
        if (!open_stream(engine, engine->n_live, &err)) {
            engine->n_live++;
            goto failed;
        }
    engine->metrics = metrics_open(engine);
    return true;
failed:
    errs_add(errs, &err);
    return false;
}

static void free_streams(struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_live; i++) {
        struct live_stream *live = &engine->live[i];
        for (unsigned lane = 0; lane < live->n_lanes; lane++)
            lane_free(&live->lanes[lane], 0);
        free(live->lanes);
        sql_free(live->statements);
        tally_free(live);
        measures_free(live);
        reload_free(live);
        engine->options.streams[i].pipeline.range = NULL;
    }
    free(engine->live);
}

/* What is left of the patience with all threads together. */
static usec_t left_until(usec_t deadline)
{
    usec_t now = clock_monotonic();
    return now < deadline ? deadline - now : 0;
}

bool engine_close(struct engine *engine)
{
    const usec_t deadline = clock_monotonic() + 5 * USEC_PER_SEC;
    /* A thread that is stuck still looks at what would be freed below. */
    if (!relay_close(engine->relay, left_until(deadline)) ||
        !service_close(engine->service, left_until(deadline)) ||
        !service_close(engine->isolator, left_until(deadline)) ||
        !listener_close(engine->listener, left_until(deadline)))
        return false;
    metrics_close(engine->metrics);
    membership_free(engine->membership);
    free_streams(engine);
    bool ended = pool_close(engine->pool, left_until(deadline));
    loop_unwatch(engine->loop, engine->consumer_watch);
    if (engine->consumer)
        consumer_free(engine->consumer, (int)(left_until(deadline) / USEC_PER_MS));
    free(engine->application_name);
    return ended;
}
