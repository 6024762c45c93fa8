/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measures: what a stream notes of its own work, for engine/metrics: sizes, times, failures. Since
 * the process began, and of this process only; what is exact over daemons and crashes stands in
 * PostgreSQL's account.
 *
 * Per record there is one run of equal timestamps to go on with (record/batch), and for contracts
 * with an event time one subtraction; all else is done once per batch. It decides nothing, so it
 * may read the clock: a turn's time is older than what is timed here.
 */
#ifndef PACTOLUS_ENGINE_MEASURES_H
#define PACTOLUS_ENGINE_MEASURES_H

#include "engine/live.h"

void measures_init(struct live_stream *live);
/* The stream has a contract, or another one: where is its event time? */
void measures_contract(struct live_stream *live);
void measures_free(struct live_stream *live);

/* A row was made of a record of that topic (its number in the configuration). One that is read
 * again after a failure is measured again. */
void measures_row(struct live_stream *live, unsigned topic, const struct record *record,
                  const struct row *row);
/* The oldest batch in flight has an outcome; before lane->n_sent falls. */
void measures_outcome(struct lane *lane, bool committed);
/* A batch committed, in whatever way. */
void measures_batch(struct live_stream *live, const struct batch *batch);
/* One did not. */
void measures_failure(struct live_stream *live, enum remedy remedy, const struct err *err);
const char *measures_remedy_name(enum remedy remedy);

/* The end of the cursor's log is `end` now: what was written since the last look is input. */
void measures_end(struct cursor *cursor, int64_t end);
/* How old its oldest record is that is not applied: at most, as far as that is known without
 * reading it. 0 when it is caught up. */
usec_t measures_lag(const struct cursor *cursor, usec_t wall);

#endif
