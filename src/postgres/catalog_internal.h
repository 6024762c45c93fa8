/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog_internal: what catalog's files share.
 */
#ifndef PACTOLUS_POSTGRES_CATALOG_INTERNAL_H
#define PACTOLUS_POSTGRES_CATALOG_INTERNAL_H

#include "postgres/catalog.h"

/* catalog_care.c: what the live views of `shape` must get back if they are dropped and made anew,
 * and what is built on them and on those columns of the table that `want` has with another type. */
bool catalog_read_care(PGconn *conn, const struct shape *want, struct shape *shape,
                       struct err *err) MUST_CHECK;

#endif
