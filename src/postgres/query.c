/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/query.h"

#include "base/memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void query_free(struct query *query)
{
    buf_free(&query->text);
    for (unsigned i = 0; i < query->n; i++)
        free(query->values[i]);
    query->n = 0;
}

unsigned query_take(struct query *query, char *value)
{
    assert(query->n < QUERY_PARAMS);
    query->values[query->n++] = value;
    return query->n;
}

unsigned query_text(struct query *query, const char *value)
{
    return query_take(query, mem_string(value));
}

unsigned query_number(struct query *query, int64_t value)
{
    return query_take(query, mem_format("%" PRId64, value));
}

unsigned query_time(struct query *query, usec_t wall)
{
    char text[32];
    return query_text(query, clock_text(wall, text));
}

unsigned query_bytes(struct query *query, struct span bytes)
{
    struct buf text = BUF_INIT;
    if (!bytes.data)
        return query_take(query, NULL);
    buf_puts(&text, "\\x");
    buf_hex(&text, bytes.data, bytes.length);
    return query_take(query, text.data);
}

unsigned query_numbers(struct query *query, const int64_t *first, size_t stride, unsigned n)
{
    struct buf array = BUF_INIT;
    buf_putc(&array, '{');
    for (unsigned i = 0; i < n; i++)
        buf_printf(&array, "%s%" PRId64, i ? "," : "",
                   *(const int64_t *)(const void *)((const char *)first + i * stride));
    buf_putc(&array, '}');
    return query_take(query, array.data);
}

unsigned query_column(struct query *query, const char *const *first, size_t stride, unsigned n)
{
    const char **items = mem_zero(n + 1, sizeof *items);
    for (unsigned i = 0; i < n; i++)
        items[i] = *(const char *const *)(const void *)((const char *)first + i * stride);
    unsigned number = query_texts(query, items, n);
    free(items);
    return number;
}

unsigned query_texts(struct query *query, const char *const *items, unsigned n)
{
    struct buf array = BUF_INIT;
    conn_text_array(&array, items, n);
    return query_take(query, array.data);
}

PGresult *query_run(const struct query *query, PGconn *conn, bool binary, struct err *err)
{
    assert(!query->text.failed);
    PGresult *result = PQexecParams(conn, query->text.data, (int)query->n, NULL,
                                    (const char *const *)query->values, NULL, NULL, binary);
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
        return result;
    conn_error(err, conn, result);
    PQclear(result);
    return NULL;
}
