/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/tallies.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

enum { TOPIC_ARRAYS = 7, UNKNOWN_ARRAYS = 4, NUMBER_TEXT = 24 };

/* One element of an array literal, quoted. */
static void put_element(struct buf *array, const char *text)
{
    buf_puts(array, array->length ? ",\"" : "{\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_putc(array, '\\');
        buf_putc(array, *text);
    }
    buf_putc(array, '"');
}

static void put_number(struct buf *array, int64_t number)
{
    buf_printf(array, "%s%" PRId64, array->length ? "," : "{", number);
}

/* Calls `sql` with the stream and these arrays, which it closes. */
static bool call(PGconn *conn, const char *sql, unsigned stream_id, struct buf *arrays, unsigned n,
                 struct err *err)
{
    const char *params[TOPIC_ARRAYS + 1];
    char stream[NUMBER_TEXT];
    snprintf(stream, sizeof stream, "%u", stream_id);
    params[0] = stream;
    for (unsigned i = 0; i < n; i++) {
        buf_putc(&arrays[i], '}');
        params[i + 1] = arrays[i].data;
    }
    PGresult *result = conn_query(conn, sql, n + 1, params, err);
    PQclear(result);
    return result != NULL;
}

static void free_arrays(struct buf *arrays, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_free(&arrays[i]);
}

static bool add_topics(PGconn *conn, unsigned stream_id, const struct topic_tally *topics,
                       unsigned n, struct err *err)
{
    struct buf arrays[TOPIC_ARRAYS] = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT,
                                       BUF_INIT, BUF_INIT, BUF_INIT};
    for (unsigned i = 0; i < n; i++) {
        put_element(&arrays[0], topics[i].topic);
        put_element(&arrays[1], topics[i].contract);
        put_number(&arrays[2], topics[i].version);
        put_element(&arrays[3], topics[i].status);
        put_element(&arrays[4], topics[i].sunset);
        put_number(&arrays[5], (int64_t)topics[i].records);
        put_number(&arrays[6], topics[i].newest);
    }
    bool good = call(conn,
                     "SELECT pactolus.tally_topics($1::int4, $2::text[], $3::text[], $4::int4[],"
                     "                             $5::text[], $6::text[], $7::int8[], $8::int8[])",
                     stream_id, arrays, TOPIC_ARRAYS, err);
    free_arrays(arrays, TOPIC_ARRAYS);
    return good;
}

static bool add_unknowns(PGconn *conn, unsigned stream_id, const struct unknown_tally *unknowns,
                         unsigned n, struct err *err)
{
    struct buf arrays[UNKNOWN_ARRAYS] = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    for (unsigned i = 0; i < n; i++) {
        put_element(&arrays[0], unknowns[i].enumeration ? "enum" : "field");
        put_element(&arrays[1], unknowns[i].type_name);
        put_number(&arrays[2], unknowns[i].number);
        put_number(&arrays[3], (int64_t)unknowns[i].times);
    }
    bool good = call(conn,
                     "SELECT pactolus.tally_unknowns($1::int4, $2::text[], $3::text[], $4::int4[],"
                     "                               $5::int8[])",
                     stream_id, arrays, UNKNOWN_ARRAYS, err);
    free_arrays(arrays, UNKNOWN_ARRAYS);
    return good;
}

bool tallies_add(PGconn *conn, unsigned stream_id, const struct topic_tally *topics,
                 unsigned n_topics, const struct unknown_tally *unknowns, unsigned n_unknowns,
                 struct err *err)
{
    struct err ignored;
    if (!conn_exec(conn, "BEGIN", err))
        return false;
    if ((n_topics == 0 || add_topics(conn, stream_id, topics, n_topics, err)) &&
        (n_unknowns == 0 || add_unknowns(conn, stream_id, unknowns, n_unknowns, err)))
        return conn_exec(conn, "COMMIT", err);
    (void)!conn_exec(conn, "ROLLBACK", &ignored);
    return false;
}
