/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void buf_free(struct buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->length = buf->capacity = 0;
    buf->failed = false;
}

void buf_reset(struct buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t bytes)
{
    size_t limit = buf->limit ? buf->limit : SIZE_MAX / 4;
    if (buf->failed || buf->length > limit || bytes > limit - buf->length) {
        buf->failed = true;
        return NULL;
    }
    size_t wanted = buf->length + bytes + 1; /* the NUL */
    if (wanted > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity * 2 : FIRST_CAPACITY;
        if (capacity < wanted)
            capacity = wanted;
        /* Never hold much more than the limit allows to be used. */
        if (capacity - 1 > limit)
            capacity = limit + 1;
        buf->data = mem_grow(buf->data, capacity, 1);
        buf->capacity = capacity;
    }
    return buf->data + buf->length;
}

static void advance(struct buf *buf, size_t bytes)
{
    buf->length += bytes;
    buf->data[buf->length] = '\0';
}

void buf_put(struct buf *buf, const void *data, size_t length)
{
    char *at = buf_reserve(buf, length);
    if (!at)
        return;
    if (length)
        memcpy(at, data, length);
    advance(buf, length);
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_put(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    char *at = buf_reserve(buf, 1);
    if (!at)
        return;
    *at = c;
    advance(buf, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    if (buf->failed)
        return;
    va_list again;
    va_copy(again, args);
    /* Into the room that is there; usually it is enough and the text is formatted once. */
    size_t room = buf->capacity - buf->length;
    int length = vsnprintf(room ? buf->data + buf->length : NULL, room, format, args);
    if (length < 0) {
        buf->failed = true;
    } else if (buf_reserve(buf, (size_t)length)) {
        if ((size_t)length >= room)
            vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    /* A refused text must not stand half-written behind the end. */
    if (buf->failed && buf->data)
        buf->data[buf->length] = '\0';
    va_end(again);
}

void buf_put16(struct buf *buf, uint16_t value)
{
    char *at = buf_reserve(buf, 2);
    if (!at)
        return;
    be16_store(at, value);
    advance(buf, 2);
}

void buf_put32(struct buf *buf, uint32_t value)
{
    char *at = buf_reserve(buf, 4);
    if (!at)
        return;
    be32_store(at, value);
    advance(buf, 4);
}

void buf_put64(struct buf *buf, uint64_t value)
{
    char *at = buf_reserve(buf, 8);
    if (!at)
        return;
    be64_store(at, value);
    advance(buf, 8);
}

/* The letter after the backslash of a short escape (RFC 8259 §7), or 0. */
static char json_letter(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void buf_json_string(struct buf *buf, const char *text, size_t length)
{
    buf_putc(buf, '"');
    size_t plain = 0; /* where the run of unescaped bytes begins */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(buf, text + plain, i - plain);
        plain = i + 1;
        char letter = json_letter(c);
        if (letter) {
            buf_putc(buf, '\\');
            buf_putc(buf, letter);
        } else {
            buf_printf(buf, "\\u%04x", (unsigned)c);
        }
    }
    if (length > plain)
        buf_put(buf, text + plain, length - plain);
    buf_putc(buf, '"');
}

void buf_base64(struct buf *buf, const void *data, size_t length)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    size_t bytes = (length / 3 + (length % 3 != 0)) * 4;
    char *out = buf_reserve(buf, bytes);
    if (!out)
        return;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        *out++ = letters[group >> 18];
        *out++ = letters[group >> 12 & 63];
        *out++ = left > 1 ? letters[group >> 6 & 63] : '=';
        *out++ = left > 2 ? letters[group & 63] : '=';
    }
    advance(buf, bytes);
}

void buf_hex(struct buf *buf, const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = data;
    char *out = length > SIZE_MAX / 8 ? NULL : buf_reserve(buf, length * 2);
    if (!out) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    advance(buf, length * 2);
}
