/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue as dbt's sources.yml: a source per schema, a table per view. dbt's freshness wants
 * a column that says when a row was loaded; that is in <view>_all alone, so the check is there. It
 * knows no better than the newest row: pactolus.freshness tells an idle topic from a late one.
 */
#include "base/clock.h"
#include "base/text.h"
#include "table/catalogue_text.h"

#include <inttypes.h>
#include <string.h>

/* `indent` spaces, then NAME: "text". Nothing when there is no text. */
static void line(struct buf *out, int indent, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buf_printf(out, "%*s%s: ", indent, "", name);
    catalogue_yaml(out, text);
    buf_putc(out, '\n');
}

/* dbt counts whole minutes, hours or days: rounded up, in the greatest unit that divides. */
static void freshness(struct buf *out, const char *target)
{
    enum { INDENT = 8 };
    static const struct {
        const char *name;
        int64_t minutes;
    } periods[] = {{"day", 1440}, {"hour", 60}, {"minute", 1}};
    int64_t microseconds = 0;
    if (!*target || !text_parse_duration(target, &microseconds))
        return;
    int64_t minutes = (microseconds + 60 * USEC_PER_SEC - 1) / (60 * USEC_PER_SEC);
    unsigned at = 0;
    while (minutes % periods[at].minutes)
        at++;
    buf_printf(out, "%*sloaded_at_field: \"_loaded_at\"\n", INDENT, "");
    buf_printf(out, "%*sfreshness:\n%*swarn_after: {count: %" PRId64 ", period: %s}\n", INDENT, "",
               INDENT + 2, "", minutes / periods[at].minutes, periods[at].name);
}

static void values(struct buf *out, int indent, const struct enum_type *type)
{
    if (!type)
        return;
    buf_printf(out, "%*svalues: [", indent, "");
    for (unsigned i = 0; i < type->n_by_number; i++) {
        buf_puts(out, i ? ", " : "");
        catalogue_yaml(out, type->by_number[i].name);
    }
    buf_puts(out, "]\n");
}

static void column(struct buf *out, const struct layout_column *column)
{
    enum { INDENT = 12 };
    struct buf type = BUF_INIT;
    catalogue_type(&type, column);
    buf_puts(out, "          - name: ");
    catalogue_yaml(out, column->name);
    buf_putc(out, '\n');
    line(out, INDENT, "description", column->comment);
    line(out, INDENT, "data_type", type.data);
    if (column->source) {
        buf_printf(out, "%*smeta:\n", INDENT, "");
        line(out, INDENT + 2, "contract", column->of->name);
        line(out, INDENT + 2, "field", column->source->origin);
        line(out, INDENT + 2, "owner", column->of->owner);
        line(out, INDENT + 2, "unit", column->unit);
        line(out, INDENT + 2, "classification", classification_name(column->classification));
        line(out, INDENT + 2, "null_means", column->null_means);
        if (column->key_position >= 0)
            buf_printf(out, "%*skey: true\n", INDENT + 2, "");
        values(out, INDENT + 2, catalogue_enum(column));
    }
    buf_free(&type);
}

static void table_meta(struct buf *out, const struct catalogue_stream *stream)
{
    enum { INDENT = 10 };
    static const char *const statuses[] = {[CONTRACT_ACTIVE] = "active",
                                           [CONTRACT_DRAFT] = "draft",
                                           [CONTRACT_DEPRECATED] = "deprecated"};
    const struct contract *contract = catalogue_contract(stream);
    buf_printf(out, "        meta:\n%*stopics: [", INDENT, "");
    for (unsigned i = 0; i < stream->n_topics; i++) {
        buf_puts(out, i ? ", " : "");
        catalogue_yaml(out, stream->topics[i].name);
    }
    buf_puts(out, "]\n");
    line(out, INDENT, "stream", stream->name);
    line(out, INDENT, "contract", contract->name);
    line(out, INDENT, "owner", contract->owner);
    line(out, INDENT, "notify", contract->notify);
    line(out, INDENT, "freshness", contract->freshness);
    line(out, INDENT, "retention", contract->retention);
    line(out, INDENT, "status", statuses[contract->status]);
    line(out, INDENT, "sunset", contract->sunset);
}

static void table(struct buf *out, const struct catalogue_stream *stream, bool all)
{
    const struct layout *layout = stream->layout;
    const struct contract *contract = catalogue_contract(stream);
    char twin[SHAPE_NAME_MAX + 1];
    struct buf text = BUF_INIT;
    shape_view_all(layout->view, twin);
    buf_puts(&text, contract->description);
    if (all)
        buf_printf(&text, "%sWith deleted rows and bookkeeping, for incremental models.",
                   text.length ? "\n" : "");
    buf_puts(out, "      - name: ");
    catalogue_yaml(out, all ? twin : layout->view);
    buf_putc(out, '\n');
    line(out, 8, "description", text.data);
    if (all)
        freshness(out, contract->freshness);
    table_meta(out, stream);
    buf_puts(out, "        columns:\n");
    for (unsigned i = 0; i < layout->n_data; i++)
        column(out, &layout->columns[i]);
    for (unsigned i = layout->n_data; all && i < layout->n_columns; i++) {
        struct layout_column shown = layout->columns[i];
        if (shown.book == BOOK_ORDER_TS) { /* the view shows it as a time */
            shown.name = "_order_time";
            shown.type = type_of(TYPE_TIMESTAMPTZ);
            shown.comment = "greatest record timestamp of the log up to here";
        }
        column(out, &shown);
    }
    buf_free(&text);
}

void catalogue_dbt(const struct catalogue *catalogue, struct buf *out)
{
    const char *schema = NULL;
    buf_puts(out, "# Written by `pactolus contract docs --format dbt`: write it again rather than "
                  "change it.\nversion: 2\n");
    buf_puts(out, catalogue->n_streams ? "sources:\n" : "sources: []\n");
    for (unsigned i = 0; i < catalogue->n_streams; i++) {
        const struct catalogue_stream *stream = &catalogue->streams[i];
        if (!schema || strcmp(schema, stream->layout->view_schema) != 0) {
            schema = stream->layout->view_schema;
            buf_puts(out, "  - name: ");
            catalogue_yaml(out, schema);
            buf_puts(out, "\n    schema: ");
            catalogue_yaml(out, schema);
            buf_puts(out, "\n    tables:\n");
        }
        table(out, stream, false);
        table(out, stream, true);
    }
}
