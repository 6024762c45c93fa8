/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sample.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void insert(struct layout *layout, unsigned at, struct layout_column column)
{
    layout->columns = mem_grow(layout->columns, layout->n_columns + 1, sizeof *layout->columns);
    memmove(&layout->columns[at + 1], &layout->columns[at],
            (layout->n_columns - at) * sizeof *layout->columns);
    column.unit = column.null_means = "";
    layout->columns[at] = column;
    layout->n_columns++;
}

static void book(struct layout *layout, const char *name, enum book which)
{
    enum type_id type = which >= BOOK_LOADED_AT ? TYPE_TIMESTAMPTZ : TYPE_BIGINT;
    int key = -1;
    if (layout->append && (which == BOOK_LOG || which == BOOK_OFFSET)) {
        key = which == BOOK_LOG ? 0 : 1;
        layout->key[layout->n_key++] = layout->n_columns;
    }
    insert(layout, layout->n_columns,
           (struct layout_column){.name = name,
                                  .type = type_of(type),
                                  .key_position = key,
                                  .book = which,
                                  .comment = ""});
}

void sample_add(struct layout *layout, const char *name, enum type_id type, bool array,
                bool required, const char *comment)
{
    insert(layout, layout->n_data,
           (struct layout_column){.name = name,
                                  .type = type_of(type),
                                  .array = array,
                                  .required = required,
                                  .key_position = -1,
                                  .comment = comment});
    layout->n_data++;
    for (unsigned i = 0; layout->append && i < layout->n_key; i++)
        layout->key[i]++;
}

struct layout *sample_layout(bool versioned, bool append)
{
    struct layout *layout = mem_zero(1, sizeof *layout);
    layout->schema = "data";
    layout->table = "sample";
    layout->view_schema = "sample_v1";
    layout->view = "sample";
    layout->versioned = versioned;
    layout->append = append;
    sample_add(layout, "id", TYPE_TEXT, false, true, "Which one");
    sample_add(layout, "amount", TYPE_BIGINT, false, true, "How much, in the owner's cents");
    sample_add(layout, "note", TYPE_TEXT, false, false, "");
    sample_add(layout, "tags", TYPE_TEXT, true, true, "");
    if (!append) {
        layout->columns[0].key_position = 0;
        layout->key[layout->n_key++] = 0;
    }
    if (versioned)
        book(layout, "_version", BOOK_VERSION);
    book(layout, "_log", BOOK_LOG);
    book(layout, "_offset", BOOK_OFFSET);
    book(layout, "_order_ts", BOOK_ORDER_TS);
    book(layout, "_loaded_at", BOOK_LOADED_AT);
    book(layout, "_deleted_at", BOOK_DELETED_AT);
    return layout;
}

void sample_free(struct layout *layout)
{
    free(layout->columns);
    free(layout);
}
