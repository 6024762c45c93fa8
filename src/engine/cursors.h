/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursors: the cursors of a membership: made when partitions are assigned, claimed, started,
 * rewound, probed when they are fenced, and let go.
 */
#ifndef PACTOLUS_ENGINE_CURSORS_H
#define PACTOLUS_ENGINE_CURSORS_H

#include "engine/membership_internal.h"

struct cursor *cursors_find(const struct membership *membership, const char *topic,
                            int32_t partition);
/* How far a log is read when nobody has said more of it. */
struct until cursors_until(const struct membership *membership);
/* A cursor in state claiming; one that is there already is left as it is. */
void cursors_add(struct membership *membership, const struct topic_partition *at);
void cursors_remove(struct membership *membership, struct cursor *cursor, usec_t now);

/* Claim what is in state claiming. Returns when to come again. */
usec_t cursors_claim(struct membership *membership, usec_t now);
/* Answer an ASSIGN: forward and assign every claimed cursor of the list. */
void cursors_start(struct membership *membership, const struct owed *owed, usec_t now);
/* What is due while owning: forward again what is silent, rewinds, probes, reclaims, commits. */
usec_t cursors_turn(struct membership *membership, usec_t now);

#endif
