/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules: the validation rules of a message type in protovalidate's option syntax (buf.validate,
 * extension 1159 of field, message and oneof options), compiled once when a contract is made.
 * Producers in Go, Java, Python, TypeScript and C++ enforce the same rules from the same file.
 *
 * The option bytes are read directly (contract/wire), so that neither buf.validate's .proto nor its
 * generated code is needed. Any rule that this engine does not enforce (CEL, predefined) is an
 * error that names it: rules are never skipped in silence.
 */
#ifndef PACTOLUS_CONTRACT_RULES_H
#define PACTOLUS_CONTRACT_RULES_H

#include "contract/descriptor.h"

struct rules;

/* Compile the rules of `type` and of every message type below it (recursion is fine). Errors (halt,
 * exit 78) go to `errs`: malformed option bytes, a rule of another type than its field, a pattern
 * RE2 refuses, unsupported rules by name. NULL then. */
struct rules *rules_compile(const struct message_type *type, struct errs *errs);
void rules_free(struct rules *rules);
/* How many rules it holds, all types together; 0 = validation can be skipped. */
unsigned rules_count(const struct rules *rules);
/* Feeds everything that the rules say into the contract's fingerprint. */
void rules_describe(const struct rules *rules, struct buf *out);

#endif
