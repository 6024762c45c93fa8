/* SPDX-License-Identifier: Apache-2.0 */
#include "command/status.h"

#include <inttypes.h>
#include <stdio.h>
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

/* NULL is not known. */
static void put_text(struct buf *out, const char *name, const char *value)
{
    put_name(out, name);
    if (value)
        buf_json_string(out, value, strlen(value));
    else
        buf_puts(out, "null");
}

static void put_truth(struct buf *out, const char *name, bool value)
{
    put_name(out, name);
    buf_puts(out, value ? "true" : "false");
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

static void put_measure(struct buf *out, const char *name, double value)
{
    put_name(out, name);
    if (value < 0)
        buf_puts(out, "null");
    else
        buf_printf(out, "%.9g", value);
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
    put_truth(out, "closes", !account->cursors_open && !account->records_open);
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
        put_number(out, "records_to_read_again", partition->again);
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
        if (topic->records < 0)
            put_text(out, "past_sunset", NULL);
        else
            put_truth(out, "past_sunset", topic->past_sunset);
        put_number(out, "records_day", topic->records);
        put_measure(out, "percent_day", topic->percent);
        buf_putc(out, '}');
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

static void put_replays(struct buf *out, const struct overview_stream *stream)
{
    put_name(out, "replays");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_replays; i++) {
        const struct overview_replay *replay = &stream->replays[i];
        buf_puts(out, i ? ",{" : "{");
        put_number(out, "id", replay->id);
        put_text(out, "scenario", replay->scenario);
        put_text(out, "asked_by", replay->asked_by);
        put_time(out, "asked_at", replay->asked_at);
        put_number(out, "records_left", replay->left);
        put_number(out, "records", replay->of);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_rebuilds(struct buf *out, const struct overview_stream *stream)
{
    put_name(out, "rebuilds");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_rebuilds; i++) {
        const struct overview_rebuild *rebuild = &stream->rebuilds[i];
        buf_puts(out, i ? ",{" : "{");
        put_number(out, "id", rebuild->id);
        put_text(out, "state", rebuild->state);
        put_text(out, "table", rebuild->table);
        put_text(out, "begun_by", rebuild->begun_by);
        put_time(out, "begun_at", rebuild->begun_at);
        put_number(out, "records_left", rebuild->left);
        put_truth(out, "worked_at", rebuild->worked_at);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

/* What only PostgreSQL knows of a stream, beside what every stream has a row for. */
static void put_stored(struct buf *out, const struct overview_stream *stream)
{
    put_reasons(out, stream);
    put_account(out, &stream->account);
    put_replays(out, stream);
    put_rebuilds(out, stream);
    put_unknowns(out, stream);
}

static void put_unstored(struct buf *out)
{
    static const char *const names[] = {"open_dead_letters_by_reason", "account", "replays",
                                        "rebuilds", "drift"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        put_text(out, names[i], NULL);
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
    put_measure(out, "records_per_second", status->rates ? status->rates[at] : -1);
    put_number(out, "records_to_read_again", stream->again);
    put_number(out, "unattended_partitions", stream->unattended);
    put_number(out, "open_dead_letters", stream->open_dead_letters);
    if (status_stored(status))
        put_stored(out, stream);
    else
        put_unstored(out);
    put_topics(out, stream);
    put_partitions(out, status, at);
    buf_putc(out, '}');
}

static void put_daemons(struct buf *out, const struct overview *overview)
{
    put_name(out, "daemons");
    buf_putc(out, '[');
    for (unsigned i = 0; i < overview->n_daemons; i++) {
        const struct overview_daemon *daemon = &overview->daemons[i];
        buf_puts(out, i ? ",{" : "{");
        put_text(out, "owner", daemon->owner);
        put_text(out, "host", daemon->host);
        put_number(out, "process", daemon->process);
        put_text(out, "version", daemon->version);
        put_time(out, "since", daemon->since);
        if (daemon->live == OVERVIEW_UNSEEN)
            put_text(out, "live", NULL);
        else
            put_truth(out, "live", daemon->live == OVERVIEW_LIVE);
        put_number(out, "partitions", daemon->partitions);
        put_number(out, "rebuild", daemon->rebuild ? daemon->rebuild : -1);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_unreachable(struct buf *out, const char *name, const struct err *err)
{
    char whole[sizeof err->place + sizeof err->text + 2] = "";
    if (err->class != ERR_NONE)
        snprintf(whole, sizeof whole, "%s%s%s", err->place, *err->place ? ": " : "", err->text);
    put_text(out, name, whole);
}

void status_write_json(const struct status *status, struct buf *out)
{
    buf_putc(out, '{');
    put_text(out, "group", status->group);
    put_text(out, "database", status->overview.database);
    put_unreachable(out, "database_error", &status->database);
    put_time(out, "now", status->overview.now);
    put_name(out, "broker");
    buf_putc(out, '{');
    put_text(out, "cluster_id", status->cluster_id);
    put_unreachable(out, "error", &status->broker);
    buf_putc(out, '}');
    if (status_stored(status))
        put_daemons(out, &status->overview);
    else
        put_text(out, "daemons", NULL);
    put_name(out, "streams");
    buf_putc(out, '[');
    for (unsigned i = 0; i < status->overview.n_streams; i++)
        put_stream(out, status, i);
    buf_puts(out, "]}\n");
}
