/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live: what runs: streams, their lanes, and the cursors of assigned partitions.
 *
 * Who owns what: the engine owns live streams, a live stream its lanes, a lane its three batches;
 * membership owns cursors, which a lane borrows while they are assigned. All of it belongs to the
 * one event-loop thread.
 */
#ifndef PACTOLUS_ENGINE_LIVE_H
#define PACTOLUS_ENGINE_LIVE_H

#include "base/backoff.h"
#include "base/histogram.h"
#include "base/log.h"
#include "config/stream.h"
#include "contract/fingerprint.h"
#include "engine/flood.h"
#include "engine/loop.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "postgres/streams.h"
#include "postgres/writer.h"

struct lane;
struct live_stream;
struct pool;
struct pool_slot;

/* A cursor's life in this process; the table is in cursor.c. */
enum cursor_state {
    CURSOR_CLAIMING,  /* assigned to us by Kafka, not yet ours in PostgreSQL */
    CURSOR_RUNNING,   /* its records go into batches */
    CURSOR_REWINDING, /* its place in PostgreSQL is being read again; records are dropped */
    CURSOR_STRANDED,  /* its next offset is not in the log; engine/range finds out why */
    CURSOR_FENCED,    /* PostgreSQL says another owner has it; Kafka has not said so yet */
    CURSOR_HALTED,    /* its stream is halted or paused, or held for a contract to come */
    CURSOR_RELEASED,  /* given back; to be freed */
    CURSOR_STATES,
};
enum cursor_event {
    CURSOR_CLAIMED,
    CURSOR_FENCE_LOST,
    CURSOR_UNSURE, /* a batch with it failed in a way that drops what was read */
    CURSOR_REWOUND,
    CURSOR_OUT_OF_RANGE,
    CURSOR_RECREATED, /* its topic was made anew: another log, and another row in PostgreSQL */
    CURSOR_HALT,
    CURSOR_RESUME,
    CURSOR_RECLAIM, /* the group confirms that we own it */
    CURSOR_GIVE_BACK,
    CURSOR_EVENTS,
};

/* Where reading ends. A partition is also at its end where the log ends. */
struct until {
    int64_t offset;  /* the first one that is not read; OFFSET_NEVER = no such bound */
    int64_t time_ms; /* nor the first record with this timestamp or a later one, nor what follows */
};
#define OFFSET_NEVER INT64_MAX

struct cursor {
    struct live_stream *live;
    struct lane *lane;
    const char *topic; /* of the configuration */
    unsigned topic_number; /* there, within the stream */
    unsigned topic_version;
    int32_t partition;
    unsigned slot; /* in the lane */
    int state;     /* enum cursor_state */
    bool assigned; /* librdkafka fetches it */
    bool draining; /* to be given back: takes no more records */
    bool asked;    /* STRANDED: the question is under way */
    int64_t cursor_id, fence, token;
    log_id log;
    char topic_id[TOPIC_ID_TEXT]; /* of the topic that the log is of; "" = not known */
    int64_t next_offset;          /* as committed in PostgreSQL */
    int64_t read_offset;          /* next one to take from Kafka; runs ahead of next_offset */
    int64_t order_ts;             /* greatest timestamp taken so far */
    int64_t kafka_offset;         /* as last committed to Kafka (advisory) */
    int64_t end_offset;           /* end of the partition when last reached, -1 = not yet */
    struct until until;           /* nothing is taken past it */
    bool at_end;                  /* everything there was has been read, or all up to `until` */
    bool beyond;                  /* a record past `until` came: fetching is paused there */
    bool heard;                   /* something arrived since it was assigned */
    usec_t assigned_at;           /* when it was forwarded last */
    usec_t silent_since;          /* not heard: since when (engine/deaf) */
    usec_t answered_at;           /* not heard, but the broker answered for it then; 0 = not yet */
    usec_t probe_at;              /* FENCED: when to ask the group; STRANDED: the broker */
    int64_t judged;               /* records below it were counted for the flood already */
    int64_t range_sure;           /* records below were in the log before the range was read */
    int64_t range_asked;          /* the same for the look under way (engine/table_range) */
    /* For metrics: */
    int64_t applied_ts;  /* greatest timestamp (ms) below next_offset, -1 = none */
    int64_t known_end;   /* log end as last heard or asked, -1 = not yet */
    int64_t input_end;   /* the greatest so far: what comes past it is new; -1 = not yet */
    usec_t behind_since; /* wall: when a record came after all was read; 0 = never yet */
    usec_t claimed_at;   /* wall */
    struct cursor *next; /* in membership's list */
};

/* A lane's life; the table is in lane.c. */
enum lane_state {
    LANE_IDLE,     /* nothing in flight */
    LANE_WAITING,  /* wants a connection */
    LANE_BUSY,     /* batches in flight */
    LANE_SETTLING, /* reading cursors to learn what became of them */
    LANE_ISOLATING, /* its oldest batch is being applied without the rows that PostgreSQL refuses */
    LANE_BACKOFF,  /* waiting before it tries again */
    LANE_HALTED,
    LANE_STATES,
};
enum lane_event {
    LANE_WANT,    /* a batch is to be sent and there is no connection */
    LANE_GRANTED, /* the pool lent one */
    LANE_SENT,    /* a batch went out */
    LANE_EMPTIED, /* nothing is in flight any more, all went well */
    LANE_FAILED,  /* a failure to wait for */
    LANE_DOUBT,   /* a failure that needs the cursors read */
    LANE_REFUSED, /* PostgreSQL refuses a row of the oldest batch */
    LANE_AGAIN,   /* the wait is over */
    LANE_SETTLED,
    LANE_ISOLATED, /* the oldest batch is in, without its bad rows */
    LANE_HALT,
    LANE_RESUME,
    LANE_EVENTS,
};

/* What follows from a batch that did not commit (engine/outcome decides). */
enum remedy {
    REMEDY_NONE = 0, /* it committed */
    REMEDY_RESEND,   /* send the identical batch again at once, as an upsert */
    REMEDY_RETRY,    /* the same after a backoff */
    REMEDY_ISOLATE,  /* apply it row by row as far as need be; what is refused is a dead letter */
    REMEDY_SETTLE,   /* read the cursors first: it may have committed, or the fence is lost */
    REMEDY_HALT,     /* the stream halts */
};

enum { LANE_BATCHES = 3, LANE_IN_FLIGHT = WRITER_IN_FLIGHT_MAX };

/* Counted by the lane since the process began; metrics reads them. */
struct lane_counts {
    uint64_t records, rows, stale, deduplicated, dead_letters, other_types, dropped;
    uint64_t batches, retries, conflicts, rewinds, isolations, refused;
};

/* Batches that did not commit, by what PostgreSQL said; see engine/measures. */
enum { FAILURE_KINDS = 24 };
struct failure_count {
    int remedy; /* enum remedy */
    char sqlstate[6];
    uint64_t times;
};

/* What a stream measures of itself since the process began; see engine/measures. */
struct measures {
    struct histogram batch_rows;  /* rows and dead letters in a transaction */
    struct histogram transaction; /* µs from sending a batch to its commit */
    struct histogram transit;     /* µs from the event to the record's timestamp, of rows */
    struct histogram latency;     /* µs from the record's timestamp to its commit */
    uint64_t bytes;               /* of keys and values consumed */
    uint64_t advanced, gaps;      /* offsets passed, and those of them where nothing was */
    uint64_t input;               /* offsets that producers added while we had the partition */
    uint64_t fences_lost;
    uint64_t letters[REASON_COUNT];
    struct failure_count failures[FAILURE_KINDS];
    unsigned n_failures;
    uint64_t other_failures; /* past FAILURE_KINDS */
    int *event_columns;      /* by topic of the configuration: data column, -1 = none; owned */
};

struct lane {
    struct live_stream *live;
    struct engine *engine;
    unsigned number; /* within the stream */
    int state;
    struct intake *intake;
    struct watch *watch;
    bool ready; /* the intake may hold something */
    struct batch batches[LANE_BATCHES];
    struct batch *filling;
    struct batch *sealed[LANE_IN_FLIGHT]; /* oldest first; sent ones before unsent ones */
    unsigned n_sealed, n_sent;
    usec_t sent_at[LANE_IN_FLIGHT]; /* of those in flight, oldest first */
    struct batch *spare[LANE_BATCHES];
    unsigned n_spare;
    struct intake_item held;    /* a record for the next batch; kind EMPTY if none */
    struct pool_slot *slot;     /* the lent connection */
    unsigned lease;             /* batches sent since it was lent */
    struct write_target target; /* account_id 0: not opened yet */
    bool plain_insert;          /* recent batches met no existing key */
    unsigned fresh_batches;
    struct err failure; /* of the batch that failed first */
    enum remedy remedy; /* what follows from it once nothing is in flight */
    int after_backoff;  /* enum lane_event that ends BACKOFF: AGAIN, DOUBT or REFUSED */
    unsigned attempts;  /* isolations of the oldest batch that a row failed that could pass */
    unsigned too_much;  /* times in a row that it was too much for the server (SQLSTATE_HALVES) */
    bool doomed;        /* what is in flight is not sent again if it fails */
    bool missed;        /* its oldest batch waits for a partition */
    struct backoff backoff;
    usec_t due; /* BACKOFF: when it ends */
    struct log_gate gate;
    struct cursor **cursors; /* by slot; NULL = free */
    unsigned n_cursors;
    const char *last_topic; /* cache: the cursor of the last record */
    int32_t last_partition;
    struct cursor *last_cursor;
    struct lane_counts counts;
    struct lane *next_waiting; /* in the pool's queue */
    bool queued;
};

/* One topic's count; see engine/tally. */
struct tally_topic {
    uint64_t records, told; /* committed since the process began; of these in PostgreSQL */
    uint64_t past_sunset;   /* of them written on or after the sunset */
    int64_t newest;         /* greatest order_ts, ms; -1 = none */
    usec_t sunset;          /* wall; USEC_NEVER = none */
    struct log_gate gate;
};

struct live_stream {
    const struct stream *stream;
    unsigned stream_id;
    struct statement_text statements[STATEMENT_COUNT];
    struct lane *lanes;
    unsigned n_lanes;
    unsigned lent;       /* connections held by its lanes */
    struct range range;  /* what its table can hold; its pipeline borrows it */
    bool partitioned;    /* its table is */
    bool range_known;    /* both were read; before, no record is taken */
    bool range_wanted;   /* read it again at once */
    bool halt_asked;     /* and is being written */
    bool stopped;        /* halted, paused, or held for a contract to come (reload.holds) */
    bool halt_unwritten; /* our own halt is not in pactolus.streams yet */
    struct err halt;
    enum halt_kind halt_kind;
    usec_t letters_from; /* HALT_FLOOD: since when dead letters belong to the flood */
    struct flood flood;  /* of its dead letters, in this process */
    unsigned edition;    /* counts the contracts that it has had in this process */
    struct measures measures;
    /* The next one, see engine/reload. */
    struct reload {
        struct stream *stream; /* loaded, to change over to; NULL = nothing */
        bool asked;            /* the file is being read */
        bool holds;            /* the stream is stopped for it, and goes on by itself */
        bool counted;          /* counts of the old one were written down, or tried */
        usec_t again;          /* when to look at the file next */
        char wanted[FINGERPRINT_LENGTH + 1]; /* what the database had at the last look */
        char said[512];                      /* why it has not been taken, as logged */
    } reload;
    struct tally {
        struct tally_topic *topics; /* in the order of the configuration */
        uint64_t *told;             /* by entry of the stream's drift */
        struct log_gate gate;
        bool asked, known, ended;   /* being written; written once; tried for the last time */
    } tally;
};

/* "payments.payment.captured[3]@1234" into a static buffer of the caller. */
enum { CURSOR_TEXT = 300 };
const char *cursor_text(const struct cursor *cursor, int64_t offset, char out[CURSOR_TEXT]);
/* The same for journald's fields; borrows the cursor. `offset` may be NULL. */
struct log_about cursor_about(const struct cursor *cursor, enum log_event event,
                              const int64_t *offset);
void cursor_fire(struct cursor *cursor, enum cursor_event event);

#endif
