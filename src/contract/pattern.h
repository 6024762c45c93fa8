/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern: regular expressions of rules, in RE2's dialect, which protovalidate prescribes.
 *
 * RE2 matches in time linear in the text and within a fixed memory, so that neither a pattern from
 * a contract nor a text from a record can stall a stream. The only C++ of the project is the shim
 * behind this header; nothing of C++ shows through it.
 */
#ifndef PACTOLUS_CONTRACT_PATTERN_H
#define PACTOLUS_CONTRACT_PATTERN_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PATTERN_MEMORY = 1024 * 1024, /* bytes of program and caches of one pattern */
};

struct pattern;

/* Compile `source`. NULL with a sentence in `reason` (cut to `size` bytes with the NUL) when RE2
 * refuses it or it needs more than PATTERN_MEMORY. pattern_close releases it. */
struct pattern *pattern_open(struct span source, char *reason, size_t size);
void pattern_close(struct pattern *pattern);

/* True when the pattern matches anywhere in `text`, which is valid UTF-8. Several threads may match
 * against one pattern. */
bool pattern_matches(const struct pattern *pattern, struct span text);

#ifdef __cplusplus
}
#endif

#endif
