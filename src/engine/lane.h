/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane: a share of one stream's partitions. At most one batch is filling and up to two are in
 * flight, in order, on a connection borrowed from the pool. A batch goes out as soon as the
 * connection is idle and rows wait, so that batch size follows load by itself; a full lane is
 * simply not pulled.
 */
#ifndef PACTOLUS_ENGINE_LANE_H
#define PACTOLUS_ENGINE_LANE_H

#include "engine/live.h"

struct engine;

bool lane_init(struct lane *lane, struct engine *engine, struct live_stream *live, unsigned number,
               struct err *err) MUST_CHECK;
/* Ends without committing anything; the connection goes back or is closed. */
void lane_free(struct lane *lane, usec_t now);

/* Everything that can be done now. Returns when to come again at the latest. */
usec_t lane_turn(struct lane *lane, usec_t now);

/* A cursor joins: its slot is set and its partition forwarded to the lane's intake. */
void lane_add(struct lane *lane, struct cursor *cursor);
/* A cursor leaves. What it has in batches that were not sent is dropped with them, and the lane's
 * other cursors are rewound; what was sent ends under its fence. */
void lane_remove(struct lane *lane, struct cursor *cursor, usec_t now);
/* Nothing of this cursor is in any batch. */
bool lane_drained(const struct cursor *cursor);
/* Nothing at all is on its way. */
bool lane_clean(const struct lane *lane);

/* Stop until the stream goes on (halt, pause, a contract to come): what is in flight ends, nothing
 * else is sent. */
void lane_stop(struct lane *lane, usec_t now);

/* The lane's account row is known: batches can be sent. */
void lane_account(struct lane *lane, int64_t account_id);

/* ---- used between lane's own files ---- */

/* lane_intake.c: fill lane->filling from the intake. */
void lane_pull(struct lane *lane, usec_t now);
/* lane_settle.c: ask where the cursors stand. */
void lane_settle(struct lane *lane);
/* lane_isolate.c: apply the oldest batch without the rows that PostgreSQL refuses. Nothing else is
 * in flight; it counts as in flight (n_sent) until that has ended. */
void lane_isolate(struct lane *lane);
/* A batch committed: its cursors advance, it is spare again. */
void lane_committed(struct lane *lane, struct batch *batch);
/* Drop every batch that is not in flight and send the cursors back to next_offset. */
void lane_drop(struct lane *lane, usec_t now);
/* The record that waits for the next batch is let go. */
void lane_unhold(struct lane *lane);
/* Back off; `then` (LANE_AGAIN, LANE_DOUBT or LANE_REFUSED) says what it is for. */
void lane_wait(struct lane *lane, enum lane_event then, usec_t now);
/* Begin what is for a batch that may be in or not, or that PostgreSQL refuses. */
void lane_begin(struct lane *lane, enum lane_event why);
void lane_fire(struct lane *lane, enum lane_event event);

#endif
