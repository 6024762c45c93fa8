/* SPDX-License-Identifier: Apache-2.0 */
#include "table/catalogue_text.h"

#include "base/memory.h"
#include "table/sql.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------- escaping */

/* The code point at *at, which moves behind it. The text is UTF-8: the descriptor set's strings and
 * the configuration's are checked when they are read. */
static unsigned code_point(const unsigned char **at)
{
    unsigned lead = *(*at)++;
    unsigned more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    unsigned value = more ? lead & (0x3fU >> more) : lead;
    for (; more && (**at & 0xc0) == 0x80; more--)
        value = value << 6 | (*(*at)++ & 0x3f);
    return value;
}

/* What YAML 1.2 calls not printable, and what its readers take for a line break. */
static bool yaml_escapes(unsigned point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0xa0) || point == 0x2028 || point == 0x2029 ||
           point == 0xfeff || point == 0xfffe || point == 0xffff;
}

void catalogue_yaml(struct buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    buf_putc(out, '"');
    while (*at) {
        const unsigned char *from = at;
        unsigned point = code_point(&at);
        if (point == '"' || point == '\\')
            buf_printf(out, "\\%c", (char)point);
        else if (point == '{' && *at && strchr("{%#", *at))
            buf_puts(out, "{{ '{' }}"); /* dbt renders what it reads by Jinja: a plain brace */
        else if (point == '\n')
            buf_puts(out, "\\n");
        else if (yaml_escapes(point))
            buf_printf(out, "\\u%04x", point);
        else
            buf_put(out, from, (size_t)(at - from));
    }
    buf_putc(out, '"');
}

/* HTML has no way to say most control characters; they are left out. */
static bool html_takes(char c)
{
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';
}

void catalogue_escape(struct buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        switch (*at) {
        case '&':
            buf_puts(out, "&amp;");
            break;
        case '<':
            buf_puts(out, "&lt;");
            break;
        case '>':
            buf_puts(out, "&gt;");
            break;
        case '"':
            buf_puts(out, "&quot;");
            break;
        case '\'':
            buf_puts(out, "&#39;");
            break;
        default:
            if (html_takes(*at))
                buf_putc(out, *at);
        }
    }
}

void catalogue_cell(struct buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            buf_putc(out, ' ');
            continue;
        }
        if (strchr("\\`*_{}[]<>#|~!&", *at))
            buf_putc(out, '\\');
        buf_putc(out, *at);
    }
}

void catalogue_code(struct buf *out, const char *text)
{
    unsigned run = 0, longest = 0;
    for (const char *at = text; *at; at++) {
        run = *at == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    /* A fence of backquotes that is longer than any run within. */
    for (unsigned i = 0; i <= longest; i++)
        buf_putc(out, '`');
    buf_puts(out, longest ? " " : "");
    for (const char *at = text; *at; at++) {
        if (*at == '|')
            buf_putc(out, '\\'); /* tables end cells before they read code */
        buf_putc(out, (unsigned char)*at < 0x20 ? ' ' : *at);
    }
    buf_puts(out, longest ? " " : "");
    for (unsigned i = 0; i <= longest; i++)
        buf_putc(out, '`');
}

/* ----------------------------------------------------------------------------------- facts */

static bool is_plain(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_", digits[] = "0123456789";
    if (!*name || !strchr(letters, *name))
        return false;
    for (const char *at = name; *at; at++)
        if (!strchr(letters, *at) && !strchr(digits, *at))
            return false;
    return true;
}

void catalogue_relation(struct buf *out, const char *schema, const char *name)
{
    const char *parts[] = {schema, name};
    for (unsigned i = 0; i < 2; i++) {
        buf_puts(out, i ? "." : "");
        if (is_plain(parts[i]))
            buf_puts(out, parts[i]);
        else
            sql_identifier(out, parts[i]);
    }
}

void catalogue_type(struct buf *out, const struct layout_column *column)
{
    buf_printf(out, "%s%s", column->type->sql, column->array ? "[]" : "");
}

const struct contract *catalogue_contract(const struct catalogue_stream *stream)
{
    return stream->layout->contracts[0];
}

const struct enum_type *catalogue_enum(const struct layout_column *column)
{
    return column->source && column->type->id == TYPE_ENUM ? column->source->field->enumeration
                                                           : NULL;
}

const char *catalogue_field(const struct layout_column *column)
{
    bool same = !column->source || strcmp(column->source->origin, column->name) == 0;
    return same ? NULL : column->source->origin;
}

static void rows_text(const struct layout *layout, struct buf *out)
{
    if (layout->append) {
        buf_puts(out, "one per record; never changed");
        return;
    }
    buf_puts(out, "one per ");
    for (unsigned i = 0; i < layout->n_key; i++)
        buf_printf(out, "%s%s", i ? ", " : "", layout->columns[layout->key[i]].name);
    const struct contract *first = layout->contracts[0];
    if (layout->versioned)
        buf_printf(out, "; the greatest %s wins", first->columns[first->version].name);
    else
        buf_puts(out, "; the latest record wins");
}

static const char *deletes_text(const char *deletes)
{
    static const struct {
        const char *name, *text;
    } known[] = {
        {"soft", "rows leave the view; in the _all view their values stay, but for personal and "
                 "secret ones"},
        {"hard", "rows leave the view; in the _all view the key alone stays"},
        {"final", "rows leave the view for good"},
        {"header", "rows leave the view at the version of the delete"},
        {"reject", "none: rows are never deleted"},
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(deletes, known[i].name, strlen(known[i].name)) == 0)
            return known[i].text;
    return "";
}

static const char *status_text(const struct contract *contract)
{
    static const char *const names[] = {[CONTRACT_ACTIVE] = "active",
                                        [CONTRACT_DRAFT] = "draft: it may still change",
                                        [CONTRACT_DEPRECATED] = "deprecated"};
    return names[contract->status];
}

static void topics_text(const struct catalogue_stream *stream, struct buf *out)
{
    for (unsigned i = 0; i < stream->n_topics; i++) {
        const struct catalogue_topic *topic = &stream->topics[i];
        buf_printf(out, "%s%s (%s", i ? ", " : "", topic->name, topic->contract->name);
        if (stream->layout->n_contracts > 1 && topic->contract->status != CONTRACT_ACTIVE)
            buf_printf(out, ", %s", status_text(topic->contract));
        if (*topic->contract->sunset)
            buf_printf(out, ", until %s", topic->contract->sunset);
        buf_putc(out, ')');
    }
}

static void add_fact(struct catalogue_fact *facts, unsigned *count, const char *name,
                     const char *text)
{
    if (!text || !*text)
        return;
    facts[(*count)++] = (struct catalogue_fact){.name = name, .text = mem_string(text)};
}

static void add_within(struct catalogue_fact *facts, unsigned *count, const char *name,
                       const char *before, const char *duration)
{
    if (!*duration)
        return;
    char *text = mem_format("%s%s", before, duration);
    add_fact(facts, count, name, text);
    free(text);
}

unsigned catalogue_facts(const struct catalogue_stream *stream,
                         struct catalogue_fact facts[CATALOGUE_FACTS_MAX])
{
    const struct contract *contract = catalogue_contract(stream);
    struct buf rows = BUF_INIT, topics = BUF_INIT;
    unsigned count = 0;
    rows_text(stream->layout, &rows);
    topics_text(stream, &topics);
    add_fact(facts, &count, "Rows", rows.data);
    add_fact(facts, &count, "Deletes", deletes_text(stream->deletes));
    add_fact(facts, &count, "Owner", contract->owner);
    add_fact(facts, &count, "Tell", contract->notify);
    add_within(facts, &count, "Fresh", "within ", contract->freshness);
    add_within(facts, &count, "Kept", "for ", contract->retention);
    add_fact(facts, &count, "Status",
             contract->status == CONTRACT_ACTIVE ? "" : status_text(contract));
    add_fact(facts, &count, "From", topics.data);
    add_fact(facts, &count, "Stream", stream->name);
    buf_free(&rows);
    buf_free(&topics);
    return count;
}

void catalogue_facts_free(struct catalogue_fact *facts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(facts[i].text);
}

/* ----------------------------------------------------------------------------------- order */

static int by_view(const void *a, const void *b)
{
    const struct catalogue_stream *x = a, *y = b;
    int order = strcmp(x->layout->view_schema, y->layout->view_schema);
    order = order ? order : strcmp(x->layout->view, y->layout->view);
    return order ? order : strcmp(x->name, y->name);
}

void catalogue_sort(struct catalogue *catalogue)
{
    if (catalogue->n_streams)
        qsort(catalogue->streams, catalogue->n_streams, sizeof *catalogue->streams, by_view);
}
