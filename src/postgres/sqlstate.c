/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

#define RECONNECT  SQLSTATE_RECONNECT
#define COULD_PASS SQLSTATE_COULD_PASS
#define HALVES     SQLSTATE_HALVES

#define RETRY  ERR_RETRY
#define REJECT ERR_REJECT
#define HALT   ERR_HALT
#define GONE   ERR_EXIT_UNAVAILABLE
#define LATER  ERR_EXIT_TEMPORARY
#define DATA   ERR_EXIT_DATA
#define DENIED ERR_EXIT_PERMISSION
#define CONFIG ERR_EXIT_CONFIG
#define OURS   ERR_EXIT_SOFTWARE

/* Codes: appendix A of the PostgreSQL manual, and migrations/ for class PA. */
static const struct sqlstate_rule rules[] = {
    /* our own, raised by the functions of the control schema */
    {"PA001", RETRY, LATER, 0,
     "wrong fence: another owner has claimed the cursor; membership settles who goes on"},
    {"PA002", RETRY, LATER, 0,
     "wrong offset: the batch before this one failed, or its commit was not seen; the cursor "
     "tells"},
    {"PA003", HALT, OURS, 0, "the fence was called outside READ COMMITTED"},
    {"PA004", HALT, OURS, 0, "arrays of unequal lengths were sent"},
    {"PA005", HALT, CONFIG, 0,
     "a topic version, incarnation, topic or partition is past what a log id can hold"},
    {"PA007", HALT, CONFIG, 0, "another group writes the table: each would have half of it"},
    {"PA008", HALT, DATA, 0, "a cursor was moved since a replay of it was planned: plan again"},

    /* the record */
    {"23514", RETRY, LATER, 0,
     "(with a table's name and without a constraint's) no partition takes the row: it is made by "
     "maintenance, and the record is sound"},
    {"22", REJECT, DATA, 0, "the value is not one that the column can hold"},
    {"23503", REJECT, DATA, COULD_PASS, "no parent row: it may be on its way"},
    {"23505", REJECT, DATA, COULD_PASS,
     "another unique index refuses the row: the row that it collides with may change"},
    {"23P01", REJECT, DATA, COULD_PASS,
     "an exclusion constraint refuses the row: the row that it collides with may change"},
    {"23", REJECT, DATA, 0, "a constraint of the table refuses the row"},
    {"44", REJECT, DATA, 0, "a view's check option refuses the row"},
    {"20", REJECT, DATA, 0, "a trigger's CASE has no branch for the row"},
    {"54011", HALT, CONFIG, 0, "more columns than a table can have"},
    {"54023", HALT, OURS, 0, "more arguments than a function can have"},
    {"54", REJECT, DATA, 0,
     "the value is past a limit of the server, such as a key too long for an index"},
    {"P0001", REJECT, DATA, COULD_PASS, "a trigger on the table refuses the row, perhaps for now"},
    {"09", REJECT, DATA, COULD_PASS, "a trigger's action refuses the row, perhaps for now"},
    {"38", REJECT, DATA, COULD_PASS,
     "a trigger in another language refuses the row (what plpy.Error raises), perhaps for now"},

    /* bugs of ours: no other statement or record would help */
    {"21", HALT, OURS, 0,
     "one key twice in one statement: batches are folded before they go, so this is our bug"},
    {"25006", RETRY, GONE, RECONNECT,
     "the server is read-only: after a failover a new connection finds the primary"},
    {"25P03", RETRY, GONE, RECONNECT,
     "the server ended the session for being idle in a transaction"},
    {"25P04", RETRY, GONE, RECONNECT, "the transaction took longer than the server allows"},
    {"25P02", HALT, OURS, 0,
     "a statement in a transaction that had failed: we should have ended it, so this is our bug"},
    {"25", HALT, OURS, 0, "a statement in a transaction state that we should have known"},
    {"2D", HALT, OURS, 0, "a transaction ended where none may end"},
    {"3B", HALT, OURS, 0, "a savepoint that does not exist"},
    {"P0", HALT, OURS, 0, "a function failed: the control schema's, or a trigger's of the table"},

    /* the session knows less than we think: prepare again on a new one */
    {"0A000", RETRY, GONE, RECONNECT,
     "a cached plan whose result type has changed (a column was added): prepare again"},
    {"26000", RETRY, GONE, RECONNECT, "the session lost its prepared statement: prepare again"},
    {"42P05", RETRY, GONE, RECONNECT, "the session has a prepared statement that we did not make"},

    /* contract, configuration, rights */
    {"27", HALT, CONFIG, 0, "a trigger of the table changes the row that is being written"},
    {"2F", HALT, CONFIG, 0, "a trigger's function is wrong, such as one that ends without RETURN"},
    {"39", HALT, CONFIG, 0, "a trigger's function in another language breaks its protocol"},
    {"42501", HALT, DENIED, 0, "the role lacks a privilege"},
    {"42", HALT, CONFIG, 0, "table, column or function is not as the contract needs it"},
    {"28", HALT, DENIED, RECONNECT, "the server rejects the role or its password"},
    {"0P", HALT, DENIED, 0, "the role does not exist"},
    {"3D", HALT, CONFIG, RECONNECT, "the database does not exist"},
    {"3F", HALT, CONFIG, 0, "the schema does not exist"},
    {"F0", RETRY, GONE, RECONNECT, "the server's configuration file is being written or is wrong"},

    /* infrastructure */
    {"08", RETRY, GONE, RECONNECT, "the connection failed"},
    {"40003", RETRY, LATER, RECONNECT, "the outcome is unknown: the cursor tells"},
    {"40", RETRY, LATER, 0, "a deadlock or a serialization failure: the same batch may pass next"},
    {"53300", RETRY, LATER, RECONNECT, "the server has no free connection"},
    {"53200", RETRY, LATER, HALVES, "the server has no memory for the statement"},
    {"53", RETRY, LATER, 0, "the server is out of disk, memory or another resource"},
    {"55P03", RETRY, LATER, 0, "a lock could not be had in time"},
    {"55006", RETRY, LATER, 0, "an object is in use"},
    {"55", HALT, CONFIG, 0, "an object is not in a state that allows this"},
    {"57014", RETRY, LATER, HALVES, "the statement was cancelled or took longer than it may"},
    {"57", RETRY, GONE, RECONNECT, "the server is starting, stopping or ended the session"},
    {"58", RETRY, GONE, 0, "the server's system failed (input or output, a missing file)"},
    {"72", RETRY, LATER, 0, "the snapshot is too old"},
    {"HV", RETRY, GONE, 0, "a foreign server failed"},
    {"XX", RETRY, GONE, RECONNECT, "an internal error of the server; its administrators must look"},

    /* everything else, and connections that broke without a word */
    {"", RETRY, GONE, RECONNECT, "unknown: an outage is not poison, so it is tried again"},
};

const struct sqlstate_rule *sqlstate_table(void)
{
    return rules;
}

const struct sqlstate_rule *sqlstate_find(const char *sqlstate, const char *constraint,
                                          const char *table)
{
    const struct sqlstate_rule *rule = rules;
    /* A violated constraint names both, a trigger's RAISE by itself neither. */
    bool no_partition = table && *table && !(constraint && *constraint);
    if (!sqlstate || strlen(sqlstate) != 5)
        sqlstate = "";
    for (; rule->code[0]; rule++) {
        if (strncmp(rule->code, sqlstate, strlen(rule->code)) != 0)
            continue;
        if (strcmp(rule->code, "23514") == 0 && !no_partition)
            continue;
        break;
    }
    return rule;
}

bool sqlstate_is_lock(const struct err *err)
{
    return strcmp(err->sqlstate, "55P03") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

bool sqlstate_has(const char *sqlstate, enum sqlstate_trait trait)
{
    return sqlstate_find(sqlstate, NULL, NULL)->traits & (unsigned)trait;
}

bool sqlstate_missing_partition(const struct err *err)
{
    return err->class == ERR_RETRY && strcmp(err->sqlstate, "23514") == 0;
}
