/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tallies: measures of a stream, added up in PostgreSQL (migrations/0007_traffic.sql): how many
 * records came from each topic, and which fields and enum numbers no contract knows. Blocks: worker
 * threads only. Errors are classified by postgres/sqlstate.
 */
#ifndef PACTOLUS_POSTGRES_TALLIES_H
#define PACTOLUS_POSTGRES_TALLIES_H

#include "postgres/conn.h"

#include <stdint.h>

/* One topic: what it is, and what came since the last time. */
struct topic_tally {
    const char *topic, *contract, *status;
    const char *sunset; /* "2027-03-01", "" = none */
    unsigned version;
    uint64_t records;
    int64_t newest; /* ms since 1970; -1 = not known */
};

/* One number that the contract does not know. */
struct unknown_tally {
    bool enumeration; /* of an enum; else of a message's fields */
    const char *type_name;
    int number;
    uint64_t times;
};

/* Both in one transaction; either list may be empty. */
bool tallies_add(PGconn *conn, unsigned stream_id, const struct topic_tally *topics,
                 unsigned n_topics, const struct unknown_tally *unknowns, unsigned n_unknowns,
                 struct err *err) MUST_CHECK;

#endif
