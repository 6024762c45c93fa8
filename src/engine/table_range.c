/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/table_range.h"

#include "engine/lane.h"
#include "engine/membership.h"
#include "postgres/partitions.h"
#include "postgres/sqlstate.h"

#include <stdlib.h>
#include <string.h>

static const usec_t refresh_interval = 30 * USEC_PER_SEC;
static const usec_t failure_interval = USEC_PER_SEC;

/* One question, for those streams that want an answer. */
struct looking {
    struct task task; /* first */
    struct engine *engine;
    struct live_stream **streams;
    const struct layout **layouts;
    struct partitions *found;
    unsigned n;
};

bool table_range_sure(struct cursor *cursor, int64_t offset)
{
    if (offset < cursor->range_sure)
        return true;
    if (offset >= cursor->range_asked) /* else the look under way will tell */
        cursor->live->range_wanted = true;
    return false;
}

void table_range_missed(struct lane *lane, const struct err *err)
{
    /* 0A000: the table became a partitioned one, whose rows have no system columns to return. */
    if (!sqlstate_missing_partition(err) && strcmp(err->sqlstate, "0A000") != 0)
        return;
    lane->missed = true;
    lane->live->range_wanted = true;
}

/* ---- asking ---- */

static bool read_ranges(struct task *task, struct service_sessions *sessions)
{
    struct looking *looking = (struct looking *)task;
    return partitions_read(sessions->conn, looking->layouts, looking->n, looking->found,
                           &task->err);
}

static bool is_asked(const struct looking *looking, const struct live_stream *live)
{
    for (unsigned i = 0; i < looking->n; i++)
        if (looking->streams[i] == live)
            return true;
    return false;
}

/* What is in the logs now will be older than the answer. */
static void note_cursors(const struct looking *looking)
{
    struct engine *engine = looking->engine;
    struct cursor *cursor = membership_cursors(engine->membership);
    for (; cursor; cursor = cursor->next) {
        if (!is_asked(looking, cursor->live))
            continue;
        int64_t high = consumer_high(engine->consumer, cursor->topic, cursor->partition);
        const struct lane *lane = cursor->lane;
        /* The watermark may come from a broker that lags: what is here was written too. */
        if (lane && lane->held.kind == INTAKE_RECORD && lane->last_cursor == cursor &&
            lane->held.record.offset >= high)
            high = lane->held.record.offset + 1;
        if (high > cursor->range_asked)
            cursor->range_asked = high;
    }
}

static void end_asking(struct looking *looking, bool ok)
{
    struct cursor *cursor = membership_cursors(looking->engine->membership);
    for (; cursor; cursor = cursor->next) {
        if (!is_asked(looking, cursor->live))
            continue;
        if (ok)
            cursor->range_sure = cursor->range_asked;
        else
            cursor->range_asked = cursor->range_sure;
    }
}

/* ---- answers ---- */

static bool holds_all(const struct live_stream *live, const struct lane *lane)
{
    const struct layout *layout = live->stream->layout;
    for (unsigned b = 0; b < lane->n_sealed; b++)
        for (unsigned i = 0; i < lane->sealed[b]->n_rows; i++)
            if (!range_holds(&live->range, layout, lane->sealed[b]->order[i].row->cells))
                return false;
    return true;
}

static void tell(const struct live_stream *live)
{
    const struct layout *layout = live->stream->layout;
    struct buf text = BUF_INIT;
    if (live->range.has_low || live->range.has_high) {
        buf_printf(&text, " of column %s ", layout->columns[live->range.column].name);
        range_text(&live->range, layout, &text);
    }
    log_info("%s: the partitions of %s.%s hold values%s", live->stream->config->name,
             layout->schema, layout->table, text.data ? text.data : " without known limits");
    buf_free(&text);
}

static void take_answer(struct live_stream *live, const struct partitions *found, usec_t now)
{
    bool news = found->partitioned != live->partitioned || !range_same(&found->range, &live->range);
    live->range_known = true;
    live->partitioned = found->partitioned;
    live->range = found->range;
    if (news && live->partitioned)
        tell(live);
    for (unsigned i = 0; i < live->n_lanes; i++) {
        struct lane *lane = &live->lanes[i];
        /* The partition that a batch waits for is gone: its records are read and judged again. */
        if (lane->missed && !holds_all(live, lane))
            lane_drop(lane, now);
        lane->missed = false;
    }
}

static void looked(struct task *task, usec_t now)
{
    struct looking *looking = (struct looking *)task;
    struct engine *engine = looking->engine;
    engine->table_looks.asked = false;
    if (task->cancelled)
        goto cleanup;
    end_asking(looking, task->ok);
    log_debug("looked for the partitions of %u table%s", looking->n, looking->n == 1 ? "" : "s");
    engine->table_looks.refresh_at = now + (task->ok ? refresh_interval : failure_interval);
    engine->table_looks.not_before = task->ok ? now : engine->table_looks.refresh_at;
    unsigned long held;
    if (!task->ok && log_gate_open(&engine->table_looks.gate, now, refresh_interval, &held))
        log_err(LOG_LEVEL_WARNING, "reading the tables' partitions", &task->err);
    for (unsigned i = 0; i < looking->n; i++) {
        if (task->ok)
            take_answer(looking->streams[i], &looking->found[i], now);
        else
            looking->streams[i]->range_wanted = true;
    }
cleanup:
    free(looking->streams);
    free(looking->layouts);
    free(looking->found);
    free(looking);
}

/* ---- the turn ---- */

static struct looking *begin(struct engine *engine, bool refresh)
{
    struct looking *looking = mem_zero(1, sizeof(*looking));
    looking->task = (struct task){.work = read_ranges, .done = looked};
    looking->engine = engine;
    looking->streams = mem_zero(engine->n_live + 1, sizeof(*looking->streams));
    looking->layouts = mem_zero(engine->n_live + 1, sizeof(*looking->layouts));
    looking->found = mem_zero(engine->n_live + 1, sizeof(*looking->found));
    for (unsigned i = 0; i < engine->n_live; i++) {
        struct live_stream *live = &engine->live[i];
        if (!live->range_wanted && live->range_known && !(refresh && live->partitioned))
            continue;
        live->range_wanted = false;
        looking->layouts[looking->n] = live->stream->layout;
        looking->streams[looking->n++] = live;
    }
    return looking;
}

usec_t table_range_turn(struct engine *engine, usec_t now)
{
    bool wanted = false, partitioned = false;
    if (engine->table_looks.asked)
        return USEC_NEVER;
    for (unsigned i = 0; i < engine->n_live; i++) {
        const struct live_stream *live = &engine->live[i];
        wanted |= live->range_wanted || !live->range_known;
        partitioned |= live->partitioned;
    }
    if (!wanted && !partitioned)
        return USEC_NEVER;
    usec_t due = wanted ? engine->table_looks.not_before : engine->table_looks.refresh_at;
    if (now < due)
        return due;
    struct looking *looking = begin(engine, now >= engine->table_looks.refresh_at);
    note_cursors(looking);
    engine->table_looks.asked = true;
    service_submit(engine->service, &looking->task);
    return USEC_NEVER;
}
