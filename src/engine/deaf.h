/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deaf: partitions that the broker answers for and the client hears nothing of, not even where they
 * end. librdkafka keeps the greatest leader epoch that it has seen of a partition's name and ignores
 * metadata with a smaller one as outdated (rd_kafka_toppar_leader_update, 2.14.2), so of a topic
 * that was made anew after its leader had moved it hears nothing until the epoch has caught up, if
 * ever. Nothing but another client helps: the engine leaves, in good order, for another process.
 *
 * Silent for silence_timeout, then answered for twice, a third of that apart: reconnects and throttled
 * fetches are not taken for it. Borrows the membership; asks in the service thread.
 */
#ifndef PACTOLUS_ENGINE_DEAF_H
#define PACTOLUS_ENGINE_DEAF_H

#include "engine/membership_internal.h"

/* From now on the cursor ought to be heard: it was assigned, or fetched from elsewhere. */
void deaf_listen(struct cursor *cursor, usec_t now);
/* Look, and ask when it is time. Returns when to come again. */
usec_t deaf_turn(struct membership *membership, usec_t now);

#endif
