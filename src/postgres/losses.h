/* SPDX-License-Identifier: Apache-2.0 */
/*
 * losses: moving a cursor whose next offset Kafka does not have, and booking what was lost
 * (pactolus.move_stranded). Blocks: worker threads only. Errors are classified by
 * postgres/sqlstate; PA001 and PA002 say that the cursor is no longer what the caller thinks.
 */
#ifndef PACTOLUS_POSTGRES_LOSSES_H
#define PACTOLUS_POSTGRES_LOSSES_H

#include "postgres/claim.h"

/* From at->next_offset to `target`; `low` is the first offset that the log has. `from_start`: the
 * log is read from its start again. Sets what `at` is then: the fence is another one. */
bool losses_move(PGconn *conn, struct cursor_position *at, int64_t low, int64_t target,
                 bool from_start, struct err *err) MUST_CHECK;

#endif
