/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: what the service manager is told (sd_notify(3)): that the daemon is ready, alive, reading
 * again or stopping, and a line on how it stands. Says nothing when nobody listens.
 *
 * The watchdog is pinged from the engine's turn, so that a loop which hangs is noticed, and only
 * while no worker thread has been busy with one thing for longer than it can take. An outage of
 * broker or database keeps neither from going on: questions fail in time and are asked again.
 */
#ifndef PACTOLUS_ENGINE_NOTIFY_H
#define PACTOLUS_ENGINE_NOTIFY_H

#include "engine/engine.h"

/* Everything is open; the group is being joined. */
void notify_ready(void);
/* SIGTERM came. Names the time that the stop may take, which may be longer than the unit's. */
void notify_stopping(const struct engine *engine);
/* Around what SIGHUP asks for. */
void notify_reloading(usec_t now);
void notify_reloaded(void);
/* The watchdog's ping, and STATUS. Returns when to come again. */
usec_t notify_turn(struct engine *engine, usec_t now);

/* "4 partitions, 1,200 records behind, 3 dead letters open, 1 of 2 streams stands still": STATUS,
 * without what was not counted yet (open_letters < 0). */
enum { NOTIFY_TEXT = 256 };
const char *notify_status(const struct engine *engine, int64_t open_letters, char out[NOTIFY_TEXT]);

#endif
