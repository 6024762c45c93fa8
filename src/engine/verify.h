/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: are our cursors still where we left them? A standby that was promoted behind its primary
 * has lost what was committed last, and a partition at which nothing arrives any more would never
 * find out: no batch of it meets the wrong offset. So PostgreSQL's cursors are read every few
 * seconds, and as soon as a session was lost; one that fell back is read again from there, and one
 * under another fence is fenced. Borrows the membership.
 */
#ifndef PACTOLUS_ENGINE_VERIFY_H
#define PACTOLUS_ENGINE_VERIFY_H

#include "engine/membership_internal.h"

/* Ask when it is time. Returns when to come again. */
usec_t verify_cursors(struct membership *membership, usec_t now);

#endif
