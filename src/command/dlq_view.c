/* SPDX-License-Identifier: Apache-2.0 */
#include "command/dlq_view.h"

#include "base/text.h"
#include "command/dlq.h"
#include "command/member.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- what may be shown ---- */

/* What of a letter's bytes may be shown as they are. */
struct shown {
    bool key, rest; /* rest: value and headers */
};

/* Without a contract nobody knows what the bytes are. */
static struct shown what_may_show(const struct dlq_view *view)
{
    struct shown shown = {true, true};
    if (view->reveal)
        return shown;
    if (!view->stream)
        return (struct shown){false, false};
    const struct layout *layout = view->stream->layout;
    for (unsigned i = 0; i < layout->n_data; i++) {
        const struct layout_column *column = &layout->columns[i];
        if (column->classification < CLASSIFICATION_PERSONAL)
            continue;
        shown.rest = false;
        /* A key that no column has may be anything. */
        if (column->key_position >= 0 || view->stream->pipeline.key.format == KEY_NONE)
            shown.key = false;
    }
    return shown;
}

static const char hidden[] = "not shown: --reveal shows it";

/* ---- for programs ---- */

static void put_facts(struct buf *out, const struct letter *letter)
{
    if (letter->id)
        member_number(out, "id", letter->id);
    member_text(out, "stream", letter->stream);
    member_text(out, "state", letter->state);
    member_text(out, "outcome", letter->outcome);
    member_text(out, "topic", letter->topic);
    member_number(out, "partition", letter->partition);
    member_number(out, "offset", letter->offset);
    member_number(out, "timestamp", letter->record_ts);
    member_number(out, "order_timestamp", letter->order_ts);
    if (letter->log)
        member_number(out, "log", letter->log);
    member_text(out, "cluster", letter->cluster);
    member_text(out, "topic_id", letter->topic_id);
    member_text(out, "reason", letter->reason);
    member_text(out, "detail", letter->detail);
    member_text(out, "sqlstate", letter->sqlstate);
    member_text(out, "contract", letter->contract);
    member_number(out, "attempts", letter->attempts);
    member_text(out, "first_failed", letter->first_failed);
    member_text(out, "last_failed", letter->last_failed);
    member_text(out, "dlq_topic", letter->dlq_topic);
    member_name(out, "erased");
    buf_puts(out, letter->erased ? "true" : "false");
    if (letter->truncated) {
        member_name(out, "truncated");
        buf_puts(out, "true");
    }
}

static void put_headers(struct buf *out, const struct letter *letter, bool values)
{
    member_name(out, "headers");
    buf_putc(out, '[');
    for (unsigned i = 0; i < letter->n_headers; i++) {
        buf_puts(out, i ? ",{" : "{");
        member_text(out, "name", letter->headers[i].name);
        if (values)
            member_bytes(out, "value_base64", letter->headers[i].value);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void dlq_view_export(const struct letter *letter, struct buf *out)
{
    buf_putc(out, '{');
    put_facts(out, letter);
    member_bytes(out, "key_base64", letter->key);
    member_bytes(out, "value_base64", letter->value);
    put_headers(out, letter, true);
    buf_putc(out, '}');
}

static void put_events(struct buf *out, const struct dlq_view *view)
{
    member_name(out, "history");
    buf_putc(out, '[');
    for (unsigned i = 0; i < view->n_events; i++) {
        buf_puts(out, i ? ",{" : "{");
        member_text(out, "action", view->events[i].action);
        member_text(out, "at", view->events[i].at);
        member_text(out, "by", view->events[i].by);
        member_text(out, "why", view->events[i].why);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

/* Behind a name of its own: the value may begin with a brace. */
static void put_value(struct buf *out, const struct dlq_view *view, const struct letter *letter,
                      struct arena *arena)
{
    struct buf value = BUF_INIT;
    struct err err = ERR_INIT;
    if (letter->value.data && dlq_view_value(view, letter, arena, &value, &err)) {
        member_name(out, "value");
        buf_put(out, value.data, value.length);
    } else if (letter->value.data) {
        text_utf8_mend(err.text, strlen(err.text));
        member_text(out, "undecoded", err.text);
        buf_reset(&value);
        dlq_view_fields(view, letter, &value);
        member_text(out, "fields", value.data ? value.data : "");
    } else {
        member_name(out, "value");
        buf_puts(out, "null");
    }
    buf_free(&value);
}

void dlq_view_json(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                   struct buf *out)
{
    struct shown shown = what_may_show(view);
    buf_putc(out, '{');
    put_facts(out, letter);
    if (shown.key)
        member_bytes(out, "key_base64", letter->key);
    put_value(out, view, letter, arena);
    if (shown.rest)
        member_bytes(out, "value_base64", letter->value);
    put_headers(out, letter, shown.rest);
    put_events(out, view);
    buf_putc(out, '}');
}

/* ---- for people ---- */

static void line(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "  %-9s ", name);
    /* Texts of strangers must not steer a terminal. */
    for (const char *at = value; *at; at++)
        buf_putc(out, (unsigned char)*at < ' ' || *at == 127 ? '?' : *at);
    buf_putc(out, '\n');
}

static void bytes_line(struct buf *out, const char *name, struct span bytes, bool show)
{
    struct buf text = BUF_INIT;
    if (!bytes.data)
        buf_puts(&text, "null");
    else if (!show)
        buf_printf(&text, "%zu bytes, %s", bytes.length, hidden);
    else if (text_utf8_valid(bytes.data, bytes.length))
        buf_json_string(&text, bytes.data, bytes.length);
    else {
        buf_puts(&text, "hex ");
        buf_hex(&text, bytes.data, bytes.length);
    }
    line(out, name, text.data);
    buf_free(&text);
}

/* Sixteen bytes a line, as xxd has them. */
static void hex_dump(struct buf *out, struct span bytes)
{
    enum { ROW = 16, MOST = 4096 };
    size_t end = bytes.length < MOST ? bytes.length : MOST;
    for (size_t at = 0; at < end; at += ROW) {
        size_t n = end - at < ROW ? end - at : ROW;
        buf_printf(out, "    %06zx ", at);
        for (size_t i = 0; i < ROW; i++)
            if (i < n)
                buf_printf(out, " %02x", (unsigned char)bytes.data[at + i]);
            else
                buf_puts(out, "   ");
        buf_puts(out, "  ");
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)bytes.data[at + i];
            buf_putc(out, c >= ' ' && c < 127 ? (char)c : '.');
        }
        buf_putc(out, '\n');
    }
    if (end < bytes.length)
        buf_printf(out, "    … %zu bytes more: pactolus dlq export has them\n", bytes.length - end);
}

static void value_lines(const struct dlq_view *view, const struct letter *letter, bool show,
                        struct arena *arena, struct buf *out)
{
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    if (!letter->value.data) {
        line(out, "value",
             letter->erased      ? "erased"
             : letter->truncated ? "too large for the topic; the ledger had it"
                                 : "null: a tombstone");
        return;
    }
    if (dlq_view_value(view, letter, arena, &text, &err)) {
        line(out, "value", text.data);
    } else {
        dlq_view_fields(view, letter, &text);
        line(out, "value", err.text);
        if (text.length)
            line(out, "fields", text.data);
    }
    buf_free(&text);
    if (show)
        hex_dump(out, letter->value);
    else
        buf_printf(out, "    %zu bytes, %s\n", letter->value.length, hidden);
}

static void time_line(struct buf *out, const char *name, int64_t ms)
{
    char text[32];
    if (ms < 0 || ms > INT64_MAX / USEC_PER_MS)
        line(out, name, "none");
    else
        line(out, name, clock_text(ms * USEC_PER_MS, text));
}

static void facts_lines(const struct letter *letter, struct buf *out)
{
    char place[DLQ_PLACE_TEXT];
    struct buf text = BUF_INIT;
    dlq_place(letter, place);
    if (letter->id)
        buf_printf(out, "letter %" PRId64 ": ", letter->id);
    buf_printf(out, "%s%s%s%s, %d attempt%s\n", letter->erased ? "erased, " : "", letter->state,
               *letter->outcome ? ": " : "", letter->outcome, (int)letter->attempts,
               letter->attempts == 1 ? "" : "s");
    line(out, "stream", letter->stream);
    line(out, "place", place);
    time_line(out, "time", letter->record_ts);
    time_line(out, "order", letter->order_ts);
    line(out, "reason", letter->reason);
    buf_printf(&text, "%s%s%s", letter->detail, *letter->sqlstate ? " " : "", letter->sqlstate);
    line(out, "detail", text.data ? text.data : "");
    line(out, "contract", letter->contract);
    buf_reset(&text);
    buf_printf(&text, "%s, last %s", letter->first_failed, letter->last_failed);
    line(out, "failed", text.data);
    if (*letter->dlq_topic)
        line(out, "dlq", letter->dlq_topic);
    buf_free(&text);
}

void dlq_view_text(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                   struct buf *out)
{
    struct shown shown = what_may_show(view);
    facts_lines(letter, out);
    if (!letter->erased)
        bytes_line(out, "key", letter->key, shown.key);
    for (unsigned i = 0; i < letter->n_headers; i++) {
        line(out, "header", letter->headers[i].name);
        bytes_line(out, "", letter->headers[i].value, shown.rest);
    }
    value_lines(view, letter, shown.rest, arena, out);
    for (unsigned i = 0; i < view->n_events; i++) {
        const struct letter_event *event = &view->events[i];
        struct buf text = BUF_INIT;
        buf_printf(&text, "%s at %s by %s%s%s", event->action, event->at, event->by,
                   *event->why ? ": " : "", event->why);
        line(out, "history", text.data);
        buf_free(&text);
    }
}
