/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership: our part in the consumer group. Kafka says which partitions we should read; a cursor
 * is ours only when PostgreSQL has given us its fence. Rebalances are answered when the claim or
 * the drain is done; only the fence is safe, so nothing here is relied on for correctness
 * (reference notes in docs/guarantees.md).
 *
 * Superseded rebalances: an ASSIGN that arrives while a REVOKE is unanswered cancels it (eager) or
 * is preceded by everything owed (cooperative); a REVOKE that arrives while an ASSIGN is unanswered
 * cancels that.
 */
#ifndef PACTOLUS_ENGINE_MEMBERSHIP_H
#define PACTOLUS_ENGINE_MEMBERSHIP_H

#include "engine/engine.h"

enum membership_state {
    MEMBER_IDLE,
    MEMBER_CLAIMING,
    MEMBER_OWNING,
    MEMBER_DRAINING,
    MEMBER_LOST,
    MEMBER_CLOSING,
    MEMBER_STATES,
};
enum membership_event {
    MEMBER_ASSIGN,
    MEMBER_CLAIMED,
    MEMBER_REVOKE,
    MEMBER_REVOKE_LOST,
    MEMBER_DRAINED,
    MEMBER_EXPIRED,
    MEMBER_STOP,
    MEMBER_EVENTS,
};

struct membership *membership_open(struct engine *engine);
void membership_free(struct membership *membership);

/* A control event of the consumer. */
void membership_event(struct membership *membership, const struct consumer_event *event,
                      usec_t now);
usec_t membership_turn(struct membership *membership, usec_t now);
void membership_stop(struct membership *membership, usec_t now);
/* Stop waiting for anything. */
void membership_abandon(struct membership *membership, usec_t now);

struct cursor *membership_cursors(const struct membership *membership);
/* The group has answered at least once, nothing is owed, every cursor was read to its end and
 * committed. */
bool membership_at_end(const struct membership *membership);
/* Nothing is owed to the group and no cursor waits for its lane. */
bool membership_steady(const struct membership *membership);
/* Nothing is owed to the group: no claim, no drain. */
bool membership_owns(const struct membership *membership);
/* The group has answered at least once: it knows us by name. */
bool membership_joined(const struct membership *membership);
/* Cursors may have been moved: look at once whether they are where we left them. */
void membership_look(struct membership *membership, usec_t now);
bool membership_left(const struct membership *membership);
/* Claims under way in the worker. */
unsigned membership_claims(const struct membership *membership);
const char *membership_state(const struct membership *membership);

/* A stream's wished state changed. */
void membership_halt(struct membership *membership, struct live_stream *live);
void membership_resume(struct membership *membership, struct live_stream *live, usec_t now);
/* PostgreSQL has another fence than ours, as `at` says. When we are the last who claimed it, it was
 * moved (a replay, a resume): claimed again at once. Else another owner has it, and the group is
 * asked. */
void membership_fenced(struct membership *membership, struct cursor *cursor,
                       const struct cursor_position *at, usec_t now);
/* Its next offset is not in the log: find out why. */
void membership_out_of_range(struct membership *membership, struct cursor *cursor);
void membership_rewind(struct membership *membership, struct cursor *cursor, usec_t now);
/* How far this log is to be read. */
void membership_until(struct membership *membership, log_id log, int64_t offset);

#endif
