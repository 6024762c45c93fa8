/* SPDX-License-Identifier: Apache-2.0 */
#include "command/dlq_tally.h"
#include "base/text.h"
#include "command/dlq.h"
#include "postgres/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool dlq_rate(const char *text, int64_t *rate)
{
    char number[24];
    size_t length = strlen(text);
    if (length > 2 && strcmp(text + length - 2, "/s") == 0)
        length -= 2;
    if (length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    return text_parse_int(number, rate) && *rate > 0;
}

static struct dlq_tally_row *row_of(struct dlq_tally *tally, const char *stream, const char *reason)
{
    for (unsigned i = 0; i < tally->n_rows; i++)
        if (strcmp(tally->rows[i].stream, stream) == 0 &&
            strcmp(tally->rows[i].reason, reason) == 0)
            return &tally->rows[i];
    tally->rows = mem_grow(tally->rows, tally->n_rows + 1, sizeof *tally->rows);
    struct dlq_tally_row *row = &tally->rows[tally->n_rows++];
    *row = (struct dlq_tally_row){.stream = stream};
    snprintf(row->reason, sizeof row->reason, "%s", reason);
    return row;
}

static void add_failure(struct dlq_tally *tally, const char *stream,
                        const struct redriven *redriven)
{
    char place[DLQ_PLACE_TEXT];
    for (unsigned i = 0; i < tally->n_failures; i++) {
        struct dlq_tally_failure *known = &tally->failures[i];
        if (strcmp(known->stream, stream) != 0 || known->fate != redriven->fate ||
            known->reason != redriven->reason)
            continue;
        known->letters++;
        return;
    }
    tally->failures = mem_grow(tally->failures, tally->n_failures + 1, sizeof *tally->failures);
    struct dlq_tally_failure *new = &tally->failures[tally->n_failures++];
    *new = (struct dlq_tally_failure){
        .stream = stream, .fate = redriven->fate, .reason = redriven->reason, .letters = 1};
    snprintf(new->example, sizeof new->example, "%s: %s", dlq_place(redriven->letter, place),
             redriven->err.text);
}

void dlq_tally_add(struct dlq_tally *tally, const char *stream, const struct redriven *redriven)
{
    struct dlq_tally_row *row = row_of(tally, stream, redriven->letter->reason);
    row->letters++;
    row->fates[redriven->fate]++;
    tally->letters++;
    tally->fates[redriven->fate]++;
    if (redriven->fate < FATE_FAILED)
        return;
    add_failure(tally, stream, redriven);
    if (sqlstate_has(redriven->err.sqlstate, SQLSTATE_COULD_PASS))
        tally->could_pass++;
}

static void put_part(struct buf *out, int64_t count, const char *what)
{
    char number[32];
    if (count)
        buf_printf(out, ", %s %s", text_thousands(count, number), what);
}

static void put_row(const struct dlq_tally_row *row, bool executed, struct buf *out)
{
    char number[32];
    buf_printf(out, "%s: %s of reason %s", row->stream, text_thousands(row->letters, number),
               row->reason);
    put_part(out, row->fates[FATE_APPLIED],
             executed ? "applied" : "would be applied, or lose to newer rows");
    put_part(out, row->fates[FATE_STALE], "closed as stale: newer rows have their keys");
    put_part(out, row->fates[FATE_OTHER_TYPE],
             executed ? "closed: the stream skips their type"
                      : "would be closed: the stream skips their type");
    put_part(out, row->fates[FATE_FAILED], executed ? "failed again" : "would fail again");
    put_part(out, row->fates[FATE_LEFT], "left alone");
    buf_putc(out, '\n');
}

void dlq_tally_print(const struct dlq_tally *tally, bool executed, struct buf *out)
{
    char number[32];
    for (unsigned i = 0; i < tally->n_rows; i++)
        put_row(&tally->rows[i], executed, out);
    for (unsigned i = 0; i < tally->n_failures; i++) {
        const struct dlq_tally_failure *failure = &tally->failures[i];
        bool left = failure->fate == FATE_LEFT;
        buf_printf(out, "%s: %s %s%s, the first %s\n", failure->stream,
                   text_thousands(failure->letters, number), left ? "left alone" : "for ",
                   left ? "" : reason_name(failure->reason), failure->example);
    }
    if (!tally->letters)
        buf_puts(out, "no open letters are meant\n");
    if (executed && tally->could_pass)
        buf_printf(out, "%s may pass when it is tried again: what they refer to may be there now\n",
                   text_thousands(tally->could_pass, number));
    if (!executed)
        buf_puts(out, "nothing was changed, and PostgreSQL was not asked about constraints; "
                      "--execute does it\n");
}

void dlq_tally_free(struct dlq_tally *tally)
{
    free(tally->rows);
    free(tally->failures);
    *tally = (struct dlq_tally){0};
}
