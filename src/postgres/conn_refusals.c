/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/conn_refusals.h"

#include <stddef.h>
#include <string.h>

#define RETRY  ERR_RETRY
#define HALT   ERR_HALT
#define GONE   ERR_EXIT_UNAVAILABLE
#define LATER  ERR_EXIT_TEMPORARY
#define DENIED ERR_EXIT_PERMISSION
#define CONFIG ERR_EXIT_CONFIG

#define CERTIFICATES "check sslmode, sslrootcert, sslcert and sslkey, and the server's certificate"
#define HOSTS        "name all hosts in the connection string, or wait for one to be the primary"

static const struct conn_refusal table[] = {
    /* the server's word */
    {"28", "", HALT, DENIED, "credentials do not mend by themselves",
     "check user and password, and the server's pg_hba.conf"},
    {"42501", "", HALT, DENIED, "the role may not connect to the database",
     "grant connect on the database to the role"},
    {"3D000", "", HALT, CONFIG, "the database does not exist",
     "create it with createdb, or correct the database's name"},
    {"55000", "", RETRY, LATER, "the database takes no connections for now (maintenance)",
     "alter database NAME with allow_connections true"},
    {"08P01", "unsupported startup parameter", RETRY, GONE, "the pooler's configuration is wrong",
     "the pooler knows no such parameter: take it (or \"options\") out of the connection string "
     "and "
     "PGOPTIONS, or list it in PgBouncer's ignore_startup_parameters"},

    /* libpq's own */
    {"", "no password supplied", HALT, DENIED, "the server wants a password and none is set",
     "name a password_file, or use a PostgreSQL passfile"},
    {"", "session is read-only", RETRY, GONE, "no primary among the hosts: a failover", HOSTS},
    {"", "server is in hot standby mode", RETRY, GONE, "no primary among the hosts: a failover",
     HOSTS},
    {"", "certificate verify failed", HALT, DENIED, "certificates do not mend by themselves",
     CERTIFICATES},
    {"", "does not match host name", HALT, DENIED, "it is another server's certificate",
     CERTIFICATES},
    {"", "certificate file \"", HALT, CONFIG, "a certificate's file is missing or unreadable",
     CERTIFICATES},
    {"", "private key file \"", HALT, CONFIG, "a key's file is missing, unreadable or too open",
     CERTIFICATES},
    {"", "but SSL was required", HALT, CONFIG, "the server is not set up for what is asked of it",
     CERTIFICATES},
    {"", "invalid port number", HALT, CONFIG, "the connection string is wrong",
     "the connection string's keywords are those of libpq"},
    {"", "invalid connection option", HALT, CONFIG, "the connection string is wrong",
     "the connection string's keywords are those of libpq"},
    {"", "invalid integer value", HALT, CONFIG, "the connection string is wrong",
     "the connection string's keywords are those of libpq"},
    {"", "could not match ", HALT, CONFIG, "as many ports or addresses as hosts are needed",
     "the connection string's keywords are those of libpq"},
    {"", " value: \"", HALT, CONFIG, "the connection string is wrong (invalid KEYWORD value: …)",
     "the connection string's keywords are those of libpq"},

    /* refused, unreachable, silent, cut off in the handshake, no such host */
    {"", "", RETRY, GONE, "an outage is not poison, so it is tried again",
     "is the server running and reachable from this host?"},
};

const struct conn_refusal *conn_refusal_table(void)
{
    return table;
}

const struct conn_refusal *conn_refusal_find(const char *sqlstate, const char *message)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct conn_refusal *row = &table[i];
        bool same = *row->sqlstate ? strncmp(sqlstate, row->sqlstate, strlen(row->sqlstate)) == 0
                                   : !*sqlstate;
        if (same && strstr(message, row->words))
            return row;
    }
    return NULL;
}
