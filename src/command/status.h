/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: what `pactolus status` knows, and its two forms. Internal to that verb. Everything in it
 * lives in the verb's arena or is borrowed; the forms are pure and cannot fail.
 */
#ifndef PACTOLUS_COMMAND_STATUS_H
#define PACTOLUS_COMMAND_STATUS_H

#include "postgres/overview.h"

/* Of one partition, beside what PostgreSQL says. */
struct status_log {
    int64_t low, high; /* the broker's watermarks; -1 = not known */
};

struct status {
    const char *group;
    struct overview overview;
    struct status_log **logs; /* per stream, per partition */
    const char *cluster_id;   /* as the broker says; NULL = not asked or out of reach */
    struct err broker;        /* why it is not known; class ERR_NONE when it is */
    bool partitions;          /* --partitions */
};

/* Records still to be read in a partition; -1 = not known. */
int64_t status_lag(const struct status *status, unsigned stream, unsigned partition);
/* Of a whole stream; -1 when one partition's is not known, or nothing was ever claimed. */
int64_t status_stream_lag(const struct status *status, unsigned stream);
/* How far the stream's newest record lies behind now, in microseconds: 0 when nothing waits, -1
 * when it is not known. The partition furthest behind counts. */
int64_t status_stream_behind(const struct status *status, unsigned stream);

/* Does every stream do what it should? A stream that is paused does. True, or false with err
 * (retry, 75): one is halted, or no live daemon holds some of its partitions; the first such is
 * told. */
bool status_ready(const struct overview *overview, struct err *err) MUST_CHECK;

void status_write_text(const struct status *status, bool colour, struct buf *out);
void status_write_json(const struct status *status, struct buf *out);

#endif
