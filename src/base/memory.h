/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory: allocation that cannot fail, and the arena.
 *
 * Every growth in Pactolus is bounded by a limit with a name (docs/operations.md, "Limits"), so
 * running out of memory is a broken promise of the machine, not a state to handle: the mem_*
 * functions print one line and abort.
 *
 * An arena hands out memory that is released all at once. A batch owns one; rows, cells and dead
 * letters live in it and are never freed singly. Built with ASan, the unused tail of each chunk is
 * poisoned, so misuse after a reset still shows.
 */
#ifndef PACTOLUS_BASE_MEMORY_H
#define PACTOLUS_BASE_MEMORY_H

#include <stddef.h>

void *mem_alloc(size_t bytes);                          /* uninitialised; never NULL */
void *mem_zero(size_t count, size_t size);              /* zeroed; overflow-checked */
void *mem_grow(void *block, size_t count, size_t size); /* realloc, overflow-checked */
char *mem_string(const char *text);                     /* a copy, to be freed with free() */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct arena_chunk;
struct arena {
    struct arena_chunk *first, *current;
    size_t chunk_bytes; /* size of a normal chunk; larger requests get their own */
    size_t used;        /* bytes handed out since the last reset */
    size_t held;        /* bytes held from the system */
};

/* A position to go back to: what was allocated after it is released by arena_rewind. */
struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used, used;
};

void arena_init(struct arena *arena, size_t chunk_bytes);
void arena_free(struct arena *arena);
/* Keep at most `keep` bytes of chunks for reuse, release the rest. */
void arena_reset(struct arena *arena, size_t keep);
void *arena_alloc(struct arena *arena, size_t bytes); /* 8-byte aligned, uninitialised */
void *arena_copy(struct arena *arena, const void *data, size_t bytes);
/* Copies `length` bytes of text and adds a NUL. */
char *arena_string(struct arena *arena, const char *text, size_t length);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

#endif
