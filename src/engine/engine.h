/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: the daemon without its clock. engine_step is one whole turn: take what workers finished,
 * answer the group, move every lane, and say when to come again. Nothing in it blocks.
 */
#ifndef PACTOLUS_ENGINE_ENGINE_H
#define PACTOLUS_ENGINE_ENGINE_H

#include "engine/live.h"
#include "engine/pace.h"
#include "engine/pool.h"
#include "engine/service.h"
#include "postgres/claim.h"
#include "postgres/identity.h"

struct membership;
struct metrics;
struct relay;
struct listener;

struct engine_options {
    const struct config *config;
    struct stream *streams; /* loaded, one per configured stream */
    unsigned n_streams;
    unsigned *stream_ids;       /* of pactolus.streams, same order; owned, see preflight */
    char *cluster_id;           /* owned, see preflight */
    struct kafka_options kafka; /* for every client; its properties are borrowed */
    bool until_end;             /* stop when every assigned partition was read to its end, or … */
    const struct until *until;  /* … to here; borrowed, NULL = no bound. Every cursor begins so */
    /* A rebuild's: it joins no group and tells Kafka nothing, relays no dead letters, reads what
     * engine_assign names, and of each log what lies below engine_until (the bound that cursors
     * begin with is `until`). */
    bool alone;
};

struct engine {
    struct engine_options options;
    const struct config *config;
    struct loop *loop;
    struct consumer *consumer;
    struct watch *consumer_watch;
    struct pool *pool;
    struct service *service;
    struct service *isolator; /* batches with rows that PostgreSQL refuses: they keep no claim waiting */
    struct listener *listener;
    struct membership *membership;
    struct relay *relay;
    struct live_stream *live;
    unsigned n_live;
    char owner[OWNER_TEXT];
    struct database database; /* as of the last claim; told to Kafka with offsets */
    char *application_name;
    struct conn_options conn_options;
    unsigned in_flight; /* batches that one connection may have under way, up to LANE_IN_FLIGHT */
    struct kafka_options kafka_options;
    struct pace pace; /* how fast records may be taken */
    usec_t wall; /* wall time of this turn, for rules that speak of now */
    usec_t states_at, report_at, poll_at, secrets_at;
    bool states_asked, states_again; /* a look is under way; and another is wanted behind it */
    struct log_gate kafka_gate;
    uint64_t reported_records;
    bool hurry;     /* something changed that an earlier part of the turn waits for */
    unsigned stops; /* SIGTERMs seen */
    /* When partitioned tables are looked at, see engine/table_range. */
    struct table_looks {
        usec_t refresh_at, not_before; /* by the clock; when somebody asks */
        bool asked;
        struct log_gate gate;
    } table_looks;
    /* When the ledger was looked at, see engine/ledger_room. */
    struct ledger_room {
        usec_t look_at;
        bool asked;
        uint64_t letters; /* of this process when it looked last */
    } ledger_room;
    /* When counts are written down, see engine/tally. */
    struct tallying {
        usec_t write_at, last_until; /* 0: not yet */
        bool settled;
    } tallying;
    /* What the service manager was told, see engine/notify. */
    struct notifying {
        usec_t ping_at, status_at, count_at;
        bool late, asked, known;
        int64_t open; /* dead letters, if known */
        char told[256];
    } notifying;
    /* Counted since the process began; metrics reads them. */
    struct engine_counts {
        uint64_t assigned, revoked, lost; /* rebalances */
        uint64_t claims, failed_claims;   /* of a stream's cursors */
    } counts;
    struct metrics *metrics; /* NULL = nobody asked for any */
    bool failed;    /* the client is of no more use; err says why */
    bool leaving;   /* the same, and it stops in good order */
    struct err err;
};

/* Start everything; does not wait for broker or database. False with all faults in errs. */
bool engine_open(struct engine *engine, struct loop *loop, const struct engine_options *options,
                 struct errs *errs) MUST_CHECK;
/* One turn. `now` is monotonic, `wall` the wall clock. Returns when to come again at the latest. */
usec_t engine_step(struct engine *engine, usec_t now, usec_t wall);
/* Begin to stop (first call) or stop at once (second). */
void engine_stop(struct engine *engine, usec_t now);
/* Everything is given back, or the engine failed: leave the loop. */
bool engine_done(const struct engine *engine);
/* Waits at most five seconds for all threads together. True when they ended; otherwise the process
 * should _exit. */
bool engine_close(struct engine *engine);

/* ---- an engine that is alone ---- */

/* Read these partitions, from where PostgreSQL says, instead of what was read before. Topic names
 * that no stream has are left out. */
void engine_assign(struct engine *engine, struct topic_partition *list, unsigned n, usec_t now);
/* Of this log take nothing at or behind `offset`, but whatever lies below. Until it was said,
 * nothing is taken. May be raised; not lowered below what was read. */
void engine_until(struct engine *engine, log_id log, int64_t offset);
/* Another owner holds the fence of one of the cursors. */
bool engine_ousted(const struct engine *engine);

/* ---- what lanes and membership tell the engine ---- */

/* The stream stops loudly and stays so until `pactolus resume`. */
void engine_halt(struct engine *engine, struct live_stream *live, const struct err *why,
                 usec_t now);
/* Its dead letters are a flood: it halts, and keeps from when on they count, for `pactolus resume`.
 * `detail`: what is wrong with the last one. */
void engine_flooded(struct engine *engine, struct live_stream *live, const char *detail,
                    usec_t now);
/* The same, for what pactolus.streams says already: nothing is written there, and one line (err)
 * logged. */
void engine_stopped(struct engine *engine, struct live_stream *live, const struct err *err,
                    usec_t now);
/* Halted or paused; not one that is held. */
bool engine_halted(const struct live_stream *live);
/* The stream stands still for a moment, for a contract to come (engine/reload); what is in flight
 * ends. Released it goes on, unless it was halted or paused meanwhile. */
void engine_hold(struct engine *engine, struct live_stream *live, usec_t now);
void engine_release(struct engine *engine, struct live_stream *live, usec_t now);
/* What hangs on the contract of live->stream is made: statements, counts, and the range of its
 * table is to be read. */
void engine_take_contract(struct engine *engine, struct live_stream *live);
/* pactolus.streams says that the stream runs (again). */
void engine_resumed(struct engine *engine, struct live_stream *live, usec_t now);
/* This cursor's fence in PostgreSQL is another one than ours: see membership_fenced. */
void engine_fenced(struct engine *engine, struct cursor *cursor,
                   const struct cursor_position *at, usec_t now);
/* Batches of this lane were dropped: read its cursors' places anew. */
void engine_rewind_lane(struct engine *engine, struct lane *lane, usec_t now);
/* The cursor's offset is not in the log. */
void engine_out_of_range(struct engine *engine, struct cursor *cursor, usec_t now);
/* The engine cannot go on: leave the loop with this error, so that systemd starts another. */
void engine_fail(struct engine *engine, const struct err *err);
/* The same, when there is time to end in good order first: batches end, the group is told. */
void engine_leave(struct engine *engine, const struct err *err, usec_t now);
/* Dead letters were committed: the relay has work. */
void engine_letters_written(struct engine *engine);

#endif
