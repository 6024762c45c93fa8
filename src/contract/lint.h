/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint: everything about a contract that is knowable without data: what contract_make refuses (its
 * errors become findings; nothing is judged twice), and what it accepts though somebody will regret
 * it. Split by subject: lint_terms.c (owner, descriptions, topics), lint_columns.c.
 */
#ifndef PACTOLUS_CONTRACT_LINT_H
#define PACTOLUS_CONTRACT_LINT_H

#include "contract/contract.h"
#include "contract/finding.h"

#define LINT_TOPIC_PATTERN "^[a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*(\\.v[0-9]+)?$"

struct pattern;
struct lint_options {
    const struct contract_overrides *overrides; /* of the stream's configuration; NULL = none */
    const struct pattern *topics;               /* what names of topics look like */
    const char *pattern;                        /* the same as text, for people */
};

/* All findings about the contract of `type`, a message of `set`. */
void lint_contract(const struct descriptor_set *set, const struct message_type *type,
                   const struct lint_options *options, struct findings *findings);

/* Judgements that `check` shares. */
/* Records of one key may come from several topics, and nothing orders them but clocks. */
bool lint_topics_unordered(unsigned n_topics, bool versioned, bool append);

/* --- internal to the parts --- */
struct linting {
    const struct descriptor_set *set;
    const struct message_type *type;
    const struct lint_options *options;
    struct contract_options said;    /* the .proto's, overridden by the configuration's */
    const struct contract *contract; /* NULL: it cannot be made */
    struct findings *findings;
    const char *place; /* of the message */
};
const char *lint_field_place(const struct linting *linting, const struct field_type *field);
const char *lint_field_path(const struct linting *linting, const struct field_type *field);
const char *lint_column_place(const struct linting *linting, const struct column *column);
const char *lint_column_path(const struct linting *linting, const struct column *column);
void lint_terms(const struct linting *linting);
void lint_topics(const struct linting *linting);
void lint_columns(const struct linting *linting);

#endif
