/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contracts: the versions of a contract that ever ran here (pactolus.contracts). Blocks: verbs
 * only. Everything read lives in the caller's arena. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_CONTRACTS_H
#define PACTOLUS_POSTGRES_CONTRACTS_H

#include "base/memory.h"
#include "postgres/conn.h"

struct contracts_version {
    const char *fingerprint, *added_at; /* hex; a time as people write it, UTC */
    struct span descriptors;            /* the descriptor set it was read from */
};

/* All versions of the contract (a message's full name): those that streams have in force first,
 * then the newest. None is no error. */
bool contracts_history(PGconn *conn, const char *name, struct arena *arena,
                       struct contracts_version **versions, unsigned *count,
                       struct err *err) MUST_CHECK;

#endif
