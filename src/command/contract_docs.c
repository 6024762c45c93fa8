/* SPDX-License-Identifier: Apache-2.0 */
/* contract docs: what analysts should know about the views, from the contracts of the streams. */
#include "base/memory.h"
#include "base/text.h"
#include "command/contract.h"
#include "command/report.h"
#include "command/setup.h"
#include "table/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct setup setup;
    const char *format, *title;
};

static const struct {
    const char *name;
    void (*write)(const struct catalogue *catalogue, struct buf *out);
} forms[] = {
    {"html", catalogue_html},
    {"markdown", catalogue_markdown},
    {"dbt", catalogue_dbt},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static int find_form(const char *name, struct err *err)
{
    const char *names[N_FORMS + 1] = {0};
    for (int i = 0; i < N_FORMS; i++) {
        if (strcmp(forms[i].name, name) == 0)
            return i;
        names[i] = forms[i].name;
    }
    const char *nearest = text_nearest(name, names);
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "there is no format %s", name);
    err_hint(err, nearest ? "did you mean %s?" : "html, markdown or dbt", nearest);
    return -1;
}

static bool is_wanted(const struct stream *stream, char **names, unsigned n_names)
{
    for (unsigned i = 0; i < n_names; i++)
        if (strcmp(stream->config->name, names[i]) == 0)
            return true;
    return n_names == 0;
}

/* Names that no stream has go to errs. */
static void judge_names(const struct config *config, char **names, unsigned n_names,
                        struct errs *errs)
{
    for (unsigned i = 0; i < n_names; i++) {
        struct err err = ERR_INIT;
        bool known = false;
        for (unsigned k = 0; k < config->n_streams; k++)
            known = known || strcmp(config->streams[k].name, names[i]) == 0;
        if (known)
            continue;
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "there is no stream %s", names[i]);
        errs_add(errs, &err);
    }
}

static const char *deletes_of(const struct stream *stream)
{
    return stream->layout->append ? "" : deletes_name(stream->pipeline.deletes);
}

/* Borrows from the streams; the topics are in the arena. */
static struct catalogue_stream entry(struct arena *arena, const struct stream *stream)
{
    unsigned count = stream->config->n_topics;
    struct catalogue_topic *topics = arena_alloc(arena, count * sizeof *topics + 1);
    for (unsigned i = 0; i < count; i++)
        topics[i] = (struct catalogue_topic){
            .name = stream->topics[i].name,
            .contract = stream->layout->contracts[stream->topics[i].contract]};
    return (struct catalogue_stream){.name = stream->config->name,
                                     .layout = stream->layout,
                                     .topics = topics,
                                     .n_topics = count,
                                     .deletes = deletes_of(stream)};
}

static void write_catalogue(const struct config *config, const struct stream *streams,
                            const struct options *options, int form, char **names, unsigned n_names)
{
    enum { CHUNK = 4096 };
    struct arena arena;
    struct buf out = BUF_INIT;
    struct catalogue catalogue = {.title = options->title};
    arena_init(&arena, CHUNK);
    catalogue.streams = arena_alloc(&arena, config->n_streams * sizeof *catalogue.streams + 1);
    for (unsigned i = 0; i < config->n_streams; i++)
        if (is_wanted(&streams[i], names, n_names))
            catalogue.streams[catalogue.n_streams++] = entry(&arena, &streams[i]);
    catalogue_sort(&catalogue);
    forms[form].write(&catalogue, &out);
    fwrite(out.data, 1, out.length, stdout);
    buf_free(&out);
    arena_free(&arena);
}

static int docs(const struct options *options, char **names, unsigned n_names)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct stream *streams = NULL;
    struct config *config = NULL;
    int form = find_form(options->format, &err);
    if (form < 0)
        errs_add(&errs, &err);
    else
        config = setup_config(&options->setup, &errs);
    if (config) {
        judge_names(config, names, n_names, &errs);
        streams = setup_streams(config, &errs);
    }
    if (config && !errs.count)
        write_catalogue(config, streams, options, form, names, n_names);
    fflush(stdout);
    int code = report_errs(&errs);
    if (config)
        setup_free_streams(streams, config->n_streams);
    config_free(config);
    errs_free(&errs);
    return code;
}

int contract_docs(int argc, char **argv)
{
    enum { STREAMS_MAX = 10000 };
    struct options options = {.format = "html", .title = "Data catalogue"};
    const struct args_option table[] = {
        {'f', "format", "FORMAT", ARGS_TEXT, &options.format,
         "html (the default), markdown, or dbt: a sources.yml"},
        {'t', "title", "TEXT", ARGS_TEXT, &options.title, "the page's title"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "contract docs",
        .usage = "[STREAM…] [OPTION…]",
        .summary = "what views and columns mean, as a document: a page for people, or sources for "
                   "dbt. From configuration and contracts alone; the same contracts give the same "
                   "document",
        .options = table,
        .examples = "pactolus contract docs > catalogue.html\n"
                    "pactolus contract docs --format dbt > models/sources.yml\n",
        .exits = "0   written\n"
                 "64  no such stream or format\n"
                 "78  configuration or a contract is wrong\n",
        .operands_min = 0,
        .operands_max = STREAMS_MAX,
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = docs(&options, argv, n_operands);
    setup_free(&options.setup);
    return code;
}
