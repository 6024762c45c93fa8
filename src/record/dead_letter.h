/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letter: a record that can never be applied as it is, with its reason and all that is needed
 * to look at it, to relay it and to apply it later under its original coordinates. A letter lives
 * in the batch's arena and borrows nothing from the record.
 */
#ifndef PACTOLUS_RECORD_DEAD_LETTER_H
#define PACTOLUS_RECORD_DEAD_LETTER_H

#include "record/record.h"

enum reason {
    REASON_NONE = 0,
    REASON_FRAMING,      /* the prefix or schema header is malformed */
    REASON_SCHEMA,       /* framed as another message than the contract's */
    REASON_TOO_LARGE,    /* past a size limit */
    REASON_MALFORMED,    /* not Protobuf, or not this message */
    REASON_TOO_DEEP,     /* nested past the limit */
    REASON_TEXT,         /* invalid UTF-8, or a NUL in text */
    REASON_RULE,         /* breaks a validation rule of the contract */
    REASON_VALUE,        /* a value no column can hold: timestamp out of range, … */
    REASON_KEY,          /* the key is null, malformed, or a key field is unset */
    REASON_KEY_MISMATCH, /* record key and row key differ */
    REASON_VERSION,      /* the version field is unset */
    REASON_TOMBSTONE,    /* a null value that the stream cannot apply */
    REASON_DATABASE,     /* PostgreSQL refuses the row (a constraint, a value) */
    REASON_COUNT,
};

/* "framing", "key_mismatch", …: in the ledger, headers and metrics; never renamed. */
const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason); /* one sentence for people */

struct dead_letter {
    const char *topic;
    int32_t partition;
    int64_t offset, timestamp, order_ts;
    log_id log;
    struct span key, value; /* data NULL = null; copies in the arena */
    struct header *headers; /* copies in the arena */
    unsigned n_headers;
    enum reason reason;
    const char *detail;   /* what exactly; without values */
    const char *sqlstate; /* "" unless REASON_DATABASE */
    const char *contract; /* full name, "" when not known */
};

/* Copy everything of `record` into the arena. */
void dead_letter_make(struct dead_letter *letter, const struct record *record,
                      const struct place *place, enum reason reason, const struct err *err,
                      const char *contract, struct arena *arena);

#endif
