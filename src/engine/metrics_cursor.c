/* SPDX-License-Identifier: Apache-2.0 */
/* Families of each partition that this daemon holds. */
#include "engine/measures.h"
#include "engine/metrics_internal.h"

static void running(struct metrics_page *page, const struct cursor *cursor)
{
    metrics_count(page, cursor->state == CURSOR_RUNNING);
}

static void next_offset(struct metrics_page *page, const struct cursor *cursor)
{
    metrics_count(page, (uint64_t)cursor->next_offset);
}

static void end_offset(struct metrics_page *page, const struct cursor *cursor)
{
    if (cursor->known_end >= 0)
        metrics_count(page, (uint64_t)cursor->known_end);
}

static void lag_records(struct metrics_page *page, const struct cursor *cursor)
{
    int64_t lag = cursor->known_end - cursor->next_offset;
    if (cursor->known_end >= 0)
        metrics_count(page, lag > 0 ? (uint64_t)lag : 0);
}

static void lag_seconds(struct metrics_page *page, const struct cursor *cursor)
{
    if (cursor->known_end >= 0)
        metrics_value(page,
                      (double)measures_lag(cursor, page->engine->wall) / (double)USEC_PER_SEC);
}

static void applied(struct metrics_page *page, const struct cursor *cursor)
{
    if (cursor->applied_ts >= 0)
        metrics_value(page, (double)cursor->applied_ts / 1000);
}

const struct metrics_family metrics_cursor_families[] = {
    {"pactolus_partition_running", METRIC_GAUGE,
     "1 when the partition is being read; 0 when its stream stands still or it is being claimed.",
     NULL, NULL, NULL, running},
    {"pactolus_partition_next_offset", METRIC_GAUGE,
     "The offset that is to be applied next: all below is committed in PostgreSQL.", NULL, NULL,
     NULL, next_offset},
    {"pactolus_partition_end_offset", METRIC_GAUGE,
     "Where the partition ends: the next offset that a producer will write.", NULL, NULL, NULL,
     end_offset},
    {"pactolus_partition_lag_records", METRIC_GAUGE, "Offsets between the two.", NULL, NULL, NULL,
     lag_records},
    {"pactolus_partition_lag_seconds", METRIC_GAUGE,
     "How long ago the oldest record that is not applied was written, at most; 0 when there is "
     "none.",
     NULL, NULL, NULL, lag_seconds},
    {"pactolus_partition_applied_timestamp_seconds", METRIC_GAUGE,
     "Greatest timestamp of a record that is applied, in seconds since 1970.", NULL, NULL, NULL,
     applied},
    {0},
};
