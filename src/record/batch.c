/* SPDX-License-Identifier: Apache-2.0 */
#include "record/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_CHUNK = 64 * 1024 };

void batch_init(struct batch *batch, const struct batch_limits *limits)
{
    *batch = (struct batch){.limits = *limits};
    arena_init(&batch->arena, BATCH_CHUNK);
    batch->rows_capacity = limits->rows;
    batch->rows = mem_zero(limits->rows, sizeof(*batch->rows));
    batch->order = mem_zero(2 * (size_t)limits->rows, sizeof(*batch->order));
    batch->index_size = 16;
    while (batch->index_size < 2 * limits->rows)
        batch->index_size *= 2;
    batch->index = mem_zero(batch->index_size, sizeof(*batch->index));
}

void batch_free(struct batch *batch)
{
    arena_free(&batch->arena);
    free(batch->rows);
    free(batch->order);
    free(batch->index);
    free(batch->letters);
    free(batch->moves);
    free(batch->slot_moves);
    *batch = (struct batch){0};
}

void batch_reset(struct batch *batch)
{
    arena_reset(&batch->arena, batch->limits.bytes);
    if (batch->n_rows)
        memset(batch->index, 0, batch->index_size * sizeof(*batch->index));
    for (unsigned i = 0; i < batch->n_slots; i++)
        batch->slot_moves[i] = -1;
    batch->n_rows = batch->n_letters = batch->n_moves = 0;
    batch->consumed = batch->deduplicated = batch->other_types = 0;
    batch->taken = batch->n_ages = 0;
    batch->tombstones = batch->sealed = false;
}

bool batch_full(const struct batch *batch)
{
    return batch->n_rows + batch->n_letters >= batch->limits.rows ||
           batch->arena.used >= batch->limits.bytes;
}

bool batch_empty(const struct batch *batch)
{
    return batch->n_moves == 0;
}

struct move *batch_move(struct batch *batch, unsigned slot)
{
    assert(!batch->sealed);
    if (slot >= batch->n_slots) {
        unsigned n = slot + 16;
        batch->slot_moves = mem_grow(batch->slot_moves, n, sizeof(*batch->slot_moves));
        while (batch->n_slots < n)
            batch->slot_moves[batch->n_slots++] = -1;
    }
    if (batch->slot_moves[slot] < 0) {
        if (batch->n_moves == batch->moves_capacity) {
            batch->moves_capacity = batch->moves_capacity * 2 + 8;
            batch->moves = mem_grow(batch->moves, batch->moves_capacity, sizeof(*batch->moves));
        }
        batch->moves[batch->n_moves] = (struct move){0};
        batch->slot_moves[slot] = (int)batch->n_moves++;
    }
    return &batch->moves[batch->slot_moves[slot]];
}

/* Where in the index the key is, or would be. */
static uint32_t *find_key(const struct batch *batch, const struct row *row)
{
    unsigned mask = batch->index_size - 1;
    for (unsigned at = (unsigned)row->hash & mask;; at = (at + 1) & mask) {
        uint32_t number = batch->index[at];
        if (number == 0)
            return &batch->index[at];
        const struct row *other = &batch->rows[number - 1];
        if (other->hash == row->hash && other->key.length == row->key.length &&
            memcmp(other->key.data, row->key.data, row->key.length) == 0)
            return &batch->index[at];
    }
}

/* The loser is copied out of the way and hangs behind the winner, with all that it had beaten. */
static void hang_behind(struct batch *batch, struct row *winner, const struct row *loser)
{
    struct row *copy = arena_alloc(&batch->arena, sizeof(*copy));
    *copy = *loser;
    copy->beaten = winner->beaten;
    winner->beaten = copy;
}

const struct row *batch_beaten(const struct row *row, const struct place *below)
{
    const struct row *best = NULL;
    for (row = row->beaten; row; row = row->beaten)
        if (place_compare(&row->place, below) < 0 &&
            (!best || place_compare(&row->place, &best->place) > 0))
            best = row;
    return best;
}

enum batch_added batch_add(struct batch *batch, const struct row *row, bool fold, bool keep_columns)
{
    assert(!batch->sealed && batch->n_rows < batch->rows_capacity);
    if (fold) {
        uint32_t *at = find_key(batch, row);
        if (*at) {
            struct row *other = &batch->rows[*at - 1];
            /* An equal place is the same record again: applied again. */
            bool wins = place_compare(&row->place, &other->place) >= 0;
            if (wins && row->tombstone && !other->tombstone && keep_columns)
                return BATCH_CONFLICT;
            if (wins) {
                struct row loser = *other;
                *other = *row;
                other->beaten = loser.beaten;
                hang_behind(batch, other, &loser);
                batch->tombstones |= row->tombstone;
            } else {
                hang_behind(batch, other, row);
            }
            batch->deduplicated++;
            return BATCH_FOLDED;
        }
        *at = batch->n_rows + 1;
    }
    batch->tombstones |= row->tombstone;
    batch->rows[batch->n_rows++] = *row;
    return BATCH_ADDED;
}

struct dead_letter *batch_add_letter(struct batch *batch)
{
    assert(!batch->sealed);
    if (batch->n_letters == batch->letters_capacity) {
        batch->letters_capacity = batch->letters_capacity * 2 + 8;
        batch->letters = mem_grow(batch->letters, batch->letters_capacity, sizeof(*batch->letters));
    }
    struct dead_letter *letter = &batch->letters[batch->n_letters++];
    *letter = (struct dead_letter){0};
    return letter;
}

static uint64_t key_prefix(const struct row *row)
{
    unsigned char bytes[8] = {0};
    memcpy(bytes, row->key.data, row->key.length < 8 ? row->key.length : 8);
    return be64_load(bytes);
}

/* The first eight bytes hold the length of the first key cell, so compare what comes after
 * it too. */
static uint64_t key_second(const struct row *row)
{
    unsigned char bytes[8] = {0};
    if (row->key.length > 8)
        memcpy(bytes, row->key.data + 8, row->key.length < 16 ? row->key.length - 8 : 8);
    return be64_load(bytes);
}

static bool key_before(const struct batch_order *a, const struct batch_order *b)
{
    if (a->first != b->first)
        return a->first < b->first;
    if (a->second != b->second)
        return a->second < b->second;
    const struct span *left = &a->row->key, *right = &b->row->key;
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->data, right->data, shorter);
    return order < 0 || (order == 0 && left->length < right->length);
}

/* Merge the sorted runs [0, middle) and [middle, n) of `from` into `to`. */
static void merge(const struct batch_order *from, unsigned middle, unsigned n,
                  struct batch_order *to)
{
    unsigned left = 0, right = middle;
    for (unsigned i = 0; i < n; i++) {
        bool take_right = left == middle || (right < n && key_before(&from[right], &from[left]));
        to[i] = from[take_right ? right++ : left++];
    }
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* A bottom-up merge sort: qsort spends three times as long, most of it on calling the comparison.
 */
static void sort_order(struct batch_order *items, struct batch_order *spare, unsigned n)
{
    enum { RUN = 8 };
    for (unsigned start = 0; start < n; start += RUN)
        for (unsigned i = start + 1; i < least(start + RUN, n); i++) {
            struct batch_order item = items[i];
            unsigned at = i;
            for (; at > start && key_before(&item, &items[at - 1]); at--)
                items[at] = items[at - 1];
            items[at] = item;
        }
    struct batch_order *from = items, *to = spare;
    for (unsigned run = RUN; run < n; run *= 2) {
        for (unsigned start = 0; start < n; start += 2 * run)
            merge(from + start, least(run, n - start), least(2 * run, n - start), to + start);
        struct batch_order *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, n * sizeof(*items));
}

/* Rows are wide: what is sorted is their order, by the first bytes of the key. */
void batch_seal(struct batch *batch)
{
    for (unsigned i = 0; i < batch->n_rows; i++) {
        const struct row *row = &batch->rows[i];
        batch->order[i] = (struct batch_order){key_prefix(row), key_second(row), row};
    }
    sort_order(batch->order, batch->order + batch->rows_capacity, batch->n_rows);
    batch->sealed = true;
}
