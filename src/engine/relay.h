/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: carries dead letters from the ledger to their DLQ topics, in a worker thread with a
 * connection and a producer of its own: a DLQ outage never stalls rows. One daemon of a group does
 * it at a time (postgres/ledger). At least once: a letter is marked after its delivery report.
 */
#ifndef PACTOLUS_ENGINE_RELAY_H
#define PACTOLUS_ENGINE_RELAY_H

#include "engine/engine.h"

/* What it has done; read by metrics. */
struct relay_counts {
    uint64_t relayed, failed;
    bool holding; /* this daemon is the group's relay */
};

struct relay *relay_open(struct engine *engine, struct err *err);
/* There may be letters. */
void relay_kick(struct relay *relay);
usec_t relay_turn(struct relay *relay, usec_t now);
/* The group's letters are all relayed, as far as the last round saw. */
bool relay_idle(const struct relay *relay);
/* How long the round that is under way has taken; 0 = none is. */
usec_t relay_busy(const struct relay *relay, usec_t now);
const struct relay_counts *relay_counts(const struct relay *relay);
/* True when the thread ended within `patience`. */
bool relay_close(struct relay *relay, usec_t patience);

#endif
