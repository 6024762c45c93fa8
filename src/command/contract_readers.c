/* SPDX-License-Identifier: Apache-2.0 */
/* contract readers: who would notice a change of a contract. Asks broker and database, changes
 * nothing. */
#include "command/contract.h"
#include "command/reading.h"
#include "command/report.h"

#include <stdio.h>
#include <stdlib.h>

struct options {
    struct source_options source;
    const char *message;
    bool json;
};

/* Table and views of a contract that says everything itself; of one that does not, its stream in
 * the configuration says them. */
static void add(struct reading *reading, const struct contract_candidate *candidate)
{
    struct errs ignored = {0};
    struct contract_overrides overrides = {0};
    if (!candidate->declared) {
        overrides.contract.mode = CONTRACT_APPEND;
        overrides.contract.mode_said = true;
    }
    struct contract *contract = contract_make(candidate->type, &overrides, &ignored);
    if (contract)
        reading_add(reading, contract);
    contract_free(contract);
    errs_free(&ignored);
}

static bool gather(const struct options *options, const struct source *source,
                   struct reading *reading, struct err *err)
{
    struct contract_candidate *list = NULL;
    unsigned count = 0;
    bool good = contract_candidates(source, options->message, &list, &count, err);
    for (unsigned i = 0; good && i < count; i++)
        add(reading, &list[i]);
    if (good && !count) {
        good = err_set(err, ERR_HALT, ERR_EXIT_USAGE, "the file holds no contract");
        err_place(err, "%s", source->label);
        err_hint(err, "--message names the message");
    }
    free(list);
    return good;
}

static int readers(const struct options *options, const char *path)
{
    struct source source = {0};
    struct reading reading;
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;
    int code = ERR_EXIT_OK;
    reading_init(&reading);
    if (!source_load(&source, path, &options->source, &err) ||
        !gather(options, &source, &reading, &err)) {
        code = report_err(&err);
        goto cleanup;
    }
    reading_ask(&reading, &options->source.setup);
    if (options->json) {
        reading_print_json(&reading, &out);
        buf_putc(&out, '\n');
    } else {
        reading_print_text(&reading, &out);
    }
    fputs(options->json ? out.data : out.data + 1, stdout); /* the text begins with a blank line */
    if (reading.n_unreachable)
        code = ERR_EXIT_UNAVAILABLE;
cleanup:
    buf_free(&out);
    reading_free(&reading);
    source_free(&source);
    return code;
}

int contract_readers(int argc, char **argv)
{
    struct options options = {0};
    const struct args_option table[] = {
        {'m', "message", "NAME", ARGS_TEXT, &options.message,
         "the contract (all messages with our option)"},
        {'j', "json", NULL, ARGS_FLAG, &options.json, "as one JSON object"},
        SOURCE_OPTIONS(&options.source),
        SETUP_OPTIONS(&options.source.setup),
        {0},
    };
    const struct args args = {
        .verb = "contract readers",
        .usage = "FILE [OPTION…]",
        .summary = "who reads a contract: consumer groups, dependent views, grants",
        .options = table,
        .examples = "pactolus contract readers order.proto\n"
                    "pactolus contract readers order.binpb --message Order --json\n",
        .exits = "0   everybody was asked\n"
                 "64  the file holds no contract, or not that message\n"
                 "69  broker or database is out of reach; what the other says is told\n"
                 "78  the file cannot be read\n",
        .operands_min = 1,
        .operands_max = 1,
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = readers(&options, argv[0]);
    args_list_free(&options.source.imports);
    setup_free(&options.source.setup);
    return code;
}
