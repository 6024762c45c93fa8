/* SPDX-License-Identifier: Apache-2.0 */
/* Families of each stream: what this daemon has done for it since it began. */
#include "engine/lane.h"
#include "engine/measures.h"
#include "engine/membership.h"
#include "engine/metrics_internal.h"

#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- what lanes count ---- */

static uint64_t sum(const struct live_stream *live, size_t offset)
{
    uint64_t total = 0, one;
    for (unsigned i = 0; i < live->n_lanes; i++) {
        memcpy(&one, (const char *)&live->lanes[i].counts + offset, sizeof(one));
        total += one;
    }
    return total;
}

#define SUM(live, member) sum(live, offsetof(struct lane_counts, member))

/* What a function shows that only adds up one of the lanes' counts. */
#define LANES(name, member)                                                                        \
    static void name(struct metrics_page *page, const struct live_stream *live)                    \
    {                                                                                              \
        metrics_count(page, SUM(live, member));                                                    \
    }

/* And one that shows a measure. */
#define MEASURE(name, member)                                                                      \
    static void name(struct metrics_page *page, const struct live_stream *live)                    \
    {                                                                                              \
        metrics_count(page, live->measures.member);                                                \
    }

#define HISTOGRAM(name, member)                                                                    \
    static void name(struct metrics_page *page, const struct live_stream *live)                    \
    {                                                                                              \
        metrics_histogram(page, &live->measures.member);                                           \
    }

LANES(consumed, records)
LANES(dropped, dropped)
LANES(batches, batches)
LANES(retries, retries)
LANES(rewinds, rewinds)
LANES(isolations, isolations)
LANES(conflicts, conflicts)
MEASURE(bytes, bytes)
MEASURE(advanced, advanced)
MEASURE(gaps, gaps)
MEASURE(input, input)
MEASURE(fences_lost, fences_lost)
HISTOGRAM(batch_rows, batch_rows)
HISTOGRAM(transaction, transaction)
HISTOGRAM(latency, latency)

static void outcomes(struct metrics_page *page, const struct live_stream *live)
{
    metrics_count_of(page, "outcome", "applied", SUM(live, rows));
    metrics_count_of(page, "outcome", "stale", SUM(live, stale));
    metrics_count_of(page, "outcome", "deduplicated", SUM(live, deduplicated));
    metrics_count_of(page, "outcome", "dead_lettered", SUM(live, dead_letters));
    metrics_count_of(page, "outcome", "other_types", SUM(live, other_types));
}

static void letters(struct metrics_page *page, const struct live_stream *live)
{
    for (unsigned i = 1; i < REASON_COUNT; i++)
        metrics_count_of(page, "reason", reason_name(i), live->measures.letters[i]);
}

/* Only of contracts that say when things happen. */
static void transit(struct metrics_page *page, const struct live_stream *live)
{
    bool has = false;
    for (unsigned i = 0; i < live->stream->config->n_topics; i++)
        has |= live->measures.event_columns[i] >= 0;
    if (has)
        metrics_histogram(page, &live->measures.transit);
}

/* A broken connection, the commonest cause, is there from the start. */
static void failures(struct metrics_page *page, const struct live_stream *live)
{
    const struct measures *measures = &live->measures;
    bool broken = false;
    for (unsigned i = 0; i < measures->n_failures; i++) {
        const struct failure_count *failure = &measures->failures[i];
        broken |= !*failure->sqlstate && failure->remedy == REMEDY_SETTLE;
        metrics_label(page, "remedy", measures_remedy_name((enum remedy)failure->remedy));
        metrics_count_of(page, "sqlstate", *failure->sqlstate ? failure->sqlstate : "none",
                         failure->times);
        page->n_labels--;
    }
    metrics_label(page, "remedy", measures_remedy_name(REMEDY_SETTLE));
    if (!broken)
        metrics_count_of(page, "sqlstate", "none", 0);
    page->n_labels--;
    if (measures->other_failures) {
        metrics_label(page, "remedy", "other");
        metrics_count_of(page, "sqlstate", "other", measures->other_failures);
        page->n_labels--;
    }
}

/* ---- what is promised ---- */

static void lag_threshold(struct metrics_page *page, const struct live_stream *live)
{
    metrics_value(page, (double)live->stream->config->lag_threshold / (double)USEC_PER_SEC);
}

/* The shortest of its contracts', as pactolus.streams has it. */
static void freshness(struct metrics_page *page, const struct live_stream *live)
{
    const struct layout *layout = live->stream->layout;
    int64_t least = INT64_MAX, one;
    for (unsigned i = 0; i < layout->n_contracts; i++)
        if (text_parse_duration(layout->contracts[i]->freshness, &one) && one > 0 && one < least)
            least = one;
    if (least != INT64_MAX)
        metrics_value(page, (double)least / (double)USEC_PER_SEC);
}

static void partitions(struct metrics_page *page, const struct live_stream *live)
{
    uint64_t n = 0;
    for (const struct cursor *cursor = membership_cursors(page->engine->membership); cursor;
         cursor = cursor->next)
        n += cursor->live == live && cursor->cursor_id != 0;
    metrics_count(page, n);
}

/* ---- what producers write ---- */

static void drift(struct metrics_page *page, const struct live_stream *live)
{
    metrics_count(page, live->stream->drift->total);
}

static void unknowns(struct metrics_page *page, const struct live_stream *live)
{
    enum { SHOWN = 50 }; /* the rest are in pactolus.drift */
    const struct drift *drift = live->stream->drift;
    for (unsigned i = 0; i < drift->used && i < SHOWN; i++) {
        const struct drift_entry *entry = &drift->entries[i];
        char number[16];
        snprintf(number, sizeof(number), "%d", entry->number);
        metrics_label(page, "kind", entry->enumeration ? "enum" : "field");
        metrics_label(page, "type",
                      entry->enumeration ? ((const struct enum_type *)entry->type)->full_name
                                         : ((const struct message_type *)entry->type)->full_name);
        metrics_count_of(page, "number", number, entry->count);
        page->n_labels -= 2;
    }
}

static void each_topic(struct metrics_page *page, const struct live_stream *live,
                       void (*show)(struct metrics_page *, const struct tally_topic *))
{
    const struct stream *stream = live->stream;
    for (unsigned i = 0; i < stream->config->n_topics; i++) {
        metrics_label(page, "topic", stream->config->topics[i].name);
        metrics_label(page, "contract",
                      stream->layout->contracts[stream->topics[i].contract]->name);
        show(page, &live->tally.topics[i]);
        page->n_labels -= 2;
    }
}

static void show_records(struct metrics_page *page, const struct tally_topic *topic)
{
    metrics_count(page, topic->records);
}

static void show_sunset(struct metrics_page *page, const struct tally_topic *topic)
{
    if (topic->sunset != USEC_NEVER)
        metrics_value(page, (double)topic->sunset / (double)USEC_PER_SEC);
}

static void show_past(struct metrics_page *page, const struct tally_topic *topic)
{
    metrics_count(page, topic->past_sunset);
}

static void topic_records(struct metrics_page *page, const struct live_stream *live)
{
    each_topic(page, live, show_records);
}

static void topic_sunset(struct metrics_page *page, const struct live_stream *live)
{
    each_topic(page, live, show_sunset);
}

static void topic_past(struct metrics_page *page, const struct live_stream *live)
{
    each_topic(page, live, show_past);
}

const struct metrics_family metrics_stream_families[] = {
    {"pactolus_stream_partitions", METRIC_GAUGE, "Partitions that this daemon holds.", NULL,
     partitions, NULL, NULL},
    {"pactolus_stream_consumed_records_total", METRIC_COUNTER,
     "Records consumed, in committed batches.", NULL, consumed, NULL, NULL},
    {"pactolus_stream_consumed_bytes_total", METRIC_COUNTER, "Bytes of their keys and values.",
     NULL, bytes, NULL, NULL},
    {"pactolus_stream_records_total", METRIC_COUNTER,
     "What became of consumed records: the sum is consumed_records.", NULL, outcomes, NULL, NULL},
    {"pactolus_stream_dead_letters_total", METRIC_COUNTER, "Dead letters written, by reason.", NULL,
     letters, NULL, NULL},
    {"pactolus_stream_dropped_records_total", METRIC_COUNTER,
     "Records that came a second time, or to a cursor that was not to be read, and were let go.",
     NULL, dropped, NULL, NULL},
    {"pactolus_stream_input_offsets_total", METRIC_COUNTER,
     "Offsets that producers added to the partitions while this daemon held them.", NULL, input,
     NULL, NULL},
    {"pactolus_stream_advanced_offsets_total", METRIC_COUNTER,
     "Offsets that cursors advanced: consumed records and gaps.", NULL, advanced, NULL, NULL},
    {"pactolus_stream_gap_offsets_total", METRIC_COUNTER,
     "Offsets at which nothing was delivered: compacted, aborted, or a transaction's marker.", NULL,
     gaps, NULL, NULL},
    {"pactolus_stream_batches_total", METRIC_COUNTER, "Transactions that committed.", NULL, batches,
     NULL, NULL},
    {"pactolus_stream_batch_rows", METRIC_HISTOGRAM,
     "Rows and dead letters in a transaction that consumed records.", NULL, batch_rows, NULL, NULL},
    {"pactolus_stream_transaction_seconds", METRIC_HISTOGRAM,
     "From sending a batch to hearing of its commit.", NULL, transaction, NULL, NULL},
    {"pactolus_stream_latency_seconds", METRIC_HISTOGRAM,
     "From a record's timestamp (the broker's with LogAppendTime, else the producer's) to its "
     "commit.",
     NULL, latency, NULL, NULL},
    {"pactolus_stream_event_delay_seconds", METRIC_HISTOGRAM,
     "From the contract's event time to the record's timestamp; absent without an event time.",
     NULL, transit, NULL, NULL},
    {"pactolus_stream_retries_total", METRIC_COUNTER, "Pauses before something was tried again.",
     NULL, retries, NULL, NULL},
    {"pactolus_stream_batch_failures_total", METRIC_COUNTER,
     "Batches that did not commit, by what followed and what PostgreSQL said.", NULL, failures,
     NULL, NULL},
    {"pactolus_stream_key_conflicts_total", METRIC_COUNTER,
     "Batches that were sent as new keys, met an old one, and were sent again.", NULL, conflicts,
     NULL, NULL},
    {"pactolus_stream_isolations_total", METRIC_COUNTER,
     "Batches that were applied without the rows that PostgreSQL refuses.", NULL, isolations, NULL,
     NULL},
    {"pactolus_stream_rewinds_total", METRIC_COUNTER,
     "Times that a lane dropped what it had read and began again from PostgreSQL's offset.", NULL,
     rewinds, NULL, NULL},
    {"pactolus_stream_fences_lost_total", METRIC_COUNTER,
     "Cursors whose fence another owner was found to hold.", NULL, fences_lost, NULL, NULL},
    {"pactolus_stream_lag_threshold_seconds", METRIC_GAUGE, "The setting lag.threshold.", NULL,
     lag_threshold, NULL, NULL},
    {"pactolus_stream_freshness_target_seconds", METRIC_GAUGE,
     "The freshness that the contract promises; absent without one.", NULL, freshness, NULL, NULL},
    {"pactolus_stream_drift_total", METRIC_COUNTER,
     "Fields and enum numbers in records that the contract does not know.", NULL, drift, NULL,
     NULL},
    {"pactolus_stream_unknown_values_total", METRIC_COUNTER,
     "The same by message or enum type and number; the first fifty.", NULL, unknowns, NULL, NULL},
    {"pactolus_topic_records_total", METRIC_COUNTER, "Records consumed of a topic.", NULL,
     topic_records, NULL, NULL},
    {"pactolus_topic_sunset_timestamp_seconds", METRIC_GAUGE,
     "The day from which nobody should write the topic; absent without one.", NULL, topic_sunset,
     NULL, NULL},
    {"pactolus_topic_past_sunset_records_total", METRIC_COUNTER,
     "Records consumed that were written on or after the sunset.", NULL, topic_past, NULL, NULL},
    {0},
};
