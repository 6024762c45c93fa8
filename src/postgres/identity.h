/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: is this the right database for this group and this cluster (docs/guarantees.md §11)?
 * Rows of pactolus.identity, groups and adoptions; migrations/0006 says how copies are told apart.
 * Blocks: verbs and worker threads only. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_IDENTITY_H
#define PACTOLUS_POSTGRES_IDENTITY_H

#include "postgres/conn.h"

enum { DATABASE_ID_TEXT = 37 /* a uuid with its NUL */, SYSTEM_TEXT = 24 };

/* One of a database's histories. */
struct database {
    char id[DATABASE_ID_TEXT];
    char system[SYSTEM_TEXT]; /* PostgreSQL's system identifier; "" = not known */
    int64_t timeline;         /* grows with every promotion; 0 = not known */
};

struct identity {
    struct database database;
    struct buf known; /* ids that it has had, or was adopted over */
    bool moved;       /* it lies elsewhere than where it was written down: a copy */
    char was[96], is_now[96];
    char cluster_id[96]; /* the group's */
};

/* Begin with zeros, end with identity_free, whatever identity_read returns. */
bool identity_read(PGconn *conn, const char *group, const char *cluster_id,
                   struct identity *identity, struct err *err) MUST_CHECK;
void identity_free(struct identity *identity);

/* Halt/78 when it is a copy, or the cluster is not the group's. */
bool identity_judge(const struct identity *identity, const char *cluster_id,
                    struct err *err) MUST_CHECK;
bool identity_knows(const struct identity *identity, const char *database_id);
/* It went its own way on an earlier timeline of this very system, so a promotion has cut it off: a
 * standby that lagged, and had not even heard of its id. */
bool identity_cut_off(const struct identity *identity, const struct database *other);
/* The halt for offsets that were committed from a database that this one does not know. */
bool identity_foreign(const struct identity *identity, const char *database_id, struct err *err);

/* This database is behind what was read in, or told by, `database`: give it a new id, unless another
 * daemon has; `database` is what it is then. */
bool identity_branch(PGconn *conn, struct database *database, const char *group, const char *why,
                     struct err *err) MUST_CHECK;
/* Take it as the right one, over these others. `each` gets what came of it: ("table", "schema.table
 * (group)"), taken from another group; ("stream", name), whose halt ended. */
bool identity_adopt(PGconn *conn, const char *group, const char *cluster_id,
                    const char *const *over, unsigned n, const char *why,
                    void (*each)(const char *kind, const char *what), struct err *err) MUST_CHECK;

#endif
