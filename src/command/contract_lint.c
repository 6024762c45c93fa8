/* SPDX-License-Identifier: Apache-2.0 */
/* contract lint: everything about contracts that is knowable without data. */
#include "command/contract.h"
#include "command/report.h"
#include "contract/contract.h"
#include "contract/finding_print.h"
#include "contract/lint.h"
#include "contract/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct source_options source;
    struct contract_telling telling;
    const char *message, *pattern;
    bool rules;
};

struct linted {
    const struct options *options;
    struct lint_options judging;
    struct config *config; /* NULL when --config is not given */
    enum contract_form form;
    struct findings findings;
    unsigned n_contracts;
};

/* The stream of the configuration that carries the message; NULL when there is none. */
static const struct stream_config *stream_of(const struct config *config, const char *message)
{
    for (unsigned i = 0; config && i < config->n_streams; i++) {
        const struct stream_config *stream = &config->streams[i];
        for (unsigned k = 0; k < stream->n_topics; k++) {
            const char *contract = stream->topics[k].contract;
            contract = contract ? contract : stream->contract;
            if (contract && strcmp(contract, message) == 0)
                return stream;
        }
    }
    return NULL;
}

/* A versioned contract whose stream deletes without a version: `run` would refuse it too. */
static void judge_deletes(struct linted *linted, const struct stream_config *stream,
                          const struct message_type *type)
{
    struct errs ignored = {0};
    struct contract *contract = contract_make(type, &stream->overrides, &ignored);
    bool unordered = contract && contract->version >= 0 && stream->deletes_said &&
                     (stream->deletes == DELETES_SOFT || stream->deletes == DELETES_HARD);
    if (unordered)
        findings_add(&linted->findings, LAYER_LINT, "DELETES_UNORDERED", type->full_name,
                     stream->place, "stream %s has a version field and deletes = \"%s\"",
                     stream->name, deletes_name(stream->deletes));
    contract_free(contract);
    errs_free(&ignored);
}

static void lint_type(struct linted *linted, const struct source *source,
                      const struct contract_candidate *candidate)
{
    const struct stream_config *stream = stream_of(linted->config, candidate->type->full_name);
    linted->judging.overrides = stream ? &stream->overrides : NULL;
    linted->n_contracts++;
    lint_contract(source->set, candidate->type, &linted->judging, &linted->findings);
    if (stream)
        judge_deletes(linted, stream, candidate->type);
}

static bool lint_file(struct linted *linted, const char *path, struct err *err)
{
    struct source source = {0};
    struct contract_candidate *list = NULL;
    unsigned count = 0, before = linted->findings.count;
    bool good = source_load(&source, path, &linted->options->source, err) &&
                contract_candidates(&source, linted->options->message, &list, &count, err);
    for (unsigned i = 0; good && i < count; i++)
        lint_type(linted, &source, &list[i]);
    if (good && !count)
        findings_add(&linted->findings, LAYER_LINT, "CONTRACT_MISSING", source.file->name,
                     source.file->name, "no message has the option pactolus.contract");
    for (unsigned i = before; good && i < linted->findings.count; i++)
        linted->findings.items[i].place =
            source_place(&source, linted->findings.items[i].place, &linted->findings.arena);
    free(list);
    source_free(&source);
    return good;
}

static void tell(struct linted *linted)
{
    struct buf out = BUF_INIT;
    findings_sort(&linted->findings);
    if (linted->form == CONTRACT_GITHUB) {
        findings_print_github(&linted->findings, &out);
    } else if (linted->form == CONTRACT_JSON) {
        buf_printf(&out, "{\"contracts\": %u, \"errors\": %u, \"warnings\": %u, \"findings\": ",
                   linted->n_contracts, findings_count(&linted->findings, FINDING_ERROR),
                   findings_count(&linted->findings, FINDING_WARNING));
        findings_print_json(&linted->findings, &out);
        buf_puts(&out, "}\n");
    } else {
        findings_print_text(&linted->findings, &out);
        buf_printf(&out, "%u contract%s: ", linted->n_contracts,
                   linted->n_contracts == 1 ? "" : "s");
        findings_print_counts(&linted->findings, &out);
        buf_putc(&out, '\n');
    }
    if (out.length)
        fwrite(out.data, 1, out.length, stdout);
    buf_free(&out);
}

static struct pattern *open_pattern(const char *text, struct err *err)
{
    char reason[200];
    struct pattern *pattern =
        pattern_open((struct span){text, strlen(text)}, reason, sizeof reason);
    if (!pattern)
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--topic-pattern: %s", reason);
    return pattern;
}

/* Files that cannot be read are told at once, and the others are judged all the same. */
static int lint(const struct options *options, char **files, unsigned n_files)
{
    struct linted linted = {.options = options};
    struct errs errs = {0};
    struct err err = ERR_INIT;
    findings_init(&linted.findings);
    linted.judging.pattern = options->pattern;
    struct pattern *pattern = open_pattern(options->pattern, &err);
    linted.judging.topics = pattern;
    if (!pattern || !contract_form(&options->telling, &linted.form, &err))
        errs_add(&errs, &err);
    if (options->source.setup.file && !errs.count)
        linted.config = setup_config(&options->source.setup, &errs);
    bool ready = !errs.count;
    for (unsigned i = 0; ready && i < n_files; i++)
        if (!lint_file(&linted, files[i], &err))
            errs_add(&errs, &err);
    if (ready && (linted.n_contracts || linted.findings.count))
        tell(&linted);
    int code = report_errs(&errs);
    if (code == ERR_EXIT_OK)
        code = contract_code(&options->telling, &linted.findings);
    if (pattern)
        pattern_close(pattern);
    config_free(linted.config);
    findings_free(&linted.findings);
    errs_free(&errs);
    return code;
}

static int print_rules(void)
{
    struct buf out = BUF_INIT;
    finding_rules_print(&out);
    fputs(out.data, stdout);
    buf_free(&out);
    return ERR_EXIT_OK;
}

int contract_lint(int argc, char **argv)
{
    enum { FILES_MAX = 1000 };
    struct options options = {.pattern = LINT_TOPIC_PATTERN};
    const struct args_option table[] = {
        {'m', "message", "NAME", ARGS_TEXT, &options.message,
         "the contract (all messages with our option)"},
        SOURCE_OPTIONS(&options.source),
        {0, "topic-pattern", "RE2", ARGS_TEXT, &options.pattern,
         "what names of topics look like (domain.entity.event_type, .vN)"},
        TELLING_OPTIONS(&options.telling),
        {0, "rules", NULL, ARGS_FLAG, &options.rules, "print all rules as a document, and stop"},
        SETUP_OPTIONS(&options.source.setup),
        {0},
    };
    const struct args args = {
        .verb = "contract lint",
        .usage = "FILE… [OPTION…]",
        .summary = "everything about contracts that is knowable without data. With --config, what "
                   "the streams say about them counts too",
        .options = table,
        .examples = "pactolus contract lint -I proto proto/shop/v1/order.proto\n"
                    "pactolus contract lint contracts/*.binpb --format github --strict\n",
        .exits = "0   nothing is wrong (warnings do not count, unless --strict)\n"
                 "64  no such message, format or file of a set\n"
                 "65  something is wrong\n"
                 "78  a file cannot be read, or protoc refuses it\n",
        .operands_min = 0,
        .operands_max = FILES_MAX,
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code)) {
        if (options.rules) {
            code = print_rules();
        } else if (!n_operands) {
            struct err err = ERR_INIT;
            err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "no file is named");
            err_hint(&err, "pactolus contract lint FILE…");
            code = report_err(&err);
        } else {
            code = lint(&options, argv, n_operands);
        }
    }
    args_list_free(&options.source.imports);
    setup_free(&options.source.setup);
    return code;
}
