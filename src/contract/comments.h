/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comments: the source info of one file (SourceCodeInfo of descriptor.proto): where an element
 * stands and what is written beside it. Elements are found by their path of field numbers and
 * indexes ([4, 0, 2, 1] = second field of the first message).
 *
 * Borrows the unpacked file, which must outlive it; comments_free releases the index.
 */
#ifndef PACTOLUS_CONTRACT_COMMENTS_H
#define PACTOLUS_CONTRACT_COMMENTS_H

#include "base/memory.h"

#include "google/protobuf/descriptor.pb-c.h"

#include <stdbool.h>

struct comments {
    const Google__Protobuf__SourceCodeInfo__Location **sorted; /* by path */
    size_t count;
};

void comments_init(struct comments *comments, const Google__Protobuf__SourceCodeInfo *info);
void comments_free(struct comments *comments);

/* The element's comment (leading, else trailing) with the comment's margin taken off, in `arena`;
 * "" if there is none. `line` gets its 1-based line, 0 when there is no source info. */
const char *comments_find(const struct comments *comments, const int *path, size_t length,
                          struct arena *arena, int *line);

#endif
