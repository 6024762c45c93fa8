/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property of the place (docs/guarantees.md §4): whatever the interleaving of logs, the cuts
 * between batches, replays and doubled reads, the record with the greatest place has each key in
 * the end. Records run through batches into a table of the model's own; the greatest place is found
 * another way, by spelling each place as text whose order is that of its components.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/batch.h"

#include <stdio.h>
#include <string.h>

enum { LOGS = 4, RECORDS = 60, KEYS = 8, HISTORIES = 400, PLACE_TEXT = 120 };

struct made {
    unsigned key;
    bool tombstone;
    struct place place;
};

struct history {
    struct made made[LOGS][RECORDS];
    bool versioned, skewed;
};

struct entry {
    const struct made *made; /* whose columns stand in the table; NULL = no row */
};

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

/* Logs of two generations; timestamps that mostly rise, and run backwards when producers' clocks
 * are skewed, but order_ts is the greatest of its log so far. */
static void make_history(struct history *history)
{
    history->versioned = draw(2);
    history->skewed = draw(2);
    for (unsigned log = 0; log < LOGS; log++) {
        int64_t order_ts = -1, clock = draw(50);
        for (unsigned i = 0; i < RECORDS; i++) {
            clock += draw(3);
            int64_t stamp = clock - (history->skewed && draw(4) == 0 ? (int64_t)draw(40) : 0);
            order_ts = stamp > order_ts ? stamp : order_ts;
            struct made *made = &history->made[log][i];
            *made = (struct made){.key = draw(KEYS), .tombstone = draw(6) == 0};
            made->place = (struct place){.version = history->versioned ? draw(20) : 0,
                                         .order_ts = order_ts,
                                         .log = log_pack(1 + log / 3, 7 - log % 2, log),
                                         .offset = i * 2};
            if (made->tombstone && history->versioned) /* deletes = "final" */
                made->place.version = INT64_MAX;
        }
    }
}

static void spell(const struct place *place, char out[PLACE_TEXT])
{
    snprintf(out, PLACE_TEXT, "%020lld %05lld %020lld %020lld %020lld", (long long)place->version,
             (long long)(place->log >> 48), (long long)place->order_ts + 1, (long long)place->log,
             (long long)place->offset);
}

static void find_greatest(const struct history *history, struct entry want[KEYS])
{
    char best[KEYS][PLACE_TEXT] = {""}, text[PLACE_TEXT];
    memset(want, 0, KEYS * sizeof *want);
    for (unsigned log = 0; log < LOGS; log++)
        for (unsigned i = 0; i < RECORDS; i++) {
            const struct made *made = &history->made[log][i];
            spell(&made->place, text);
            if (strcmp(text, best[made->key]) < 0)
                continue;
            memcpy(best[made->key], text, sizeof text);
            want[made->key].made = made;
        }
}

/* What the database does with a batch: each row where it is not older. */
static void flush(struct batch *batch, struct entry table[KEYS])
{
    batch_seal(batch);
    for (unsigned i = 0; i < batch->n_rows; i++) {
        const struct made *made = (const struct made *)batch->order[i].row->cells;
        struct entry *entry = &table[made->key];
        if (!entry->made || place_compare(&made->place, &entry->made->place) >= 0)
            entry->made = made;
    }
    batch_reset(batch);
}

static void take(struct batch *batch, struct entry table[KEYS], const struct made *made, bool soft)
{
    struct row row = {.place = made->place, .tombstone = made->tombstone};
    char *key = arena_alloc(&batch->arena, 1);
    *key = (char)made->key;
    row.key = (struct span){key, 1};
    row.hash = made->key / 2; /* collisions */
    row.cells = (const struct cell *)made;
    if (batch_add(batch, &row, true, soft) != BATCH_CONFLICT)
        return;
    flush(batch, table);
    take(batch, table, made, soft);
}

/* A record that was read before is applied once more, alone: the redrive of a dead letter. */
static void redrive(const struct history *history, struct batch *batch, bool soft,
                    struct entry table[KEYS], const unsigned next[LOGS])
{
    unsigned log = draw(LOGS);
    if (next[log])
        take(batch, table, &history->made[log][draw(next[log])], soft);
}

/* Read all logs to their ends, each in its order, now and then some records back (a lost batch, a
 * new owner, a replay). */
static void run_history(const struct history *history, struct batch *batch, bool soft,
                        struct entry table[KEYS])
{
    unsigned next[LOGS] = {0};
    memset(table, 0, KEYS * sizeof *table);
    for (;;) {
        unsigned open[LOGS], n = 0;
        for (unsigned log = 0; log < LOGS; log++)
            if (next[log] < RECORDS)
                open[n++] = log;
        if (n == 0)
            break;
        unsigned log = open[draw(n)];
        take(batch, table, &history->made[log][next[log]++], soft);
        if (batch_full(batch) || draw(15) == 0)
            flush(batch, table);
        if (draw(40) == 0) {
            unsigned back = draw(20);
            next[log] = next[log] > back ? next[log] - back : 0;
        }
        if (draw(30) == 0)
            redrive(history, batch, soft, table, next);
    }
    for (int i = 0; i < 10; i++)
        redrive(history, batch, soft, table, next);
    flush(batch, table);
}

static void the_greatest_place_wins_in_every_history(void **state)
{
    (void)state;
    struct batch batch;
    static struct history history;
    batch_init(&batch, &(struct batch_limits){.rows = 20, .bytes = 1 << 20});
    for (unsigned i = 0; i < HISTORIES; i++) {
        struct entry want[KEYS], table[KEYS];
        seed = i;
        make_history(&history);
        find_greatest(&history, want);
        run_history(&history, &batch, draw(2), table);
        for (unsigned key = 0; key < KEYS; key++)
            if (table[key].made != want[key].made)
                fail_msg("history %u, key %u: not the record with the greatest place", i, key);
    }
    batch_free(&batch);
}

/* What the generator makes must be able to tell the components apart. */
static void histories_need_every_component(void **state)
{
    (void)state;
    static struct history history;
    unsigned differ_only_in[5] = {0};
    for (unsigned i = 0; i < HISTORIES; i++) {
        seed = i;
        make_history(&history);
        for (unsigned a = 0; a < LOGS * RECORDS; a++) {
            const struct made *one = &history.made[a / RECORDS][a % RECORDS];
            const struct made *other = &history.made[draw(LOGS)][draw(RECORDS)];
            const struct place *p = &one->place, *q = &other->place;
            if (one->key != other->key)
                continue;
            unsigned first = p->version != q->version           ? 0
                             : (p->log >> 48) != (q->log >> 48) ? 1
                             : p->order_ts != q->order_ts       ? 2
                             : p->log != q->log                 ? 3
                                                                : 4;
            differ_only_in[first]++;
        }
    }
    for (unsigned i = 0; i < 5; i++)
        assert_true(differ_only_in[i] > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greatest_place_wins_in_every_history),
        cmocka_unit_test(histories_need_every_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
