/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue as one page of HTML that needs nothing else: style and script stand in it, and are
 * files of src/table/page. It reads without the script, which adds the search.
 */
#include "catalogue_embedded.h"
#include "table/catalogue_text.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static void asset(struct buf *out, const char *name)
{
    for (unsigned i = 0; i < catalogue_embedded_count; i++) {
        if (strcmp(catalogue_embedded[i].name, name) == 0) {
            buf_puts(out, catalogue_embedded[i].text);
            return;
        }
    }
    assert(false && "a part of the page that was not built in");
}

/* The name that links to a view have: letters, digits, dots, underscores and dashes as they are. */
static void put_id(struct buf *out, const struct layout *layout)
{
    const char *parts[] = {layout->view_schema, layout->view};
    for (unsigned i = 0; i < 2; i++) {
        buf_puts(out, i ? "." : "");
        for (const char *at = parts[i]; *at; at++) {
            if (isalnum((unsigned char)*at) || *at == '_' || *at == '-')
                buf_putc(out, *at);
            else
                buf_printf(out, "-%02x-", (unsigned char)*at);
        }
    }
}

static void put_tag(struct buf *out, const char *tag, const char *attributes, const char *text)
{
    buf_printf(out, "<%s%s>", tag, attributes);
    catalogue_escape(out, text);
    buf_printf(out, "</%s>", tag);
}

static void put_nav(struct buf *out, const struct catalogue *catalogue)
{
    const char *schema = NULL;
    buf_puts(out, "<nav aria-label=\"Views\">\n");
    for (unsigned i = 0; i < catalogue->n_streams; i++) {
        const struct layout *layout = catalogue->streams[i].layout;
        if (!schema || strcmp(schema, layout->view_schema) != 0) {
            buf_puts(out, schema ? "</ul></section>\n<section>" : "<section>");
            schema = layout->view_schema;
            put_tag(out, "h2", "", schema);
            buf_puts(out, "\n<ul>\n");
        }
        buf_puts(out, "<li><a href=\"#");
        put_id(out, layout);
        buf_puts(out, "\">");
        catalogue_escape(out, layout->view);
        buf_puts(out, "</a></li>\n");
    }
    buf_printf(out, "%s</nav>\n", schema ? "</ul></section>\n" : "");
}

static void put_marks(struct buf *out, const struct layout_column *column)
{
    bool close = column->classification >= CLASSIFICATION_PERSONAL;
    if (column->key_position >= 0)
        buf_puts(out, " <span class=\"mark\">key</span>");
    if (column->classification > CLASSIFICATION_PUBLIC)
        buf_printf(out, " <span class=\"mark%s\">%s</span>", close ? " close" : "",
                   classification_name(column->classification));
}

static void put_note(struct buf *out, const char *before, const char *text)
{
    if (!text || !*text)
        return;
    buf_printf(out, "<span class=\"note\">%s", before);
    catalogue_escape(out, text);
    buf_puts(out, "</span>");
}

static void put_values(struct buf *out, const struct enum_type *type)
{
    if (!type)
        return;
    buf_puts(out, "<ul class=\"values\" aria-label=\"Values\">");
    for (unsigned i = 0; i < type->n_by_number; i++) {
        buf_puts(out, "<li>");
        put_tag(out, "code", "", type->by_number[i].name);
        buf_puts(out, "</li>");
    }
    buf_puts(out, "</ul>");
}

static void put_column(struct buf *out, const struct layout_column *column)
{
    struct buf type = BUF_INIT;
    bool nullable = column->key_position < 0 && !column->required;
    catalogue_type(&type, column);
    buf_puts(out, "<tr><th scope=\"row\">");
    put_tag(out, "code", "", column->name);
    put_marks(out, column);
    buf_puts(out, "</th><td>");
    put_tag(out, "code", "", type.data);
    buf_puts(out, "</td><td>");
    if (*column->comment)
        put_tag(out, "span", " class=\"says\"", column->comment);
    put_note(out, "Unit: ", column->unit);
    put_note(out, *column->null_means ? "NULL: " : "",
             *column->null_means ? column->null_means
             : nullable          ? "May be NULL"
                                 : "");
    put_note(out, "Field: ", catalogue_field(column));
    put_values(out, catalogue_enum(column));
    buf_puts(out, "</td></tr>\n");
    buf_free(&type);
}

static void put_facts(struct buf *out, const struct catalogue_stream *stream)
{
    struct catalogue_fact facts[CATALOGUE_FACTS_MAX];
    unsigned count = catalogue_facts(stream, facts);
    char twin[SHAPE_NAME_MAX + 1];
    struct buf name = BUF_INIT;
    shape_view_all(stream->layout->view, twin);
    catalogue_relation(&name, stream->layout->view_schema, twin);
    buf_puts(out, "<dl>\n");
    for (unsigned i = 0; i < count; i++) {
        put_tag(out, "dt", "", facts[i].name);
        put_tag(out, "dd", "", facts[i].text);
        buf_putc(out, '\n');
    }
    buf_puts(out, "<dt>Beside it</dt><dd>");
    put_tag(out, "code", "", name.data);
    buf_puts(out, ": deleted rows and bookkeeping too</dd>\n</dl>\n");
    catalogue_facts_free(facts, count);
    buf_free(&name);
}

static void put_view(struct buf *out, const struct catalogue_stream *stream)
{
    const struct layout *layout = stream->layout;
    struct buf id = BUF_INIT;
    put_id(&id, layout);
    buf_printf(out,
               "<article id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\"><a href=\"#%s\">",
               id.data, id.data, id.data, id.data);
    put_tag(out, "span", " class=\"schema\"", layout->view_schema);
    buf_puts(out, "<span class=\"schema\">.</span><wbr>");
    catalogue_escape(out, layout->view);
    buf_puts(out, "</a></h2>\n");
    if (*catalogue_contract(stream)->description)
        put_tag(out, "p", " class=\"about\"", catalogue_contract(stream)->description);
    buf_putc(out, '\n');
    put_facts(out, stream);
    buf_printf(out,
               "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-h\">\n"
               "<table>\n<thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Type</th>"
               "<th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n",
               id.data);
    for (unsigned i = 0; i < layout->n_data; i++)
        put_column(out, &layout->columns[i]);
    buf_puts(out, "</tbody>\n</table>\n</div>\n</article>\n");
    buf_free(&id);
}

static void put_head(struct buf *out, const struct catalogue *catalogue)
{
    buf_puts(out,
             "<!DOCTYPE html>\n<!-- Written by `pactolus contract docs`: write it again rather "
             "than change it. -->\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n");
    put_tag(out, "title", "", catalogue->title);
    buf_puts(out, "\n<style>\n");
    asset(out, "catalogue.css");
    buf_puts(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#views\">To the views</a>\n"
                  "<header class=\"top\"><div>\n");
    put_tag(out, "h1", "", catalogue->title);
    buf_puts(out, "\n<form class=\"search\" role=\"search\" hidden>\n"
                  "<label class=\"unseen\" for=\"q\">Search views and columns</label>\n"
                  "<input id=\"q\" type=\"search\" placeholder=\"Search views and columns\" "
                  "autocomplete=\"off\" spellcheck=\"false\" aria-keyshortcuts=\"/\">\n"
                  "<output for=\"q\" aria-live=\"polite\"></output>\n</form>\n</div></header>\n");
}

void catalogue_html(const struct catalogue *catalogue, struct buf *out)
{
    put_head(out, catalogue);
    buf_puts(out, "<div class=\"page\">\n");
    put_nav(out, catalogue);
    buf_puts(out,
             "<main id=\"views\">\n<p class=\"lead\">How fresh and how complete a view is, the "
             "database says itself: <code>pactolus.freshness</code> and "
             "<code>pactolus.progress</code>. What stands here, "
             "<code>pactolus.columns</code> has too.</p>\n");
    for (unsigned i = 0; i < catalogue->n_streams; i++)
        put_view(out, &catalogue->streams[i]);
    buf_printf(out, "<p class=\"nothing\"%s>%s</p>\n", catalogue->n_streams ? " hidden" : "",
               catalogue->n_streams ? "Nothing has all of these words." : "There are no streams.");
    buf_puts(out,
             "<footer>Made from the contracts by Pactolus.</footer>\n</main>\n</div>\n<script>\n");
    asset(out, "catalogue.js");
    buf_puts(out, "</script>\n</body>\n</html>\n");
}
