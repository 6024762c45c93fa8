/* SPDX-License-Identifier: Apache-2.0 */
/* Families of each stream as PostgreSQL knows it: of the whole group, whichever daemon tells. They
 * are there once the database has answered. */
#include "engine/metrics_internal.h"

#include <string.h>

static void open_letters(struct metrics_page *page, const struct stream_gauges *gauges,
                         const struct live_stream *live)
{
    (void)live;
    for (unsigned i = 1; gauges->found && i < REASON_COUNT; i++)
        metrics_count_of(page, "reason", reason_name(i), (uint64_t)gauges->open[i]);
    if (gauges->found && gauges->open[REASON_NONE])
        metrics_count_of(page, "reason", "other", (uint64_t)gauges->open[REASON_NONE]);
}

static void oldest(struct metrics_page *page, const struct stream_gauges *gauges,
                   const struct live_stream *live)
{
    (void)live;
    if (gauges->oldest > 0)
        metrics_value(page, gauges->oldest);
}

static void waiting(struct metrics_page *page, const struct stream_gauges *gauges,
                    const struct live_stream *live)
{
    (void)live;
    if (gauges->found)
        metrics_count(page, (uint64_t)gauges->waiting);
}

static void rereading(struct metrics_page *page, const struct stream_gauges *gauges,
                      const struct live_stream *live)
{
    (void)live;
    if (gauges->found)
        metrics_count(page, (uint64_t)gauges->rereading);
}

static void met(struct metrics_page *page, const struct stream_gauges *gauges,
                const struct live_stream *live)
{
    (void)live;
    if (gauges->found && gauges->met >= 0)
        metrics_count(page, (uint64_t)gauges->met);
}

static const char *const kinds[] = {"operator", "daemon", "flood", "preflight"};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* A halt that could not be written yet is one. */
static void state(struct metrics_page *page, const struct stream_gauges *gauges,
                  const struct live_stream *live)
{
    static const char *const own[] = {
        [HALT_DAEMON] = "daemon", [HALT_FLOOD] = "flood", [HALT_PREFLIGHT] = "preflight"};
    bool unwritten = live && live->halt_unwritten;
    enum stream_state is = unwritten ? STREAM_HALTED : gauges->state;
    const char *kind = unwritten ? own[live->halt_kind] : gauges->kind;
    if (!gauges->found && !unwritten)
        return;
    metrics_label(page, "state", "running");
    metrics_count_of(page, "kind", "", is == STREAM_RUNNING);
    page->n_labels--;
    metrics_label(page, "state", "paused");
    metrics_count_of(page, "kind", "operator", is == STREAM_PAUSED);
    page->n_labels--;
    metrics_label(page, "state", "halted");
    for (unsigned i = 0; i < KINDS; i++)
        metrics_count_of(page, "kind", kinds[i],
                         is == STREAM_HALTED && strcmp(kind, kinds[i]) == 0);
    page->n_labels--;
}

static void changed(struct metrics_page *page, const struct stream_gauges *gauges,
                    const struct live_stream *live)
{
    (void)live;
    if (gauges->found)
        metrics_value(page, gauges->changed_at);
}

const struct metrics_family metrics_ledger_families[] = {
    {"pactolus_stream_state", METRIC_GAUGE,
     "1 for the state of the stream and the kind of its halt; of the whole group.", NULL, NULL,
     state, NULL},
    {"pactolus_stream_state_changed_timestamp_seconds", METRIC_GAUGE,
     "When the state changed last, in seconds since 1970.", NULL, NULL, changed, NULL},
    {"pactolus_stream_open_dead_letters", METRIC_GAUGE,
     "Open dead letters in the ledger, by reason; of the whole group.", NULL, NULL, open_letters,
     NULL},
    {"pactolus_stream_oldest_open_dead_letter_timestamp_seconds", METRIC_GAUGE,
     "When the oldest open one failed first, in seconds since 1970; absent when none is open.",
     NULL, NULL, oldest, NULL},
    {"pactolus_stream_unrelayed_dead_letters", METRIC_GAUGE,
     "Open dead letters that wait to be relayed to the DLQ topic; of the whole group.", NULL, NULL,
     waiting, NULL},
    {"pactolus_stream_rereading_records", METRIC_GAUGE,
     "Offsets that are yet to be read a second time, in a replay or after a flood.", NULL, NULL,
     rereading, NULL},
    {"pactolus_stream_freshness_met", METRIC_GAUGE,
     "1 when the contract's freshness is kept, as pactolus.freshness says; absent without one.",
     NULL, NULL, met, NULL},
    {0},
};
