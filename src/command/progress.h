/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: one line on the terminal for long work, rewritten in place, erased at the end. Nothing
 * at all when stderr is no terminal. Borrows `what`; cannot fail.
 */
#ifndef PACTOLUS_COMMAND_PROGRESS_H
#define PACTOLUS_COMMAND_PROGRESS_H

#include "base/clock.h"

#include <stdbool.h>

struct progress {
    const char *what; /* "produced" */
    int64_t total;    /* 0 = unknown */
    usec_t begun, shown;
    bool terminal, dirty;
};

void progress_begin(struct progress *progress, const char *what, int64_t total);
/* Cheap to call often: draws at most ten times a second. */
void progress_show(struct progress *progress, int64_t done);
void progress_end(struct progress *progress);

#endif
