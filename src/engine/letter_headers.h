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

enum { LETTER_HEADERS = 20 }; /* ours, at most */

/* Fills `out` (room for letter->n_headers + LETTER_HEADERS); returns how many. Texts are in the
 * arena or borrowed from the letter. */
unsigned letter_headers(const struct letter *letter, const char *group, struct arena *arena,
                        struct header *out);

#endif
