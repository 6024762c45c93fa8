/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq_view: a dead letter for people and programs. What its contract classifies as personal or
 * secret is not shown unless that is asked for: such fields are replaced by their class, and bytes
 * that hold them (or might: there is no contract to ask) are left out. Borrows everything for the
 * call; text is appended.
 */
#ifndef PACTOLUS_COMMAND_DLQ_VIEW_H
#define PACTOLUS_COMMAND_DLQ_VIEW_H

#include "config/stream.h"
#include "postgres/letters.h"

struct dlq_view {
    const struct stream *stream; /* NULL: the configuration has it not, or its contract is broken */
    bool reveal;
    const struct letter_event *events; /* what was done with it */
    unsigned n_events;
};

/* Many lines. */
void dlq_view_text(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                   struct buf *out);
/* One JSON object on one line, without its end. */
void dlq_view_json(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                   struct buf *out);
/* The same with every byte, key, value and headers in base64, and no contract asked. */
void dlq_view_export(const struct letter *letter, struct buf *out);

/* The value as JSON, as its contract decodes it, with classified fields replaced unless `reveal`.
 * False with err when it cannot be decoded. */
bool dlq_view_value(const struct dlq_view *view, const struct letter *letter, struct arena *arena,
                    struct buf *out, struct err *err) MUST_CHECK;
/* The fields at the front of a value that is malformed, as far as they can be told apart: number,
 * name and length, no contents. */
void dlq_view_fields(const struct dlq_view *view, const struct letter *letter, struct buf *out);

#endif
