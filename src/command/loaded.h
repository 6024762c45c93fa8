/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loaded: what a daemon runs with: the configuration, its streams with everything that they name,
 * and the engine's options made of them. Everything is parsed and judged before anything acts.
 */
#ifndef PACTOLUS_COMMAND_LOADED_H
#define PACTOLUS_COMMAND_LOADED_H

#include "command/setup.h"
#include "engine/engine.h"
#include "engine/preflight.h"

struct loaded {
    struct config *config;
    struct stream *streams;
    unsigned n_streams;            /* as configured; preflight may leave some out */
    struct engine_options options; /* borrows all of it */
};

/* Read the files. False with all faults in errs; free it in either case. */
bool loaded_read(struct loaded *loaded, const struct setup *setup, struct errs *errs) MUST_CHECK;
/* Ask the servers whether a daemon can run with it; preflight's errs. `conn`, which may be NULL, gets
 * the session that was asked, the caller's to close. Blocks. */
bool loaded_judge(struct loaded *loaded, enum preflight_strictness strictness, PGconn **conn,
                  struct errs *errs) MUST_CHECK;
void loaded_free(struct loaded *loaded);

#endif
