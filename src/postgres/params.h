/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params: query parameters in PostgreSQL's binary form: one array per column, built in one buffer
 * that is reused from batch to batch. libpq copies them when they are sent. It owns that buffer
 * (params_free) and borrows nothing.
 */
#ifndef PACTOLUS_POSTGRES_PARAMS_H
#define PACTOLUS_POSTGRES_PARAMS_H

#include "base/buf.h"
#include "record/record.h"

#include <libpq-fe.h>

enum { PARAMS_MAX = CONTRACT_COLUMNS_MAX + 32 };

struct params {
    struct buf bytes;
    size_t starts[PARAMS_MAX]; /* offsets: the buffer may move while it grows */
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    const char *values[PARAMS_MAX]; /* filled by params_finish */
    unsigned count;
    size_t array_nulls; /* where the open array's has-null flag stands */
};

void params_reset(struct params *params);
void params_free(struct params *params);
/* Resolve the pointers; call once, right before sending. */
void params_finish(struct params *params);

void params_int8(struct params *params, int64_t value);
void params_text(struct params *params, const char *text);

/* An array of `n` elements of type `oid`, followed by exactly n element calls. */
void params_array(struct params *params, uint32_t oid, unsigned n);

/* A dozen elements for every row: inlined. */
static inline char *params_room(struct params *params, size_t bytes)
{
    struct buf *buf = &params->bytes;
    char *at =
        buf->capacity - buf->length > bytes ? buf->data + buf->length : buf_reserve(buf, bytes);
    buf->length += bytes;
    return at;
}

static inline void params_element(struct params *params, const void *data, int32_t length)
{
    if (length < 0) { /* NULL */
        be32_store(params_room(params, 4), UINT32_MAX);
        be32_store(params->bytes.data + params->array_nulls, 1);
        return;
    }
    char *at = params_room(params, 4 + (size_t)length);
    be32_store(at, (uint32_t)length);
    if (length > 0)
        __builtin_memcpy(at + 4, data, (size_t)length);
}

static inline void params_element_int8(struct params *params, int64_t value)
{
    char *at = params_room(params, 12);
    be32_store(at, 8);
    be64_store(at + 4, (uint64_t)value);
}

static inline void params_element_int4(struct params *params, int32_t value)
{
    char *at = params_room(params, 8);
    be32_store(at, 4);
    be32_store(at + 4, (uint32_t)value);
}

void params_element_text(struct params *params, const char *text);
void params_element_span(struct params *params, struct span span); /* absent = NULL */

#endif
