/* SPDX-License-Identifier: Apache-2.0 */
/* Families of the daemon as a member of its group, and of its clients: Kafka, PostgreSQL, relay. */
#include "engine/machines.h"
#include "engine/membership.h"
#include "engine/metrics_internal.h"
#include "engine/relay.h"

#include <stdio.h>
#include <string.h>

static void group(struct metrics_page *page)
{
    metrics_label(page, "group", page->engine->config->group);
}

/* ---- the group ---- */

static void state(struct metrics_page *page)
{
    const char *now = membership_state(page->engine->membership);
    group(page);
    for (int i = 0; i < membership_machine.n_states; i++) {
        const char *name = membership_machine.states[i];
        metrics_count_of(page, "state", name, strcmp(name, now) == 0);
    }
}

static void rebalances(struct metrics_page *page)
{
    const struct engine_counts *counts = &page->engine->counts;
    group(page);
    metrics_count_of(page, "kind", "assigned", counts->assigned);
    metrics_count_of(page, "kind", "revoked", counts->revoked);
    metrics_count_of(page, "kind", "lost", counts->lost);
}

static void claims(struct metrics_page *page)
{
    const struct engine_counts *counts = &page->engine->counts;
    group(page);
    metrics_count_of(page, "outcome", "done", counts->claims);
    metrics_count_of(page, "outcome", "failed", counts->failed_claims);
}

/* ---- PostgreSQL ---- */

static void database_up(struct metrics_page *page)
{
    group(page);
    metrics_count(page, metrics_database_answers(page->metrics, clock_monotonic()));
}

static void database_heard(struct metrics_page *page)
{
    group(page);
    if (page->metrics->heard)
        metrics_value(page, (double)page->metrics->heard_at / (double)USEC_PER_SEC);
}

static void connections(struct metrics_page *page)
{
    struct pool_use use = pool_use(page->engine->pool);
    group(page);
    metrics_count_of(page, "state", "lent", use.lent);
    metrics_count_of(page, "state", "idle", use.idle);
    metrics_count_of(page, "state", "down", use.down);
}

static void waiting(struct metrics_page *page)
{
    group(page);
    metrics_count(page, pool_use(page->engine->pool).waiting);
}

static void losses(struct metrics_page *page)
{
    group(page);
    metrics_count(page, pool_losses(page->engine->pool));
}

/* ---- the relay ---- */

static void relayed(struct metrics_page *page)
{
    group(page);
    metrics_count(page, relay_counts(page->engine->relay)->relayed);
}

static void relay_failures(struct metrics_page *page)
{
    group(page);
    metrics_count(page, relay_counts(page->engine->relay)->failed);
}

static void relaying(struct metrics_page *page)
{
    group(page);
    metrics_count(page, relay_counts(page->engine->relay)->holding);
}

/* ---- Kafka ---- */

/* One code is there from the start, so that the family is. */
static void kafka_errors(struct metrics_page *page)
{
    unsigned n;
    bool transport = false;
    const struct kafka_error_count *errors = consumer_errors(page->engine->consumer, &n);
    group(page);
    for (unsigned i = 0; i < n; i++) {
        metrics_count_of(page, "code", errors[i].name, errors[i].times);
        transport |= strcmp(errors[i].name, "_TRANSPORT") == 0;
    }
    if (!transport)
        metrics_count_of(page, "code", "_TRANSPORT", 0);
}

static void strays(struct metrics_page *page)
{
    group(page);
    metrics_count(page, consumer_strays(page->engine->consumer));
}

static const struct kafka_statistics *statistics(struct metrics_page *page)
{
    group(page);
    return consumer_statistics(page->engine->consumer);
}

static void sent_bytes(struct metrics_page *page)
{
    metrics_count(page, (uint64_t)statistics(page)->sent_bytes);
}

static void received_bytes(struct metrics_page *page)
{
    metrics_count(page, (uint64_t)statistics(page)->received_bytes);
}

static void requests(struct metrics_page *page)
{
    metrics_count(page, (uint64_t)statistics(page)->sent_requests);
}

static void queued_records(struct metrics_page *page)
{
    metrics_count(page, (uint64_t)statistics(page)->queued_records);
}

static void queued_bytes(struct metrics_page *page)
{
    metrics_count(page, (uint64_t)statistics(page)->queued_bytes);
}

static void each_broker(struct metrics_page *page,
                        double (*value)(const struct broker_statistics *))
{
    const struct kafka_statistics *all = statistics(page);
    for (unsigned i = 0; i < all->n_brokers; i++) {
        char id[24];
        snprintf(id, sizeof(id), "%lld", (long long)all->brokers[i].id);
        metrics_value_of(page, "broker", id, value(&all->brokers[i]));
    }
}

static double up(const struct broker_statistics *broker)
{
    return broker->up;
}

static double average(const struct broker_statistics *broker)
{
    return (double)broker->rtt_average / (double)USEC_PER_SEC;
}

static double p99(const struct broker_statistics *broker)
{
    return (double)broker->rtt_p99 / (double)USEC_PER_SEC;
}

static double timeouts(const struct broker_statistics *broker)
{
    return (double)broker->timeouts;
}

static double disconnects(const struct broker_statistics *broker)
{
    return (double)broker->disconnects;
}

static void broker_up(struct metrics_page *page)
{
    each_broker(page, up);
}

static void broker_average(struct metrics_page *page)
{
    each_broker(page, average);
}

static void broker_p99(struct metrics_page *page)
{
    each_broker(page, p99);
}

static void broker_timeouts(struct metrics_page *page)
{
    each_broker(page, timeouts);
}

static void broker_disconnects(struct metrics_page *page)
{
    each_broker(page, disconnects);
}

const struct metrics_family metrics_member_families[] = {
    {"pactolus_member_state", METRIC_GAUGE, "1 for the state of the membership in the group.",
     state, NULL, NULL, NULL},
    {"pactolus_rebalances_total", METRIC_COUNTER,
     "Rebalances of the group, by what they brought: partitions assigned, revoked, or lost.",
     rebalances, NULL, NULL, NULL},
    {"pactolus_claims_total", METRIC_COUNTER, "Claims of a stream's cursors in PostgreSQL.", claims,
     NULL, NULL, NULL},
    {"pactolus_database_up", METRIC_GAUGE, "1 when PostgreSQL answered when it was asked last.",
     database_up, NULL, NULL, NULL},
    {"pactolus_database_heard_timestamp_seconds", METRIC_GAUGE,
     "When PostgreSQL last told what only it knows (open dead letters, states, freshness).",
     database_heard, NULL, NULL, NULL},
    {"pactolus_pool_connections", METRIC_GAUGE, "Connections that lanes share, by use.",
     connections, NULL, NULL, NULL},
    {"pactolus_pool_waiting_lanes", METRIC_GAUGE, "Lanes that wait for a connection.", waiting,
     NULL, NULL, NULL},
    {"pactolus_pool_losses_total", METRIC_COUNTER, "Connections of the pool that broke.", losses,
     NULL, NULL, NULL},
    {"pactolus_relay_letters_total", METRIC_COUNTER,
     "Dead letters that this daemon has relayed to DLQ topics.", relayed, NULL, NULL, NULL},
    {"pactolus_relay_failures_total", METRIC_COUNTER,
     "Dead letters that a DLQ topic did not take; they are tried again.", relay_failures, NULL,
     NULL, NULL},
    {"pactolus_relay_active", METRIC_GAUGE, "1 when this daemon is its group's relay.", relaying,
     NULL, NULL, NULL},
    {"pactolus_kafka_errors_total", METRIC_COUNTER, "Errors of the Kafka client, by code.",
     kafka_errors, NULL, NULL, NULL},
    {"pactolus_kafka_strays_total", METRIC_COUNTER,
     "Records that reached no lane and were read again.", strays, NULL, NULL, NULL},
    {"pactolus_kafka_sent_bytes_total", METRIC_COUNTER, "Bytes sent to brokers.", sent_bytes, NULL,
     NULL, NULL},
    {"pactolus_kafka_received_bytes_total", METRIC_COUNTER, "Bytes received from brokers.",
     received_bytes, NULL, NULL, NULL},
    {"pactolus_kafka_requests_total", METRIC_COUNTER, "Requests sent to brokers.", requests, NULL,
     NULL, NULL},
    {"pactolus_kafka_queued_records", METRIC_GAUGE,
     "Records that were fetched and wait in the Kafka client.", queued_records, NULL, NULL, NULL},
    {"pactolus_kafka_queued_bytes", METRIC_GAUGE, "Their size.", queued_bytes, NULL, NULL, NULL},
    {"pactolus_kafka_broker_up", METRIC_GAUGE, "1 when the client is connected to the broker.",
     broker_up, NULL, NULL, NULL},
    {"pactolus_kafka_broker_rtt_seconds", METRIC_GAUGE,
     "Average time from request to answer, of the last ten seconds.", broker_average, NULL, NULL,
     NULL},
    {"pactolus_kafka_broker_rtt_p99_seconds", METRIC_GAUGE,
     "99th percentile of it. A fetch waits for records, so this is no network latency.", broker_p99,
     NULL, NULL, NULL},
    {"pactolus_kafka_broker_timeouts_total", METRIC_COUNTER,
     "Requests that the broker did not answer in time.", broker_timeouts, NULL, NULL, NULL},
    {"pactolus_kafka_broker_disconnects_total", METRIC_COUNTER,
     "Connections to the broker that ended.", broker_disconnects, NULL, NULL, NULL},
    {0},
};
