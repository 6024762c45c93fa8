/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: rows, dead letters and cursor moves that commit in one transaction.
 *
 * Rows of one key are folded: the greater place wins (docs/guarantees.md §4), the loser is counted
 * as deduplicated and hangs behind the winner, in case PostgreSQL refuses that one. The batch owns an arena in which everything lives, dead letters' copies
 * included; batch_reset releases it all at once. A sealed batch is sorted by key, so that all
 * daemons lock rows in one order, and is not changed any more: retries send the identical batch.
 */
#ifndef PACTOLUS_RECORD_BATCH_H
#define PACTOLUS_RECORD_BATCH_H

#include "record/dead_letter.h"

/* How far one cursor goes in this batch. */
struct move {
    void *cursor; /* the engine's; not looked at here */
    int64_t cursor_id, fence, token;
    int64_t expected; /* next_offset before the batch */
    int64_t next;     /* and after it */
    int64_t order_ts;
    int64_t consumed, gaps, skipped;
};

struct batch_limits {
    unsigned rows; /* rows and dead letters together */
    size_t bytes;  /* of the arena */
};

/* A row in the order of keys; the first bytes of the key stand beside it for quick comparison. */
struct batch_order {
    uint64_t first, second;
    const struct row *row;
};

/* Records with one timestamp that came one after the other. */
struct batch_age {
    int64_t timestamp; /* ms, as the record has it; -1 = it has none */
    uint64_t records;
};
/* Runs that are kept; what comes after the last counts with it. A batch of a busy topic spans some
 * milliseconds. */
enum { BATCH_AGES = 256 };

struct batch {
    struct arena arena;
    struct batch_limits limits;
    struct row *rows;
    unsigned n_rows, rows_capacity;
    struct batch_order *order; /* sealed: the rows sorted by key; room for twice as many */
    uint32_t *index;           /* open hash over keys: row number + 1, 0 = empty */
    unsigned index_size;
    struct dead_letter *letters;
    unsigned n_letters, letters_capacity;
    struct move *moves;
    unsigned n_moves, moves_capacity;
    int *slot_moves; /* slot → index in moves, -1 = none */
    unsigned n_slots;
    int64_t consumed, deduplicated, other_types; /* dead_lettered = n_letters */
    uint64_t taken;                              /* bytes of keys and values consumed */
    struct batch_age ages[BATCH_AGES];           /* when they were written: for measures */
    unsigned n_ages;
    bool tombstones;                             /* some row is a tombstone */
    bool sealed;
};

enum batch_added {
    BATCH_ADDED,
    BATCH_FOLDED,   /* one of two rows with this key was dropped */
    BATCH_CONFLICT, /* a soft tombstone over a row of this batch: seal and send first, then add */
};

void batch_init(struct batch *batch, const struct batch_limits *limits);
void batch_free(struct batch *batch);
void batch_reset(struct batch *batch);

/* No room for another record. */
bool batch_full(const struct batch *batch);
/* Nothing to commit: no move. */
bool batch_empty(const struct batch *batch);

/* The move of the cursor in `slot` (small numbers, unique among the cursors that share the batch);
 * a new one is zeroed and has cursor == NULL. */
struct move *batch_move(struct batch *batch, unsigned slot);

/* Add a row whose bytes live in the batch's arena. `fold` = false for append streams.
 * `keep_columns`: tombstones are soft, so they must not hide a row of the same batch
 * (BATCH_CONFLICT; not added). */
enum batch_added batch_add(struct batch *batch, const struct row *row, bool fold,
                           bool keep_columns);
struct dead_letter *batch_add_letter(struct batch *batch);
/* The greatest of the rows that `row` has folded whose place is below `below`: it takes the place of
 * one that is refused. NULL when there is none. */
const struct row *batch_beaten(const struct row *row, const struct place *below);

/* A record was consumed, whatever became of it: counted, with its size and age. */
static inline void batch_count(struct batch *batch, const struct record *record)
{
    batch->consumed++;
    batch->taken += record->key.length + record->value.length;
    if (batch->n_ages && (batch->ages[batch->n_ages - 1].timestamp == record->timestamp ||
                          batch->n_ages == BATCH_AGES))
        batch->ages[batch->n_ages - 1].records++;
    else
        batch->ages[batch->n_ages++] = (struct batch_age){record->timestamp, 1};
}

/* Sort by key (batch->order); nothing is added afterwards. */
void batch_seal(struct batch *batch);

#endif
