/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

#define RETRY  ERR_RETRY
#define REJECT ERR_REJECT
#define HALT   ERR_HALT
#define GONE   ERR_EXIT_UNAVAILABLE
#define LATER  ERR_EXIT_TEMPORARY
#define DATA   ERR_EXIT_DATA
#define DENIED ERR_EXIT_PERMISSION
#define CONFIG ERR_EXIT_CONFIG
#define OURS   ERR_EXIT_SOFTWARE

/* Codes: appendix A of the PostgreSQL manual, and migrations/0001_control.sql for class PA. */
static const struct sqlstate_rule rules[] = {
    /* our own, raised by the functions of the control schema */
    {"PA001", RETRY, LATER, false,
     "wrong fence: another owner has claimed the cursor; membership settles who goes on"},
    {"PA002", RETRY, LATER, false,
     "wrong offset: the batch before this one failed, or its commit was not seen; the cursor "
     "tells"},
    {"PA003", HALT, OURS, false, "the fence was called outside READ COMMITTED"},
    {"PA004", HALT, OURS, false, "arrays of unequal lengths were sent"},
    {"PA005", HALT, CONFIG, false,
     "a topic version, incarnation, topic or partition is past what a log id can hold"},

    /* the record */
    {"23514", RETRY, LATER, false,
     "(without a constraint's name) no partition takes the row: it is made by maintenance, and the "
     "record is sound"},
    {"22", REJECT, DATA, false, "the value is not one that the column can hold"},
    {"23", REJECT, DATA, false, "a constraint of the table refuses the row"},
    {"44", REJECT, DATA, false, "a view's check option refuses the row"},
    {"54011", HALT, CONFIG, false, "more columns than a table can have"},
    {"54023", HALT, OURS, false, "more arguments than a function can have"},
    {"54", REJECT, DATA, false,
     "the value is past a limit of the server, such as a key too long for an index"},
    {"P0001", REJECT, DATA, false, "a trigger on the table refuses the row"},

    /* bugs of ours: no other statement or record would help */
    {"21", HALT, OURS, false, "one key twice in one statement: batches are folded before they go"},
    {"25006", RETRY, GONE, true,
     "the server is read-only: after a failover a new connection finds the primary"},
    {"25P03", RETRY, GONE, true, "the server ended the session for being idle in a transaction"},
    {"25", HALT, OURS, false, "a statement in a transaction state that we should have known"},
    {"2D", HALT, OURS, false, "a transaction ended where none may end"},
    {"3B", HALT, OURS, false, "a savepoint that does not exist"},
    {"P0", HALT, OURS, false, "a function of the control schema failed"},

    /* the session knows less than we think: prepare again on a new one */
    {"0A000", RETRY, GONE, true,
     "a cached plan whose result type has changed (a column was added): prepare again"},
    {"26000", RETRY, GONE, true, "the session lost its prepared statement: prepare again"},
    {"42P05", RETRY, GONE, true, "the session has a prepared statement that we did not make"},

    /* contract, configuration, rights */
    {"42501", HALT, DENIED, false, "the role lacks a privilege"},
    {"42", HALT, CONFIG, false, "table, column or function is not as the contract needs it"},
    {"28", HALT, DENIED, true, "the server rejects the role or its password"},
    {"0P", HALT, DENIED, false, "the role does not exist"},
    {"3D", HALT, CONFIG, true, "the database does not exist"},
    {"3F", HALT, CONFIG, false, "the schema does not exist"},
    {"F0", RETRY, GONE, true, "the server's configuration file is being written or is wrong"},

    /* infrastructure */
    {"08", RETRY, GONE, true, "the connection failed"},
    {"40003", RETRY, LATER, true, "the outcome is unknown: the cursor tells"},
    {"40", RETRY, LATER, false,
     "a deadlock or a serialization failure: the same batch may pass next"},
    {"53300", RETRY, LATER, true, "the server has no free connection"},
    {"53", RETRY, LATER, false, "the server is out of disk, memory or another resource"},
    {"55P03", RETRY, LATER, false, "a lock could not be had in time"},
    {"55006", RETRY, LATER, false, "an object is in use"},
    {"55", HALT, CONFIG, false, "an object is not in a state that allows this"},
    {"57014", RETRY, LATER, false, "the statement was cancelled or took longer than it may"},
    {"57", RETRY, GONE, true, "the server is starting, stopping or ended the session"},
    {"58", RETRY, GONE, false, "the server's system failed (input or output, a missing file)"},
    {"72", RETRY, LATER, false, "the snapshot is too old"},
    {"HV", RETRY, GONE, false, "a foreign server failed"},
    {"XX", RETRY, GONE, true, "an internal error of the server; its administrators must look"},

    /* everything else, and connections that broke without a word */
    {"", RETRY, GONE, true, "unknown: an outage is not poison, so it is tried again"},
};

const struct sqlstate_rule *sqlstate_table(void)
{
    return rules;
}

const struct sqlstate_rule *sqlstate_find(const char *sqlstate, const char *constraint)
{
    const struct sqlstate_rule *rule = rules;
    bool named = constraint && *constraint;
    if (!sqlstate || strlen(sqlstate) != 5)
        sqlstate = "";
    for (; rule->code[0]; rule++) {
        if (strncmp(rule->code, sqlstate, strlen(rule->code)) != 0)
            continue;
        if (strcmp(rule->code, "23514") == 0 && named)
            continue;
        break;
    }
    return rule;
}
