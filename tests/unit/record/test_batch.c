/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "record/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct batch batch;

static int set_up(void **state)
{
    (void)state;
    batch_init(&batch, &(struct batch_limits){.rows = 100, .bytes = 1 << 20});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    batch_free(&batch);
    return 0;
}

/* A row whose cells pointer tells rows apart; `weak_hash` makes all keys collide. */
static struct row row_of(const char *key, int64_t version, int64_t offset, bool weak_hash)
{
    struct row row = {.place = {.version = version, .log = log_pack(1, 1, 0), .offset = offset}};
    size_t length = strlen(key);
    row.key = (struct span){arena_copy(&batch.arena, key, length), length};
    row.hash = 14695981039346656037U;
    for (size_t i = 0; i < length && !weak_hash; i++)
        row.hash = (row.hash ^ (unsigned char)key[i]) * 1099511628211U;
    row.cells = arena_alloc(&batch.arena, sizeof(struct cell));
    return row;
}

static struct row tombstone_of(const char *key, int64_t version, int64_t offset)
{
    struct row row = row_of(key, version, offset, false);
    row.tombstone = true;
    row.deleted_at = 1000 + offset;
    return row;
}

static enum batch_added add(const struct row *row)
{
    return batch_add(&batch, row, true, true);
}

/* ---- folding ---- */

static void the_greater_place_wins_whatever_the_order(void **state)
{
    (void)state;
    struct row low = row_of("k", 1, 9, false), high = row_of("k", 2, 3, false);
    assert_int_equal(add(&low), BATCH_ADDED);
    assert_int_equal(add(&high), BATCH_FOLDED);
    assert_int_equal(batch.n_rows, 1);
    assert_ptr_equal(batch.rows[0].cells, high.cells);
    assert_int_equal(batch.deduplicated, 1);
    batch_reset(&batch);
    low = row_of("k", 1, 9, false);
    high = row_of("k", 2, 3, false);
    assert_int_equal(add(&high), BATCH_ADDED);
    assert_int_equal(add(&low), BATCH_FOLDED);
    assert_ptr_equal(batch.rows[0].cells, high.cells);
    assert_int_equal(batch.rows[0].place.version, 2);
    assert_int_equal(batch.deduplicated, 1);
}

/* In whatever order they came, the next below the refused one is the greatest that is left. */
static void what_was_folded_can_take_the_winners_place(void **state)
{
    (void)state;
    static const int orders[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {3, 1, 4, 2}, {2, 4, 1, 3}};
    for (unsigned i = 0; i < sizeof orders / sizeof *orders; i++) {
        for (unsigned n = 0; n < 4; n++) {
            struct row row = row_of("k", orders[i][n], n, false);
            add(&row);
        }
        const struct row *winner = &batch.rows[0];
        struct place below = winner->place;
        for (int64_t version = 3; version >= 1; version--) {
            const struct row *next = batch_beaten(winner, &below);
            assert_non_null(next);
            assert_int_equal(next->place.version, version);
            below = next->place;
        }
        assert_null(batch_beaten(winner, &below));
        batch_reset(&batch);
    }
}

/* The same record again, after a mapping fix perhaps: what came last counts. */
static void an_equal_place_is_applied_again(void **state)
{
    (void)state;
    struct row first = row_of("k", 1, 5, false), again = row_of("k", 1, 5, false);
    add(&first);
    assert_int_equal(add(&again), BATCH_FOLDED);
    assert_ptr_equal(batch.rows[0].cells, again.cells);
}

static void keys_are_whole(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "ab", "abc", "b", "", "aa"};
    enum { N = sizeof keys / sizeof *keys };
    for (int i = 0; i < N; i++) {
        struct row row = row_of(keys[i], 1, i, true);
        assert_int_equal(add(&row), BATCH_ADDED);
    }
    for (int i = 0; i < N; i++) {
        struct row row = row_of(keys[i], 2, i, true);
        assert_int_equal(add(&row), BATCH_FOLDED);
    }
    assert_int_equal(batch.n_rows, N);
    assert_int_equal(batch.deduplicated, N);
}

static void append_streams_fold_nothing(void **state)
{
    (void)state;
    struct row row = row_of("k", 1, 1, false);
    assert_int_equal(batch_add(&batch, &row, false, false), BATCH_ADDED);
    assert_int_equal(batch_add(&batch, &row, false, false), BATCH_ADDED);
    assert_int_equal(batch.n_rows, 2);
    assert_int_equal(batch.deduplicated, 0);
}

/* ---- tombstones ---- */

static void a_soft_tombstone_does_not_hide_a_row_of_its_batch(void **state)
{
    (void)state;
    struct row row = row_of("k", 1, 1, false), dead = tombstone_of("k", 1, 2);
    add(&row);
    assert_int_equal(add(&dead), BATCH_CONFLICT);
    assert_int_equal(batch.n_rows, 1);
    assert_ptr_equal(batch.rows[0].cells, row.cells);
    assert_false(batch.rows[0].tombstone);
    assert_false(batch.tombstones);
    assert_int_equal(batch.deduplicated, 0);
    /* Its own batch takes it. */
    batch_reset(&batch);
    dead = tombstone_of("k", 1, 2);
    assert_int_equal(add(&dead), BATCH_ADDED);
    assert_true(batch.tombstones);
}

static void a_stale_soft_tombstone_is_folded(void **state)
{
    (void)state;
    struct row row = row_of("k", 5, 1, false), dead = tombstone_of("k", 4, 2);
    add(&row);
    assert_int_equal(add(&dead), BATCH_FOLDED);
    assert_ptr_equal(batch.rows[0].cells, row.cells);
    assert_false(batch.tombstones);
}

static void a_hard_tombstone_replaces_the_row(void **state)
{
    (void)state;
    struct row row = row_of("k", 1, 1, false), dead = tombstone_of("k", 1, 2);
    add(&row);
    assert_int_equal(batch_add(&batch, &dead, true, false), BATCH_FOLDED);
    assert_true(batch.rows[0].tombstone);
    assert_true(batch.tombstones);
    assert_int_equal(batch.rows[0].deleted_at, 1002);
}

static void tombstones_fold_with_each_other_and_give_way(void **state)
{
    (void)state;
    struct row dead = tombstone_of("k", 1, 1), later = tombstone_of("k", 1, 2),
               back = row_of("k", 1, 3, false);
    add(&dead);
    assert_int_equal(add(&later), BATCH_FOLDED);
    assert_int_equal(batch.rows[0].deleted_at, 1002);
    assert_int_equal(add(&back), BATCH_FOLDED);
    assert_false(batch.rows[0].tombstone);
    assert_int_equal(batch.deduplicated, 2);
}

/* ---- seal, limits, moves ---- */

/* memcmp order, the shorter first; keys differ within and behind the bytes that are compared first.
 */
static void sealed_rows_are_sorted_by_key(void **state)
{
    (void)state;
    static const char *const rising[] = {"",
                                         "\x01",
                                         "a",
                                         "a\x01",
                                         "aa",
                                         "aaaaaaaa",
                                         "aaaaaaaab",
                                         "aaaaaaaac",
                                         "aaaaaaaacccccccc",
                                         "aaaaaaaaccccccccd",
                                         "aaaaaaaacccccccce",
                                         "aaaaaaaacccccccceeeeeeee",
                                         "b",
                                         "\x80",
                                         "\xff"};
    enum { N = sizeof rising / sizeof *rising };
    for (int i = 0; i < N; i++) {
        struct row row = row_of(rising[i * 7 % N], 1, i, false);
        add(&row);
    }
    batch_seal(&batch);
    assert_true(batch.sealed);
    assert_int_equal(batch.n_rows, N);
    for (int i = 0; i < N; i++) {
        const struct row *row = batch.order[i].row;
        assert_int_equal(row->key.length, strlen(rising[i]));
        assert_memory_equal(row->key.data, rising[i], strlen(rising[i]));
    }
}

static void rows_and_letters_fill_it_together(void **state)
{
    (void)state;
    char key[16];
    assert_false(batch_full(&batch));
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof key, "%d", i);
        struct row row = row_of(key, 1, i, false);
        add(&row);
    }
    for (int i = 0; i < 39; i++)
        batch_add_letter(&batch)->place.offset = i;
    assert_false(batch_full(&batch));
    batch_add_letter(&batch)->place.offset = 39;
    assert_true(batch_full(&batch));
    assert_int_equal(batch.n_letters, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(batch.letters[i].place.offset, i);
}

static void bytes_fill_it_too(void **state)
{
    (void)state;
    arena_alloc(&batch.arena, (1 << 20) - 8);
    assert_false(batch_full(&batch));
    arena_alloc(&batch.arena, 8);
    assert_true(batch_full(&batch));
    batch_reset(&batch);
    assert_false(batch_full(&batch));
}

static void every_slot_has_one_move(void **state)
{
    (void)state;
    static const unsigned slots[] = {40, 0, 3, 200, 41, 15, 16};
    enum { N = sizeof slots / sizeof *slots };
    int cursors[N];
    assert_true(batch_empty(&batch));
    for (int i = 0; i < N; i++) {
        struct move *move = batch_move(&batch, slots[i]);
        assert_null(move->cursor);
        assert_int_equal(move->consumed + move->gaps + move->next, 0);
        move->cursor = &cursors[i];
        move->next = 100 + i;
    }
    assert_false(batch_empty(&batch));
    assert_int_equal(batch.n_moves, N);
    for (int i = 0; i < N; i++) {
        assert_ptr_equal(batch_move(&batch, slots[i])->cursor, &cursors[i]);
        assert_int_equal(batch_move(&batch, slots[i])->next, 100 + i);
    }
    assert_int_equal(batch.n_moves, N);
}

static void a_reset_batch_remembers_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct row row = row_of("k", 9 - round, 1, false), dead = tombstone_of("d", 1, 1);
        assert_int_equal(add(&row), BATCH_ADDED);
        assert_int_equal(add(&dead), BATCH_ADDED);
        struct move *move = batch_move(&batch, 2);
        assert_null(move->cursor);
        move->cursor = &batch;
        struct dead_letter *letter = batch_add_letter(&batch);
        assert_null(letter->detail);
        letter->detail = "t";
        batch.consumed = batch.other_types = 4;
        batch_seal(&batch);
        batch_reset(&batch);
        assert_true(batch_empty(&batch));
        assert_false(batch.sealed || batch.tombstones);
        assert_int_equal(batch.n_rows + batch.n_letters + batch.n_moves, 0);
        assert_int_equal(batch.consumed + batch.deduplicated + batch.other_types, 0);
        assert_int_equal(batch.arena.used, 0);
    }
}

/* ---- many keys against a model ---- */

enum { KEYS = 700, ROWS = 20000, LIMIT = 1000 };

struct model {
    const struct cell *cells;
    int64_t version, offset;
};

static uint64_t seed = 42;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

static void compare_with_model(const struct model *model, int64_t added)
{
    unsigned present = 0;
    for (int i = 0; i < KEYS; i++)
        present += model[i].cells != NULL;
    assert_int_equal(batch.n_rows, present);
    assert_int_equal(batch.deduplicated, added - present);
    batch_seal(&batch);
    for (unsigned i = 0; i < batch.n_rows; i++) {
        const struct row *row = batch.order[i].row;
        char key[16] = "";
        memcpy(key, row->key.data, row->key.length);
        const struct model *want = &model[atoi(key)];
        assert_ptr_equal(row->cells, want->cells);
        assert_int_equal(row->place.offset, want->offset);
    }
}

static void many_keys_fold_like_a_model(void **state)
{
    (void)state;
    batch_free(&batch);
    batch_init(&batch, &(struct batch_limits){.rows = LIMIT, .bytes = SIZE_MAX});
    for (int round = 0; round < 5; round++) {
        static struct model model[KEYS];
        memset(model, 0, sizeof model);
        for (int i = 0; i < ROWS; i++) {
            char key[16];
            unsigned k = draw(KEYS);
            snprintf(key, sizeof key, "%u", k);
            struct row row = row_of(key, draw(50), i, round == 4);
            struct model *want = &model[k];
            enum batch_added added = batch_add(&batch, &row, true, false);
            assert_int_equal(added, want->cells ? BATCH_FOLDED : BATCH_ADDED);
            /* Offsets rise, so an equal version is a greater place. */
            if (!want->cells || row.place.version >= want->version)
                *want = (struct model){row.cells, row.place.version, i};
        }
        compare_with_model(model, ROWS);
        batch_reset(&batch);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_greater_place_wins_whatever_the_order),
        TEST(what_was_folded_can_take_the_winners_place),
        TEST(an_equal_place_is_applied_again),
        TEST(keys_are_whole),
        TEST(append_streams_fold_nothing),
        TEST(a_soft_tombstone_does_not_hide_a_row_of_its_batch),
        TEST(a_stale_soft_tombstone_is_folded),
        TEST(a_hard_tombstone_replaces_the_row),
        TEST(tombstones_fold_with_each_other_and_give_way),
        TEST(sealed_rows_are_sorted_by_key),
        TEST(rows_and_letters_fill_it_together),
        TEST(bytes_fill_it_too),
        TEST(every_slot_has_one_move),
        TEST(a_reset_batch_remembers_nothing),
        TEST(many_keys_fold_like_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
