/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letter: a record that can never be applied as it is, with its reason and all that is needed
 * to look at it, to relay it and to apply it later under its original coordinates. Every record
 * that becomes a row is kept as well until its batch has ended: PostgreSQL may still refuse the
 * row. What is kept lives in an arena and borrows nothing from Kafka's message.
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

/* A record's copy. */
struct kept_record {
    const char *topic, *contract; /* borrowed: the configuration's and the contract's name */
    int32_t partition;
    int64_t timestamp;
    struct span key, value; /* data NULL = null */
    struct header *headers;
    unsigned n_headers;
};

/* Copy `record` into the arena. `topic` and `contract` (NULL: not known) are kept as pointers and
 * outlive every batch. */
const struct kept_record *record_keep(const struct record *record, const char *topic,
                                      const char *contract, struct arena *arena);

struct dead_letter {
    const struct kept_record *record;
    struct place place; /* its offset, log and order_ts; the version is not kept */
    enum reason reason;
    const char *detail;   /* what exactly; without values */
    const char *sqlstate; /* "" unless REASON_DATABASE */
    unsigned attempts;    /* how often it was tried: 1 but for REASON_DATABASE */
};

/* The letter borrows `record`; what `err` says is copied into the arena. */
void dead_letter_make(struct dead_letter *letter, const struct kept_record *record,
                      const struct place *place, enum reason reason, const struct err *err,
                      struct arena *arena);

#endif
