/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
/* A poisoned gap after every allocation catches a write past its end as malloc's would. */
#define GAP 8
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define GAP                                    0
#endif

#define ALIGN 8

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "out of memory: %zu bytes wanted\n", bytes);
    abort();
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(SIZE_MAX);
    return bytes;
}

void *mem_alloc(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    if (!block)
        out_of_memory(bytes);
    return block;
}

void *mem_zero(size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *block = calloc(1, bytes ? bytes : 1);
    if (!block)
        out_of_memory(bytes);
    return block;
}

void *mem_grow(void *block, size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *grown = realloc(block, bytes ? bytes : 1);
    if (!grown)
        out_of_memory(bytes);
    return grown;
}

char *mem_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(mem_alloc(bytes), text, bytes);
}

char *mem_format(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        out_of_memory(0);
    return text;
}

/* Chunks form one list; those after `current` are empty and wait for reuse. */
struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    _Alignas(16) char bytes[];
};

static struct arena_chunk *chunk_new(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + size);
    *chunk = (struct arena_chunk){.size = size};
    ASAN_POISON_MEMORY_REGION(chunk->bytes, size);
    arena->held += size;
    return chunk;
}

static void chunk_free(struct arena *arena, struct arena_chunk *chunk)
{
    arena->held -= chunk->size;
    ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
    free(chunk);
}

static void chunk_cut(struct arena_chunk *chunk, size_t used)
{
    chunk->used = used;
    ASAN_POISON_MEMORY_REGION(chunk->bytes + used, chunk->size - used);
}

void arena_init(struct arena *arena, size_t chunk_bytes)
{
    assert(chunk_bytes > 0);
    *arena = (struct arena){.chunk_bytes = chunk_bytes};
}

void arena_free(struct arena *arena)
{
    arena_reset(arena, 0);
}

void arena_reset(struct arena *arena, size_t keep)
{
    struct arena_chunk *next, **link = &arena->first;
    size_t kept = 0;
    for (struct arena_chunk *chunk = arena->first; chunk; chunk = next) {
        next = chunk->next;
        if (chunk->size > keep - kept) {
            chunk_free(arena, chunk);
            continue;
        }
        kept += chunk->size;
        chunk_cut(chunk, 0);
        *link = chunk;
        link = &chunk->next;
    }
    *link = NULL;
    arena->current = arena->first;
    arena->used = 0;
}

/* Make a chunk with room for `bytes` current: the next one if it is large enough, else a new one
 * put before it. The rest of the old current is given up until the next reset or rewind, so that a
 * mark is a single position. */
static struct arena_chunk *arena_advance(struct arena *arena, size_t bytes)
{
    struct arena_chunk **link = arena->current ? &arena->current->next : &arena->first;
    if (!*link || (*link)->size < bytes) {
        struct arena_chunk *fresh =
            chunk_new(arena, bytes > arena->chunk_bytes ? bytes : arena->chunk_bytes);
        fresh->next = *link;
        *link = fresh;
    }
    return arena->current = *link;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        out_of_memory(bytes);
    size_t whole = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *chunk = arena->current;
    if (!chunk || chunk->size - chunk->used < whole + GAP)
        chunk = arena_advance(arena, whole + GAP);
    char *at = chunk->bytes + chunk->used;
    chunk->used += whole + GAP;
    arena->used += whole;
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
    return at;
}

void *arena_copy(struct arena *arena, const void *data, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

char *arena_string(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){
        .chunk = arena->current,
        .chunk_used = arena->current ? arena->current->used : 0,
        .used = arena->used,
    };
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    assert(mark.used <= arena->used);
    if (mark.chunk) {
        assert(mark.chunk_used <= mark.chunk->used);
        chunk_cut(mark.chunk, mark.chunk_used);
    }
    struct arena_chunk *chunk = mark.chunk ? mark.chunk->next : arena->first;
    for (; chunk; chunk = chunk->next)
        chunk_cut(chunk, 0);
    arena->current = mark.chunk ? mark.chunk : arena->first;
    arena->used = mark.used;
}
