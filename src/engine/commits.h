/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commits: PostgreSQL's offsets told to Kafka, for lag tools, with a note of their origin
 * (engine/origin). At most one commit is under way. A commit of a fenced cursor is a question: the
 * group takes it only from a member of its present generation, and such a one knows what it owns.
 * Borrows the membership.
 */
#ifndef PACTOLUS_ENGINE_COMMITS_H
#define PACTOLUS_ENGINE_COMMITS_H

#include "engine/membership_internal.h"

/* Tell these, whatever was told before. False when one is under way, or cannot be. */
bool commits_send(struct membership *membership, struct cursor *const *cursors, unsigned n);
/* Tell what has moved. */
void commits_all(struct membership *membership);
/* One was answered. */
void commits_answered(struct membership *membership, const struct consumer_event *event,
                      usec_t now);

#endif
