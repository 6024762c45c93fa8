/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: growable bytes with a memory of failure.
 *
 * Write freely, check once: when a write would pass `limit`, the buffer keeps `failed` and drops
 * all further writes. The buffer owns `data`; buf_free releases it, buf_reset keeps the memory.
 * `data` is always NUL-terminated after a write (the NUL is not counted in `length`).
 * Also holds `struct span`, the borrowed view of bytes that the whole code base uses.
 */
#ifndef PACTOLUS_BASE_BUF_H
#define PACTOLUS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns. data == NULL means absent (a null), which differs from empty. */
struct span {
    const char *data;
    size_t length;
};

struct buf {
    char *data;
    size_t length, capacity;
    size_t limit; /* 0 = no limit */
    bool failed;
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

void buf_free(struct buf *buf);
void buf_reset(struct buf *buf);
/* Make room for `bytes` more and return where they go; the caller adds to `length` what it wrote.
 * NULL when the limit is passed. */
char *buf_reserve(struct buf *buf, size_t bytes);
void buf_put(struct buf *buf, const void *data, size_t length);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Big-endian integers, as PostgreSQL's binary format and Confluent's framing want them. */
void buf_put16(struct buf *buf, uint16_t value);
void buf_put32(struct buf *buf, uint32_t value);
void buf_put64(struct buf *buf, uint64_t value);
/* A JSON string with quotes; control characters are escaped, UTF-8 passes as it is. */
void buf_json_string(struct buf *buf, const char *text, size_t length);
/* Standard base64 with padding (proto3 JSON of bytes). */
void buf_base64(struct buf *buf, const void *data, size_t length);
/* Lower-case hex. */
void buf_hex(struct buf *buf, const void *data, size_t length);

/* Store and read big-endian integers at any address. */
static inline void be16_store(void *at, uint16_t v)
{
    v = __builtin_bswap16(v);
    __builtin_memcpy(at, &v, 2);
}
static inline void be32_store(void *at, uint32_t v)
{
    v = __builtin_bswap32(v);
    __builtin_memcpy(at, &v, 4);
}
static inline void be64_store(void *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    __builtin_memcpy(at, &v, 8);
}
static inline uint16_t be16_load(const void *at)
{
    uint16_t v;
    __builtin_memcpy(&v, at, 2);
    return __builtin_bswap16(v);
}
static inline uint32_t be32_load(const void *at)
{
    uint32_t v;
    __builtin_memcpy(&v, at, 4);
    return __builtin_bswap32(v);
}
static inline uint64_t be64_load(const void *at)
{
    uint64_t v;
    __builtin_memcpy(&v, at, 8);
    return __builtin_bswap64(v);
}

static inline bool span_is(struct span span, const char *text)
{
    return span.data && span.length == __builtin_strlen(text) &&
           __builtin_memcmp(span.data, text, span.length) == 0;
}

#endif
