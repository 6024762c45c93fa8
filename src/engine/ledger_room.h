/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_room: halts a stream whose open dead letters fill the room that it has in the ledger
 * (ledger.bytes): open letters never expire, and a full disk would stop everybody.
 *
 * Cheap by asking in two steps, in the service's worker and only while letters come: the size of
 * the whole ledger is in the catalog; only when that is past some stream's room are the streams'
 * own shares added up, for at most a twentieth of the time. So the bound is exact but for what
 * arrives between two looks.
 */
#ifndef PACTOLUS_ENGINE_LEDGER_ROOM_H
#define PACTOLUS_ENGINE_LEDGER_ROOM_H

#include "engine/engine.h"

/* Look if it is time. Returns when to come again. */
usec_t ledger_room_turn(struct engine *engine, usec_t now);

#endif
