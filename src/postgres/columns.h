/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns: pactolus.columns and the target of pactolus.freshness, as migrate writes them: what the
 * contracts of a stream say about its columns, for those who ask the database. Blocks. Borrows the
 * connection. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_COLUMNS_H
#define PACTOLUS_POSTGRES_COLUMNS_H

#include "contract/layout.h"
#include "postgres/conn.h"

enum { COLUMNS_SINCE = 9 }; /* the migration that made them */

/* Does the database say what the layout says? False in *same for a stream without a row. */
bool columns_same(PGconn *conn, const char *group, const char *stream, const struct layout *layout,
                  bool *same, struct err *err) MUST_CHECK;
/* The statement that makes it say so, appended; by then the stream has its row. */
void columns_text(const char *group, const char *stream, const struct layout *layout,
                  struct buf *out);

#endif
