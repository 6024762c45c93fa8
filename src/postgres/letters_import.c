/* SPDX-License-Identifier: Apache-2.0 */
/* Letters that a DLQ topic has go back into a ledger that lost them. */
#include "postgres/cells.h"
#include "postgres/letters.h"
#include "postgres/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool letters_find_log(PGconn *conn, const struct letter *letter, log_id *log, struct err *err)
{
    char partition[16];
    snprintf(partition, sizeof partition, "%d", (int)letter->partition);
    const char *params[] = {letter->cluster, letter->topic, letter->topic_id, partition};
    /* An id that was never told fits the only incarnation, if there is but one. */
    PGresult *result = conn_query(
        conn,
        "SELECT l.log_id FROM pactolus.logs l WHERE l.cluster_id = $1 AND l.topic = $2"
        "   AND l.partition = $4::int4 AND (l.topic_id = $3 OR ('' IN ($3, l.topic_id)"
        "       AND NOT EXISTS (SELECT FROM pactolus.logs o WHERE o.cluster_id = l.cluster_id"
        "                         AND o.topic = l.topic AND o.incarnation <> l.incarnation)))"
        " ORDER BY l.incarnation DESC LIMIT 1",
        4, params, err);
    if (!result)
        return false;
    *log = PQntuples(result) ? cells_number(result, 0, 0) : 0;
    PQclear(result);
    return true;
}

/* As a claim makes it. */
static bool make_log(PGconn *conn, const struct letter *letter, unsigned topic_version, log_id *log,
                     struct err *err)
{
    char partition[16], version[16];
    snprintf(partition, sizeof partition, "%d", (int)letter->partition);
    snprintf(version, sizeof version, "%u", topic_version);
    const char *params[] = {letter->cluster, letter->topic, letter->topic_id, version, partition};
    return cells_only_number(
        conn_query(conn, "SELECT pactolus.log_of($1, $2, $3, $4::int4, $5::int4)", 5, params, err),
        log);
}

static char *header_names(const struct letter *letter)
{
    struct buf out = BUF_INIT;
    const char **names = mem_zero(letter->n_headers + 1, sizeof *names);
    for (unsigned i = 0; i < letter->n_headers; i++)
        names[i] = letter->headers[i].name;
    conn_text_array(&out, names, letter->n_headers);
    free(names);
    return out.data;
}

static char *header_values(const struct letter *letter)
{
    struct buf out = BUF_INIT;
    buf_putc(&out, '{');
    for (unsigned i = 0; i < letter->n_headers; i++) {
        const struct span *value = &letter->headers[i].value;
        buf_puts(&out, i ? "," : "");
        buf_puts(&out, value->data ? "\"\\\\x" : "NULL");
        if (!value->data)
            continue;
        buf_hex(&out, value->data, value->length);
        buf_putc(&out, '"');
    }
    buf_putc(&out, '}');
    return out.data;
}

/* The id of the letter in the ledger, 0 when it is not there. */
static bool find(PGconn *conn, unsigned stream_id, const struct letter *letter, log_id log,
                 int64_t *id, struct err *err)
{
    struct query query = {0};
    query_number(&query, stream_id);
    query_number(&query, log);
    query_number(&query, letter->offset);
    buf_puts(&query.text, "SELECT dead_letter_id FROM pactolus.dead_letters"
                          " WHERE stream_id = $1::int4 AND log_id = $2::int8"
                          "   AND \"offset\" = $3::int8");
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    if (!result)
        return false;
    *id = PQntuples(result) ? cells_number(result, 0, 0) : 0;
    PQclear(result);
    return true;
}

static bool insert(PGconn *conn, unsigned stream_id, const struct letter *letter, log_id log,
                   struct err *err)
{
    struct query query = {0};
    query_number(&query, stream_id);
    query_number(&query, log);
    query_text(&query, letter->topic);
    query_number(&query, letter->partition);
    query_number(&query, letter->offset);
    query_number(&query, letter->record_ts);
    query_number(&query, letter->order_ts);
    query_text(&query, letter->reason);
    query_text(&query, letter->detail);
    query_text(&query, letter->sqlstate);
    query_text(&query, letter->contract);
    query_bytes(&query, letter->key);
    query_bytes(&query, letter->value);
    query_take(&query, header_names(letter));
    query_take(&query, header_values(letter));
    query_number(&query, letter->attempts);
    query_text(&query, letter->first_failed);
    query_text(&query, letter->last_failed);
    query_text(&query, letter->dlq_topic);
    buf_puts(&query.text,
             "INSERT INTO pactolus.dead_letters (stream_id, log_id, topic, partition,"
             " \"offset\", record_ts, order_ts, reason, detail, sqlstate, contract, key, value,"
             " header_names, header_values, attempts, first_failed_at, last_failed_at, dlq_topic,"
             " relayed_at) VALUES ($1::int4, $2::int8, $3, $4::int4, $5::int8, $6::int8, $7::int8,"
             " $8, $9, $10, $11, $12::bytea, $13::bytea, $14::text[], $15::bytea[], $16::int4,"
             " coalesce(nullif($17, '')::timestamptz, now()),"
             " coalesce(nullif($18, '')::timestamptz, now()), $19, now())"
             " ON CONFLICT (stream_id, log_id, \"offset\") DO NOTHING");
    PGresult *result = query_run(&query, conn, false, err);
    query_free(&query);
    PQclear(result);
    return result != NULL;
}

bool letters_import(PGconn *conn, unsigned stream_id, const struct letter *letter,
                    const char *topic_id_now, unsigned topic_version, int64_t *id, struct err *err)
{
    log_id log = 0;
    *id = 0;
    if (!letters_find_log(conn, letter, &log, err))
        return false;
    bool todays = *letter->topic_id && strcmp(letter->topic_id, topic_id_now) == 0;
    if (!log && todays && !make_log(conn, letter, topic_version, &log, err))
        return false;
    if (!log)
        return true;
    /* Without its value it would be taken for a tombstone: then only the ledger's own serves. */
    return (letter->truncated || insert(conn, stream_id, letter, log, err)) &&
           find(conn, stream_id, letter, log, id, err);
}
