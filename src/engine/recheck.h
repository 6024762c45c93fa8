/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recheck: every recheck_interval while partitions are ours, in the service thread: are the topics
 * still those that were claimed? One that was deleted and made anew keeps its name, and when its new
 * log has grown past our offset no error tells. Its cursors are claimed anew, for another log.
 * Borrows the membership.
 */
#ifndef PACTOLUS_ENGINE_RECHECK_H
#define PACTOLUS_ENGINE_RECHECK_H

#include "engine/membership_internal.h"

/* Ask when it is time. Returns when to come again. */
usec_t recheck_turn(struct membership *membership, usec_t now);
/* The topic of this name is another one now: its cursors leave what they have read and are claimed
 * anew. Cursors with that id already are left alone. */
void recheck_recreated(struct membership *membership, const struct topic_identity *identity,
                       usec_t now);

#endif
