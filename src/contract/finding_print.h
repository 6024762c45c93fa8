/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding_print: findings for people (file:line, a hint), for programs (JSON), and as annotations
 * that code hosts show beside the line (workflow commands). Also the table of rules as a document.
 */
#ifndef PACTOLUS_CONTRACT_FINDING_PRINT_H
#define PACTOLUS_CONTRACT_FINDING_PRINT_H

#include "contract/finding.h"

/* order.proto:12: error: shop.v1.Order.total: the unit … [table UNIT_CHANGED]
 *   hint: add a new field with the new unit */
void findings_print_text(const struct findings *findings, struct buf *out);
/* ::error file=order.proto,line=12,title=table UNIT_CHANGED::…; notes are left out. */
void findings_print_github(const struct findings *findings, struct buf *out);
/* An array of objects: layer, rule, severity, path, file, line (both absent when unknown), text,
 * advice. */
void findings_print_json(const struct findings *findings, struct buf *out);
/* "2 errors, 1 warning, 3 notes"; "nothing to say" */
void findings_print_counts(const struct findings *findings, struct buf *out);

/* All rules as Markdown: docs/contract-rules.md. */
void finding_rules_print(struct buf *out);

#endif
