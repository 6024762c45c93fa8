/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/outcome.h"

#include "postgres/sqlstate.h"

#include <string.h>

/* Codes of our own that the fence raises; migrations/0002 documents them. */
static bool is(const struct err *err, const char *sqlstate)
{
    return strcmp(err->sqlstate, sqlstate) == 0;
}

/* A batch that is too much for the server this often in a row is applied in parts. */
enum { TOO_MUCH = 3 };

enum remedy outcome_remedy(const struct write_outcome *outcome, bool after_failure,
                           unsigned *too_much)
{
    if (outcome->result == WRITE_COMMITTED)
        return REMEDY_NONE;
    if (outcome->result == WRITE_UNKNOWN)
        return REMEDY_SETTLE;
    if (outcome->key_conflict)
        return REMEDY_RESEND;
    if (is(&outcome->err, "PA002") && after_failure)
        return REMEDY_RESEND; /* its predecessor failed: it goes again behind it */
    if (is(&outcome->err, "PA001") || is(&outcome->err, "PA002"))
        return REMEDY_SETTLE;
    switch (outcome->err.class) {
    case ERR_RETRY:
        *too_much = sqlstate_has(outcome->err.sqlstate, SQLSTATE_HALVES) ? *too_much + 1 : 0;
        return *too_much >= TOO_MUCH ? REMEDY_ISOLATE : REMEDY_RETRY;
    case ERR_REJECT:
        return REMEDY_ISOLATE;
    case ERR_HALT:
    case ERR_NONE:
        break;
    }
    return REMEDY_HALT;
}

enum remedy outcome_isolated(const struct err *err)
{
    if (err->class == ERR_HALT)
        return REMEDY_HALT;
    bool doubt = !err->sqlstate[0] || is(err, "PA001") || is(err, "PA002");
    return doubt ? REMEDY_SETTLE : REMEDY_RETRY;
}

bool outcome_reconnects(const struct err *err)
{
    /* Without a SQLSTATE the server said nothing: the connection itself broke. */
    return err->class != ERR_NONE &&
           (!err->sqlstate[0] || sqlstate_has(err->sqlstate, SQLSTATE_RECONNECT));
}

void outcome_log(struct lane *lane, enum remedy remedy, const struct err *err, usec_t now)
{
    const char *name = lane->live->stream->config->name;
    unsigned long held;
    switch (remedy) {
    case REMEDY_NONE:
    case REMEDY_RESEND:
    case REMEDY_ISOLATE: /* told when it is known which rows */
        return;
    case REMEDY_RETRY:
    case REMEDY_SETTLE:
        if (log_gate_open(&lane->gate, now, 30 * USEC_PER_SEC, &held))
            log_err_about(LOG_LEVEL_WARNING, &(struct log_about){.stream = name}, name, err);
        return;
    case REMEDY_HALT:
        return; /* the engine logs the halt with its hint */
    }
}
