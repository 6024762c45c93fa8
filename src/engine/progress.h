/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: the periodic log line and the summary at the end. Borrows the engine; cannot fail.
 */
#ifndef PACTOLUS_ENGINE_PROGRESS_H
#define PACTOLUS_ENGINE_PROGRESS_H

#include "engine/engine.h"

usec_t progress_turn(struct engine *engine, usec_t now);
/* Partitions whose records go into batches. */
unsigned progress_partitions(const struct engine *engine);
/* Totals of all lanes since the process began. */
struct lane_counts progress_totals(const struct engine *engine);
void progress_summary(const struct engine *engine, usec_t took);

#endif
