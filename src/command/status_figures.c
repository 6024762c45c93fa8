/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from both servers' words. */
#include "command/status.h"

#include <inttypes.h>
#include <string.h>

bool status_stored(const struct status *status)
{
    return status->database.class == ERR_NONE;
}

int64_t status_lag(const struct status *status, unsigned stream, unsigned partition)
{
    const struct status_log *log = &status->logs[stream][partition];
    int64_t next = status->overview.streams[stream].partitions[partition].next_offset;
    if (log->high < 0 || next < 0)
        return -1;
    /* What the log no longer holds will not be read. */
    if (next < log->low)
        next = log->low;
    return next < log->high ? log->high - next : 0;
}

int64_t status_stream_lag(const struct status *status, unsigned stream)
{
    int64_t sum = 0;
    if (!status->overview.streams[stream].n_partitions)
        return -1;
    for (unsigned k = 0; k < status->overview.streams[stream].n_partitions; k++) {
        int64_t lag = status_lag(status, stream, k);
        if (lag < 0)
            return -1;
        sum += lag;
    }
    return sum;
}

int64_t status_stream_behind(const struct status *status, unsigned stream)
{
    const struct overview_stream *overview = &status->overview.streams[stream];
    int64_t most = 0;
    if (!overview->n_partitions)
        return -1;
    for (unsigned k = 0; k < overview->n_partitions; k++) {
        int64_t lag = status_lag(status, stream, k);
        if (lag < 0 || (lag > 0 && overview->partitions[k].newest < 0))
            return -1;
        int64_t behind = lag ? status->overview.now - overview->partitions[k].newest : 0;
        most = behind > most ? behind : most;
    }
    return most;
}

static const struct overview_stream *same(const struct overview *overview, unsigned stream_id)
{
    for (unsigned i = 0; i < overview->n_streams; i++)
        if (overview->streams[i].stream_id == stream_id)
            return &overview->streams[i];
    return NULL;
}

void status_rates(const struct overview *before, const struct overview *after, double *rates)
{
    usec_t between = after->now - before->now;
    for (unsigned i = 0; i < after->n_streams; i++) {
        const struct overview_stream *now = &after->streams[i];
        const struct overview_stream *then = same(before, now->stream_id);
        int64_t more = then ? now->account.consumed - then->account.consumed : -1;
        rates[i] =
            more < 0 || between <= 0 ? -1 : (double)more * (double)USEC_PER_SEC / (double)between;
    }
}

bool status_ready(const struct overview *overview, struct err *err)
{
    for (unsigned i = 0; i < overview->n_streams; i++) {
        const struct overview_stream *stream = &overview->streams[i];
        if (strcmp(stream->state, "halted") == 0) {
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "halted (%s): %s", stream->kind,
                    stream->reason);
            err_place(err, "%s", stream->name);
            return err_hint(err, "%s", stream->hint);
        }
        if (stream->unattended && !stream->n_partitions)
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "no daemon has claimed it yet");
        else if (stream->unattended)
            err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY,
                    "no live daemon holds %" PRId64 " of its %u partitions", stream->unattended,
                    stream->n_partitions);
        else
            continue;
        return err_place(err, "%s", stream->name);
    }
    return true;
}
