/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/finding.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 16 * 1024, TEXT_MAX = 1024 };

void findings_init(struct findings *findings)
{
    *findings = (struct findings){0};
    arena_init(&findings->arena, ARENA_CHUNK);
}

void findings_free(struct findings *findings)
{
    free(findings->items);
    arena_free(&findings->arena);
    *findings = (struct findings){0};
}

static const char *keep(struct findings *findings, const char *text)
{
    return text && *text ? arena_string(&findings->arena, text, strlen(text)) : "";
}

void findings_add(struct findings *findings, enum finding_layer layer, const char *id,
                  const char *path, const char *place, const char *format, ...)
{
    char text[TEXT_MAX];
    const struct finding_rule *rule = finding_rule(layer, id);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(rule);
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? 2 * findings->capacity : 16;
        findings->items = mem_grow(findings->items, findings->capacity, sizeof *findings->items);
    }
    findings->items[findings->count++] = (struct finding){
        .rule = rule,
        .severity = rule->severity,
        .path = keep(findings, path),
        .place = keep(findings, place),
        .text = keep(findings, text),
        .advice = rule->advice,
    };
}

void findings_advise(struct findings *findings, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(findings->count);
    findings->items[findings->count - 1].advice = keep(findings, text);
}

void findings_add_err(struct findings *findings, const char *path, const struct err *err)
{
    const char *id = err->rule ? err->rule : "CONTRACT_INVALID";
    findings_add(findings, LAYER_LINT, id, path, err->place, "%s", err->text);
    if (*err->hint)
        findings_advise(findings, "%s", err->hint);
}

/* "file:9" before "file:10". */
static int compare_places(const char *a, const char *b)
{
    const char *x = strrchr(a, ':'), *y = strrchr(b, ':');
    if (!x || !y || x - a != y - b || strncmp(a, b, (size_t)(x - a)) != 0)
        return strcmp(a, b);
    long m = strtol(x + 1, NULL, 10), n = strtol(y + 1, NULL, 10);
    return (m > n) - (m < n);
}

static int compare(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->rule->layer != y->rule->layer)
        return x->rule->layer < y->rule->layer ? -1 : 1;
    if (x->severity != y->severity)
        return x->severity > y->severity ? -1 : 1;
    int order = compare_places(x->place, y->place);
    if (order == 0)
        order = strcmp(x->path, y->path);
    if (order == 0)
        order = strcmp(x->rule->id, y->rule->id);
    return order ? order : strcmp(x->text, y->text);
}

void findings_sort(struct findings *findings)
{
    unsigned kept = 0;
    if (findings->count)
        qsort(findings->items, findings->count, sizeof *findings->items, compare);
    for (unsigned i = 0; i < findings->count; i++) {
        if (kept == 0 || compare(&findings->items[kept - 1], &findings->items[i]) != 0)
            findings->items[kept++] = findings->items[i];
    }
    findings->count = kept;
}

unsigned findings_count(const struct findings *findings, enum finding_severity severity)
{
    unsigned count = 0;
    for (unsigned i = 0; i < findings->count; i++)
        count += findings->items[i].severity == severity;
    return count;
}

const char *finding_layer_name(enum finding_layer layer)
{
    static const char *const names[LAYER_COUNT] = {"lint", "wire", "names", "table"};
    return names[layer];
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

const struct finding_rule *finding_rule(enum finding_layer layer, const char *id)
{
    unsigned count;
    const struct finding_rule *rules = finding_rules(&count);
    for (unsigned i = 0; i < count; i++) {
        if (rules[i].layer == layer && strcmp(rules[i].id, id) == 0)
            return &rules[i];
    }
    return NULL;
}
