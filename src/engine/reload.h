/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload: a stream takes a new contract while its daemon runs. `migrate` notes in pactolus.streams
 * the contract that it has brought a table to. A daemon that finds another one there than its own
 * reads the stream's descriptor file again. If that is the noted contract, and the table is as it
 * wants it, the stream stands still until what it has in flight has ended, changes over, and claims
 * its cursors again: what was read and not sent yet is read again, so no record is decoded with one
 * contract and written with another.
 *
 * As long as the file is another one (it has not been put in place on this host yet), cannot be
 * read, or the table refuses the new contract, the stream goes on with what it has, which an
 * additive change allows. That is said once, and looked at again.
 *
 * Nothing else is read again: neither the configuration, nor what it says of names, topics and
 * columns.
 */
#ifndef PACTOLUS_ENGINE_RELOAD_H
#define PACTOLUS_ENGINE_RELOAD_H

#include "engine/engine.h"

/* What pactolus.streams has of this stream, each time it is looked at. */
void reload_consider(struct engine *engine, struct live_stream *live, const char *fingerprint,
                     usec_t now);
/* A batch failed. If of a table that has changed under it, look now for what it has become. */
void reload_missed(struct lane *lane, const struct err *err);
/* Change over what is loaded, as soon as nobody looks at the old one any more. */
void reload_turn(struct engine *engine, usec_t now);
/* Some stream changes over: it has not been read to its end. */
bool reload_pending(const struct engine *engine);
void reload_free(struct live_stream *live);

#endif
