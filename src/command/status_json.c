/* SPDX-License-Identifier: Apache-2.0 */
#include "command/status.h"

#include <inttypes.h>
#include <string.h>

/* A member's name, behind a comma unless it is the first. */
static void put_name(struct buf *out, const char *name)
{
    char last = out->length ? out->data[out->length - 1] : '{';
    if (last != '{' && last != '[')
        buf_putc(out, ',');
    buf_json_string(out, name, strlen(name));
    buf_putc(out, ':');
}

static void put_text(struct buf *out, const char *name, const char *value)
{
    put_name(out, name);
    buf_json_string(out, value, strlen(value));
}

/* Negative numbers of ours mean that it is not known. */
static void put_number(struct buf *out, const char *name, int64_t value)
{
    put_name(out, name);
    if (value < 0)
        buf_puts(out, "null");
    else
        buf_printf(out, "%" PRId64, value);
}

static void put_time(struct buf *out, const char *name, usec_t wall)
{
    char text[32];
    put_name(out, name);
    if (wall < 0)
        buf_puts(out, "null");
    else
        buf_printf(out, "\"%s\"", clock_text(wall, text));
}

static void put_seconds(struct buf *out, const char *name, int64_t microseconds)
{
    put_name(out, name);
    if (microseconds < 0)
        buf_puts(out, "null");
    else
        buf_printf(out, "%.3f", (double)microseconds / 1e6);
}

static void put_account(struct buf *out, const struct overview_account *account)
{
    put_name(out, "account");
    buf_putc(out, '{');
    put_number(out, "advanced", account->advanced);
    put_number(out, "consumed", account->consumed);
    put_number(out, "gaps", account->gaps);
    put_number(out, "skipped", account->skipped);
    put_number(out, "lost", account->lost);
    put_number(out, "applied", account->applied);
    put_number(out, "stale", account->stale);
    put_number(out, "deduplicated", account->deduplicated);
    put_number(out, "dead_lettered", account->dead_lettered);
    put_number(out, "other_types", account->other_types);
    put_name(out, "closes");
    buf_puts(out, account->cursors_open || account->records_open ? "false" : "true");
    buf_putc(out, '}');
}

static void put_reasons(struct buf *out, const struct overview_stream *stream)
{
    put_name(out, "open_dead_letters_by_reason");
    buf_putc(out, '{');
    for (unsigned i = 0; i < stream->n_reasons; i++)
        put_number(out, stream->reasons[i].reason, stream->reasons[i].open);
    buf_putc(out, '}');
}

static void put_partitions(struct buf *out, const struct status *status, unsigned at)
{
    const struct overview_stream *stream = &status->overview.streams[at];
    put_name(out, "partitions");
    buf_putc(out, '[');
    for (unsigned k = 0; k < stream->n_partitions; k++) {
        const struct overview_partition *partition = &stream->partitions[k];
        buf_puts(out, k ? ",{" : "{");
        put_text(out, "topic", partition->topic);
        put_number(out, "partition", partition->partition);
        put_number(out, "next_offset", partition->next_offset);
        put_number(out, "low_watermark", status->logs[at][k].low);
        put_number(out, "high_watermark", status->logs[at][k].high);
        put_number(out, "lag_records", status_lag(status, at, k));
        put_time(out, "newest_record", partition->newest);
        put_time(out, "last_commit", partition->last_commit);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_topics(struct buf *out, const struct overview_stream *stream)
{
    put_name(out, "topics");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct overview_topic *topic = &stream->topics[i];
        buf_puts(out, i ? ",{" : "{");
        put_text(out, "topic", topic->topic);
        put_text(out, "contract", topic->contract);
        put_text(out, "status", topic->status);
        put_text(out, "sunset", topic->sunset);
        put_name(out, "past_sunset");
        buf_puts(out, topic->past_sunset ? "true" : "false");
        put_number(out, "records_day", topic->records);
        put_name(out, "percent_day");
        buf_printf(out, "%.4g}", topic->percent);
    }
    buf_putc(out, ']');
}

static void put_unknowns(struct buf *out, const struct overview_stream *stream)
{
    put_name(out, "drift");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_unknowns; i++) {
        const struct overview_unknown *unknown = &stream->unknowns[i];
        buf_puts(out, i ? ",{" : "{");
        put_text(out, "kind", unknown->kind);
        put_text(out, "type", unknown->type_name);
        put_number(out, "number", unknown->number);
        put_number(out, "times", unknown->times);
        put_time(out, "last_seen", unknown->last_seen);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_stream(struct buf *out, const struct status *status, unsigned at)
{
    const struct overview_stream *stream = &status->overview.streams[at];
    buf_puts(out, at ? ",{" : "{");
    put_text(out, "name", stream->name);
    put_text(out, "state", stream->state);
    put_text(out, "kind", stream->kind);
    put_text(out, "reason", stream->reason);
    put_text(out, "hint", stream->hint);
    put_text(out, "changed_by", stream->changed_by);
    put_time(out, "changed_at", stream->changed_at);
    put_text(out, "view", stream->view);
    put_number(out, "lag_records", status_stream_lag(status, at));
    put_seconds(out, "lag_seconds", status_stream_behind(status, at));
    put_number(out, "unattended_partitions", stream->unattended);
    put_number(out, "open_dead_letters", stream->open_dead_letters);
    put_reasons(out, stream);
    put_account(out, &stream->account);
    put_topics(out, stream);
    put_unknowns(out, stream);
    put_partitions(out, status, at);
    buf_putc(out, '}');
}

void status_write_json(const struct status *status, struct buf *out)
{
    buf_putc(out, '{');
    put_text(out, "group", status->group);
    put_text(out, "database", status->overview.database);
    put_time(out, "now", status->overview.now);
    put_name(out, "broker");
    buf_putc(out, '{');
    put_name(out, "cluster_id");
    if (status->cluster_id)
        buf_json_string(out, status->cluster_id, strlen(status->cluster_id));
    else
        buf_puts(out, "null");
    put_text(out, "error", status->broker.class == ERR_NONE ? "" : status->broker.text);
    buf_putc(out, '}');
    put_name(out, "streams");
    buf_putc(out, '[');
    for (unsigned i = 0; i < status->overview.n_streams; i++)
        put_stream(out, status, i);
    buf_puts(out, "]}\n");
}
