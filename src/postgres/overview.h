/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overview: how a group's streams stand, as PostgreSQL knows it: state and reason, the account, the
 * position of every partition, open dead letters by reason. Blocks: verbs only. Everything read
 * lives in the caller's arena. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_OVERVIEW_H
#define PACTOLUS_POSTGRES_OVERVIEW_H

#include "base/clock.h"
#include "base/memory.h"
#include "postgres/conn.h"

#include <stdint.h>

struct overview_partition {
    const char *topic;
    int32_t partition;
    int64_t next_offset;
    usec_t newest;      /* wall time of the newest record applied; -1 = none yet */
    usec_t last_commit; /* wall */
    bool owned;         /* some daemon holds it, or held it last */
};

/* What a topic carried in the last 24 hours. */
struct overview_topic {
    const char *topic, *contract, *status;
    const char *sunset; /* "" = none */
    int64_t records;
    double percent; /* of the stream's records in that time */
    bool past_sunset;
};

/* A number that the contract does not know. */
struct overview_unknown {
    const char *kind; /* "field", "enum" */
    const char *type_name;
    int number;
    int64_t times;
    usec_t last_seen; /* wall */
};

struct overview_reason {
    const char *reason;
    int64_t open;
};

/* pactolus.account of one stream. */
struct overview_account {
    int64_t advanced, consumed, gaps, skipped, lost;
    int64_t applied, stale, deduplicated, dead_lettered, other_types;
    int64_t cursors_open, records_open; /* both 0: the account closes */
};

struct overview_stream {
    unsigned stream_id;
    const char *name, *state, *kind, *reason, *hint, *changed_by;
    const char *view; /* schema.view, quoted where need be */
    usec_t changed_at;
    struct overview_account account;
    struct overview_partition *partitions;
    unsigned n_partitions;
    struct overview_reason *reasons;
    unsigned n_reasons;
    struct overview_topic *topics;
    unsigned n_topics;
    struct overview_unknown *unknowns;
    unsigned n_unknowns;
    int64_t open_dead_letters;
    int64_t unattended; /* partitions that no live daemon holds; not of one that stands still */
};

struct overview {
    const char *database;   /* its name */
    const char *cluster_id; /* of the Kafka cluster last read from; "" before the first claim */
    usec_t now;             /* the server's wall clock, to which the other times compare */
    struct overview_stream *streams; /* by name */
    unsigned n_streams;
};

/* Everything in one snapshot, in the arena. */
bool overview_read(PGconn *conn, const char *group, struct arena *arena, struct overview *overview,
                   struct err *err) MUST_CHECK;

#endif
