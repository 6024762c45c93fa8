/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pooler: what stands between a connection and PostgreSQL, and whether it gives us sessions.
 *
 * Pactolus needs sessions: locks, settings and prepared statements belong to one, and a claim ends
 * the backends that an owner recorded. A pooler in transaction or statement mode hands the backend
 * on after each transaction, and all of that is silently another client's. A pooler shows itself
 * because the backend's id in the cancel key, which libpq knows, is the pooler's own invention. Its
 * mode does not show so easily: with one client a pooler in transaction mode behaves like a
 * session. So it is tempted: while our connection is idle, a second one opens a transaction. A
 * session's backend stays its own; in the other modes the idle backend is given away, or ours is
 * another afterwards. A round that misses (a stranger took the backend first) is followed by
 * others.
 *
 * Besides, each session is marked by a setting. A backend that comes with a mark is either in use
 * or was not reset by the pooler: refused too.
 */
#ifndef PACTOLUS_POSTGRES_POOLER_H
#define PACTOLUS_POSTGRES_POOLER_H

#include "base/err.h"

#include <libpq-fe.h>

/*
 * Judge a connection just opened, and mark its session. A pooler without `allowed` (pooler =
 * "session") is refused, and so is a backend that was not reset: halt/78, which name the setting.
 * With `prove`, a pooler's mode is put to the test by a second connection, which is closed again:
 * halt/78 in transaction or statement mode, retry/69 if the pooler has no backend for it within
 * `patience_ms`. Without a pooler nothing is tested.
 */
bool pooler_judge(PGconn *conn, bool allowed, bool prove, int patience_ms,
                  struct err *err) MUST_CHECK;

#endif
