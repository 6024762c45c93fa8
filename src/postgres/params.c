/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/params.h"

#include <assert.h>
#include <string.h>

void params_reset(struct params *params)
{
    buf_reset(&params->bytes);
    params->count = 0;
}

void params_free(struct params *params)
{
    buf_free(&params->bytes);
}

/* The parameter that is being written ends where the buffer ends. */
static void close_last(struct params *params)
{
    if (params->count == 0)
        return;
    unsigned last = params->count - 1;
    params->lengths[last] = (int)(params->bytes.length - params->starts[last]);
}

void params_finish(struct params *params)
{
    close_last(params);
    for (unsigned i = 0; i < params->count; i++)
        params->values[i] = params->bytes.data + params->starts[i];
}

static void begin(struct params *params)
{
    assert(params->count < PARAMS_MAX);
    close_last(params);
    params->starts[params->count] = params->bytes.length;
    params->formats[params->count++] = 1;
}

void params_int8(struct params *params, int64_t value)
{
    begin(params);
    buf_put64(&params->bytes, (uint64_t)value);
}

void params_text(struct params *params, const char *text)
{
    begin(params);
    buf_puts(&params->bytes, text);
}

void params_array(struct params *params, uint32_t oid, unsigned n)
{
    begin(params);
    char *head = buf_reserve(&params->bytes, 20);
    be32_store(head, n ? 1 : 0); /* dimensions */
    be32_store(head + 4, 0);     /* has nulls: set by the first one */
    be32_store(head + 8, oid);
    params->array_nulls = params->bytes.length + 4;
    if (n) {
        be32_store(head + 12, n);
        be32_store(head + 16, 1); /* lower bound */
    }
    params->bytes.length += n ? 20 : 12;
}

void params_element_text(struct params *params, const char *text)
{
    params_element(params, text, (int32_t)strlen(text));
}

void params_element_span(struct params *params, struct span span)
{
    params_element(params, span.data, span.data ? (int32_t)span.length : -1);
}
