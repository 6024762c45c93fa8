/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue as Markdown, for wikis and repositories. */
#include "table/catalogue_text.h"

static void fact_line(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "- **%s:** ", name);
    catalogue_cell(out, text);
    buf_putc(out, '\n');
}

static void values_text(struct buf *out, const struct enum_type *type)
{
    buf_puts(out, " Values: ");
    for (unsigned i = 0; i < type->n_by_number; i++) {
        buf_puts(out, i ? ", " : "");
        catalogue_code(out, type->by_number[i].name);
    }
    buf_putc(out, '.');
}

static void meaning(struct buf *out, const struct layout_column *column)
{
    const struct enum_type *type = catalogue_enum(column);
    const char *field = catalogue_field(column);
    catalogue_cell(out, column->comment);
    if (*column->unit) {
        buf_puts(out, " Unit: ");
        catalogue_cell(out, column->unit);
        buf_putc(out, '.');
    }
    if (*column->null_means) {
        buf_puts(out, " NULL: ");
        catalogue_cell(out, column->null_means);
        buf_putc(out, '.');
    }
    if (type)
        values_text(out, type);
    if (field) {
        buf_puts(out, " Field ");
        catalogue_code(out, field);
        buf_putc(out, '.');
    }
}

static void column_row(struct buf *out, const struct layout_column *column)
{
    struct buf type = BUF_INIT;
    catalogue_type(&type, column);
    buf_puts(out, "| ");
    catalogue_code(out, column->name);
    buf_puts(out, " | ");
    catalogue_code(out, type.data);
    buf_printf(out, " | %s | %s | ",
               column->key_position >= 0 ? "key"
               : column->required        ? "no"
                                         : "yes",
               classification_name(column->classification));
    meaning(out, column);
    buf_puts(out, " |\n");
    buf_free(&type);
}

static void view(struct buf *out, const struct catalogue_stream *stream)
{
    const struct layout *layout = stream->layout;
    struct catalogue_fact facts[CATALOGUE_FACTS_MAX];
    struct buf name = BUF_INIT;
    unsigned count = catalogue_facts(stream, facts);
    catalogue_relation(&name, layout->view_schema, layout->view);
    buf_puts(out, "\n## ");
    catalogue_code(out, name.data);
    buf_puts(out, "\n\n");
    if (*catalogue_contract(stream)->description) {
        catalogue_cell(out, catalogue_contract(stream)->description);
        buf_puts(out, "\n\n");
    }
    for (unsigned i = 0; i < count; i++)
        fact_line(out, facts[i].name, facts[i].text);
    buf_puts(out, "\n| column | type | may be NULL | classification | meaning |\n"
                  "| --- | --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < layout->n_data; i++)
        column_row(out, &layout->columns[i]);
    catalogue_facts_free(facts, count);
    buf_free(&name);
}

void catalogue_markdown(const struct catalogue *catalogue, struct buf *out)
{
    buf_puts(out,
             "<!-- Written by `pactolus contract docs --format markdown`: write it again rather "
             "than change it. -->\n# ");
    catalogue_cell(out, catalogue->title);
    buf_puts(out,
             "\n\nEach view has a twin whose name ends in `_all`, with deleted rows and "
             "bookkeeping. `pactolus.freshness` says how fresh a view is, `pactolus.columns` what "
             "its columns mean.\n");
    for (unsigned i = 0; i < catalogue->n_streams; i++)
        view(out, &catalogue->streams[i]);
}
