/* SPDX-License-Identifier: Apache-2.0 */
/* contract: a table of verbs of its own, as verbs.c is one. */
#include "command/contract.h"

#include "base/memory.h"
#include "command/verb.h"
#include "contract/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb table[] = {
    {"lint", "FILE…", "everything about a contract that is knowable without data", contract_lint},
    {"diff", "OLD… NEW", "what a change breaks: bytes, names, the table", contract_diff},
    {"readers", "FILE", "who reads a contract: consumer groups, views, grants", contract_readers},
    {"docs", "[STREAM…]", "what views and columns mean: a page, or sources for dbt", contract_docs},
    {0},
};

int command_contract(int argc, char **argv)
{
    static const struct verb_family family = {"contract", "Contracts: judged, compared, told.",
                                              table};
    return verbs_family(&family, argc, argv);
}

bool contract_form(const struct contract_telling *telling, enum contract_form *form,
                   struct err *err)
{
    static const char *const names[] = {"text", "json", "github", NULL};
    const char *wanted = telling->json ? "json" : telling->format ? telling->format : "text";
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], wanted) == 0) {
            *form = (enum contract_form)i;
            return true;
        }
    }
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "there is no format %s", wanted);
    return err_hint(err, "text, json or github");
}

int contract_code(const struct contract_telling *telling, const struct findings *findings)
{
    unsigned count = findings_count(findings, FINDING_ERROR);
    if (telling->strict)
        count += findings_count(findings, FINDING_WARNING);
    return count ? ERR_EXIT_DATA : ERR_EXIT_OK;
}

static bool is_named(const struct message_type *type, const char *message)
{
    const char *dot = strrchr(type->full_name, '.');
    return strcmp(type->full_name, message) == 0 || (dot && strcmp(dot + 1, message) == 0);
}

bool contract_candidates(const struct source *source, const char *message,
                         struct contract_candidate **list, unsigned *count, struct err *err)
{
    const struct message_type *type;
    *list = NULL;
    *count = 0;
    for (unsigned i = 0; (type = descriptor_set_message_at(source->set, i)); i++) {
        bool declared = options_declared(type);
        if (strcmp(type->file, source->file->name) != 0 || type->map_entry ||
            (message ? !is_named(type, message) : !declared))
            continue;
        *list = mem_grow(*list, *count + 1, sizeof **list);
        (*list)[(*count)++] = (struct contract_candidate){type, declared};
    }
    if (*count || !message)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "there is no message %s", message);
    return err_place(err, "%s", source->file->name);
}
