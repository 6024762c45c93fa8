/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter: one dead letter as the ledger has it, for the relay and for people. What a query selects
 * with LETTER_COLUMNS from LETTER_TABLES, in binary form, letter_read takes. Everything lives in
 * the arena that it was given.
 */
#ifndef PACTOLUS_POSTGRES_LETTER_H
#define PACTOLUS_POSTGRES_LETTER_H

#include "base/memory.h"
#include "record/record.h"

#include <libpq-fe.h>

struct letter {
    int64_t id; /* 0: it comes from a DLQ topic */
    const char *stream, *dlq_topic, *topic;
    int32_t partition, attempts;
    int64_t offset, record_ts, order_ts;
    log_id log;                     /* 0: not known */
    const char *cluster, *topic_id; /* of its log; topic_id "" = no broker told it */
    const char *reason, *detail, *sqlstate, *contract;
    const char *state, *outcome;
    const char *first_failed, *last_failed; /* RFC 3339 */
    bool erased;                            /* key, value, headers and detail are blank */
    bool truncated;         /* from a DLQ topic that was too small for its value */
    struct span key, value; /* data NULL = null */
    struct header *headers;
    unsigned n_headers;
};

#define LETTER_RFC3339(column)                                                                     \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* clang-format off: it would break the text into words. */
#define LETTER_COLUMNS                                                                             \
    "d.dead_letter_id, s.name, d.dlq_topic, d.topic, d.partition, d.attempts, d.\"offset\","      \
    " d.record_ts, d.order_ts, d.log_id, l.cluster_id, l.topic_id, d.reason, d.detail,"            \
    " d.sqlstate, d.contract, d.state, d.outcome,"                                                 \
    " " LETTER_RFC3339("d.first_failed_at") ", " LETTER_RFC3339("d.last_failed_at") ","            \
    " d.erased_at IS NOT NULL, d.key, d.value, d.header_names, d.header_values"
#define LETTER_TABLES                                                                              \
    "pactolus.dead_letters d JOIN pactolus.streams s USING (stream_id)"                            \
    " JOIN pactolus.logs l USING (log_id)"
/* Its bytes as they are sent; known without reading the value. */
#define LETTER_BYTES                                                                               \
    "(coalesce(octet_length(d.key), 0)::int8 + coalesce(octet_length(d.value), 0)"                 \
    " + pg_column_size(d.header_values))"
/* clang-format on */

void letter_read(const PGresult *result, int row, struct arena *arena, struct letter *out);

/* The letter as a record again: borrows it. */
struct record letter_record(const struct letter *letter);

#endif
