/* SPDX-License-Identifier: Apache-2.0 */
#include "command/status_text.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void status_paint(struct writing *writing, const char *code)
{
    if (writing->colour)
        buf_puts(writing->out, code);
}

const char *status_count(int64_t value, char out[32])
{
    if (value < 0)
        snprintf(out, 32, "?");
    else
        text_thousands(value, out);
    return out;
}

const char *status_ago(const struct status *status, usec_t when, char out[40])
{
    char age[32];
    if (when < 0)
        snprintf(out, 40, "?");
    else if (when == 0)
        snprintf(out, 40, "never");
    else
        snprintf(out, 40, "%s ago",
                 text_duration(status->overview.now > when ? status->overview.now - when : 0, age));
    return out;
}

static const char *behind_text(int64_t behind, char out[32])
{
    if (behind < 0)
        snprintf(out, 32, "?");
    else if (behind == 0)
        snprintf(out, 32, "-");
    else
        text_duration(behind, out);
    return out;
}

/* A tenth counts only where there are few. */
static const char *rate_text(double rate, char out[32])
{
    if (rate < 0)
        snprintf(out, 32, "?");
    else if (rate > 0 && rate < 10)
        snprintf(out, 32, "%.1f", rate);
    else
        text_thousands((int64_t)(rate + 0.5), out);
    return out;
}

static usec_t last_commit(const struct status *status, const struct overview_stream *stream)
{
    usec_t last = status_stored(status) ? 0 : -1;
    for (unsigned k = 0; k < stream->n_partitions; k++)
        if (stream->partitions[k].last_commit > last)
            last = stream->partitions[k].last_commit;
    return last;
}

/* ------------------------------------------------------------------------------------ head */

static void put_unreachable(struct writing *writing, const char *what, const struct err *err,
                            const char *so)
{
    status_paint(writing, GRID_ALERT);
    buf_printf(writing->out, "%s: ", what);
    grid_clean(err->place, writing->out);
    buf_puts(writing->out, *err->place ? ": " : "");
    grid_clean(err->text, writing->out);
    buf_printf(writing->out, "; %s not known where it says ?", so);
    status_paint(writing, GRID_PLAIN);
    buf_putc(writing->out, '\n');
    if (*err->hint)
        buf_printf(writing->out, "  hint: %s\n", err->hint);
}

static void put_head(struct writing *writing)
{
    const struct status *status = writing->status;
    buf_printf(writing->out, "group %s, ", status->group);
    if (status_stored(status))
        buf_printf(writing->out, "database %s, ", status->overview.database);
    else
        buf_printf(writing->out, "database not %s, ",
                   status->database.exit == ERR_EXIT_UNAVAILABLE ? "reached" : "read");
    if (status->cluster_id)
        buf_printf(writing->out, "cluster %s\n", status->cluster_id);
    else
        buf_puts(writing->out, "broker not reached\n");
    if (!status_stored(status))
        put_unreachable(writing, "database", &status->database, "states and positions are");
    if (status->broker.class != ERR_NONE)
        put_unreachable(writing, "broker", &status->broker,
                        status_stored(status) ? "lag is" : "watermarks are");
    if (status->cluster_id && *status->overview.cluster_id &&
        strcmp(status->cluster_id, status->overview.cluster_id) != 0) {
        status_paint(writing, GRID_ALERT);
        buf_printf(writing->out, "this is another cluster than the one last read from (%s)",
                   status->overview.cluster_id);
        status_paint(writing, GRID_PLAIN);
        buf_putc(writing->out, '\n');
    }
}

/* --------------------------------------------------------------------------------- daemons */

enum { DAEMON, SESSION, VERSION, SINCE, HELD, DAEMON_CELLS };

struct daemon_row {
    char name[300], since[40], held[64];
    const char *cells[DAEMON_CELLS];
};

static void fill_daemon(const struct status *status, const struct overview_daemon *daemon,
                        struct daemon_row *row)
{
    static const char *const sessions[] = {
        [OVERVIEW_GONE] = "gone", [OVERVIEW_LIVE] = "live", [OVERVIEW_UNSEEN] = "?"};
    char count[32];
    snprintf(row->name, sizeof row->name, "%s (%d)", daemon->host, daemon->process);
    if (daemon->rebuild)
        snprintf(row->held, sizeof row->held, "rebuild %" PRId64, daemon->rebuild);
    else
        snprintf(row->held, sizeof row->held, "%s", status_count(daemon->partitions, count));
    const char *const cells[] = {row->name, sessions[daemon->live], daemon->version,
                                 status_ago(status, daemon->since, row->since), row->held};
    memcpy(row->cells, cells, sizeof cells);
}

static void put_titles(struct writing *writing, const struct grid *grid, const char *const *titles)
{
    buf_putc(writing->out, '\n');
    status_paint(writing, GRID_CALM);
    grid_put(grid, titles, NULL, writing->out);
    status_paint(writing, GRID_PLAIN);
    buf_putc(writing->out, '\n');
}

static void put_daemons(struct writing *writing)
{
    static const char *const titles[] = {"daemon", "session", "version", "since", "partitions"};
    const struct overview *overview = &writing->status->overview;
    struct grid grid = {.n = DAEMON_CELLS, .left = {true, true, true, true, false}};
    struct daemon_row row;
    if (!overview->n_daemons) {
        buf_puts(writing->out, "\nno daemon has claimed anything yet\n");
        return;
    }
    grid_measure(&grid, titles);
    for (unsigned i = 0; i < overview->n_daemons; i++) {
        fill_daemon(writing->status, &overview->daemons[i], &row);
        grid_measure(&grid, row.cells);
    }
    put_titles(writing, &grid, titles);
    for (unsigned i = 0; i < overview->n_daemons; i++) {
        const char *paints[DAEMON_CELLS] = {0};
        fill_daemon(writing->status, &overview->daemons[i], &row);
        if (writing->colour && overview->daemons[i].live == OVERVIEW_GONE)
            paints[SESSION] = GRID_ALERT;
        grid_put(&grid, row.cells, paints, writing->out);
        buf_putc(writing->out, '\n');
    }
}

/* --------------------------------------------------------------------------------- streams */

enum { STREAM, STATE, LAG, RATE, BEHIND, LETTERS, COMMIT, STREAM_CELLS };

struct stream_row {
    char lag[32], rate[32], behind[32], letters[32], commit[40];
    const char *cells[STREAM_CELLS];
};

static void fill_stream(const struct status *status, unsigned at, struct stream_row *row)
{
    const struct overview_stream *stream = &status->overview.streams[at];
    const char *const cells[] = {stream->name,
                                 stream->state ? stream->state : "?",
                                 status_count(status_stream_lag(status, at), row->lag),
                                 rate_text(status->rates ? status->rates[at] : -1, row->rate),
                                 behind_text(status_stream_behind(status, at), row->behind),
                                 status_count(stream->open_dead_letters, row->letters),
                                 status_ago(status, last_commit(status, stream), row->commit)};
    memcpy(row->cells, cells, sizeof cells);
}

static void put_stream(struct writing *writing, const struct grid *grid, unsigned at)
{
    const char *state = writing->status->overview.streams[at].state;
    const char *paints[STREAM_CELLS] = {0};
    struct stream_row row;
    fill_stream(writing->status, at, &row);
    if (writing->colour && (!state || strcmp(state, "running") != 0))
        paints[STATE] = GRID_ALERT;
    grid_put(grid, row.cells, paints, writing->out);
    buf_putc(writing->out, '\n');
    status_put_detail(writing, at);
}

static void put_streams(struct writing *writing)
{
    static const char *const titles[] = {"stream", "state",        "lag, records", "records/s",
                                         "behind", "dead letters", "last commit"};
    const struct status *status = writing->status;
    struct grid grid = {.n = STREAM_CELLS,
                        .left = {[STREAM] = true, [STATE] = true, [COMMIT] = true},
                        .without = {[RATE] = !status->rates}};
    struct stream_row row;
    grid_measure(&grid, titles);
    for (unsigned i = 0; i < status->overview.n_streams; i++) {
        fill_stream(status, i, &row);
        grid_measure(&grid, row.cells);
    }
    put_titles(writing, &grid, titles);
    for (unsigned i = 0; i < status->overview.n_streams; i++) {
        buf_puts(writing->out, i ? "\n" : "");
        put_stream(writing, &grid, i);
    }
}

void status_write_text(const struct status *status, bool colour, struct buf *out)
{
    struct writing writing = {.status = status, .out = out, .colour = colour};
    put_head(&writing);
    if (status_stored(status) && !status->overview.n_streams) {
        buf_puts(out, "no streams yet: pactolus migrate --execute makes them known\n");
        return;
    }
    if (status_stored(status))
        put_daemons(&writing);
    put_streams(&writing);
}
