/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_headers: the headers of a relayed dead letter: the record's own, then Kafka Connect's
 * `__connect.errors.` names where they apply (tools know them), then ours with the prefix
 * `pactolus.`. A header of an earlier failure is replaced, not repeated: growing headers end in
 * records that are too large.
 */
#ifndef PACTOLUS_ENGINE_LETTER_HEADERS_H
#define PACTOLUS_ENGINE_LETTER_HEADERS_H

#include "postgres/ledger.h"

enum { LETTER_HEADERS = 24 }; /* ours, at most */

/* What goes to the DLQ topic, and what does not for its size: the ledger has it all. */
enum letter_extent {
    LETTER_WHOLE = 0,
    LETTER_NO_VALUE, /* the record's key and headers, and ours */
    LETTER_OURS,     /* our headers alone, without a key */
    LETTER_EXTENTS,
};

/* Fills `out` (room for letter->n_headers + LETTER_HEADERS); returns how many. Texts are in the
 * arena or borrowed from the letter. */
unsigned letter_headers(const struct letter *letter, const char *group, enum letter_extent extent,
                        struct arena *arena, struct header *out);

/* The way back: the letter that a record of a DLQ topic is. Its id is 0 and its log not known; it
 * borrows topic and bytes of `record`, texts are in the arena. */
struct topic_letter {
    struct letter letter;
    const char *group;
    int64_t ledger_id; /* where it was relayed from; 0 = not told */
    bool placed;       /* false: relayed by a program that did not tell cluster and order_ts yet */
};
/* False: the record is no letter of ours. */
bool letter_from_record(const struct record *record, struct arena *arena,
                        struct topic_letter *out);

#endif
