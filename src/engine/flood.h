/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood: is this a few bad records, or a bad deployment? (DESIGN §3, invariant 8)
 *
 * Per live stream, a window in time (buckets that slide) counts records and dead letters, and a run
 * counts dead letters that follow one another. When the share of dead letters in the window, or the
 * run, passes its limit, the stream has to halt before it drains its topic into the ledger.
 *
 * Pure: time is passed in, monotonic. The live stream owns it, in the event loop's thread; it owns
 * nothing. A topic's name in a letter is borrowed for as long as the flood lives (the
 * configuration's). Nothing in it fails.
 */
#ifndef PACTOLUS_ENGINE_FLOOD_H
#define PACTOLUS_ENGINE_FLOOD_H

#include "base/clock.h"
#include "record/dead_letter.h"

enum { FLOOD_BUCKETS = 12 };

struct flood_limits {
    double share;         /* of dead letters among the window's records; 0 = no limit */
    usec_t window;        /* how far back it looks */
    unsigned consecutive; /* dead letters in a row; 0 = no limit */
    unsigned least;       /* fewer dead letters in the window say nothing about a share */
};

/* Where a dead letter came from, and why it is one. */
struct flood_letter {
    enum reason reason;
    const char *topic; /* borrowed */
    int32_t partition;
    int64_t offset;
};

struct flood_bucket {
    uint64_t records, letters;
    uint64_t by_reason[REASON_COUNT];
    struct flood_letter first[REASON_COUNT]; /* of those in by_reason */
};

struct flood {
    struct flood_limits limits;
    struct flood_bucket buckets[FLOOD_BUCKETS]; /* by number modulo FLOOD_BUCKETS */
    int64_t number;                             /* of the bucket that is filled now */
    usec_t ends;                                /* when it does */
    uint64_t records, letters;                  /* sums over the buckets */
    uint64_t run, refused;                      /* in a row: as read; by PostgreSQL */
    usec_t run_since;                           /* when the first of either was counted */
};

void flood_init(struct flood *flood, const struct flood_limits *limits);
/* Forget what was counted: the stream begins again after a halt. */
void flood_reset(struct flood *flood);

/* A record was read and is no dead letter. */
void flood_good(struct flood *flood, usec_t now);
/* A record was read and is one. True when that makes it a flood. */
bool flood_bad(struct flood *flood, const struct flood_letter *letter, usec_t now);
/* Rows of a batch, counted as good when they were read, were refused by PostgreSQL: `bad` of them
 * became dead letters, like `first`, while `good` passed. True when that makes it a flood. A run
 * counts across batches of which nothing passed. */
bool flood_refused(struct flood *flood, uint64_t good, uint64_t bad,
                   const struct flood_letter *first, usec_t now);

/* How far back dead letters belong to this flood: the window, or the run if that is longer. */
usec_t flood_age(const struct flood *flood, usec_t now);
/* Fill `err` (halt, 65): which limit was passed with its counts, the commonest reason and its first
 * example. `detail`: what is wrong with the last letter, "" if there is nothing to say. */
void flood_explain(const struct flood *flood, const char *detail, struct err *err);

#endif
