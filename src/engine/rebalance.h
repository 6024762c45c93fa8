/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebalance: what a daemon does about the partitions that its group gives and takes: the actions of
 * the table of states in membership.c, which says when. Each is called with the membership whose
 * `incoming` holds what the event names; none of them waits. Only membership.c includes this.
 */
#ifndef PACTOLUS_ENGINE_REBALANCE_H
#define PACTOLUS_ENGINE_REBALANCE_H

#include "engine/membership_internal.h"

/* The fences of what was assigned are asked for; an eager assignment ends everything before it. */
void rebalance_take_assign(void *self);
/* Every fence is ours: reading begins, and Kafka is answered. */
void rebalance_answer_assign(void *self);
/* An assignment while a revoke is unanswered. */
void rebalance_supersede_revoke(void *self);

/* What is revoked is claimed no more, and its batches end first. */
void rebalance_take_revoke(void *self);
/* Cursors leave their lanes, Kafka is answered. */
void rebalance_answer_revoke(void *self);
/* The same although batches are in flight: the group waits no longer. */
void rebalance_expire_drain(void *self);
/* What is somebody else's by now: what was read is dropped, and Kafka is answered at once. */
void rebalance_take_lost(void *self);

/* The claim under way is for partitions that we shall not get. */
void rebalance_cancel_claim(struct membership *membership);

#endif
