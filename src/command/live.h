/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live: what `check --connect` asks the servers. Prints what is well, adds what is not to errs.
 * Blocks; opens clients of its own and closes them, borrows the rest.
 */
#ifndef PACTOLUS_COMMAND_LIVE_H
#define PACTOLUS_COMMAND_LIVE_H

#include "config/stream.h"

/* The cluster answers and has every topic of every stream, the DLQ's too. */
void live_check_broker(const struct config *config, int timeout_ms, struct errs *errs);
/* The database answers, is as new as our migrations, and its tables are what the contracts want.
 * Streams without a layout are passed over. */
void live_check_database(const struct config *config, const struct stream *streams,
                         struct errs *errs, struct errs *warnings);

#endif
