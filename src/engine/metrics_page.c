/* SPDX-License-Identifier: Apache-2.0 */
/* The page: families in turn, each of what it is of. */
#include "engine/membership.h"
#include "engine/metrics_internal.h"

#include <assert.h>
#include <stdio.h>

static const struct metrics_family *const tables[] = {
    metrics_process_families, metrics_member_families, metrics_stream_families,
    metrics_ledger_families, metrics_cursor_families};

enum { TABLES = sizeof(tables) / sizeof(*tables) };

static const struct metrics_family *family_at(unsigned number)
{
    for (unsigned t = 0; t < TABLES; t++)
        for (const struct metrics_family *family = tables[t]; family->name; family++)
            if (number-- == 0)
                return family;
    return NULL;
}

const char *metrics_name(unsigned number)
{
    const struct metrics_family *family = family_at(number);
    return family ? family->name : NULL;
}

const char *metrics_help(unsigned number)
{
    const struct metrics_family *family = family_at(number);
    return family ? family->help : NULL;
}

/* ---- samples ---- */

void metrics_label(struct metrics_page *page, const char *name, const char *value)
{
    assert(page->n_labels < EXPOSITION_LABELS);
    page->labels[page->n_labels++] = (struct label){name, value};
}

void metrics_value(struct metrics_page *page, double value)
{
    exposition_sample(page->out, page->family->name, page->labels, page->n_labels, value);
}

void metrics_count(struct metrics_page *page, uint64_t value)
{
    exposition_count(page->out, page->family->name, page->labels, page->n_labels, value);
}

void metrics_value_of(struct metrics_page *page, const char *name, const char *value, double number)
{
    metrics_label(page, name, value);
    metrics_value(page, number);
    page->n_labels--;
}

void metrics_count_of(struct metrics_page *page, const char *name, const char *value,
                      uint64_t number)
{
    metrics_label(page, name, value);
    metrics_count(page, number);
    page->n_labels--;
}

void metrics_histogram(struct metrics_page *page, const struct histogram *histogram)
{
    exposition_histogram(page->out, page->family->name, page->labels, page->n_labels, histogram);
}

/* ---- families ---- */

static void write_streams(struct metrics_page *page)
{
    unsigned kept = page->n_labels;
    for (unsigned i = 0; i < page->engine->n_live; i++) {
        const struct live_stream *live = &page->engine->live[i];
        metrics_label(page, "stream", live->stream->config->name);
        page->family->stream(page, live);
        page->n_labels = kept;
    }
}

static const struct live_stream *live_of(const struct engine *engine,
                                         const struct stream_config *config)
{
    for (unsigned i = 0; i < engine->n_live; i++)
        if (engine->live[i].stream->config == config)
            return &engine->live[i];
    return NULL;
}

static void write_ledger(struct metrics_page *page)
{
    const struct config *config = page->engine->config;
    unsigned kept = page->n_labels;
    for (unsigned i = 0; i < config->n_streams; i++) {
        metrics_label(page, "stream", config->streams[i].name);
        page->family->ledger(page, &page->metrics->gauges[i],
                             live_of(page->engine, &config->streams[i]));
        page->n_labels = kept;
    }
}

static void write_cursors(struct metrics_page *page)
{
    unsigned kept = page->n_labels;
    for (const struct cursor *cursor = membership_cursors(page->engine->membership); cursor;
         cursor = cursor->next) {
        char partition[16];
        if (!cursor->cursor_id) /* not claimed yet: nothing is known */
            continue;
        snprintf(partition, sizeof(partition), "%d", (int)cursor->partition);
        metrics_label(page, "stream", cursor->live->stream->config->name);
        metrics_label(page, "topic", cursor->topic);
        metrics_label(page, "partition", partition);
        page->family->cursor(page, cursor);
        page->n_labels = kept;
    }
}

static void write_family(struct metrics_page *page)
{
    const struct metrics_family *family = page->family;
    exposition_family(page->out, family->name, family->kind, family->help);
    page->n_labels = 0;
    if (family->process) {
        family->process(page);
        return;
    }
    metrics_label(page, "group", page->engine->config->group);
    if (family->stream)
        write_streams(page);
    else if (family->ledger)
        write_ledger(page);
    else
        write_cursors(page);
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
    struct metrics_page page = {.out = out, .metrics = metrics, .engine = metrics->engine};
    metrics_hear_ends(metrics->engine);
    for (unsigned t = 0; t < TABLES; t++)
        for (page.family = tables[t]; page.family->name; page.family++)
            write_family(&page);
}
