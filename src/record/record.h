/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one Kafka message as the pipeline sees it, and the words that go with it: log, place,
 * row, cell. A record borrows everything from the Kafka message it was made from; what must live
 * longer is copied into the batch's arena.
 */
#ifndef PACTOLUS_RECORD_RECORD_H
#define PACTOLUS_RECORD_RECORD_H

#include "base/buf.h"
#include "base/memory.h"
#include "contract/layout.h"

struct header {
    const char *name;
    struct span value; /* data NULL = null header */
};

struct record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp;      /* ms since 1970 as Kafka gives it; -1 when the record has none */
    struct span key, value; /* data NULL = null */
    /* Headers are parsed only when someone asks. Returns how many there are and writes at most
     * `max` of them (0 with out NULL: only counted). NULL function = no headers. */
    unsigned (*headers)(const void *source, struct header *out, unsigned max);
    const void *source;
};

enum { RECORD_HEADERS_MAX = 128 }; /* more are not looked at, and not kept with a dead letter */

/* The last header with that name (Kafka allows several); false when there is none. */
bool record_header(const struct record *record, const char *name, struct span *value);

/*
 * Where a record lives, packed: generation (15 bits: topic version << 8 | incarnation), topic
 * ordinal (24 bits), partition (24 bits). Unique, never reassigned; log >> 48 is the generation.
 */
typedef int64_t log_id;

static inline log_id log_pack(unsigned generation, unsigned ordinal, unsigned partition)
{
    return (log_id)((uint64_t)(generation & 0x7fff) << 48 | (uint64_t)(ordinal & 0xffffff) << 24 |
                    (uint64_t)(partition & 0xffffff));
}

/* place: every record has exactly one; the greater wins its key (docs/guarantees.md §4). */
struct place {
    int64_t version;  /* of the contract's version field; 0 without; INT64_MAX for a final delete */
    int64_t order_ts; /* greatest timestamp (ms) in the record's log up to and including it */
    log_id log;
    int64_t offset;
};

/* <0, 0, >0 as a is less than, equal to or greater than b in (version, generation, order_ts, log,
 * offset). */
int place_compare(const struct place *a, const struct place *b);

/* A value in PostgreSQL's binary form; for array columns the text of an array literal. */
struct cell {
    const char *data;
    int32_t length; /* -1 = NULL */
};

struct kept_record; /* record/dead_letter */

struct row {
    struct place place;
    const struct cell *cells; /* one per data column of the layout */
    struct span key;          /* the key cells, each with a 4-byte length before it: equal keys have
                                 equal bytes, and memcmp gives every daemon the same order */
    uint64_t hash;            /* of key */
    bool tombstone;           /* cells hold the key columns only, all others are NULL */
    int64_t deleted_at;       /* tombstone: wall microseconds of the delete */
    const struct kept_record *origin; /* what it was made from */
    const struct row *beaten;         /* the rows that it has folded, newest first; each may take
                                         its place when PostgreSQL refuses it */
};

#endif
