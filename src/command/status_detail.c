/* SPDX-License-Identifier: Apache-2.0 */
#include "command/status_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A line of its own, of words that come from elsewhere. */
static void put_line(struct writing *writing, const char *before, const char *text)
{
    buf_puts(writing->out, before);
    grid_clean(text, writing->out);
    buf_putc(writing->out, '\n');
}

static void put_state(struct writing *writing, const struct overview_stream *stream)
{
    char ago[40];
    if (strcmp(stream->state, "running") == 0)
        return;
    buf_printf(writing->out, "  %s %s by ", stream->state,
               status_ago(writing->status, stream->changed_at, ago));
    grid_clean(stream->changed_by, writing->out);
    buf_printf(writing->out, " (%s)", stream->kind);
    put_line(writing, *stream->reason ? ": " : "", stream->reason);
    if (*stream->hint)
        put_line(writing, "  hint: ", stream->hint);
}

static void put_reasons(struct writing *writing, const struct overview_stream *stream)
{
    char count[32];
    if (!stream->n_reasons)
        return;
    buf_puts(writing->out, "  open dead letters: ");
    for (unsigned i = 0; i < stream->n_reasons; i++)
        buf_printf(writing->out, "%s%s %s", i ? ", " : "", stream->reasons[i].reason,
                   status_count(stream->reasons[i].open, count));
    buf_putc(writing->out, '\n');
}

/* "consumed 200,000 = applied 199,900 + stale 50 + dead-lettered 50"; what is 0 is left out. */
static void put_sum(struct buf *out, const char *whole, int64_t total, const char *const *names,
                    const int64_t *values, unsigned n)
{
    char count[32];
    bool any = false;
    buf_printf(out, "%s %s", whole, status_count(total, count));
    for (unsigned i = 0; i < n; i++) {
        if (!values[i])
            continue;
        buf_printf(out, " %s %s %s", any ? "+" : "=", names[i], status_count(values[i], count));
        any = true;
    }
}

static void put_account(struct writing *writing, const struct overview_stream *stream)
{
    static const char *const of_records[] = {"applied", "stale", "deduplicated", "dead-lettered",
                                             "of other types"};
    static const char *const of_offsets[] = {"consumed", "gaps", "skipped", "lost"};
    const struct overview_account *a = &stream->account;
    const int64_t records[] = {a->applied, a->stale, a->deduplicated, a->dead_lettered,
                               a->other_types};
    const int64_t offsets[] = {a->consumed, a->gaps, a->skipped, a->lost};
    status_paint(writing, GRID_CALM);
    buf_puts(writing->out, "  ");
    put_sum(writing->out, "consumed", a->consumed, of_records, records, 5);
    if (a->advanced != a->consumed) {
        buf_puts(writing->out, "; ");
        put_sum(writing->out, "advanced", a->advanced, of_offsets, offsets, 4);
    }
    status_paint(writing, GRID_PLAIN);
    if (!a->cursors_open && !a->records_open) {
        buf_puts(writing->out, "; the account closes\n");
        return;
    }
    status_paint(writing, GRID_ALERT);
    buf_printf(writing->out,
               "; the account does not close: %" PRId64 " offsets, %" PRId64 " records",
               a->cursors_open, a->records_open);
    status_paint(writing, GRID_PLAIN);
    buf_putc(writing->out, '\n');
}

/* Of one topic there is nothing to say, unless its time is over. */
static void put_topics(struct writing *writing, const struct overview_stream *stream)
{
    char count[32];
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct overview_topic *topic = &stream->topics[i];
        bool marked = *topic->sunset || strcmp(topic->status, "active") != 0;
        if (stream->n_topics == 1 && !marked)
            continue;
        buf_printf(writing->out, "  %s (%s): %s in 24 hours, %.4g %%", topic->topic,
                   topic->contract, status_count(topic->records, count), topic->percent);
        if (strcmp(topic->status, "active") != 0)
            buf_printf(writing->out, ", %s", topic->status);
        if (topic->past_sunset)
            status_paint(writing, GRID_ALERT);
        if (*topic->sunset)
            buf_printf(writing->out, ", sunset %s%s", topic->sunset,
                       topic->past_sunset ? " is past" : "");
        if (topic->past_sunset)
            status_paint(writing, GRID_PLAIN);
        buf_putc(writing->out, '\n');
    }
}

static void put_unknowns(struct writing *writing, const struct overview_stream *stream)
{
    enum { AT_MOST = 8 };
    char count[32], ago[40];
    for (unsigned i = 0; i < stream->n_unknowns && i < AT_MOST; i++) {
        const struct overview_unknown *unknown = &stream->unknowns[i];
        buf_printf(writing->out,
                   "  drift: %s %d of %s, which the contract does not know: %s times, last %s\n",
                   strcmp(unknown->kind, "enum") == 0 ? "number" : "field", unknown->number,
                   unknown->type_name, status_count(unknown->times, count),
                   status_ago(writing->status, unknown->last_seen, ago));
    }
    if (stream->n_unknowns > AT_MOST)
        buf_printf(writing->out, "  drift: and %u more in pactolus.drift\n",
                   stream->n_unknowns - AT_MOST);
}

/* What was read before and is read again: after a replay, a resume, a rebuild that was rolled back.
 */
static void put_replays(struct writing *writing, const struct overview_stream *stream)
{
    char left[32], of[32], ago[40];
    if (!stream->again)
        return;
    buf_printf(writing->out, "  reads again: %s records to go", status_count(stream->again, left));
    for (unsigned i = 0; i < stream->n_replays; i++) {
        const struct overview_replay *replay = &stream->replays[i];
        buf_printf(writing->out, "%s replay %" PRId64 " (%s by ", i ? ";" : ",", replay->id,
                   replay->scenario);
        grid_clean(replay->asked_by, writing->out);
        buf_printf(writing->out, " %s) %s of %s",
                   status_ago(writing->status, replay->asked_at, ago),
                   status_count(replay->left, left), status_count(replay->of, of));
    }
    buf_putc(writing->out, '\n');
}

static void put_rebuilds(struct writing *writing, const struct overview_stream *stream)
{
    char left[32], ago[40];
    for (unsigned i = 0; i < stream->n_rebuilds; i++) {
        const struct overview_rebuild *rebuild = &stream->rebuilds[i];
        buf_printf(writing->out, "  rebuild %" PRId64 " (%s, begun %s by ", rebuild->id,
                   rebuild->state, status_ago(writing->status, rebuild->begun_at, ago));
        grid_clean(rebuild->begun_by, writing->out);
        buf_puts(writing->out, ") into ");
        grid_clean(rebuild->table, writing->out);
        buf_printf(writing->out, ": %s records to go", status_count(rebuild->left, left));
        if (!rebuild->worked_at) {
            status_paint(writing, GRID_ALERT);
            buf_printf(writing->out, "; nobody is at it: pactolus rebuild --resume %" PRId64,
                       rebuild->id);
            status_paint(writing, GRID_PLAIN);
        }
        buf_putc(writing->out, '\n');
    }
}

/* ------------------------------------------------------------------------------ partitions */

enum { PLACE, NEXT, LOW, HIGH, LAG, AGAIN, COMMIT, PARTITION_CELLS };

struct partition_row {
    char place[300], next[32], low[32], high[32], lag[32], again[32], commit[64];
    const char *cells[PARTITION_CELLS];
};

static void fill_partition(const struct status *status, unsigned at, unsigned k,
                           struct partition_row *row)
{
    const struct overview_partition *partition = &status->overview.streams[at].partitions[k];
    const struct status_log *log = &status->logs[at][k];
    char ago[40];
    snprintf(row->place, sizeof row->place, "%s[%d]", partition->topic, (int)partition->partition);
    snprintf(row->commit, sizeof row->commit, "%s%s",
             status_ago(status, partition->last_commit, ago),
             partition->owned ? "" : ", never claimed");
    const char *const cells[] = {row->place,
                                 status_count(partition->next_offset, row->next),
                                 status_count(log->low, row->low),
                                 status_count(log->high, row->high),
                                 status_count(status_lag(status, at, k), row->lag),
                                 status_count(partition->again, row->again),
                                 row->commit};
    memcpy(row->cells, cells, sizeof cells);
}

/* Set in by two. */
static void put_row(struct writing *writing, const struct grid *grid, const char *const *cells)
{
    buf_puts(writing->out, "  ");
    grid_put(grid, cells, NULL, writing->out);
}

static void put_partitions(struct writing *writing, unsigned at)
{
    static const char *const titles[] = {"partition", "next offset", "low watermark", "high",
                                         "lag",       "read again",  "last commit"};
    const struct status *status = writing->status;
    const struct overview_stream *stream = &status->overview.streams[at];
    bool stored = status_stored(status);
    struct grid grid = {.n = PARTITION_CELLS, .left = {[PLACE] = true, [COMMIT] = true}};
    struct partition_row row;
    if (!stream->n_partitions)
        return;
    grid.without[NEXT] = grid.without[LAG] = grid.without[COMMIT] = !stored;
    grid.without[AGAIN] = stream->again <= 0;
    grid_measure(&grid, titles);
    for (unsigned k = 0; k < stream->n_partitions; k++) {
        fill_partition(status, at, k, &row);
        grid_measure(&grid, row.cells);
    }
    status_paint(writing, GRID_CALM);
    put_row(writing, &grid, titles);
    status_paint(writing, GRID_PLAIN);
    buf_putc(writing->out, '\n');
    for (unsigned k = 0; k < stream->n_partitions; k++) {
        fill_partition(status, at, k, &row);
        put_row(writing, &grid, row.cells);
        buf_putc(writing->out, '\n');
    }
}

/* Where neither server says it, the configuration at least knows the topics. */
static void put_unstored(struct writing *writing, unsigned at)
{
    const struct overview_stream *stream = &writing->status->overview.streams[at];
    if (stream->n_partitions) {
        put_partitions(writing, at);
        return;
    }
    for (unsigned i = 0; i < stream->n_topics; i++)
        put_line(writing, "  ", stream->topics[i].topic);
}

void status_put_detail(struct writing *writing, unsigned at)
{
    const struct overview_stream *stream = &writing->status->overview.streams[at];
    if (!status_stored(writing->status)) {
        put_unstored(writing, at);
        return;
    }
    put_state(writing, stream);
    put_reasons(writing, stream);
    put_account(writing, stream);
    put_replays(writing, stream);
    put_rebuilds(writing, stream);
    put_topics(writing, stream);
    put_unknowns(writing, stream);
    if (writing->status->partitions)
        put_partitions(writing, at);
}
