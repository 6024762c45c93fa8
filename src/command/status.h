/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: what `pactolus status` knows, and its two forms. Internal to that verb. Everything in it
 * lives in the verb's arena or is borrowed; the forms are pure and cannot fail.
 *
 * Either server may be out of reach. Then its error says why, and what only it knows is -1, NULL or
 * 0 partitions: shown as "?" or null.
 */
#ifndef PACTOLUS_COMMAND_STATUS_H
#define PACTOLUS_COMMAND_STATUS_H

#include "config/config.h"
#include "postgres/overview.h"

/* Of one partition, beside what PostgreSQL says. */
struct status_log {
    int64_t low, high; /* the broker's watermarks; -1 = not known */
};

struct status {
    const char *group;
    struct overview overview; /* without PostgreSQL: the configuration's streams */
    struct status_log **logs; /* per stream, per partition */
    double *rates;            /* records consumed a second, per stream; below 0 = not known;
                               * NULL = not measured */
    const char *cluster_id;   /* as the broker says; NULL = not asked or out of reach */
    struct err broker;        /* why it is not known; class ERR_NONE when it is */
    struct err database;      /* the same */
    bool partitions;          /* --partitions */
};

/* Is PostgreSQL's side known? */
bool status_stored(const struct status *status);

/* Records still to be read in a partition; -1 = not known. */
int64_t status_lag(const struct status *status, unsigned stream, unsigned partition);
/* Of a whole stream; -1 when one partition's is not known, or nothing was ever claimed. */
int64_t status_stream_lag(const struct status *status, unsigned stream);
/* How far the stream's newest record lies behind now, in microseconds: 0 when nothing waits, -1
 * when it is not known. The partition furthest behind counts. */
int64_t status_stream_behind(const struct status *status, unsigned stream);
/* Records that each stream of `after` consumed a second since `before`; -1 where that is not known:
 * the stream is new, or a failover has put the account back. `rates` has room for each. */
void status_rates(const struct overview *before, const struct overview *after, double *rates);

/* Does every stream do what it should? A stream that is paused does. True, or false with err
 * (retry, 75): one is halted, or no live daemon holds some of its partitions; the first such is
 * told. */
bool status_ready(const struct overview *overview, struct err *err) MUST_CHECK;

/* The streams as the configuration has them, of which nothing is known. */
void status_from_config(struct status *status, const struct config *config, struct arena *arena);
/* Cluster, watermarks, and without PostgreSQL the partitions too. Blocks, up to timeout_ms for each
 * question; after the first that is not answered none is asked. */
void status_ask_broker(struct status *status, const struct config *config, int timeout_ms,
                       struct arena *arena);
/* All watermarks not known. */
void status_make_logs(struct status *status, struct arena *arena);

void status_write_text(const struct status *status, bool colour, struct buf *out);
void status_write_json(const struct status *status, struct buf *out);

#endif
