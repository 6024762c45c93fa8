/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/measures.h"

#include <stdlib.h>
#include <string.h>

#define MS  USEC_PER_MS
#define SEC USEC_PER_SEC

static const struct histogram_scale rows_scale = {
    .unit = 1, .n = 10, .bounds = {1, 2, 5, 10, 50, 100, 500, 1000, 2000, 5000}};

/* From a commit that the disk answers at once to the statement timeout. */
static const struct histogram_scale transaction_scale = {
    .unit = 1e-6,
    .n = 13,
    .bounds = {500, 1 * MS, 2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 250 * MS, 1 * SEC,
               5 * SEC, 20 * SEC, 60 * SEC}};

/* From what an idle stream takes to what a replay of last month's data shows. */
static const struct histogram_scale latency_scale = {
    .unit = 1e-6,
    .n = 16,
    .bounds = {2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * SEC,
               5 * SEC, 15 * SEC, 60 * SEC, 300 * SEC, 1800 * SEC, 7200 * SEC, 86400 * SEC}};

void measures_init(struct live_stream *live)
{
    live->measures = (struct measures){.batch_rows.scale = &rows_scale,
                                       .transaction.scale = &transaction_scale,
                                       .transit.scale = &latency_scale,
                                       .latency.scale = &latency_scale};
}

/* The data column that holds the event time of a topic's contract, -1 = there is none. */
static int event_column(const struct stream *stream, unsigned contract)
{
    const struct layout *layout = stream->layout;
    int wanted = layout->contracts[contract]->event_time;
    for (unsigned i = 0; wanted >= 0 && i < layout->n_data; i++)
        if (layout->from[contract][i] == wanted && layout->columns[i].type->id == TYPE_TIMESTAMPTZ)
            return (int)i;
    return -1;
}

void measures_contract(struct live_stream *live)
{
    const struct stream *stream = live->stream;
    unsigned n = stream->config->n_topics;
    free(live->measures.event_columns);
    live->measures.event_columns = mem_zero(n + 1, sizeof(int));
    for (unsigned i = 0; i < n; i++)
        live->measures.event_columns[i] = event_column(stream, stream->topics[i].contract);
}

void measures_free(struct live_stream *live)
{
    free(live->measures.event_columns);
    live->measures.event_columns = NULL;
}

/* ---- records and batches ---- */

void measures_row(struct live_stream *live, unsigned topic, const struct record *record,
                  const struct row *row)
{
    int column = live->measures.event_columns[topic];
    if (column < 0 || row->tombstone || record->timestamp < 0)
        return;
    const struct cell *cell = &row->cells[column];
    if (cell->length != 8)
        return;
    int64_t event = (int64_t)be64_load(cell->data); /* µs since 2000; the ends are infinity */
    if (event == INT64_MIN || event == INT64_MAX)
        return;
    histogram_add(&live->measures.transit, record->timestamp * USEC_PER_MS - (event + USEC_2000),
                  1);
}

void measures_outcome(struct lane *lane, bool committed)
{
    usec_t sent = lane->sent_at[0];
    memmove(lane->sent_at, lane->sent_at + 1, sizeof(lane->sent_at) - sizeof(*lane->sent_at));
    if (committed)
        histogram_add(&lane->live->measures.transaction, clock_monotonic() - sent, 1);
}

void measures_batch(struct live_stream *live, const struct batch *batch)
{
    struct measures *measures = &live->measures;
    usec_t wall = clock_wall();
    measures->bytes += batch->taken;
    if (batch->consumed)
        histogram_add(&measures->batch_rows, batch->n_rows + batch->n_letters, 1);
    for (unsigned i = 0; i < batch->n_ages; i++)
        if (batch->ages[i].timestamp >= 0)
            histogram_add(&measures->latency, wall - batch->ages[i].timestamp * USEC_PER_MS,
                          batch->ages[i].records);
    for (unsigned i = 0; i < batch->n_moves; i++) {
        measures->advanced += (uint64_t)(batch->moves[i].next - batch->moves[i].expected);
        measures->gaps += (uint64_t)batch->moves[i].gaps;
    }
    for (unsigned i = 0; i < batch->n_letters; i++)
        measures->letters[batch->letters[i].reason]++;
}

/* ---- failures ---- */

const char *measures_remedy_name(enum remedy remedy)
{
    static const char *const names[] = {
        [REMEDY_NONE] = "none",       [REMEDY_RESEND] = "resend", [REMEDY_RETRY] = "retry",
        [REMEDY_ISOLATE] = "isolate", [REMEDY_SETTLE] = "settle", [REMEDY_HALT] = "halt"};
    return names[remedy];
}

void measures_failure(struct live_stream *live, enum remedy remedy, const struct err *err)
{
    struct measures *measures = &live->measures;
    struct failure_count *count = measures->failures;
    struct failure_count *end = count + measures->n_failures;
    while (count < end &&
           (count->remedy != (int)remedy || strcmp(count->sqlstate, err->sqlstate) != 0))
        count++;
    if (count == end && measures->n_failures == FAILURE_KINDS) {
        measures->other_failures++;
        return;
    }
    if (count == end) {
        measures->n_failures++;
        *count = (struct failure_count){.remedy = (int)remedy};
        memcpy(count->sqlstate, err->sqlstate, sizeof(count->sqlstate));
    }
    count->times++;
}

/* ---- how far behind ---- */

void measures_end(struct cursor *cursor, int64_t end)
{
    if (end < 0)
        return;
    cursor->known_end = end;
    if (cursor->input_end >= 0 && end > cursor->input_end)
        cursor->live->measures.input += (uint64_t)(end - cursor->input_end);
    /* The end of what is committed may lie before what was seen of the log: nothing counts twice.
     */
    if (end > cursor->input_end)
        cursor->input_end = end;
}

/* Records lie in their log by time, so the oldest that waits is no older than the newest that was
 * applied; and no older than the moment before which nothing waited. A timestamp of the future says
 * nothing: some producer's clock is wrong. */
usec_t measures_lag(const struct cursor *cursor, usec_t wall)
{
    if (cursor->known_end <= cursor->next_offset)
        return 0;
    usec_t since = cursor->behind_since;
    if (cursor->applied_ts >= 0 && cursor->applied_ts < wall / USEC_PER_MS &&
        cursor->applied_ts * USEC_PER_MS > since)
        since = cursor->applied_ts * USEC_PER_MS;
    if (since == 0)
        since = cursor->claimed_at;
    return wall > since ? wall - since : 0;
}
