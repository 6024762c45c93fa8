/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void plain_allocation(void **state)
{
    (void)state;
    free(mem_alloc(0));
    unsigned *zeros = mem_zero(100, sizeof *zeros);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
    zeros[99] = 7;
    zeros = mem_grow(zeros, 1000, sizeof *zeros);
    assert_int_equal(zeros[99], 7);
    free(zeros);
    char *text = mem_string("abc");
    assert_string_equal(text, "abc");
    free(text);
    text = mem_format("%s-%d", "n", 42);
    assert_string_equal(text, "n-42");
    free(text);
}

static void memory_is_aligned_and_distinct(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256);
    char *blocks[200];
    for (int i = 0; i < 200; i++) {
        size_t bytes = (size_t)(i * 7 % 90);
        blocks[i] = arena_alloc(&arena, bytes);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 8, 0);
        memset(blocks[i], i, bytes);
    }
    for (int i = 0; i < 200; i++)
        for (int j = 0; j < i * 7 % 90; j++)
            assert_int_equal((unsigned char)blocks[i][j], i);
    assert_true(arena.used <= arena.held);
    arena_free(&arena);
    assert_int_equal(arena.held, 0);
    assert_null(arena.first);
}

static void large_requests_get_their_own_chunk(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 128);
    arena_alloc(&arena, 8);
    char *large = arena_alloc(&arena, 100000);
    memset(large, 1, 100000);
    char *after = arena_alloc(&arena, 16);
    memset(after, 2, 16);
    assert_int_equal(large[99999], 1);
    assert_true(arena.held >= 100000);
    arena_free(&arena);
}

static void reset_keeps_at_most_what_it_is_told(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024);
    for (int i = 0; i < 100; i++)
        arena_alloc(&arena, 500);
    arena_reset(&arena, 4096);
    assert_int_equal(arena.used, 0);
    assert_true(arena.held > 0 && arena.held <= 4096);
    size_t held = arena.held;
    for (int i = 0; i < 4; i++)
        arena_alloc(&arena, 500);
    assert_int_equal(arena.held, held); /* the kept chunks are used again */
    arena_free(&arena);
}

static void reset_releases_a_giant_and_keeps_the_rest(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024);
    arena_alloc(&arena, 1 << 20);
    arena_alloc(&arena, 10);
    arena_reset(&arena, 64 * 1024);
    assert_int_equal(arena.held, 1024);
    arena_free(&arena);
}

static void steady_use_holds_steady_memory(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    size_t held = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 300; i++)
            arena_alloc(&arena, (size_t)(1 + i % 200));
        if (round == 0)
            held = arena.held;
        assert_int_equal(arena.held, held);
        arena_reset(&arena, 1 << 20);
    }
    arena_free(&arena);
}

static void copies(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64);
    assert_memory_equal(arena_copy(&arena, "a\0b", 3), "a\0b", 3);
    assert_non_null(arena_copy(&arena, NULL, 0));
    assert_string_equal(arena_string(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_string(&arena, NULL, 0), "");
    assert_string_equal(arena_format(&arena, "%s %05d", "x", 42), "x 00042");
    arena_free(&arena);
}

static void rewind_releases_only_what_came_later(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 128);
    char *early = arena_string(&arena, "early", 5);
    char *wide = arena_alloc(&arena, 1000);
    memset(wide, 3, 1000);
    struct arena_mark mark = arena_mark(&arena);
    size_t used = arena.used;
    char *first = arena_alloc(&arena, 40);
    for (int i = 0; i < 50; i++)
        arena_alloc(&arena, 100);
    size_t held = arena.held;
    arena_rewind(&arena, mark);
    assert_int_equal(arena.used, used);
    assert_int_equal(arena.held, held);
    assert_string_equal(early, "early");
    assert_int_equal(wide[999], 3);
    assert_ptr_equal(arena_alloc(&arena, 40), first);
    for (int i = 0; i < 50; i++)
        memset(arena_alloc(&arena, 100), 9, 100);
    assert_int_equal(arena.held, held);
    assert_string_equal(early, "early");
    assert_int_equal(wide[0], 3);
    arena_free(&arena);
}

static void rewind_to_the_empty_arena(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 128);
    struct arena_mark mark = arena_mark(&arena);
    for (int i = 0; i < 10; i++)
        arena_alloc(&arena, 100);
    size_t held = arena.held;
    arena_rewind(&arena, mark);
    assert_int_equal(arena.used, 0);
    for (int i = 0; i < 10; i++)
        arena_alloc(&arena, 100);
    assert_int_equal(arena.held, held);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_allocation),
        cmocka_unit_test(memory_is_aligned_and_distinct),
        cmocka_unit_test(large_requests_get_their_own_chunk),
        cmocka_unit_test(reset_keeps_at_most_what_it_is_told),
        cmocka_unit_test(reset_releases_a_giant_and_keeps_the_rest),
        cmocka_unit_test(steady_use_holds_steady_memory),
        cmocka_unit_test(copies),
        cmocka_unit_test(rewind_releases_only_what_came_later),
        cmocka_unit_test(rewind_to_the_empty_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
