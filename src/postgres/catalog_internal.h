/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog_internal: what catalog's files share.
 */
#ifndef PACTOLUS_POSTGRES_CATALOG_INTERNAL_H
#define PACTOLUS_POSTGRES_CATALOG_INTERNAL_H

#include "postgres/catalog.h"

/* catalog_care.c: what the live views of `shape` must get back if they are dropped and made anew,
 * and what is built on them and on the table. */
bool catalog_read_care(PGconn *conn, struct shape *shape, struct err *err) MUST_CHECK;

#endif
