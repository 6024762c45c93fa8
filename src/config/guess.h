/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guess: which message of a descriptor set a topic carries, when nobody says. Pure. Borrows the
 * set; what it returns lies there. No guess is no error: NULL.
 */
#ifndef PACTOLUS_CONFIG_GUESS_H
#define PACTOLUS_CONFIG_GUESS_H

#include "contract/contract.h"

enum { GUESS_MAX = 1000 };

/* The messages that a topic may carry: top-level ones that are neither well-known types nor
 * options. At most GUESS_MAX of them into `out`; returns how many. */
unsigned guess_candidates(const struct descriptor_set *set, const struct message_type **out);

/* The only candidate whose options name the topic; else the only one whose options speak of a table
 * at all; else the only one. NULL when that leaves none or several. */
const struct message_type *guess_message(const struct descriptor_set *set, const char *topic);

#endif
