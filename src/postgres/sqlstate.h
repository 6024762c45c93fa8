/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlstate: what each SQLSTATE means for us, as data, each row with its reason (docs/guarantees.md
 * §6). The first row that matches wins: full codes before classes. All of it is static.
 */
#ifndef PACTOLUS_POSTGRES_SQLSTATE_H
#define PACTOLUS_POSTGRES_SQLSTATE_H

#include "base/err.h"

enum sqlstate_trait {
    SQLSTATE_RECONNECT = 1, /* the session is of no more use */
    /* reject: what the row waits for may come (a parent row, another row's end), so it is tried a
     * few times before it is a dead letter */
    SQLSTATE_COULD_PASS = 2,
    /* retry: a smaller statement may pass where the same one fails again and again */
    SQLSTATE_HALVES = 4,
};

struct sqlstate_rule {
    const char *code; /* five characters, or two for a class */
    enum err_class class;
    enum err_exit exit;
    unsigned traits; /* enum sqlstate_trait */
    const char *reason;
};

/* Never NULL: the last row ("": unknown) is retry. The names are those that the error carries, NULL
 * or "" if none: 23514 with a table's and without a constraint's is a missing partition (retry); a
 * CHECK violation names both, a trigger that raises the code by itself neither (both reject). */
const struct sqlstate_rule *sqlstate_find(const char *sqlstate, const char *constraint,
                                          const char *table);
/* Was that error one of them? */
bool sqlstate_missing_partition(const struct err *err);
/* Somebody else held a lock for too long, or waits for us in turn: the same may pass later. */
bool sqlstate_is_lock(const struct err *err);
bool sqlstate_has(const char *sqlstate, enum sqlstate_trait trait);
/* The whole table, for docs and tests; ends with code "". */
const struct sqlstate_rule *sqlstate_table(void);

#endif
