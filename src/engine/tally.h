/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally: what streams have taken from each topic, and what records carried that no contract knows
 * (drift), written down every ten seconds and once more at the end. Measures, not accounts: a crash
 * loses the last of it, and what is read again is counted again. What PostgreSQL has not taken is
 * kept and told with the next.
 *
 * It also says in the log, once a day, that a topic past its contract's sunset still carries
 * records.
 */
#ifndef PACTOLUS_ENGINE_TALLY_H
#define PACTOLUS_ENGINE_TALLY_H

#include "engine/engine.h"

/* Room for the stream's counts; released by tally_free. */
void tally_init(struct live_stream *live);
void tally_free(struct live_stream *live);

/* Write down now what the stream has counted, unless that is under way. */
void tally_write(struct engine *engine, struct live_stream *live);

/* A batch was committed: `records` of the topic of that name (a pointer of the configuration). */
void tally_take(struct live_stream *live, const char *topic, int64_t records, int64_t newest);

/* Write down what is due. Returns when to come again. */
usec_t tally_turn(struct engine *engine, usec_t now);
/* The membership has left: all that was counted is written, or was tried and waited for once. */
bool tally_settled(const struct engine *engine);

#endif
