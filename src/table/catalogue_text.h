/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_text: what the forms of the catalogue share: how texts of strangers are written in
 * each, and the facts of streams and columns as words. Comments come from .proto files that others
 * wrote: nothing of them may become markup.
 */
#ifndef PACTOLUS_TABLE_CATALOGUE_TEXT_H
#define PACTOLUS_TABLE_CATALOGUE_TEXT_H

#include "table/catalogue.h"
#include "table/shape.h"

/* A double-quoted scalar of YAML, which dbt does not take for one of its templates either. */
void catalogue_yaml(struct buf *out, const char *text);
/* Text, or the value of a quoted attribute. */
void catalogue_escape(struct buf *out, const char *text);
/* A line of a table's cell: no markup, no line breaks. */
void catalogue_cell(struct buf *out, const char *text);
/* The same, as code. */
void catalogue_code(struct buf *out, const char *text);

/* "schema.view", quoted where SQL wants it. */
void catalogue_relation(struct buf *out, const char *schema, const char *name);
/* "text[]": as psql shows it. */
void catalogue_type(struct buf *out, const struct layout_column *column);
/* The contract whose options describe the stream: its first. */
const struct contract *catalogue_contract(const struct catalogue_stream *stream);
/* The names that an enum column holds; NULL for any other column. */
const struct enum_type *catalogue_enum(const struct layout_column *column);
/* The field's path when it is not the column's name, else NULL. */
const char *catalogue_field(const struct layout_column *column);

/* One row of what a view is: "one row per order_id", … */
struct catalogue_fact {
    const char *name;
    char *text;
};
enum { CATALOGUE_FACTS_MAX = 12 };
/* The stream's facts, those that are known; returns how many. Freed by catalogue_facts_free. */
unsigned catalogue_facts(const struct catalogue_stream *stream,
                         struct catalogue_fact facts[CATALOGUE_FACTS_MAX]);
void catalogue_facts_free(struct catalogue_fact *facts, unsigned count);

#endif
