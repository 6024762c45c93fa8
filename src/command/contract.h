/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract: the verbs below `pactolus contract`, and what they share: how findings are told, and
 * which messages of a source are contracts.
 */
#ifndef PACTOLUS_COMMAND_CONTRACT_H
#define PACTOLUS_COMMAND_CONTRACT_H

#include "command/source.h"
#include "contract/finding.h"

int contract_lint(int argc, char **argv);
int contract_diff(int argc, char **argv);
int contract_readers(int argc, char **argv);
int contract_docs(int argc, char **argv);

/* How findings are told. */
struct contract_telling {
    const char *format; /* "text" (the default), "github", "json" */
    bool json, strict;
};

#define TELLING_OPTIONS(telling)                                                                   \
    {'j', "json", NULL, ARGS_FLAG, &(telling)->json, "the same as --format json"},                 \
        {0, "format", "FORMAT", ARGS_TEXT, &(telling)->format,                                     \
         "text (the default), json, or github: annotations for code hosts"},                       \
    {                                                                                              \
        0, "strict", NULL, ARGS_FLAG, &(telling)->strict, "warnings count too"                     \
    }

enum contract_form { CONTRACT_TEXT, CONTRACT_JSON, CONTRACT_GITHUB };
/* False with err (64) for a format that is none. */
bool contract_form(const struct contract_telling *telling, enum contract_form *form,
                   struct err *err) MUST_CHECK;
/* 65 when there are findings that count, else 0. */
int contract_code(const struct contract_telling *telling, const struct findings *findings);

/* A message of a source that is a contract. */
struct contract_candidate {
    const struct message_type *type;
    bool declared; /* it has the option; else --message named it */
};
/* The contracts of the source's file, in its order: the messages with our option, or the one that
 * `message` names (in full, or its last part). To be freed. `count` may be 0; false with err when
 * `message` is not there. */
bool contract_candidates(const struct source *source, const char *message,
                         struct contract_candidate **list, unsigned *count,
                         struct err *err) MUST_CHECK;

#endif
