/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlstate: what each SQLSTATE means for us, as data, each row with its reason (DESIGN §3,
 * invariant 6). The first row that matches wins: full codes before classes. All of it is static.
 */
#ifndef PACTOLUS_POSTGRES_SQLSTATE_H
#define PACTOLUS_POSTGRES_SQLSTATE_H

#include "base/err.h"

struct sqlstate_rule {
    const char *code; /* five characters, or two for a class */
    enum err_class class;
    enum err_exit exit;
    bool reconnect; /* the session is of no more use */
    const char *reason;
};

/* Never NULL: the last row ("": unknown) is retry. `constraint` is the constraint's name or NULL:
 * 23514 without one is a missing partition (retry), not a CHECK violation. */
const struct sqlstate_rule *sqlstate_find(const char *sqlstate, const char *constraint);
/* The whole table, for docs and tests; ends with code "". */
const struct sqlstate_rule *sqlstate_table(void);

#endif
