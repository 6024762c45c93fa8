/* SPDX-License-Identifier: Apache-2.0 */
#include "table/sql.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_INT8_ARRAY = 1016,
    OID_TEXT_ARRAY = 1009,
    OID_TIMESTAMPTZ_ARRAY = 1185
};

/* The scalar parameters after the arrays, in order: stream, owner, lane and these. */
static const char *const account_columns[] = {"consumed", "deduplicated", "dead_lettered",
                                              "other_types"};
enum { N_ACCOUNT_COLUMNS = 4, N_ACCOUNT_PARAMS = 3 + N_ACCOUNT_COLUMNS };

void sql_identifier(struct buf *out, const char *name)
{
    buf_putc(out, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            buf_putc(out, '"');
        buf_putc(out, *c);
    }
    buf_putc(out, '"');
}

void sql_literal(struct buf *out, const char *text)
{
    bool escapes = strchr(text, '\\') != NULL;
    if (escapes)
        buf_putc(out, 'E');
    buf_putc(out, '\'');
    for (const char *c = text; *c; c++) {
        if (*c == '\'' || (*c == '\\' && escapes))
            buf_putc(out, *c);
        buf_putc(out, *c);
    }
    buf_putc(out, '\'');
}

void sql_qualified(struct buf *out, const char *schema, const char *name)
{
    sql_identifier(out, schema);
    buf_putc(out, '.');
    sql_identifier(out, name);
}

/* The generation is the upper 15 bits of the log. */
void sql_place(struct buf *out, bool versioned, const char *of)
{
    buf_putc(out, '(');
    if (versioned)
        buf_printf(out, "%s._version, ", of);
    buf_printf(out, "%s._log >> 48, %s._order_ts, %s._log, %s._offset)", of, of, of, of);
}

/* A statement in the making: its text, and the types of its parameters. */
struct draft {
    const struct layout *layout;
    struct buf text;
    uint32_t *oids;
    unsigned n_params;
    unsigned log_param; /* number of the _log array: its length is the number of rows sent */
};

static unsigned draft_param(struct draft *draft, uint32_t oid)
{
    draft->oids = mem_grow(draft->oids, draft->n_params + 1, sizeof *draft->oids);
    draft->oids[draft->n_params] = oid;
    return ++draft->n_params;
}

/* One item of the SELECT list, which unnests in step with all others (they have one length). */
static void draft_source(struct draft *draft, const struct layout_column *column)
{
    struct buf *text = &draft->text;
    unsigned param;
    switch (column->book) {
    case BOOK_NONE:
        if (column->array) {
            /* unnest flattens arrays of arrays, so each array travels as the text of its literal.
             */
            param = draft_param(draft, OID_TEXT_ARRAY);
            buf_printf(text, "unnest($%u::text[])::%s[]", param, column->type->cast);
        } else {
            param = draft_param(draft, column->type->array_oid);
            buf_printf(text, "unnest($%u::%s[])", param, column->type->cast);
        }
        return;
    case BOOK_LOADED_AT:
        buf_puts(text, "now()");
        return;
    case BOOK_DELETED_AT:
        buf_printf(text, "unnest($%u::timestamptz[])", draft_param(draft, OID_TIMESTAMPTZ_ARRAY));
        return;
    case BOOK_VERSION:
    case BOOK_LOG:
    case BOOK_OFFSET:
    case BOOK_ORDER_TS:
        param = draft_param(draft, OID_INT8_ARRAY);
        if (column->book == BOOK_LOG)
            draft->log_param = param;
        buf_printf(text, "unnest($%u::int8[])", param);
        return;
    }
    assert(false && "a bookkeeping column that sql does not know");
}

static void draft_insert(struct draft *draft)
{
    const struct layout *layout = draft->layout;
    struct buf *text = &draft->text;
    buf_puts(text, "INSERT INTO ");
    sql_qualified(text, layout->schema, layout->table);
    buf_puts(text, " AS t (");
    for (unsigned i = 0; i < layout->n_columns; i++) {
        buf_puts(text, i ? ", " : "");
        sql_identifier(text, layout->columns[i].name);
    }
    buf_puts(text, ") SELECT ");
    for (unsigned i = 0; i < layout->n_columns; i++) {
        buf_puts(text, i ? ", " : "");
        draft_source(draft, &layout->columns[i]);
    }
}

static void draft_assign(struct draft *draft, const struct layout_column *column, bool soft)
{
    struct buf *text = &draft->text;
    sql_identifier(text, column->name);
    buf_puts(text, " = ");
    /* A tombstone's row has no values: what is personal or secret goes with the delete. */
    bool keep =
        soft && column->book == BOOK_NONE && column->classification < CLASSIFICATION_PERSONAL;
    buf_puts(text, keep ? "CASE WHEN excluded._deleted_at IS NULL THEN excluded." : "excluded.");
    sql_identifier(text, column->name);
    if (keep) {
        buf_puts(text, " ELSE t.");
        sql_identifier(text, column->name);
        buf_puts(text, " END");
    }
}

static void draft_conflict(struct draft *draft, bool soft)
{
    const struct layout *layout = draft->layout;
    struct buf *text = &draft->text;
    buf_puts(text, " ON CONFLICT (");
    for (unsigned i = 0; i < layout->n_key; i++) {
        buf_puts(text, i ? ", " : "");
        sql_identifier(text, layout->columns[layout->key[i]].name);
    }
    if (layout->append) {
        buf_puts(text, ") DO NOTHING");
        return;
    }
    buf_puts(text, ") DO UPDATE SET ");
    const char *between = "";
    for (unsigned i = 0; i < layout->n_columns; i++) {
        if (layout->columns[i].key_position >= 0)
            continue;
        buf_puts(text, between);
        draft_assign(draft, &layout->columns[i], soft);
        between = ", ";
    }
    buf_puts(text, " WHERE ");
    sql_place(text, draft->layout->versioned, "excluded");
    buf_puts(text, " >= ");
    sql_place(text, draft->layout->versioned, "t");
}

/* Books what the caller counted and what the statement counts. The row is found by what it is, and
 * made anew when it is not there: after a failover to a standby that was behind, the row that was
 * opened at the claim may be gone, and its number may be another's. */
static void draft_account(struct draft *draft, const char *counted_here)
{
    struct buf *text = &draft->text;
    buf_puts(text, "INSERT INTO pactolus.accounts AS a (stream_id, owner, lane, ");
    for (unsigned i = 0; i < N_ACCOUNT_COLUMNS; i++)
        buf_printf(text, "%s, ", account_columns[i]);
    unsigned stream = draft_param(draft, OID_INT8), owner = draft_param(draft, OID_TEXT),
             lane = draft_param(draft, OID_INT8);
    buf_printf(text, "applied, stale) SELECT $%u::int8::int4, $%u::text::uuid, $%u::int8::int4, ",
               stream, owner, lane);
    for (unsigned i = 0; i < N_ACCOUNT_COLUMNS; i++)
        buf_printf(text, "$%u::int8, ", draft_param(draft, OID_INT8));
    buf_printf(text, "%s ON CONFLICT (stream_id, owner, lane) DO UPDATE SET ", counted_here);
    for (unsigned i = 0; i < N_ACCOUNT_COLUMNS; i++)
        buf_printf(text, "%s = a.%s + excluded.%s, ", account_columns[i], account_columns[i],
                   account_columns[i]);
    buf_puts(text, "applied = a.applied + excluded.applied, stale = a.stale + excluded.stale, "
                   "updated_at = now()");
}

static void draft_rows(struct draft *draft, enum statement kind)
{
    struct buf *text = &draft->text;
    bool upsert = kind != STATEMENT_INSERT;
    bool blind = kind == STATEMENT_UPSERT_BLIND || kind == STATEMENT_UPSERT_SOFT_BLIND;
    bool soft = kind == STATEMENT_UPSERT_SOFT || kind == STATEMENT_UPSERT_SOFT_BLIND;
    buf_puts(text, "WITH up AS (");
    draft_insert(draft);
    if (upsert)
        draft_conflict(draft, soft);
    /* xmax of a row that was inserted is 0; of one that ON CONFLICT locked and updated, our own
     * transaction. Comparing xid with an integer costs less than its text form. */
    bool sees_met = upsert && !blind && !draft->layout->append;
    buf_printf(text, " RETURNING %s), done AS (SELECT count(*) AS written, %s AS fresh FROM up) ",
               sees_met ? "t.xmax = 0 AS fresh" : "1",
               sees_met ? "count(*) FILTER (WHERE up.fresh)"
               : blind  ? "0::int8"
                        : "count(*)");
    char counted[128];
    snprintf(counted, sizeof counted, "d.written, cardinality($%u) - d.written FROM done AS d",
             draft->log_param);
    draft_account(draft, counted);
    buf_printf(text,
               " RETURNING (SELECT d.written FROM done AS d) AS written,"
               " (SELECT cardinality($%u) - d.fresh FROM done AS d) AS met",
               draft->log_param);
}

static void draft_finish(struct draft *draft, struct statement_text *out)
{
    assert(!draft->text.failed);
    out->sql = draft->text.data;
    out->n_params = draft->n_params;
    out->param_oids = draft->oids;
}

static void draft_redrive(struct draft *draft, enum statement kind)
{
    draft_insert(draft);
    draft_conflict(draft, kind == STATEMENT_REDRIVE_SOFT);
    buf_puts(&draft->text, " RETURNING t._log, t._offset");
}

void sql_statements(const struct layout *layout, struct statement_text out[STATEMENT_COUNT])
{
    for (int kind = 0; kind < STATEMENT_COUNT; kind++) {
        struct draft draft = {.layout = layout};
        if (kind == STATEMENT_ACCOUNT) {
            draft_account(&draft, "0, 0");
            buf_puts(&draft.text, " RETURNING 0::int8 AS written, 0::int8 AS met");
        } else if (kind == STATEMENT_REDRIVE || kind == STATEMENT_REDRIVE_SOFT) {
            draft_redrive(&draft, (enum statement)kind);
        } else {
            draft_rows(&draft, (enum statement)kind);
        }
        draft_finish(&draft, &out[kind]);
    }
    assert(out[STATEMENT_ACCOUNT].n_params == N_ACCOUNT_PARAMS);
}

void sql_free(struct statement_text out[STATEMENT_COUNT])
{
    for (int kind = 0; kind < STATEMENT_COUNT; kind++) {
        free(out[kind].sql);
        free(out[kind].param_oids);
        out[kind] = (struct statement_text){0};
    }
}
