/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog: the live table and views as a shape, read from pg_catalog. Blocks. Borrows the
 * connection; the shape is the caller's (shape_free). Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_CATALOG_H
#define PACTOLUS_POSTGRES_CATALOG_H

#include "postgres/conn.h"
#include "table/shape.h"

/* What is there under the names of `want`; exists = false when the table is not. NULL with err. */
struct shape *catalog_read(PGconn *conn, const struct shape *want, struct err *err);

#endif
