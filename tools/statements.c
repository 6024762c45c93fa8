/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pactolus-statements CONFIG STREAM: the statements that write a stream's table, one a line:
 * name, type oids of the parameters, text; tab-separated. The property test of the place runs them.
 */
#include "config/stream.h"
#include "table/sql.h"

#include <stdio.h>
#include <string.h>

static const char *const names[STATEMENT_COUNT] = {
    [STATEMENT_UPSERT] = "upsert",
    [STATEMENT_UPSERT_SOFT] = "upsert_soft",
    [STATEMENT_INSERT] = "insert",
    [STATEMENT_ACCOUNT] = "account",
};

static void print(const struct layout *layout)
{
    struct statement_text texts[STATEMENT_COUNT];
    sql_statements(layout, texts);
    for (int kind = 0; kind < STATEMENT_COUNT; kind++) {
        printf("%s\t", names[kind]);
        for (unsigned i = 0; i < texts[kind].n_params; i++)
            printf("%s%u", i ? "," : "", texts[kind].param_oids[i]);
        printf("\t%s\n", texts[kind].sql);
    }
    sql_free(texts);
}

static bool run(const struct config *config, const char *name, struct errs *errs)
{
    for (unsigned i = 0; i < config->n_streams; i++) {
        if (strcmp(config->streams[i].name, name) != 0)
            continue;
        struct stream stream;
        if (!stream_load(&stream, &config->streams[i], errs))
            return false;
        print(stream.layout);
        stream_free(&stream);
        return true;
    }
    fprintf(stderr, "pactolus-statements: no stream %s\n", name);
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: pactolus-statements CONFIG STREAM\n");
        return ERR_EXIT_USAGE;
    }
    struct errs errs = {0};
    struct config *config = config_load(argv[1], NULL, &errs);
    bool good = config && run(config, argv[2], &errs);
    for (unsigned i = 0; i < errs.count; i++)
        fprintf(stderr, "%s: %s\n", errs.items[i].place, errs.items[i].text);
    errs_free(&errs);
    config_free(config);
    return good ? 0 : ERR_EXIT_CONFIG;
}
