/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overview: how a group's streams stand, as PostgreSQL knows it: state and reason, the account, the
 * position of every partition, open dead letters by reason, what is read again or filled anew, and
 * the daemons. Blocks: verbs only. Everything read lives in the caller's arena. Errors are
 * classified by postgres/sqlstate.
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
    int64_t again;      /* offsets up to where it stood before it went back; 0 = reads what is new */
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

/* A replay that has not come back to where it began. */
struct overview_replay {
    int64_t id;
    const char *scenario, *asked_by;
    usec_t asked_at;  /* wall */
    int64_t left, of; /* offsets */
};

/* A table that is filled anew beside the live one. */
struct overview_rebuild {
    int64_t id;
    const char *state; /* "filling", "ready" */
    const char *table; /* schema.name, quoted where need be */
    const char *begun_by;
    usec_t begun_at; /* wall */
    int64_t left;    /* offsets up to the live stream's cursors */
    bool worked_at;  /* some process is at it; else it waits for `rebuild --resume` */
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
    struct overview_replay *replays;
    unsigned n_replays;
    struct overview_rebuild *rebuilds;
    unsigned n_rebuilds;
    int64_t again; /* the partitions' sum */
    int64_t open_dead_letters;
    int64_t unattended; /* partitions that no live daemon holds; not of one that stands still */
};

/* Whether a daemon has sessions in the database, as pactolus.unattended judges it; a role that may
 * not see other people's sessions (pg_monitor may) sees that there is one, not whose. */
enum overview_live { OVERVIEW_GONE = 0, OVERVIEW_LIVE, OVERVIEW_UNSEEN };

/* One that holds partitions, held them last, or has sessions. */
struct overview_daemon {
    const char *owner, *host, *version;
    int process;
    usec_t since;       /* wall */
    int64_t partitions; /* of each stream, that are read today */
    int64_t rebuild;    /* the one whose cursors it holds; 0 = none */
    enum overview_live live;
};

struct overview {
    const char *database;   /* its name */
    const char *cluster_id; /* of the Kafka cluster last read from; "" before the first claim */
    usec_t now;             /* the server's wall clock, to which the other times compare */
    struct overview_stream *streams; /* by name */
    unsigned n_streams;
    struct overview_daemon *daemons; /* by host and process */
    unsigned n_daemons;
};

/* Everything in one snapshot, in the arena. */
bool overview_read(PGconn *conn, const char *group, struct arena *arena, struct overview *overview,
                   struct err *err) MUST_CHECK;

#endif
