/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roles: the roles of pactolus.roles and their rights (migrations/0012), which migrate brings up to
 * what is there at its end, so that tables of later migrations and of new streams are covered.
 */
#ifndef PACTOLUS_POSTGRES_ROLES_H
#define PACTOLUS_POSTGRES_ROLES_H

#include "base/buf.h"
#include "base/err.h"

#include <libpq-fe.h>

/* What it sends, for --dry-run. */
const char *roles_text(void);
/* Make the roles that are missing, as far as this session may, and grant what is missing on what it
 * owns. `missing`: the commands for what somebody else must do, a line each, appended. */
bool roles_apply(PGconn *conn, struct buf *missing, int64_t *granted, struct err *err) MUST_CHECK;

#endif
