/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: what follows from a batch that did not commit: the one place where classes become
 * actions (docs/guarantees.md §6), and where such errors are logged.
 */
#ifndef PACTOLUS_ENGINE_OUTCOME_H
#define PACTOLUS_ENGINE_OUTCOME_H

#include "engine/live.h"

/* `after_failure`: a batch before it in the same pipeline failed, so a wrong offset is no news.
 * `too_much` counts in a row the failures that a smaller batch may not meet. */
enum remedy outcome_remedy(const struct write_outcome *outcome, bool after_failure,
                           unsigned *too_much);
/* The same for a batch whose isolation failed: settle, halt, or retry (the isolation, after a
 * backoff). */
enum remedy outcome_isolated(const struct err *err);

/* The session that said this is of no more use. */
bool outcome_reconnects(const struct err *err);

/* Say it once: a warning per lane and 30 s for what is retried, an error for what halts. */
void outcome_log(struct lane *lane, enum remedy remedy, const struct err *err, usec_t now);

#endif
