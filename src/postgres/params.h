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
void params_element(struct params *params, const void *data, int32_t length); /* -1 = NULL */
void params_element_int8(struct params *params, int64_t value);
void params_element_int4(struct params *params, int32_t value);
void params_element_text(struct params *params, const char *text);
void params_element_span(struct params *params, struct span span); /* absent = NULL */

#endif
