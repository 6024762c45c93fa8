/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/layout.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bookkeeping columns, in their order. The time columns of a place stay bigint: Kafka's timestamps
 * are any 64-bit number, and order must not depend on what timestamptz can hold. */
static const struct {
    const char *name, *comment;
    enum book book;
    enum type_id type;
    bool required;
} books[] = {
    {"_version", "version of the row, from the contract's version field", BOOK_VERSION, TYPE_BIGINT,
     true},
    {"_log", "where the record lives: generation, topic and partition, packed", BOOK_LOG,
     TYPE_BIGINT, true},
    {"_offset", "offset of the record in its log", BOOK_OFFSET, TYPE_BIGINT, true},
    {"_order_ts", "greatest record timestamp of the log up to here, ms since 1970", BOOK_ORDER_TS,
     TYPE_BIGINT, true},
    {"_loaded_at", "when the row was last written", BOOK_LOADED_AT, TYPE_TIMESTAMPTZ, true},
    {"_deleted_at", "when the row was deleted; NULL = it is there", BOOK_DELETED_AT,
     TYPE_TIMESTAMPTZ, false},
};

enum { BOOKS = sizeof books / sizeof *books };

static void fault(struct errs *errs, const struct contract *contract, const char *text,
                  const char *object)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "contract %s and the first contract of its table %s%s",
            contract->name, text, object);
    err_place(&err, "%s:%d", contract->message->file, contract->message->line);
    err_hint(&err, "contracts that write one table agree on mode, key, version and column types");
    errs_add(errs, &err);
}

static const char *key_name(const struct contract *contract, unsigned i)
{
    return contract->columns[contract->key[i]].name;
}

static bool same_key(const struct contract *a, const struct contract *b)
{
    if (a->n_key != b->n_key)
        return false;
    for (unsigned i = 0; i < a->n_key; i++) {
        if (strcmp(key_name(a, i), key_name(b, i)) != 0)
            return false;
    }
    return true;
}

static void check_agreement(const struct contract *first, const struct contract *contract,
                            struct errs *errs)
{
    if (contract->mode != first->mode)
        fault(errs, contract, "differ in mode (upsert, append)", "");
    else if (!same_key(first, contract))
        fault(errs, contract, "differ in their key columns", "");
    if ((contract->version >= 0) != (first->version >= 0))
        fault(errs, contract, "differ in having a version field", "");
}

static int find_column(const struct layout *layout, const char *name)
{
    for (unsigned i = 0; i < layout->n_data; i++) {
        if (strcmp(layout->columns[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static enum classification classified(const struct column *column)
{
    enum classification classification;
    bool known = classification_parse(column->classification, &classification);
    assert(known); /* contract/mapping refuses what is none */
    return known ? classification : CLASSIFICATION_SECRET;
}

/* The first contract that says something is believed, but for what must be kept closely: there the
 * strictest is. */
static void join_facts(struct layout_column *have, const struct column *column)
{
    enum classification classification = classified(column);
    if (!*have->comment && column->comment)
        have->comment = column->comment;
    if (!*have->unit)
        have->unit = column->unit;
    if (!*have->null_means)
        have->null_means = column->null_means;
    if (classification > have->classification)
        have->classification = classification;
}

/* Add one contract's column, or find it among those that are there. Returns its index. */
static int join_column(struct layout *layout, const struct contract *contract,
                       const struct column *column, struct errs *errs)
{
    int at = find_column(layout, column->name);
    if (at < 0) {
        /* A later contract's column is absent in rows of the contracts before it. */
        layout->columns[layout->n_data] = (struct layout_column){
            .name = column->name,
            .type = column->type,
            .array = column->array,
            .required = !column->nullable && contract == layout->contracts[0],
            .key_position = contract->mode == CONTRACT_APPEND ? -1 : column->key_position,
            .comment = column->comment ? column->comment : "",
            .unit = column->unit,
            .null_means = column->null_means,
            .classification = classified(column),
            .source = column,
            .of = contract,
        };
        return (int)layout->n_data++;
    }
    struct layout_column *have = &layout->columns[at];
    join_facts(have, column);
    if (have->type->id != column->type->id || have->array != column->array ||
        strcmp(have->type->sql, column->type->sql) != 0)
        fault(errs, contract, "give different types to column ", column->name);
    have->required = have->required && !column->nullable;
    return at;
}

static void join_contract(struct layout *layout, unsigned index, struct errs *errs)
{
    const struct contract *contract = layout->contracts[index];
    int *from = layout->from[index];
    for (unsigned i = 0; i < contract->n_columns; i++) {
        int at = join_column(layout, contract, &contract->columns[i], errs);
        from[at] = (int)i;
    }
    for (unsigned i = 0; i < layout->n_data; i++) {
        if (from[i] < 0)
            layout->columns[i].required = false;
    }
}

static void add_books(struct layout *layout)
{
    layout->n_columns = layout->n_data;
    for (unsigned i = 0; i < BOOKS; i++) {
        if (books[i].book == BOOK_VERSION && !layout->versioned)
            continue;
        bool key = layout->append && (books[i].book == BOOK_LOG || books[i].book == BOOK_OFFSET);
        if (key)
            layout->key[layout->n_key] = layout->n_columns;
        layout->columns[layout->n_columns++] = (struct layout_column){
            .name = books[i].name,
            .type = type_of(books[i].type),
            .required = books[i].required,
            .key_position = key ? (int)layout->n_key++ : -1,
            .book = books[i].book,
            .comment = books[i].comment,
            .unit = "",
            .null_means = "",
        };
    }
}

struct layout *layout_make(const struct contract *const *contracts, unsigned n_contracts,
                           struct errs *errs)
{
    assert(n_contracts > 0);
    const struct contract *first = contracts[0];
    struct layout *layout = mem_zero(1, sizeof *layout);
    unsigned before = errs->count;
    size_t room = 0;
    for (unsigned i = 0; i < n_contracts; i++)
        room += contracts[i]->n_columns;
    layout->columns = mem_zero(room + BOOKS, sizeof *layout->columns);
    layout->from = mem_zero(n_contracts, sizeof *layout->from);
    layout->contracts = contracts;
    layout->n_contracts = n_contracts;
    layout->append = first->mode == CONTRACT_APPEND;
    layout->versioned = first->version >= 0;
    layout->schema = first->schema;
    layout->table = first->table;
    layout->view_schema = first->view_schema;
    layout->view = first->view;
    for (unsigned i = 0; i < n_contracts; i++) {
        layout->from[i] = mem_alloc(room * sizeof **layout->from + 1);
        memset(layout->from[i], 0xff, room * sizeof **layout->from); /* all -1 */
        if (i)
            check_agreement(first, contracts[i], errs);
        join_contract(layout, i, errs);
    }
    if (layout->n_data > CONTRACT_COLUMNS_MAX)
        fault(errs, first, "have more columns together than a table may have", "");
    if (!layout->append) {
        layout->n_key = first->n_key;
        for (unsigned i = 0; i < first->n_key; i++)
            layout->key[i] = (unsigned)find_column(layout, key_name(first, i));
    }
    add_books(layout);
    if (errs->count == before)
        return layout;
    layout_free(layout);
    return NULL;
}

void layout_free(struct layout *layout)
{
    if (!layout)
        return;
    for (unsigned i = 0; i < layout->n_contracts; i++)
        free(layout->from[i]);
    free(layout->from);
    free(layout->columns);
    free(layout);
}
