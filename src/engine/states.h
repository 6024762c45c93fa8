/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states: the wished state of each stream lives in pactolus.streams, binds every daemon and
 * survives restarts. The engine looks there every two seconds, and writes its own halts there. It
 * blocks in the service's worker only; a look that fails is tried again at the next.
 */
#ifndef PACTOLUS_ENGINE_STATES_H
#define PACTOLUS_ENGINE_STATES_H

#include "engine/engine.h"

usec_t states_turn(struct engine *engine, usec_t now);
/* Look at once, or again as soon as the look under way has ended. */
void states_look(struct engine *engine, usec_t now);
/* Keep the stream's halt, with its kind and reason; tried again until it is written. */
void states_halt(struct engine *engine, struct live_stream *live);

#endif
