/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dependents: who reads a contract's table and views, as the catalog knows it: views that are built
 * on them, however far, and roles that were granted something. Blocks: verbs only. Everything read
 * lives in the caller's arena. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_DEPENDENTS_H
#define PACTOLUS_POSTGRES_DEPENDENTS_H

#include "base/memory.h"
#include "postgres/conn.h"

struct dependents_view {
    const char *name, *owner; /* schema.view */
    bool materialized;
};

struct dependents_grant {
    const char *relation, *role, *rights; /* "SELECT, UPDATE" */
};

struct dependents {
    struct dependents_view *views;
    unsigned n_views;
    struct dependents_grant *grants; /* owners left out */
    unsigned n_grants;
};

/* Of all `relations` (schema and name in turn) together. One that is not there has no readers. */
bool dependents_read(PGconn *conn, const char *const *schemas, const char *const *names, unsigned n,
                     struct arena *arena, struct dependents *dependents,
                     struct err *err) MUST_CHECK;

#endif
