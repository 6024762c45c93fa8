/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gauges: what of a group only PostgreSQL knows: states, open dead letters of all daemons and of
 * earlier lives, whether freshness is met, what is read again. For metrics, asked now and then.
 * Blocks: worker threads only. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_GAUGES_H
#define PACTOLUS_POSTGRES_GAUGES_H

#include "postgres/conn.h"
#include "postgres/streams.h"
#include "record/dead_letter.h"

struct stream_gauges {
    const char *stream; /* its name: asked for, borrowed */
    bool found;
    enum stream_state state;
    char kind[16]; /* of a pause or halt: operator, daemon, …; "" while it runs */
    double changed_at; /* when the state did, in seconds since 1970 */
    int met;           /* pactolus.freshness: 1 it is, 0 it is not, -1 nobody promises anything */
    int64_t rereading; /* records below what was read once: a replay, or a resume after a flood */
    int64_t open[REASON_COUNT]; /* dead letters */
    int64_t waiting;            /* of them for the DLQ topic */
    double oldest; /* when the oldest open one failed first, seconds since 1970; 0 = none is open */
};

/* Fills the entries of `list`, whose names are given. One whose stream is gone stays not found. */
bool gauges_read(PGconn *conn, const char *group, struct stream_gauges *list, unsigned n,
                 struct err *err) MUST_CHECK;

#endif
