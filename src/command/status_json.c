/* SPDX-License-Identifier: Apache-2.0 */
#include "command/member.h"
#include "command/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_account(struct buf *out, const struct overview_account *account)
{
    member_name(out, "account");
    buf_putc(out, '{');
    member_count(out, "advanced", account->advanced);
    member_count(out, "consumed", account->consumed);
    member_count(out, "gaps", account->gaps);
    member_count(out, "skipped", account->skipped);
    member_count(out, "lost", account->lost);
    member_count(out, "applied", account->applied);
    member_count(out, "stale", account->stale);
    member_count(out, "deduplicated", account->deduplicated);
    member_count(out, "dead_lettered", account->dead_lettered);
    member_count(out, "other_types", account->other_types);
    member_truth(out, "closes", !account->cursors_open && !account->records_open);
    buf_putc(out, '}');
}

static void put_reasons(struct buf *out, const struct overview_stream *stream)
{
    member_name(out, "open_dead_letters_by_reason");
    buf_putc(out, '{');
    for (unsigned i = 0; i < stream->n_reasons; i++)
        member_count(out, stream->reasons[i].reason, stream->reasons[i].open);
    buf_putc(out, '}');
}

static void put_partitions(struct buf *out, const struct status *status, unsigned at)
{
    const struct overview_stream *stream = &status->overview.streams[at];
    member_name(out, "partitions");
    buf_putc(out, '[');
    for (unsigned k = 0; k < stream->n_partitions; k++) {
        const struct overview_partition *partition = &stream->partitions[k];
        buf_puts(out, k ? ",{" : "{");
        member_text(out, "topic", partition->topic);
        member_count(out, "partition", partition->partition);
        member_count(out, "next_offset", partition->next_offset);
        member_count(out, "low_watermark", status->logs[at][k].low);
        member_count(out, "high_watermark", status->logs[at][k].high);
        member_count(out, "lag_records", status_lag(status, at, k));
        member_time(out, "newest_record", partition->newest);
        member_count(out, "records_to_read_again", partition->again);
        member_time(out, "last_commit", partition->last_commit);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_topics(struct buf *out, const struct overview_stream *stream)
{
    member_name(out, "topics");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct overview_topic *topic = &stream->topics[i];
        buf_puts(out, i ? ",{" : "{");
        member_text(out, "topic", topic->topic);
        member_text(out, "contract", topic->contract);
        member_text(out, "status", topic->status);
        member_text(out, "sunset", topic->sunset);
        if (topic->records < 0)
            member_text(out, "past_sunset", NULL);
        else
            member_truth(out, "past_sunset", topic->past_sunset);
        member_count(out, "records_day", topic->records);
        member_measure(out, "percent_day", topic->percent);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_unknowns(struct buf *out, const struct overview_stream *stream)
{
    member_name(out, "drift");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_unknowns; i++) {
        const struct overview_unknown *unknown = &stream->unknowns[i];
        buf_puts(out, i ? ",{" : "{");
        member_text(out, "kind", unknown->kind);
        member_text(out, "type", unknown->type_name);
        member_count(out, "number", unknown->number);
        member_count(out, "times", unknown->times);
        member_time(out, "last_seen", unknown->last_seen);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_replays(struct buf *out, const struct overview_stream *stream)
{
    member_name(out, "replays");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_replays; i++) {
        const struct overview_replay *replay = &stream->replays[i];
        buf_puts(out, i ? ",{" : "{");
        member_count(out, "id", replay->id);
        member_text(out, "scenario", replay->scenario);
        member_text(out, "asked_by", replay->asked_by);
        member_time(out, "asked_at", replay->asked_at);
        member_count(out, "records_left", replay->left);
        member_count(out, "records", replay->of);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_rebuilds(struct buf *out, const struct overview_stream *stream)
{
    member_name(out, "rebuilds");
    buf_putc(out, '[');
    for (unsigned i = 0; i < stream->n_rebuilds; i++) {
        const struct overview_rebuild *rebuild = &stream->rebuilds[i];
        buf_puts(out, i ? ",{" : "{");
        member_count(out, "id", rebuild->id);
        member_text(out, "state", rebuild->state);
        member_text(out, "table", rebuild->table);
        member_text(out, "begun_by", rebuild->begun_by);
        member_time(out, "begun_at", rebuild->begun_at);
        member_count(out, "records_left", rebuild->left);
        member_truth(out, "worked_at", rebuild->worked_at);
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
        member_text(out, names[i], NULL);
}

static void put_stream(struct buf *out, const struct status *status, unsigned at)
{
    const struct overview_stream *stream = &status->overview.streams[at];
    buf_puts(out, at ? ",{" : "{");
    member_text(out, "name", stream->name);
    member_text(out, "state", stream->state);
    member_text(out, "kind", stream->kind);
    member_text(out, "reason", stream->reason);
    member_text(out, "hint", stream->hint);
    member_text(out, "changed_by", stream->changed_by);
    member_time(out, "changed_at", stream->changed_at);
    member_text(out, "view", stream->view);
    member_count(out, "lag_records", status_stream_lag(status, at));
    member_seconds(out, "lag_seconds", status_stream_behind(status, at));
    member_measure(out, "records_per_second", status->rates ? status->rates[at] : -1);
    member_count(out, "records_to_read_again", stream->again);
    member_count(out, "unattended_partitions", stream->unattended);
    member_count(out, "open_dead_letters", stream->open_dead_letters);
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
    member_name(out, "daemons");
    buf_putc(out, '[');
    for (unsigned i = 0; i < overview->n_daemons; i++) {
        const struct overview_daemon *daemon = &overview->daemons[i];
        buf_puts(out, i ? ",{" : "{");
        member_text(out, "owner", daemon->owner);
        member_text(out, "host", daemon->host);
        member_count(out, "process", daemon->process);
        member_text(out, "version", daemon->version);
        member_time(out, "since", daemon->since);
        if (daemon->live == OVERVIEW_UNSEEN)
            member_text(out, "live", NULL);
        else
            member_truth(out, "live", daemon->live == OVERVIEW_LIVE);
        member_count(out, "partitions", daemon->partitions);
        member_count(out, "rebuild", daemon->rebuild ? daemon->rebuild : -1);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_unreachable(struct buf *out, const char *name, const struct err *err)
{
    char whole[sizeof err->place + sizeof err->text + 2] = "";
    if (err->class != ERR_NONE)
        snprintf(whole, sizeof whole, "%s%s%s", err->place, *err->place ? ": " : "", err->text);
    member_text(out, name, whole);
}

void status_write_json(const struct status *status, struct buf *out)
{
    buf_putc(out, '{');
    member_text(out, "group", status->group);
    member_text(out, "database", status->overview.database);
    put_unreachable(out, "database_error", &status->database);
    member_time(out, "now", status->overview.now);
    member_name(out, "broker");
    buf_putc(out, '{');
    member_text(out, "cluster_id", status->cluster_id);
    put_unreachable(out, "error", &status->broker);
    buf_putc(out, '}');
    if (status_stored(status))
        put_daemons(out, &status->overview);
    else
        member_text(out, "daemons", NULL);
    member_name(out, "streams");
    buf_putc(out, '[');
    for (unsigned i = 0; i < status->overview.n_streams; i++)
        put_stream(out, status, i);
    buf_puts(out, "]}\n");
}
