/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/statements.h"

#include "base/text.h"
#include "table/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum oid { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

const char statement_advance[] =
    "select pactolus.advance($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], "
    "$6::int8[], $7::int8[], $8::int8[], $9::int8[])";

/* Arrays of arrays travel as text literals: unnest would flatten them. A record that failed before
 * keeps its row; what was redriven and fails anew is open again. */
const char statement_letters[] =
    "insert into pactolus.dead_letters as d (stream_id, dlq_topic, log_id, topic, partition, "
    "\"offset\", record_ts, order_ts, reason, detail, sqlstate, contract, key, value, "
    "header_names, header_values, attempts) "
    "select $1::int8::int4, $2::text, unnest($3::int8[]), unnest($4::text[]), unnest($5::int4[]), "
    "unnest($6::int8[]), unnest($7::int8[]), unnest($8::int8[]), unnest($9::text[]), "
    "unnest($10::text[]), unnest($11::text[]), unnest($12::text[]), unnest($13::bytea[]), "
    "unnest($14::bytea[]), unnest($15::text[])::text[], unnest($16::text[])::bytea[], "
    "unnest($17::int4[]) "
    "on conflict (stream_id, log_id, \"offset\") do update set "
    "attempts = d.attempts + excluded.attempts, "
    "last_failed_at = now(), reason = excluded.reason, detail = excluded.detail, "
    "sqlstate = excluded.sqlstate, "
    "state = case when d.state = 'redriven' then 'open' else d.state end";

/* One int8[] over all moves. */
#define MOVES(field)                                                                               \
    do {                                                                                           \
        params_array(params, OID_INT8, batch->n_moves);                                            \
        for (unsigned i = 0; i < batch->n_moves; i++)                                              \
            params_element_int8(params, batch->moves[i].field);                                    \
    } while (0)

void statement_advance_params(struct params *params, const struct batch *batch)
{
    params_reset(params);
    MOVES(cursor_id);
    MOVES(fence);
    MOVES(token);
    MOVES(expected);
    MOVES(next);
    MOVES(order_ts);
    MOVES(consumed);
    MOVES(gaps);
    MOVES(skipped);
}

static void bookkeeping(struct params *params, const struct layout *layout,
                        const struct row_values *values)
{
    unsigned n = values->n_rows;
    if (layout->versioned) {
        params_array(params, OID_INT8, n);
        for (unsigned i = 0; i < n; i++)
            params_element_int8(params, values->order[i].row->place.version);
    }
    params_array(params, OID_INT8, n);
    for (unsigned i = 0; i < n; i++)
        params_element_int8(params, values->order[i].row->place.log);
    params_array(params, OID_INT8, n);
    for (unsigned i = 0; i < n; i++)
        params_element_int8(params, values->order[i].row->place.offset);
    params_array(params, OID_INT8, n);
    for (unsigned i = 0; i < n; i++)
        params_element_int8(params, values->order[i].row->place.order_ts);
    params_array(params, OID_TIMESTAMPTZ, n);
    for (unsigned i = 0; i < n; i++) {
        if (values->order[i].row->tombstone)
            params_element_int8(params,
                                values->order[i].row->deleted_at - INT64_C(946684800000000));
        else
            params_element(params, NULL, -1);
    }
}

struct row_values statement_row_values(const struct batch *batch)
{
    return (struct row_values){.order = batch->order,
                               .n_rows = batch->n_rows,
                               .consumed = batch->consumed,
                               .deduplicated = batch->deduplicated,
                               .dead_lettered = batch->n_letters,
                               .other_types = batch->other_types};
}

static void rows(struct params *params, const struct layout *layout,
                 const struct row_values *values)
{
    for (unsigned c = 0; c < layout->n_data; c++) {
        const struct layout_column *column = &layout->columns[c];
        params_array(params, column->array ? OID_TEXT : column->type->oid, values->n_rows);
        for (unsigned i = 0; i < values->n_rows; i++) {
            const struct cell *cell = &values->order[i].row->cells[c];
            params_element(params, cell->data, cell->length);
        }
    }
    bookkeeping(params, layout, values);
}

void statement_row_params(struct params *params, const struct layout *layout,
                          const struct row_values *values, const struct account *account)
{
    params_reset(params);
    if (values->n_rows)
        rows(params, layout, values);
    params_int8(params, account->stream_id);
    params_text(params, account->owner);
    params_int8(params, account->lane);
    params_int8(params, values->consumed);
    params_int8(params, values->deduplicated);
    params_int8(params, values->dead_lettered);
    params_int8(params, values->other_types);
}

void statement_redrive_params(struct params *params, const struct layout *layout,
                              const struct row_values *values)
{
    params_reset(params);
    rows(params, layout, values);
}

/* A headers' name or value array as an array literal. */
static void header_names(struct buf *out, const struct kept_record *record)
{
    buf_reset(out);
    buf_putc(out, '{');
    for (unsigned i = 0; i < record->n_headers; i++) {
        buf_puts(out, i ? ",\"" : "\"");
        const char *name = record->headers[i].name;
        if (!text_utf8_valid(name, strlen(name))) { /* Kafka takes any bytes, text does not */
            buf_puts(out, "hex:");
            buf_hex(out, name, strlen(name));
            name = "";
        }
        for (const char *at = name; *at; at++) {
            if (*at == '"' || *at == '\\')
                buf_putc(out, '\\');
            buf_putc(out, *at);
        }
        buf_putc(out, '"');
    }
    buf_putc(out, '}');
}

static void header_values(struct buf *out, const struct kept_record *record)
{
    buf_reset(out);
    buf_putc(out, '{');
    for (unsigned i = 0; i < record->n_headers; i++) {
        const struct span *value = &record->headers[i].value;
        if (i)
            buf_putc(out, ',');
        if (!value->data) {
            buf_puts(out, "NULL");
            continue;
        }
        buf_puts(out, "\"\\\\x");
        buf_hex(out, value->data, value->length);
        buf_putc(out, '"');
    }
    buf_putc(out, '}');
}

#define LETTERS(oid, element)                                                                      \
    do {                                                                                           \
        params_array(params, oid, n);                                                              \
        for (unsigned i = 0; i < n; i++) {                                                         \
            const struct dead_letter *letter = &letters[i];                                        \
            const struct kept_record *record = letter->record;                                     \
            (void)record;                                                                          \
            element;                                                                               \
        }                                                                                          \
    } while (0)

void statement_letters_params(struct params *params, unsigned stream_id,
                              const struct dead_letter *letters, unsigned n, const char *dlq_topic)
{
    struct buf text = BUF_INIT;
    params_reset(params);
    params_int8(params, stream_id);
    params_text(params, dlq_topic);
    LETTERS(OID_INT8, params_element_int8(params, letter->place.log));
    LETTERS(OID_TEXT, params_element_text(params, record->topic));
    LETTERS(OID_INT4, params_element_int4(params, record->partition));
    LETTERS(OID_INT8, params_element_int8(params, letter->place.offset));
    LETTERS(OID_INT8, params_element_int8(params, record->timestamp));
    LETTERS(OID_INT8, params_element_int8(params, letter->place.order_ts));
    LETTERS(OID_TEXT, params_element_text(params, reason_name(letter->reason)));
    LETTERS(OID_TEXT, params_element_text(params, letter->detail));
    LETTERS(OID_TEXT, params_element_text(params, letter->sqlstate));
    LETTERS(OID_TEXT, params_element_text(params, record->contract));
    LETTERS(OID_BYTEA, params_element_span(params, record->key));
    LETTERS(OID_BYTEA, params_element_span(params, record->value));
    LETTERS(OID_TEXT, {
        header_names(&text, record);
        params_element(params, text.data, (int32_t)text.length);
    });
    LETTERS(OID_TEXT, {
        header_values(&text, record);
        params_element(params, text.data, (int32_t)text.length);
    });
    LETTERS(OID_INT4, params_element_int4(params, (int32_t)letter->attempts));
    buf_free(&text);
}

void statement_name(char name[STATEMENT_NAME_MAX], unsigned stream_id, unsigned edition,
                    enum statement kind)
{
    snprintf(name, STATEMENT_NAME_MAX, "s%u_%u_%d", stream_id, edition, (int)kind);
}

bool statement_is_key(const struct layout *layout, const char *constraint)
{
    char name[CONTRACT_NAME_MAX + 1];
    shape_constraint_name(layout->table, NULL, "pkey", name);
    return strcmp(name, constraint) == 0;
}

bool statements_known(const struct statements *statements, const char *name)
{
    for (unsigned i = 0; i < statements->count; i++)
        if (strcmp(statements->names[i], name) == 0)
            return true;
    return false;
}

void statements_add(struct statements *statements, const char *name)
{
    if (statements->count == statements->capacity) {
        statements->capacity = statements->capacity * 2 + 8;
        statements->names =
            mem_grow(statements->names, statements->capacity, sizeof(*statements->names));
    }
    snprintf(statements->names[statements->count++], STATEMENT_NAME_MAX, "%s", name);
}

void statements_remove(struct statements *statements, const char *name)
{
    for (unsigned i = 0; i < statements->count; i++)
        if (strcmp(statements->names[i], name) == 0) {
            unsigned last = --statements->count;
            memmove(statements->names[i], statements->names[last], STATEMENT_NAME_MAX);
            return;
        }
}

void statements_free(struct statements *statements)
{
    free(statements->names);
    *statements = (struct statements){0};
}
