/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract diff: an old version against a new one, in three layers: the bytes, the names, the
 * table. What breaks is told with its rule, who reads the contract, and the way round.
 */
#include "base/memory.h"
#include "command/contract.h"
#include "command/dual_publish.h"
#include "command/reading.h"
#include "command/report.h"
#include "contract/compat.h"
#include "contract/contract.h"
#include "contract/finding_print.h"
#include "table/evolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct source_options source;
    struct contract_telling telling;
    const char *mode, *message;
    bool connect;
};

static const struct mode {
    const char *name;
    bool backward, forward, transitive;
} modes[] = {
    {"BACKWARD", true, false, false},
    {"FORWARD", false, true, false},
    {"FULL", true, true, false},
    {"BACKWARD_TRANSITIVE", true, false, true},
    {"FORWARD_TRANSITIVE", false, true, true},
    {"FULL_TRANSITIVE", true, true, true},
    {0},
};

/* What one run holds. */
struct diff {
    const struct options *options;
    const struct mode *mode;
    enum contract_form form;
    struct source new;
    struct sources old;
    const struct source *against; /* the old version that the findings are about */
    struct findings findings;
    char *steps[DUAL_PUBLISH_STEPS]; /* of the first contract that breaks; all or none */
    struct reading reading;          /* who reads the contracts, when asked */
};

/* ---------------------------------------------------------------------------- table, by contract
 */

/* The contract of a message. One without our options may be upsert by its stream's configuration:
 * its columns are compared as if it appended. */
static struct contract *make(const struct contract_candidate *candidate, struct errs *errs)
{
    struct contract_overrides overrides = {0};
    if (!candidate->declared) {
        overrides.contract.mode = CONTRACT_APPEND;
        overrides.contract.mode_said = true;
    }
    return contract_make(candidate->type, &overrides, errs);
}

static const char *local_name(const struct message_type *type)
{
    return type->full_name + (*type->package ? strlen(type->package) + 1 : 0);
}

static const struct contract_candidate *find(const struct contract_candidate *list, unsigned count,
                                             const char *local)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(local_name(list[i].type), local) == 0)
            return &list[i];
    return NULL;
}

static const char *message_place(struct diff *diff, const struct message_type *type)
{
    return type->line > 0 ? arena_format(&diff->findings.arena, "%s:%d", type->file, type->line)
                          : type->file;
}

static void compare_contracts(struct diff *diff, const struct contract_candidate *old,
                              const struct contract_candidate *new)
{
    struct errs was = {0}, is = {0};
    struct contract *before = make(old, &was), *after = make(new, &is);
    unsigned errors = findings_count(&diff->findings, FINDING_ERROR);
    for (unsigned i = 0; i < is.count; i++) {
        findings_add(&diff->findings, LAYER_TABLE, "CONTRACT_NOT_LOADABLE", new->type->full_name,
                     is.items[i].place, "%s", is.items[i].text);
        if (*is.items[i].hint)
            findings_advise(&diff->findings, "%s", is.items[i].hint);
    }
    if (before && after)
        evolve_contract(before, after, &diff->findings);
    if (before && after)
        reading_add(&diff->reading, before);
    /* Other layers may have found something too; the way round is the same. */
    errors = findings_count(&diff->findings, FINDING_ERROR) - errors;
    if (before && after && !diff->steps[0] &&
        (errors || findings_count(&diff->findings, FINDING_ERROR)))
        dual_publish_steps(before, after, diff->steps);
    contract_free(before);
    contract_free(after);
    errs_free(&was);
    errs_free(&is);
}

static bool compare_tables(struct diff *diff, const struct source *old, struct err *err)
{
    struct contract_candidate *were = NULL, *are = NULL;
    unsigned n_were = 0, n_are = 0;
    const char *message = diff->options->message;
    bool good = contract_candidates(old, message, &were, &n_were, err) &&
                contract_candidates(&diff->new, message, &are, &n_are, err);
    for (unsigned i = 0; good && i < n_were; i++) {
        const struct contract_candidate *twin = find(are, n_are, local_name(were[i].type));
        if (twin)
            compare_contracts(diff, &were[i], twin);
        else
            findings_add(&diff->findings, LAYER_TABLE, "CONTRACT_REMOVED", were[i].type->full_name,
                         diff->new.file->name, "%s is no contract any more",
                         were[i].type->full_name);
    }
    for (unsigned i = 0; good && i < n_are; i++)
        if (!find(were, n_were, local_name(are[i].type)))
            findings_add(&diff->findings, LAYER_TABLE, "CONTRACT_ADDED", are[i].type->full_name,
                         message_place(diff, are[i].type), "%s is a contract now",
                         are[i].type->full_name);
    free(were);
    free(are);
    return good;
}

/* ---------------------------------------------------------------------------------- all layers */

static bool compare(struct diff *diff, const struct source *old, struct err *err)
{
    struct compat_pair pair = {old->schema, diff->new.schema, old->file, diff->new.file};
    diff->against = old;
    if (diff->mode->backward)
        compat_wire(&pair, COMPAT_BACKWARD, true, &diff->findings);
    if (diff->mode->forward)
        compat_wire(&pair, COMPAT_FORWARD, !diff->mode->backward, &diff->findings);
    compat_names(&pair, &diff->findings);
    return compare_tables(diff, old, err);
}

/* The newest old version; of a transitive mode all of them, up to the first that breaks. */
static bool compare_all(struct diff *diff, struct err *err)
{
    for (unsigned i = 0; i < diff->old.count; i++) {
        if (i > 0 && !diff->mode->transitive)
            break;
        findings_free(&diff->findings);
        findings_init(&diff->findings);
        if (!compare(diff, &diff->old.items[i], err))
            return false;
        if (findings_count(&diff->findings, FINDING_ERROR))
            break;
    }
    return true;
}

static void resolve_places(struct diff *diff)
{
    for (unsigned i = 0; i < diff->findings.count; i++)
        diff->findings.items[i].place =
            source_place(&diff->new, diff->findings.items[i].place, &diff->findings.arena);
}

/* -------------------------------------------------------------------------------------- telling */

static void tell_text(const struct diff *diff, bool broken, struct buf *out)
{
    findings_print_text(&diff->findings, out);
    if (broken) {
        reading_print_text(&diff->reading, out);
        if (diff->steps[0])
            buf_puts(out, "\nThe way round, by publishing both versions for a while:\n");
        for (unsigned i = 0; i < DUAL_PUBLISH_STEPS && diff->steps[i]; i++)
            buf_printf(out, "  %u. %s\n", i + 1, diff->steps[i]);
        buf_putc(out, '\n');
    }
    buf_printf(out, "%s against %s, %s: ", diff->new.label, diff->against->label, diff->mode->name);
    findings_print_counts(&diff->findings, out);
    buf_putc(out, '\n');
}

static void tell_json(const struct diff *diff, bool broken, struct buf *out)
{
    buf_puts(out, "{\"new\": ");
    buf_json_string(out, diff->new.label, strlen(diff->new.label));
    buf_puts(out, ", \"old\": ");
    buf_json_string(out, diff->against->label, strlen(diff->against->label));
    buf_printf(out, ", \"mode\": \"%s\", \"errors\": %u, \"warnings\": %u, \"findings\": ",
               diff->mode->name, findings_count(&diff->findings, FINDING_ERROR),
               findings_count(&diff->findings, FINDING_WARNING));
    findings_print_json(&diff->findings, out);
    buf_puts(out, ", \"readers\": ");
    reading_print_json(&diff->reading, out);
    buf_puts(out, ", \"migration\": [");
    for (unsigned i = 0; broken && i < DUAL_PUBLISH_STEPS && diff->steps[i]; i++) {
        buf_puts(out, i ? ", " : "");
        buf_json_string(out, diff->steps[i], strlen(diff->steps[i]));
    }
    buf_puts(out, "]}\n");
}

static int tell(struct diff *diff)
{
    struct buf out = BUF_INIT;
    bool broken = findings_count(&diff->findings, FINDING_ERROR) > 0;
    findings_sort(&diff->findings);
    resolve_places(diff);
    if (broken && diff->options->connect)
        reading_ask(&diff->reading, &diff->options->source.setup);
    if (diff->form == CONTRACT_TEXT)
        tell_text(diff, broken, &out);
    else if (diff->form == CONTRACT_JSON)
        tell_json(diff, broken, &out);
    else
        findings_print_github(&diff->findings, &out);
    if (out.length)
        fwrite(out.data, 1, out.length, stdout);
    buf_free(&out);
    return contract_code(&diff->options->telling, &diff->findings);
}

/* ------------------------------------------------------------------------------------- the verb */

static const struct mode *find_mode(const char *name, struct err *err)
{
    for (const struct mode *mode = modes; mode->name; mode++)
        if (strcasecmp(mode->name, name) == 0)
            return mode;
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "there is no mode %s", name);
    err_hint(err, "BACKWARD, FORWARD or FULL, each also with _TRANSITIVE");
    return NULL;
}

/* The contract whose history the database is asked for. */
static char *history_name(const struct diff *diff, struct err *err)
{
    struct contract_candidate *list;
    unsigned count;
    char *name = NULL;
    if (contract_candidates(&diff->new, diff->options->message, &list, &count, err) && count)
        name = mem_string(list[0].type->full_name);
    free(list);
    return name;
}

static bool load(struct diff *diff, char **operands, unsigned n_operands, struct err *err)
{
    const struct options *options = diff->options;
    diff->mode = find_mode(options->mode, err);
    if (!diff->mode || !contract_form(&options->telling, &diff->form, err))
        return false;
    if (n_operands > 2 && !diff->mode->transitive) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "several OLD versions, but mode %s compares one",
                diff->mode->name);
        return err_hint(err, "--mode %s_TRANSITIVE", diff->mode->name);
    }
    if (!source_load(&diff->new, operands[n_operands - 1], &options->source, err))
        return false;
    char *name = history_name(diff, err);
    bool good = true;
    for (unsigned i = 0; good && i + 1 < n_operands; i++)
        good = source_load_old(&diff->old, operands[i], &diff->new, name, &options->source, err);
    free(name);
    return good;
}

static int run(const struct options *options, char **operands, unsigned n_operands)
{
    struct diff diff = {.options = options};
    struct err err = ERR_INIT;
    int code;
    findings_init(&diff.findings);
    reading_init(&diff.reading);
    if (load(&diff, operands, n_operands, &err) && compare_all(&diff, &err))
        code = tell(&diff);
    else
        code = report_err(&err);
    for (unsigned i = 0; i < DUAL_PUBLISH_STEPS; i++)
        free(diff.steps[i]);
    reading_free(&diff.reading);
    findings_free(&diff.findings);
    sources_free(&diff.old);
    source_free(&diff.new);
    return code;
}

int contract_diff(int argc, char **argv)
{
    enum { VERSIONS_MAX = 100 };
    struct options options = {.mode = "BACKWARD"};
    const struct args_option table[] = {
        {0, "mode", "MODE", ARGS_TEXT, &options.mode,
         "BACKWARD (the default), FORWARD, FULL, each also with _TRANSITIVE"},
        {'m', "message", "NAME", ARGS_TEXT, &options.message,
         "the contract (all messages with our option)"},
        SOURCE_OPTIONS(&options.source),
        TELLING_OPTIONS(&options.telling),
        {'C', "connect", NULL, ARGS_FLAG, &options.connect,
         "when something breaks, ask broker and database who reads it"},
        SETUP_OPTIONS(&options.source.setup),
        {0},
    };
    const struct args args = {
        .verb = "contract diff",
        .usage = "OLD… NEW [OPTION…]",
        .summary = "what a change breaks: the bytes, the names, the table",
        .options = table,
        .examples = "pactolus contract diff main -I proto proto/shop/v1/order.proto\n"
                    "pactolus contract diff git:v1.4:old/order.proto order.proto --mode FULL\n"
                    "pactolus contract diff database order.proto --mode BACKWARD_TRANSITIVE\n"
                    "pactolus contract diff old.binpb new.binpb --format github\n",
        .exits = "0   nothing breaks (warnings do not count, unless --strict)\n"
                 "64  no such mode, message or file of a set\n"
                 "65  something breaks\n"
                 "69  the database is out of reach\n"
                 "78  a version cannot be read, or git or the database does not know it\n",
        .operands_min = 2,
        .operands_max = VERSIONS_MAX,
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = run(&options, argv, n_operands);
    args_list_free(&options.source.imports);
    setup_free(&options.source.setup);
    return code;
}
