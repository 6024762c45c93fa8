/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/progress.h"

#include "base/log.h"
#include "base/text.h"
#include "engine/membership.h"

struct lane_counts progress_totals(const struct engine *engine)
{
    struct lane_counts total = {0};
    for (unsigned i = 0; i < engine->n_live; i++)
        for (unsigned n = 0; n < engine->live[i].n_lanes; n++) {
            const struct lane_counts *one = &engine->live[i].lanes[n].counts;
            total.records += one->records;
            total.rows += one->rows;
            total.stale += one->stale;
            total.deduplicated += one->deduplicated;
            total.dead_letters += one->dead_letters;
            total.other_types += one->other_types;
            total.dropped += one->dropped;
            total.batches += one->batches;
            total.retries += one->retries;
            total.conflicts += one->conflicts;
            total.rewinds += one->rewinds;
        }
    return total;
}

unsigned progress_partitions(const struct engine *engine)
{
    unsigned n = 0;
    for (const struct cursor *cursor = membership_cursors(engine->membership); cursor;
         cursor = cursor->next)
        n += cursor->state == CURSOR_RUNNING;
    return n;
}

usec_t progress_turn(struct engine *engine, usec_t now)
{
    usec_t interval = engine->config->progress_interval;
    if (interval == 0)
        return USEC_NEVER;
    if (engine->report_at == 0)
        engine->report_at = now + interval;
    if (now < engine->report_at)
        return engine->report_at;
    char records[32], rate[32];
    struct lane_counts total = progress_totals(engine);
    usec_t since = now - (engine->report_at - interval);
    int64_t per_second =
        (int64_t)(total.records - engine->reported_records) * USEC_PER_SEC / (since ? since : 1);
    engine->reported_records = total.records;
    engine->report_at = now + interval;
    log_info("%s: %u partitions, %s records (%s/s), %llu dead letters, %llu retries",
             membership_state(engine->membership), progress_partitions(engine),
             text_thousands((int64_t)total.records, records), text_thousands(per_second, rate),
             (unsigned long long)total.dead_letters, (unsigned long long)total.retries);
    return engine->report_at;
}

void progress_summary(const struct engine *engine, usec_t took)
{
    char records[32], rows[32], letters[32], time[32], rate[32];
    struct lane_counts total = progress_totals(engine);
    log_notice("%s records in %s (%s/s): %s rows written, %s stale or folded, %s dead letters",
               text_thousands((int64_t)total.records, records), text_duration(took, time),
               text_thousands((int64_t)total.records * USEC_PER_SEC / (took ? took : 1), rate),
               text_thousands((int64_t)total.rows, rows),
               text_thousands((int64_t)(total.stale + total.deduplicated), letters),
               text_thousands((int64_t)total.dead_letters, (char[32]){0}));
}
