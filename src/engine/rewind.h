/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewind: cursors in state rewinding read again from where PostgreSQL is: their rows are read,
 * librdkafka fetches anew from there, and only then do their records count again. What fails is
 * tried again after a second; a cursor whose fence is gone is fenced. Borrows the membership.
 */
#ifndef PACTOLUS_ENGINE_REWIND_H
#define PACTOLUS_ENGINE_REWIND_H

#include "engine/membership_internal.h"

/* Begin what can begin: cursors whose lane has nothing in flight. Returns when to come again. */
usec_t rewind_cursors(struct membership *membership, usec_t now);

#endif
