/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/finding_print.h"

#include <stdlib.h>
#include <string.h>

/* A place's file and line; 0 when it has none. */
static long line_of(const char *place, size_t *file_length)
{
    const char *colon = strrchr(place, ':');
    long line = colon ? strtol(colon + 1, NULL, 10) : 0;
    *file_length = line > 0 ? (size_t)(colon - place) : strlen(place);
    return line > 0 ? line : 0;
}

void findings_print_text(const struct findings *findings, struct buf *out)
{
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        buf_printf(out, "%s%s%s: %s: %s [%s %s]\n", finding->place, *finding->place ? ": " : "",
                   finding_severity_name(finding->severity), finding->path, finding->text,
                   finding_layer_name(finding->rule->layer), finding->rule->id);
        if (*finding->advice)
            buf_printf(out, "  hint: %s\n", finding->advice);
    }
}

/* Workflow commands end a line at a newline, and a property at a comma or colon. */
static void put_escaped(struct buf *out, const char *text, size_t length, bool property)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%' || c == '\r' || c == '\n' || (property && (c == ',' || c == ':')))
            buf_printf(out, "%%%02X", (unsigned)c);
        else
            buf_putc(out, c);
    }
}

void findings_print_github(const struct findings *findings, struct buf *out)
{
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        size_t length;
        long line = line_of(finding->place, &length);
        if (finding->severity == FINDING_NOTE)
            continue;
        buf_printf(out, "::%s ", finding_severity_name(finding->severity));
        if (length) {
            buf_puts(out, "file=");
            put_escaped(out, finding->place, length, true);
            if (line)
                buf_printf(out, ",line=%ld", line);
            buf_putc(out, ',');
        }
        buf_printf(out, "title=%s %s::", finding_layer_name(finding->rule->layer),
                   finding->rule->id);
        put_escaped(out, finding->path, strlen(finding->path), false);
        buf_puts(out, ": ");
        put_escaped(out, finding->text, strlen(finding->text), false);
        if (*finding->advice) {
            buf_puts(out, "%0Ahint: ");
            put_escaped(out, finding->advice, strlen(finding->advice), false);
        }
        buf_putc(out, '\n');
    }
}

static void put_member(struct buf *out, const char *name, const char *value, size_t length)
{
    buf_printf(out, "%s\"%s\": ", *name == 'l' ? "" : ", ", name);
    buf_json_string(out, value, length);
}

void findings_print_json(const struct findings *findings, struct buf *out)
{
    buf_putc(out, '[');
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        const char *layer = finding_layer_name(finding->rule->layer);
        const char *severity = finding_severity_name(finding->severity);
        size_t length;
        long line = line_of(finding->place, &length);
        buf_puts(out, i ? ",\n  {" : "\n  {");
        put_member(out, "layer", layer, strlen(layer));
        put_member(out, "rule", finding->rule->id, strlen(finding->rule->id));
        put_member(out, "severity", severity, strlen(severity));
        put_member(out, "path", finding->path, strlen(finding->path));
        if (length)
            put_member(out, "file", finding->place, length);
        if (line)
            buf_printf(out, ", \"line\": %ld", line);
        put_member(out, "text", finding->text, strlen(finding->text));
        if (*finding->advice)
            put_member(out, "advice", finding->advice, strlen(finding->advice));
        buf_putc(out, '}');
    }
    buf_puts(out, findings->count ? "\n]" : "]");
}

void findings_print_counts(const struct findings *findings, struct buf *out)
{
    bool any = false;
    for (int severity = FINDING_ERROR; severity >= FINDING_NOTE; severity--) {
        unsigned count = findings_count(findings, (enum finding_severity)severity);
        if (!count)
            continue;
        buf_printf(out, "%s%u %s%s", any ? ", " : "", count,
                   finding_severity_name((enum finding_severity)severity), count == 1 ? "" : "s");
        any = true;
    }
    if (!any)
        buf_puts(out, "nothing to say");
}

/* A cell of a Markdown table: a bar would end it. */
static void put_cell(struct buf *out, const char *text)
{
    buf_puts(out, " | ");
    for (; *text; text++)
        buf_printf(out, *text == '|' ? "\\%c" : "%c", *text);
}

void finding_rules_print(struct buf *out)
{
    static const char *const titles[LAYER_COUNT] = {
        "What `contract lint` finds", "`contract diff`, layer wire: who reads the bytes",
        "`contract diff`, layer names: who reads JSON or uses generated code",
        "`contract diff`, layer table: who reads the table"};
    unsigned count;
    const struct finding_rule *rules = finding_rules(&count);
    buf_puts(out, "# Rules of contracts\n\n"
                  "Made by `pactolus contract lint --rules`; a test compares. An error ends the "
                  "verb with 65, a warning only\nwith `--strict`, a note never. "
                  "[Comparing contracts](contract-diff.md) says how the layers work.\n");
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 || rules[i].layer != rules[i - 1].layer)
            buf_printf(out,
                       "\n## %s\n\n| rule | | what it means | what to do |\n| --- | --- | --- "
                       "| --- |\n",
                       titles[rules[i].layer]);
        buf_printf(out, "| `%s`", rules[i].id);
        put_cell(out, finding_severity_name(rules[i].severity));
        put_cell(out, rules[i].meaning);
        put_cell(out, rules[i].advice);
        buf_puts(out, " |\n");
    }
}
