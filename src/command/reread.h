/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reread: SIGHUP. The configuration is read again and judged in a worker, servers included, while
 * the daemon goes on. Only one that is sound in every stream is handed out; of another the faults
 * are logged, and nothing changes.
 */
#ifndef PACTOLUS_COMMAND_REREAD_H
#define PACTOLUS_COMMAND_REREAD_H

#include "command/loaded.h"

struct reread;

/* `setup` is borrowed. NULL with err when there can be no worker. */
struct reread *reread_open(struct loop *loop, const struct setup *setup, struct err *err);
/* Begin, or once more behind the one under way. */
void reread_ask(struct reread *reread);
/* Something was asked, and its answer not taken yet. */
bool reread_pending(const struct reread *reread);
/* True once for each answer: *sound says whether `next` was filled, which is the caller's then.
 * `now` is what runs, for what must not change. */
bool reread_take(struct reread *reread, const struct loaded *now, struct loaded *next, bool *sound);
/* False when its thread is stuck: the process should _exit. A NULL one is closed. */
bool reread_close(struct reread *reread, usec_t patience);

#endif
