/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "command/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct writing {
    const struct status *status;
    struct buf *out;
    bool colour;
    int name_width;
};

#define CALM  "\033[2m"
#define ALERT "\033[33m"
#define PLAIN "\033[0m"

static void paint(struct writing *writing, const char *code)
{
    if (writing->colour)
        buf_puts(writing->out, code);
}

/* "1,204", or "?" when it is not known. */
static const char *count_text(int64_t value, char out[32])
{
    if (value < 0)
        snprintf(out, 32, "?");
    else
        text_thousands(value, out);
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

static const char *ago_text(const struct status *status, usec_t when, char out[40])
{
    char age[32];
    if (when <= 0)
        snprintf(out, 40, "never");
    else
        snprintf(out, 40, "%s ago",
                 text_duration(status->overview.now > when ? status->overview.now - when : 0, age));
    return out;
}

static usec_t last_commit(const struct overview_stream *stream)
{
    usec_t last = 0;
    for (unsigned k = 0; k < stream->n_partitions; k++)
        if (stream->partitions[k].last_commit > last)
            last = stream->partitions[k].last_commit;
    return last;
}

static void put_head(struct writing *writing)
{
    const struct status *status = writing->status;
    buf_printf(writing->out, "group %s, database %s, ", status->group, status->overview.database);
    if (status->cluster_id)
        buf_printf(writing->out, "cluster %s\n", status->cluster_id);
    else
        buf_puts(writing->out, "broker not reached\n");
    if (status->broker.class != ERR_NONE) {
        paint(writing, ALERT);
        buf_printf(writing->out, "broker: %s%s%s; lag is not known where it says ?",
                   status->broker.place, *status->broker.place ? ": " : "", status->broker.text);
        paint(writing, PLAIN);
        buf_putc(writing->out, '\n');
    }
    if (status->cluster_id && *status->overview.cluster_id &&
        strcmp(status->cluster_id, status->overview.cluster_id) != 0) {
        paint(writing, ALERT);
        buf_printf(writing->out, "this is another cluster than the one last read from (%s)",
                   status->overview.cluster_id);
        paint(writing, PLAIN);
        buf_putc(writing->out, '\n');
    }
}

static void put_partitions(struct writing *writing, unsigned at)
{
    const struct status *status = writing->status;
    const struct overview_stream *stream = &status->overview.streams[at];
    char lag[32], next[32], ago[40];
    for (unsigned k = 0; k < stream->n_partitions; k++) {
        const struct overview_partition *partition = &stream->partitions[k];
        buf_printf(writing->out, "  %s[%d]  next offset %s, lag %s, committed %s%s\n",
                   partition->topic, partition->partition, count_text(partition->next_offset, next),
                   count_text(status_lag(status, at, k), lag),
                   ago_text(status, partition->last_commit, ago),
                   partition->owned ? "" : ", never claimed");
    }
}

static void put_state(struct writing *writing, const struct overview_stream *stream)
{
    char ago[40];
    if (strcmp(stream->state, "running") == 0)
        return;
    buf_printf(writing->out, "  %s %s by %s (%s)", stream->state,
               ago_text(writing->status, stream->changed_at, ago), stream->changed_by,
               stream->kind);
    if (*stream->reason)
        buf_printf(writing->out, ": %s", stream->reason);
    buf_putc(writing->out, '\n');
    if (*stream->hint)
        buf_printf(writing->out, "  hint: %s\n", stream->hint);
}

static void put_reasons(struct writing *writing, const struct overview_stream *stream)
{
    char count[32];
    if (!stream->n_reasons)
        return;
    buf_puts(writing->out, "  open dead letters: ");
    for (unsigned i = 0; i < stream->n_reasons; i++)
        buf_printf(writing->out, "%s%s %s", i ? ", " : "", stream->reasons[i].reason,
                   count_text(stream->reasons[i].open, count));
    buf_putc(writing->out, '\n');
}

/* "consumed 200,000 = applied 199,900 + stale 50 + dead-lettered 50"; what is 0 is left out. */
static void put_sum(struct buf *out, const char *whole, int64_t total, const char *const *names,
                    const int64_t *values, unsigned n)
{
    char count[32];
    bool any = false;
    buf_printf(out, "%s %s", whole, count_text(total, count));
    for (unsigned i = 0; i < n; i++) {
        if (!values[i])
            continue;
        buf_printf(out, " %s %s %s", any ? "+" : "=", names[i], count_text(values[i], count));
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
    paint(writing, CALM);
    buf_puts(writing->out, "  ");
    put_sum(writing->out, "consumed", a->consumed, of_records, records, 5);
    if (a->advanced != a->consumed) {
        buf_puts(writing->out, "; ");
        put_sum(writing->out, "advanced", a->advanced, of_offsets, offsets, 4);
    }
    paint(writing, PLAIN);
    if (!a->cursors_open && !a->records_open) {
        buf_puts(writing->out, "; the account closes\n");
        return;
    }
    paint(writing, ALERT);
    buf_printf(writing->out,
               "; the account does not close: %" PRId64 " offsets, %" PRId64 " records",
               a->cursors_open, a->records_open);
    paint(writing, PLAIN);
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
                   topic->contract, count_text(topic->records, count), topic->percent);
        if (strcmp(topic->status, "active") != 0)
            buf_printf(writing->out, ", %s", topic->status);
        if (topic->past_sunset)
            paint(writing, ALERT);
        if (*topic->sunset)
            buf_printf(writing->out, ", sunset %s%s", topic->sunset,
                       topic->past_sunset ? " is past" : "");
        if (topic->past_sunset)
            paint(writing, PLAIN);
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
                   unknown->type_name, count_text(unknown->times, count),
                   ago_text(writing->status, unknown->last_seen, ago));
    }
    if (stream->n_unknowns > AT_MOST)
        buf_printf(writing->out, "  drift: and %u more in pactolus.drift\n",
                   stream->n_unknowns - AT_MOST);
}

static void put_stream(struct writing *writing, unsigned at)
{
    const struct status *status = writing->status;
    const struct overview_stream *stream = &status->overview.streams[at];
    char lag[32], behind[32], letters[32], ago[40];
    bool calm = strcmp(stream->state, "running") == 0;
    buf_printf(writing->out, "\n%-*s  ", writing->name_width, stream->name);
    if (!calm)
        paint(writing, ALERT);
    buf_printf(writing->out, "%-8s", stream->state);
    if (!calm)
        paint(writing, PLAIN);
    buf_printf(
        writing->out, " %12s  %12s  %12s  %s\n", count_text(status_stream_lag(status, at), lag),
        behind_text(status_stream_behind(status, at), behind),
        count_text(stream->open_dead_letters, letters), ago_text(status, last_commit(stream), ago));
    put_state(writing, stream);
    put_reasons(writing, stream);
    put_account(writing, stream);
    put_topics(writing, stream);
    put_unknowns(writing, stream);
    if (status->partitions)
        put_partitions(writing, at);
}

void status_write_text(const struct status *status, bool colour, struct buf *out)
{
    struct writing writing = {.status = status, .out = out, .colour = colour, .name_width = 6};
    put_head(&writing);
    if (!status->overview.n_streams) {
        buf_puts(out, "no streams yet: pactolus migrate --execute makes them known\n");
        return;
    }
    for (unsigned i = 0; i < status->overview.n_streams; i++)
        if ((int)strlen(status->overview.streams[i].name) > writing.name_width)
            writing.name_width = (int)strlen(status->overview.streams[i].name);
    buf_putc(out, '\n');
    paint(&writing, CALM);
    buf_printf(out, "%-*s  %-8s %12s  %12s  %12s  %s", writing.name_width, "stream", "state",
               "lag, records", "behind", "dead letters", "last commit");
    paint(&writing, PLAIN);
    for (unsigned i = 0; i < status->overview.n_streams; i++)
        put_stream(&writing, i);
}
