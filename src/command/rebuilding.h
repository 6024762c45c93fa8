/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuilding: what the files of the verb `rebuild` share: one rebuild that this process works at.
 *
 *   rebuild        options, and what needs no engine: list, abort, drop
 *   rebuild_begin  what is to be made, what is refused, the plan; making it
 *   rebuild_fill   seeding, and an engine of its own that reads the log up to the live cursors
 *   rebuild_compare  both tables at the same offsets
 *   rebuild_swap   the exchange, and the way back
 *
 * The rebuilding owns all of it (rebuilding_close); it borrows the options. Everything blocks, and
 * belongs to the one thread.
 */
#ifndef PACTOLUS_COMMAND_REBUILDING_H
#define PACTOLUS_COMMAND_REBUILDING_H

#include "command/setup.h"
#include "engine/engine.h"
#include "postgres/rebuilds.h"
#include "table/compare.h"

struct rebuild_options {
    struct setup setup;
    const char *stream; /* of a new one; NULL: `id` */
    unsigned id;
    bool dry_run;
    bool swap;          /* take the place of the live table in the end */
    bool compare;       /* with it, before */
    bool require_equal; /* else it keeps its place */
    bool seed, earliest, retype;
    int64_t rate;     /* records per second, 0 = as fast as the live stream allows */
    usec_t patience;  /* with readers who keep the views open */
    const char *reason;
};

struct rebuilding {
    const struct rebuild_options *options;
    struct config *config;
    const struct stream_config *stream_config;
    struct stream live, shadow; /* one contract, two tables */
    struct shape *want, *want_shadow, *have; /* both wanted, and the live one as it is */
    struct plan plan;           /* what the swap does to the views */
    struct rebuild row;
    unsigned stream_id;
    PGconn *conn;
    rd_kafka_t *client;
    struct arena arena;
    /* The engine and what it is told; see rebuild_fill. */
    struct config own;
    struct stream_config own_stream;
    struct kafka_options kafka;
    struct engine_options engine_options;
    struct loop *loop;
    struct engine engine;
    bool opened;
    struct arena looks[2]; /* of this look and the last */
    unsigned look;
    struct rebuild_position *positions, *before;
    unsigned n_positions, n_before, n_assigned;
    bool kept_up; /* at this look it had read all that the live stream had at the last */
    usec_t look_at, told_at;
    uint64_t counted;
    double measured; /* records per second since the last look */
};

/* Configuration and database: enough to list, to give up, to drop. */
bool rebuilding_begin(struct rebuilding *r, const struct rebuild_options *options,
                      struct errs *errs) MUST_CHECK;
/* The same with contract and broker. For a rebuild that is there (options->id) its row is read,
 * and nobody else works at it. False with faults in errs; rebuilding_close in any case. */
bool rebuilding_open(struct rebuilding *r, const struct rebuild_options *options,
                     struct errs *errs) MUST_CHECK;
/* Ends the process with `code` when a thread hangs. */
void rebuilding_close(struct rebuilding *r, int code);

/* What is there and what is wanted; what would break readers or be lost is refused. The plan of the
 * swap is made anew with each call. */
bool rebuild_judge(struct rebuilding *r, struct errs *errs) MUST_CHECK;
/* Judge and print a new rebuild (dry_run), or make it: then r->row is set. */
bool rebuild_begin(struct rebuilding *r, struct errs *errs) MUST_CHECK;

/* Fill it: seed if it does, then read until it keeps up with the live stream. */
bool rebuild_fill(struct rebuilding *r, struct err *err) MUST_CHECK;
/* Go on reading for a while. */
bool rebuild_read_on(struct rebuilding *r, usec_t for_long, struct err *err) MUST_CHECK;
/* Under the locks of pactolus.rebuild_lock, in a transaction of r->conn: read exactly to where the
 * live stream stands. False in *aligned when that is not reached in time. */
bool rebuild_align(struct rebuilding *r, usec_t patience, bool *aligned,
                   struct err *err) MUST_CHECK;
/* End the engine in good order. */
void rebuild_stop(struct rebuilding *r);

/* Compare both tables at the same offsets, and print. */
bool rebuild_compare(struct rebuilding *r, bool *equal, struct err *err) MUST_CHECK;

bool rebuild_swap(struct rebuilding *r, struct err *err) MUST_CHECK;
bool rebuild_rollback(struct rebuilding *r, struct err *err) MUST_CHECK;

#endif
