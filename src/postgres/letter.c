/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/letter.h"

#include "postgres/cells.h"

#include <assert.h>

/* In the order of LETTER_COLUMNS. */
enum letter_column {
    LETTER_ID,
    LETTER_STREAM,
    LETTER_DLQ_TOPIC,
    LETTER_TOPIC,
    LETTER_PARTITION,
    LETTER_ATTEMPTS,
    LETTER_OFFSET,
    LETTER_RECORD_TS,
    LETTER_ORDER_TS,
    LETTER_LOG,
    LETTER_CLUSTER,
    LETTER_TOPIC_ID,
    LETTER_REASON,
    LETTER_DETAIL,
    LETTER_SQLSTATE,
    LETTER_CONTRACT,
    LETTER_STATE,
    LETTER_OUTCOME,
    LETTER_FIRST_FAILED,
    LETTER_LAST_FAILED,
    LETTER_ERASED,
    LETTER_KEY,
    LETTER_VALUE,
    LETTER_HEADER_NAMES,
    LETTER_HEADER_VALUES,
};

static struct span value_span(const PGresult *result, int row, int column, struct arena *arena)
{
    size_t length = (size_t)PQgetlength(result, row, column);
    if (PQgetisnull(result, row, column))
        return (struct span){NULL, 0};
    return (struct span){arena_copy(arena, PQgetvalue(result, row, column), length), length};
}

/* The items of a one-dimensional array in binary form (array_send): dimensions, null flag and
 * element type, then per dimension its size and lower bound, then each item with its length before
 * it. */
struct array_reader {
    const char *at;
    unsigned left;
};

static struct array_reader array_begin(const PGresult *result, int row, int column)
{
    enum { HEADER = 12, DIMENSION = 8 };
    const char *bytes = PQgetvalue(result, row, column);
    if (PQgetisnull(result, row, column) || be32_load(bytes) == 0)
        return (struct array_reader){NULL, 0};
    assert(be32_load(bytes) == 1);
    return (struct array_reader){bytes + HEADER + DIMENSION, be32_load(bytes + HEADER)};
}

static struct span array_next(struct array_reader *reader)
{
    struct span item = {NULL, 0};
    if (reader->left == 0)
        return item;
    int32_t length = (int32_t)be32_load(reader->at);
    reader->left--;
    reader->at += 4;
    if (length >= 0) {
        item = (struct span){reader->at, (size_t)length};
        reader->at += length;
    }
    return item;
}

static void read_headers(const PGresult *result, int row, struct arena *arena,
                         struct letter *letter)
{
    struct array_reader names = array_begin(result, row, LETTER_HEADER_NAMES);
    struct array_reader values = array_begin(result, row, LETTER_HEADER_VALUES);
    letter->n_headers = names.left;
    letter->headers = arena_alloc(arena, (letter->n_headers + 1) * sizeof *letter->headers);
    for (unsigned i = 0; i < letter->n_headers; i++) {
        struct span name = array_next(&names), value = array_next(&values);
        if (value.data)
            value.data = arena_copy(arena, value.data, value.length);
        letter->headers[i] = (struct header){
            .name = arena_string(arena, name.data ? name.data : "", name.length), .value = value};
    }
}

static int32_t int4(const PGresult *result, int row, int column)
{
    return (int32_t)be32_load(PQgetvalue(result, row, column));
}

static int64_t int8(const PGresult *result, int row, int column)
{
    return (int64_t)be64_load(PQgetvalue(result, row, column));
}

void letter_read(const PGresult *result, int row, struct arena *arena, struct letter *out)
{
    *out = (struct letter){
        .id = int8(result, row, LETTER_ID),
        .stream = cells_text(result, row, LETTER_STREAM, arena),
        .dlq_topic = cells_text(result, row, LETTER_DLQ_TOPIC, arena),
        .topic = cells_text(result, row, LETTER_TOPIC, arena),
        .partition = int4(result, row, LETTER_PARTITION),
        .attempts = int4(result, row, LETTER_ATTEMPTS),
        .offset = int8(result, row, LETTER_OFFSET),
        .record_ts = int8(result, row, LETTER_RECORD_TS),
        .order_ts = int8(result, row, LETTER_ORDER_TS),
        .log = int8(result, row, LETTER_LOG),
        .cluster = cells_text(result, row, LETTER_CLUSTER, arena),
        .topic_id = cells_text(result, row, LETTER_TOPIC_ID, arena),
        .reason = cells_text(result, row, LETTER_REASON, arena),
        .detail = cells_text(result, row, LETTER_DETAIL, arena),
        .sqlstate = cells_text(result, row, LETTER_SQLSTATE, arena),
        .contract = cells_text(result, row, LETTER_CONTRACT, arena),
        .state = cells_text(result, row, LETTER_STATE, arena),
        .outcome = cells_text(result, row, LETTER_OUTCOME, arena),
        .first_failed = cells_text(result, row, LETTER_FIRST_FAILED, arena),
        .last_failed = cells_text(result, row, LETTER_LAST_FAILED, arena),
        .erased = *PQgetvalue(result, row, LETTER_ERASED) != 0,
        .key = value_span(result, row, LETTER_KEY, arena),
        .value = value_span(result, row, LETTER_VALUE, arena),
    };
    read_headers(result, row, arena, out);
}

static unsigned headers_of(const void *source, struct header *out, unsigned max)
{
    const struct letter *letter = source;
    for (unsigned i = 0; out && i < letter->n_headers && i < max; i++)
        out[i] = letter->headers[i];
    return letter->n_headers;
}

struct record letter_record(const struct letter *letter)
{
    return (struct record){
        .topic = letter->topic,
        .partition = letter->partition,
        .offset = letter->offset,
        .timestamp = letter->record_ts,
        .key = letter->key,
        .value = letter->value,
        .headers = headers_of,
        .source = letter,
    };
}
