/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener: hears at once what a verb wrote for this group (NOTIFY pactolus, with the group's name;
 * migrations/0010): a wished state, a contract, a replay. It only says that it is time to look, and
 * the engine looks every other second anyhow, so a session that is lost costs no more than that
 * wait.
 *
 * A session of its own, opened by a worker, read by the loop. It borrows loop and options.
 */
#ifndef PACTOLUS_ENGINE_LISTENER_H
#define PACTOLUS_ENGINE_LISTENER_H

#include "engine/loop.h"
#include "engine/service.h"

struct listener;

/* NULL with err when the worker cannot be started; the session is opened later. */
struct listener *listener_open(struct loop *loop, const struct service_options *options,
                               struct err *err);
/* Take what arrived, and open the session again if it broke. *heard when there is something to look
 * at. Returns when to come again. */
usec_t listener_turn(struct listener *listener, usec_t now, bool *heard);
/* Waits at most `patience` for the thread. True when it ended; a NULL listener is closed. */
bool listener_close(struct listener *listener, usec_t patience);

#endif
