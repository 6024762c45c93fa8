/* SPDX-License-Identifier: Apache-2.0 */
#include "table/shape.h"

#include "base/memory.h"
#include "contract/fingerprint.h"
#include "table/sql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the bookkeeping columns mean, for those who meet them in the table. */
static const char *const book_comments[] = {
    [BOOK_NONE] = "",
    [BOOK_VERSION] = "Pactolus: the record's version; the greater wins its key",
    [BOOK_LOG] = "Pactolus: where the record lives (pactolus.logs)",
    [BOOK_OFFSET] = "Pactolus: the record's offset in its log",
    [BOOK_ORDER_TS] = "Pactolus: greatest record timestamp (ms) of the log up to this record",
    [BOOK_LOADED_AT] = "Pactolus: when the row was written",
    [BOOK_DELETED_AT] = "Pactolus: when the key was deleted; null for a row that stands",
};

void shape_names_add(char ***names, unsigned *count, const char *name)
{
    *names = mem_grow(*names, *count + 1, sizeof **names);
    (*names)[(*count)++] = mem_string(name);
}

bool shape_names_have(char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

void shape_names_free(char **names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static void name_fit(const char *whole, const char *tail, char out[SHAPE_NAME_MAX + 1])
{
    enum { HASH = 8 };
    size_t length = strlen(whole), tail_length = strlen(tail);
    if (length <= SHAPE_NAME_MAX) {
        memcpy(out, whole, length + 1);
        return;
    }
    char hash[FINGERPRINT_LENGTH + 1];
    fingerprint_hex((struct span){whole, length}, hash);
    size_t keep = SHAPE_NAME_MAX - tail_length - 1 - HASH;
    while (keep > 0 && ((unsigned char)whole[keep] & 0xc0) == 0x80)
        keep--;
    int written =
        snprintf(out, SHAPE_NAME_MAX + 1, "%.*s_%.*s%s", (int)keep, whole, HASH, hash, tail);
    assert(written > 0 && written <= SHAPE_NAME_MAX);
}

void shape_constraint_name(const char *table, const char *column, const char *suffix,
                           char out[SHAPE_NAME_MAX + 1])
{
    char *tail = mem_format("_%s", suffix);
    char *whole = mem_format("%s%s%s%s", table, column ? "_" : "", column ? column : "", tail);
    name_fit(whole, tail, out);
    free(whole);
    free(tail);
}

void shape_view_all(const char *view, char out[SHAPE_NAME_MAX + 1])
{
    char *whole = mem_format("%s_all", view);
    name_fit(whole, "_all", out);
    free(whole);
}

const struct shape_column *shape_column(const struct shape *shape, const char *name)
{
    for (unsigned i = 0; i < shape->n_columns; i++)
        if (strcmp(shape->columns[i].name, name) == 0)
            return &shape->columns[i];
    return NULL;
}

/* The field that a data column is fed from, of the first contract that has it; NULL if unknown. */
static const struct field_type *source_field(const struct layout *layout, unsigned column)
{
    for (unsigned i = 0; i < layout->n_contracts; i++) {
        int from = layout->from[i][column];
        if (from >= 0)
            return layout->contracts[i]->columns[from].field;
    }
    return NULL;
}

/* What a record that was written before the column existed would give: proto's zero value. */
static char *column_zero(const struct layout *layout, unsigned i)
{
    const struct layout_column *column = &layout->columns[i];
    const struct field_type *field = source_field(layout, i);
    if (column->array)
        return mem_string("'{}'");
    if (column->type->id == TYPE_JSONB && field && field->map)
        return mem_string("'{}'");
    if (column->type->id == TYPE_JSONB && field && field->repeated)
        return mem_string("'[]'");
    if (column->type->id == TYPE_ENUM && field && field->enumeration) {
        const char *name = enum_type_name(field->enumeration, 0);
        struct buf literal = BUF_INIT;
        sql_literal(&literal, name ? name : "0");
        return literal.data;
    }
    return column->type->zero ? mem_string(column->type->zero) : NULL;
}

static void want_column(struct shape *shape, const struct layout *layout, unsigned i)
{
    const struct layout_column *from = &layout->columns[i];
    struct shape_column *to = &shape->columns[i];
    const char *comment =
        from->comment && *from->comment ? from->comment : book_comments[from->book];
    to->name = mem_string(from->name);
    to->type = mem_format("%s%s", from->type->sql, from->array ? "[]" : "");
    to->comment = mem_string(comment);
    /* A tombstone's row may lack every other column. */
    to->not_null =
        from->key_position >= 0 || (from->book != BOOK_NONE && from->book != BOOK_DELETED_AT);
    if (from->book != BOOK_NONE)
        return;
    if (from->required && from->key_position < 0)
        to->zero = column_zero(layout, i);
    if (from->required && from->key_position < 0)
        shape_names_add(&shape->required, &shape->n_required, from->name);
    shape_names_add(&shape->view_columns, &shape->n_view_columns, from->name);
    shape_names_add(&shape->view_all_columns, &shape->n_view_all_columns, from->name);
}

static const char *table_comment(const struct layout *layout)
{
    const struct contract *contract = layout->n_contracts ? layout->contracts[0] : NULL;
    if (!contract)
        return "";
    if (contract->description && *contract->description)
        return contract->description;
    return contract->message && contract->message->comment ? contract->message->comment : "";
}

struct shape *shape_want(const struct layout *layout)
{
    char name[SHAPE_NAME_MAX + 1];
    struct shape *shape = mem_zero(1, sizeof *shape);
    shape->schema = mem_string(layout->schema);
    shape->table = mem_string(layout->table);
    shape->view_schema = mem_string(layout->view_schema);
    shape->view = mem_string(layout->view);
    shape->comment = mem_string(table_comment(layout));
    shape_constraint_name(layout->table, NULL, "pkey", name);
    shape->key_constraint = mem_string(name);
    shape->columns = mem_zero(layout->n_columns, sizeof *shape->columns);
    shape->n_columns = layout->n_columns;
    for (unsigned i = 0; i < layout->n_columns; i++)
        want_column(shape, layout, i);
    for (unsigned i = 0; i < layout->n_key; i++)
        shape_names_add(&shape->key, &shape->n_key, layout->columns[layout->key[i]].name);
    for (unsigned i = layout->n_data; i < layout->n_columns; i++)
        shape_names_add(&shape->view_all_columns, &shape->n_view_all_columns,
                        layout->columns[i].book == BOOK_ORDER_TS ? "_order_time"
                                                                 : layout->columns[i].name);
    shape->schema_exists = shape->view_schema_exists = true;
    shape->exists = shape->view_exists = shape->view_all_exists = true;
    return shape;
}

void shape_want_readers(struct shape *shape, const char *const *roles, unsigned n)
{
    shape->readers = mem_zero(n + 1, sizeof *shape->readers);
    shape->n_readers = n;
    for (unsigned i = 0; i < n; i++)
        shape->readers[i] = (struct shape_reader){mem_string(roles[i]), true, true, true, true};
}

static void view_free(struct shape_view *view)
{
    for (unsigned i = 0; i < view->n_grants; i++) {
        free(view->grants[i].role);
        free(view->grants[i].privilege);
        free(view->grants[i].column);
    }
    free(view->grants);
    shape_names_free(view->types, view->n_types);
    shape_names_free(view->comments, view->n_comments);
    shape_names_free(view->defaults, view->n_defaults);
    shape_names_free(view->users, view->n_users);
    free(view->print);
    free(view->owner);
    free(view->options);
    free(view->comment);
}

void shape_free(struct shape *shape)
{
    if (!shape)
        return;
    for (unsigned i = 0; i < shape->n_columns; i++) {
        free(shape->columns[i].name);
        free(shape->columns[i].type);
        free(shape->columns[i].comment);
        free(shape->columns[i].zero);
    }
    free(shape->columns);
    shape_names_free(shape->key, shape->n_key);
    shape_names_free(shape->required, shape->n_required);
    shape_names_free(shape->view_columns, shape->n_view_columns);
    shape_names_free(shape->view_all_columns, shape->n_view_all_columns);
    shape_names_free(shape->unvalidated, shape->n_unvalidated);
    shape_names_free(shape->users, shape->n_users);
    view_free(&shape->view_has);
    view_free(&shape->view_all_has);
    for (unsigned i = 0; i < shape->n_readers; i++)
        free(shape->readers[i].role);
    free(shape->readers);
    free(shape->schema);
    free(shape->table);
    free(shape->key_constraint);
    free(shape->comment);
    free(shape->view_schema);
    free(shape->view);
    free(shape);
}
