/* SPDX-License-Identifier: Apache-2.0 */
/* The first half of the way of a record: intake → pipeline → batch. */
#include "engine/engine.h"
#include "engine/lane.h"
#include "engine/measures.h"
#include "engine/table_range.h"

#include <string.h>

static struct cursor *find_cursor(struct lane *lane, const struct record *record)
{
    /* Records come in runs: the topic's name is one pointer per topic in librdkafka. */
    if (lane->last_cursor && record->topic == lane->last_topic &&
        record->partition == lane->last_partition)
        return lane->last_cursor;
    for (unsigned i = 0; i < lane->n_cursors; i++) {
        struct cursor *cursor = lane->cursors[i];
        if (!cursor || cursor->partition != record->partition ||
            strcmp(cursor->topic, record->topic) != 0)
            continue;
        lane->last_topic = record->topic;
        lane->last_partition = record->partition;
        return lane->last_cursor = cursor;
    }
    return NULL;
}

static bool takes_records(const struct cursor *cursor)
{
    return cursor && cursor->state == CURSOR_RUNNING && !cursor->draining;
}

/* The cursor's move in the filling batch. */
static struct move *move_of(struct lane *lane, struct cursor *cursor)
{
    struct move *move = batch_move(lane->filling, cursor->slot);
    if (move->cursor)
        return move;
    move->cursor = cursor;
    move->cursor_id = cursor->cursor_id;
    move->fence = cursor->fence;
    move->token = cursor->token;
    move->expected = move->next = cursor->read_offset;
    move->order_ts = cursor->order_ts;
    return move;
}

/* PostgreSQL may refuse a row too, so each record is kept until its batch has ended. */
static const struct kept_record *keep(struct lane *lane, const struct cursor *cursor,
                                      const struct record *record)
{
    const struct contract *contract =
        pipeline_contract(&lane->live->stream->pipeline, cursor->topic);
    return record_keep(record, cursor->topic, contract ? contract->name : NULL,
                       &lane->filling->arena);
}

/* What was read again after a failure is no second dead letter: an outage is not a flood. The last
 * thing done with a record, since a halt drops the batch that it stands in. */
static void judge_flood(struct lane *lane, struct cursor *cursor, int64_t offset,
                        const struct parsed *parsed, bool bad, usec_t now)
{
    struct live_stream *live = lane->live;
    if (offset < cursor->judged)
        return;
    cursor->judged = offset + 1;
    if (!bad) {
        flood_good(&live->flood, now);
        return;
    }
    const struct flood_letter letter = {parsed->reason, cursor->topic, cursor->partition, offset};
    if (flood_bad(&live->flood, &letter, now))
        engine_flooded(lane->engine, live, parsed->err.text, now);
}

/* False when the record has to wait, for the next batch or for a fresh look at the table's
 * partitions; nothing has changed then. */
static bool take_record(struct lane *lane, struct cursor *cursor, const struct record *record,
                        usec_t now)
{
    const struct stream *stream = lane->live->stream;
    bool bad = false;
    struct batch *batch = lane->filling;
    struct parsed parsed;
    struct place place = {
        .order_ts = record->timestamp > cursor->order_ts ? record->timestamp : cursor->order_ts,
        .log = cursor->log,
        .offset = record->offset,
    };
    switch (pipeline_run(&stream->pipeline, record, &place, lane->engine->wall, &batch->arena,
                         &parsed)) {
    case VERDICT_ROW:
    case VERDICT_TOMBSTONE:
        parsed.row.origin = keep(lane, cursor, record);
        if (batch_add(batch, &parsed.row, !stream->layout->append,
                      stream->config->deletes != DELETES_HARD) == BATCH_CONFLICT)
            return false;
        measures_row(lane->live, cursor->topic_number, record, &parsed.row);
        break;
    case VERDICT_SKIP:
        batch->other_types++;
        break;
    case VERDICT_REJECT:
        if (parsed.out_of_range && !table_range_sure(cursor, record->offset))
            return false;
        dead_letter_make(batch_add_letter(batch), keep(lane, cursor, record), &place, parsed.reason,
                         &parsed.err, &batch->arena);
        bad = true;
        break;
    }
    struct move *move = move_of(lane, cursor);
    move->gaps += record->offset - cursor->read_offset;
    move->next = record->offset + 1;
    move->order_ts = place.order_ts;
    move->consumed++;
    batch_count(batch, record);
    cursor->order_ts = place.order_ts;
    cursor->read_offset = record->offset + 1;
    pace_take(&lane->engine->pace);
    judge_flood(lane, cursor, record->offset, &parsed, bad, now);
    return true;
}

/* What lies between here and there was never delivered (control records, compaction), so the cursor
 * passes it: to the end of the partition, or to where it is to stop. */
static void take_end(struct lane *lane, struct cursor *cursor, int64_t end)
{
    cursor->heard = cursor->at_end = true;
    measures_end(cursor, end);
    if (end < cursor->read_offset)
        return;
    cursor->end_offset = end;
    if (end == cursor->read_offset)
        return;
    struct move *move = move_of(lane, cursor);
    move->gaps += end - cursor->read_offset;
    move->next = end;
    cursor->read_offset = end;
}

/* A right that was taken away halts the stream. Of the other errors that a table calls halt none
 * comes with a partition, but for topics that are gone, and those are membership's to find out. */
static void take_error(struct lane *lane, const struct cursor *cursor, const struct err *err,
                       usec_t now)
{
    unsigned long held;
    if (err->class == ERR_HALT && err->exit == ERR_EXIT_PERMISSION && cursor &&
        takes_records(cursor))
        engine_halt(lane->engine, lane->live, err, now);
    else if (log_gate_open(&lane->gate, now, 30 * USEC_PER_SEC, &held))
        log_err_about(LOG_LEVEL_WARNING,
                      &(struct log_about){.stream = lane->live->stream->config->name},
                      lane->live->stream->config->name, err);
}

static bool beyond(const struct cursor *cursor, const struct record *record)
{
    return record->offset >= cursor->until.offset || record->timestamp >= cursor->until.time_ms;
}

/* The first record that is not wanted ends the partition here: what lies before it was never
 * delivered. The bound is a number from then on, lest a later record with an earlier time be
 * taken. */
static void take_bound(struct lane *lane, struct cursor *cursor, int64_t offset)
{
    struct topic_partition at = {cursor->topic, cursor->partition, -1};
    if (offset < cursor->until.offset)
        cursor->until.offset = offset;
    take_end(lane, cursor, cursor->until.offset);
    if (!cursor->beyond)
        consumer_pause(lane->engine->consumer, &at, 1);
    cursor->beyond = true;
}

/* False when the item must wait for the next batch. */
static bool take_item(struct lane *lane, struct intake_item *item, usec_t now)
{
    struct cursor *cursor = find_cursor(lane, &item->record);
    switch (item->kind) {
    case INTAKE_RECORD:
        if (cursor) {
            cursor->heard = true;
            if (cursor->at_end)
                cursor->behind_since = lane->engine->wall;
            cursor->at_end = false;
        }
        if (takes_records(cursor) && beyond(cursor, &item->record))
            take_bound(lane, cursor, item->record.offset);
        else if (takes_records(cursor) && item->record.offset >= cursor->read_offset)
            return take_record(lane, cursor, &item->record, now);
        lane->counts.dropped++;
        return true;
    case INTAKE_END:
        if (takes_records(cursor) && item->record.offset <= cursor->until.offset)
            take_end(lane, cursor, item->record.offset);
        else if (takes_records(cursor)) /* the end is told again when the bound is raised */
            take_bound(lane, cursor, cursor->until.offset);
        return true;
    case INTAKE_OUT_OF_RANGE:
        if (cursor)
            engine_out_of_range(lane->engine, cursor, now);
        return true;
    case INTAKE_DAMAGED:
        if (cursor && takes_records(cursor))
            engine_halt(lane->engine, lane->live, &item->err, now);
        return true;
    case INTAKE_ERROR:
        take_error(lane, cursor, &item->err, now);
        return true;
    case INTAKE_EMPTY:
        break;
    }
    return true;
}

void lane_unhold(struct lane *lane)
{
    if (lane->held.kind != INTAKE_EMPTY)
        intake_release(lane->intake, &lane->held);
    lane->held = (struct intake_item){.kind = INTAKE_EMPTY};
}

void lane_pull(struct lane *lane, usec_t now)
{
    enum { ITEMS_PER_ROW = 4 }; /* records that become no row must not hold the loop */
    struct intake_item *item = &lane->held;
    unsigned most = ITEMS_PER_ROW * lane->filling->limits.rows;
    if (lane->target.account_id == 0 || !lane->live->range_known ||
        (!lane->ready && item->kind == INTAKE_EMPTY))
        return;
    while (!batch_full(lane->filling) && lane->state != LANE_HALTED &&
           pace_allows(&lane->engine->pace)) {
        if (most-- == 0) {
            lane->engine->hurry = true;
            return;
        }
        if (item->kind == INTAKE_EMPTY && intake_next(lane->intake, item) == INTAKE_EMPTY) {
            lane->ready = false;
            return;
        }
        if (!take_item(lane, item, now))
            return; /* held */
        lane_unhold(lane);
    }
}
