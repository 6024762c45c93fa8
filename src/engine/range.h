/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range: cursors in state stranded: Kafka does not have their next offset. The worker asks why: the
 * topic was made anew (then it is another log), retention passed the cursor, or the log was cut
 * short behind it (an unclean leader election). The stream's out_of_range says what follows: halt,
 * or move the cursor to the log's start or end, booked as lost. Borrows the membership.
 */
#ifndef PACTOLUS_ENGINE_RANGE_H
#define PACTOLUS_ENGINE_RANGE_H

#include "engine/membership_internal.h"

/* Ask for those whose records are all written. Returns when to come again. */
usec_t range_turn(struct membership *membership, usec_t now);

#endif
