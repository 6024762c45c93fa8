/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_fill: seeding, and an engine of its own that reads the log up to the live cursors and
 * never past them. The engine turns in this thread; between its turns the database is asked where
 * the live stream stands.
 */
#include "base/log.h"
#include "base/text.h"
#include "command/rebuilding.h"
#include "engine/membership.h"
#include "engine/preflight.h"
#include "postgres/rebuild_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SEED_ROWS = 5000,     /* of one portion: a transaction of some 50 ms */
    LANE_CONNECTIONS = 2, /* of which lanes borrow one: the live stream comes first */
};
static const usec_t look_interval = 250 * USEC_PER_MS;
static const usec_t tell_interval = 10 * USEC_PER_SEC;
static const struct until nothing = {0, OFFSET_NEVER};

/* ---- seeding ---- */

/* Room for others: as long as the last portion took. */
static bool seed_portion(struct rebuilding *r, bool first, int64_t *rows, struct err *err)
{
    usec_t began = clock_monotonic();
    if (!rebuild_tables_seed(r->conn, r->have, r->want_shadow, r->row.id, first, SEED_ROWS, rows,
                             err))
        return false;
    r->row.seeded += *rows;
    usec_t took = clock_monotonic() - began;
    usec_t due = r->options->rate > 0 ? *rows * USEC_PER_SEC / r->options->rate - took : 0;
    clock_pause(due > took ? due : took);
    return true;
}

static bool seed(struct rebuilding *r, struct err *err)
{
    char number[32];
    int64_t rows = 1;
    bool first = r->row.seeded == 0;
    while (rows > 0) {
        if (!seed_portion(r, first, &rows, err))
            return false;
        first = false;
        if (loop_stops(r->loop) > 0) {
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "interrupted while seeding");
            return err_hint(err, "pactolus rebuild --resume %u goes on", r->row.id);
        }
    }
    printf("copied %s live rows\n", text_thousands(r->row.seeded, number));
    fflush(stdout);
    return rebuilds_seeded(r->conn, &r->row, err);
}

/* ---- the engine ---- */

static bool open_engine(struct rebuilding *r, struct err *err)
{
    struct errs errs = {0};
    r->own = *r->config;
    r->own.streams = &r->own_stream;
    r->own.n_streams = 1;
    r->own.pool = LANE_CONNECTIONS;
    r->own.progress_interval = 0;
    r->own.metrics_listen = NULL; /* the daemon's own */
    r->engine_options = (struct engine_options){.config = &r->own,
                                                .streams = &r->shadow,
                                                .n_streams = 1,
                                                .kafka = r->kafka,
                                                .until = &nothing,
                                                .alone = true};
    bool good = preflight(&r->engine_options, r->conn, PREFLIGHT_ALL, &errs);
    if (good) {
        r->opened = true;
        good = engine_open(&r->engine, r->loop, &r->engine_options, &errs);
    }
    if (good)
        pace_begin(&r->engine.pace, (double)r->options->rate);
    if (!good)
        *err = errs.items[0];
    errs_free(&errs);
    return good;
}

/* Why the engine cannot go on; true while it can. */
static bool goes_on(struct rebuilding *r, struct err *err)
{
    const struct live_stream *live = &r->engine.live[0];
    if (loop_stops(r->loop) > 0) {
        err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "interrupted");
        return err_hint(err, "pactolus rebuild --resume %u goes on, --abort %u gives it up",
                        r->row.id, r->row.id);
    }
    if (r->engine.failed || r->engine.leaving) {
        *err = r->engine.err;
        return false;
    }
    if (engine_halted(live)) {
        *err = live->halt;
        return err_hint(err,
                        "pactolus rebuild --abort %u; or mend the cause, then pactolus rebuild "
                        "--resume %u",
                        r->row.id, r->row.id);
    }
    if (!engine_ousted(&r->engine))
        return true;
    return err_set(err, ERR_HALT, ERR_EXIT_TEMPORARY,
                   "another process works at this rebuild, or it was given up");
}

static bool turn(struct rebuilding *r, usec_t latest, struct err *err)
{
    usec_t again = engine_step(&r->engine, clock_monotonic(), clock_wall());
    if (!goes_on(r, err))
        return false;
    loop_wait(r->loop, clock_monotonic(), again < latest ? again : latest);
    return true;
}

void rebuild_stop(struct rebuilding *r)
{
    if (!r->opened)
        return;
    engine_stop(&r->engine, clock_monotonic());
    const usec_t deadline = clock_monotonic() + 10 * USEC_PER_SEC;
    while (!engine_done(&r->engine) && clock_monotonic() < deadline) {
        usec_t again = engine_step(&r->engine, clock_monotonic(), clock_wall());
        if (!engine_done(&r->engine))
            loop_wait(r->loop, clock_monotonic(), again < deadline ? again : deadline);
    }
}

/* ---- where both stand ---- */

static bool is_read(const struct rebuilding *r, const struct rebuild_position *at)
{
    for (unsigned i = 0; at->current && i < r->stream_config->n_topics; i++)
        if (strcmp(r->stream_config->topics[i].name, at->topic) == 0)
            return true;
    return false;
}

static bool read_positions(struct rebuilding *r, struct err *err)
{
    r->before = r->positions;
    r->n_before = r->n_positions;
    r->look ^= 1;
    arena_reset(&r->looks[r->look], 65536);
    return rebuilds_positions(r->conn, r->row.id, &r->looks[r->look], &r->positions,
                              &r->n_positions, err);
}

/* Partitions that have come since are read from where the live stream began them. */
static bool follow_new(struct rebuilding *r, struct err *err)
{
    unsigned n = 0;
    struct rebuild_position *new =
        arena_alloc(&r->looks[r->look], (r->n_positions + 1) * sizeof *new);
    for (unsigned i = 0; i < r->n_positions; i++) {
        if (r->positions[i].shadow >= 0)
            continue;
        r->positions[i].shadow = r->positions[i].first;
        new[n++] = r->positions[i];
    }
    return n == 0 || rebuilds_more(r->conn, r->row.id, new, n, err);
}

/* A log that is gone with its topic can be read no further. */
static bool judge_gone(const struct rebuilding *r, struct err *err)
{
    for (unsigned i = 0; i < r->n_positions; i++) {
        const struct rebuild_position *at = &r->positions[i];
        if (at->current || at->shadow == at->live)
            continue;
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the topic was made anew before its log was read to the end");
        err_place(err, "%s[%d]@%" PRId64, at->topic, (int)at->partition, at->shadow);
        return err_hint(err, "pactolus rebuild --abort %u, then begin one with --seed-from-live",
                        r->row.id);
    }
    return true;
}

static void tell_engine(struct rebuilding *r, usec_t now)
{
    unsigned n = 0;
    struct topic_partition *list =
        arena_alloc(&r->looks[r->look], (r->n_positions + 1) * sizeof *list);
    for (unsigned i = 0; i < r->n_positions; i++)
        if (is_read(r, &r->positions[i]))
            list[n++] =
                (struct topic_partition){r->positions[i].topic, r->positions[i].partition, -1};
    if (n != r->n_assigned)
        engine_assign(&r->engine, list, n, now);
    r->n_assigned = n;
    for (unsigned i = 0; i < r->n_positions; i++)
        engine_until(&r->engine, r->positions[i].log, r->positions[i].live);
}

/* Has it read what the live stream had at the last look? */
static bool keeps_up(const struct rebuilding *r)
{
    for (unsigned i = 0; i < r->n_positions; i++) {
        int64_t was = r->positions[i].live;
        for (unsigned k = 0; k < r->n_before; k++)
            if (r->before[k].log == r->positions[i].log)
                was = r->before[k].live;
        if (r->positions[i].shadow < was)
            return false;
    }
    return r->n_before > 0;
}

/* How far the live stream is behind its logs' ends, as brokers tell with what is read here. */
static int64_t live_lag(struct rebuilding *r)
{
    int64_t lag = 0;
    for (unsigned i = 0; i < r->n_positions; i++) {
        const struct rebuild_position *at = &r->positions[i];
        int64_t high =
            is_read(r, at) ? consumer_high(r->engine.consumer, at->topic, at->partition) : -1;
        if (high > at->live)
            lag += high - at->live;
    }
    return lag;
}

static void measure(struct rebuilding *r, usec_t now, usec_t since)
{
    uint64_t records = 0;
    const struct live_stream *live = &r->engine.live[0];
    for (unsigned i = 0; i < live->n_lanes; i++)
        records += live->lanes[i].counts.records;
    if (since && now > since)
        r->measured = (double)(records - r->counted) * (double)USEC_PER_SEC / (double)(now - since);
    r->counted = records;
    pace_yield(&r->engine.pace, live_lag(r), r->measured);
}

static void tell(struct rebuilding *r, usec_t now)
{
    char left_text[32];
    int64_t left = 0;
    if (now < r->told_at + tell_interval)
        return;
    for (unsigned i = 0; i < r->n_positions; i++)
        if (r->positions[i].live > r->positions[i].shadow)
            left += r->positions[i].live - r->positions[i].shadow;
    if (r->told_at)
        printf("%s offsets to go, %.0f records/s%s\n", text_thousands(left, left_text), r->measured,
               r->engine.pace.rate > 0 ? ", held back" : "");
    fflush(stdout);
    r->told_at = now;
}

static bool look(struct rebuilding *r, struct err *err)
{
    usec_t now = clock_monotonic(), since = r->look_at ? r->look_at - look_interval : 0;
    if (!read_positions(r, err) || !follow_new(r, err) || !judge_gone(r, err))
        return false;
    tell_engine(r, now);
    r->kept_up = keeps_up(r);
    measure(r, now, since);
    tell(r, now);
    r->look_at = now + look_interval;
    return true;
}

bool rebuild_read_on(struct rebuilding *r, usec_t for_long, struct err *err)
{
    const usec_t until = clock_monotonic() + for_long;
    do {
        if (clock_monotonic() >= r->look_at && !look(r, err))
            return false;
        if (!turn(r, r->look_at < until ? r->look_at : until, err))
            return false;
    } while (clock_monotonic() < until);
    return true;
}

/* When the rows are there: an index is made of them faster than it is kept. */
static bool make_indexes(struct rebuilding *r, struct err *err)
{
    const char **left_out = NULL;
    unsigned n = 0;
    if (!rebuilds_indexes(r->conn, r->row.id, r->want, r->want_shadow, &r->arena, &left_out, &n,
                          err))
        return false;
    for (unsigned i = 0; i < n; i++)
        printf("%s\n", left_out[i]);
    return true;
}

static bool read_until_it_keeps_up(struct rebuilding *r, struct err *err)
{
    do
        if (!rebuild_read_on(r, look_interval, err))
            return false;
    while (!r->kept_up);
    return true;
}

bool rebuild_fill(struct rebuilding *r, struct err *err)
{
    if (!r->row.seed_done && !seed(r, err))
        return false;
    if (!r->opened && !open_engine(r, err))
        return false;
    r->told_at = clock_monotonic();
    if (!read_until_it_keeps_up(r, err) || !make_indexes(r, err) || !read_until_it_keeps_up(r, err))
        return false;
    return strcmp(r->row.state, "filling") != 0 ||
           rebuilds_call(r->conn, "rebuild_state", r->row.id, "ready", true, err);
}

/* ---- exactly there ---- */

/* All that lies below the bounds is committed. */
static bool is_aligned(const struct rebuilding *r)
{
    for (unsigned i = 0; i < r->n_positions; i++) {
        const struct rebuild_position *at = &r->positions[i];
        if (!is_read(r, at))
            continue;
        const struct cursor *cursor = membership_cursors(r->engine.membership);
        while (cursor && cursor->log != at->log)
            cursor = cursor->next;
        if (!cursor || cursor->next_offset != at->live || cursor->read_offset != at->live)
            return false;
    }
    return true;
}

bool rebuild_align(struct rebuilding *r, usec_t patience, bool *aligned, struct err *err)
{
    const usec_t deadline = clock_monotonic() + patience;
    *aligned = false;
    if (!read_positions(r, err) || !judge_gone(r, err))
        return false;
    for (unsigned i = 0; i < r->n_positions; i++)
        if (r->positions[i].shadow < 0 || r->positions[i].shadow > r->positions[i].live)
            return true; /* a new partition, or a replay of the live stream: not now */
    tell_engine(r, clock_monotonic());
    while (!(*aligned = is_aligned(r)) && clock_monotonic() < deadline)
        if (!turn(r, deadline, err))
            return false;
    return true;
}
