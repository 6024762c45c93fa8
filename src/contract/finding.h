/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding: what `contract lint` and `contract diff` have to say, as data. A finding names a rule of
 * one table (finding_rules.c: layer, severity, what it means, what to do), the element it is about
 * and the place where that stands. Who prints them is finding_print.
 *
 * A list owns its findings and their texts (one arena); rules are static.
 */
#ifndef PACTOLUS_CONTRACT_FINDING_H
#define PACTOLUS_CONTRACT_FINDING_H

#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"

/* Where a rule looks: the contract by itself; what of a change a reader of bytes notices, a reader
 * of names (JSON, generated code), and a reader of the table. */
enum finding_layer { LAYER_LINT = 0, LAYER_WIRE, LAYER_NAMES, LAYER_TABLE, LAYER_COUNT };

/* Notes are changes that are safe; they never fail. */
enum finding_severity { FINDING_NOTE = 0, FINDING_WARNING, FINDING_ERROR };

struct finding_rule {
    enum finding_layer layer;
    const char *id; /* "COLUMN_RENAMED"; unique within its layer */
    enum finding_severity severity;
    const char *meaning; /* a clause, lower case, no full stop */
    const char *advice;  /* what to do; "" for notes */
};

struct finding {
    const struct finding_rule *rule;
    enum finding_severity severity; /* the rule's */
    const char *path;               /* "shop.v1.Order.total": message, field, value, file */
    const char *place;              /* "shop/v1/order.proto:12"; "" when unknown */
    const char *text;               /* one sentence, lower case, no full stop */
    const char *advice;             /* the rule's, or a better one for this very case */
};

struct findings {
    struct arena arena;
    struct finding *items;
    unsigned count, capacity;
};

void findings_init(struct findings *findings);
void findings_free(struct findings *findings);

/* Add one; everything is copied, `place` may be NULL. The id must be in the table. */
void findings_add(struct findings *findings, enum finding_layer layer, const char *id,
                  const char *path, const char *place, const char *format, ...) PRINTF_LIKE(6, 7);
/* Replace the advice of the finding added last. */
void findings_advise(struct findings *findings, const char *format, ...) PRINTF_LIKE(2, 3);
/* An error as a finding of the layer lint: its rule, else CONTRACT_INVALID. */
void findings_add_err(struct findings *findings, const char *path, const struct err *err);
/* By layer, then severity (errors first), then place and path; repetitions are dropped. */
void findings_sort(struct findings *findings);
unsigned findings_count(const struct findings *findings, enum finding_severity severity);

/* "wire", "names", "table", "lint"; "error", "warning", "note". */
const char *finding_layer_name(enum finding_layer layer);
const char *finding_severity_name(enum finding_severity severity);

/* All rules, by layer; `count` gets how many. */
const struct finding_rule *finding_rules(unsigned *count);
/* NULL when there is none of that id. */
const struct finding_rule *finding_rule(enum finding_layer layer, const char *id);

#endif
