/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classification: how closely a column's values are to be kept, from the option of that name. A
 * word that is none of these is refused when the contract is loaded: "Personal" or "pii" would
 * otherwise protect nothing, in silence.
 */
#ifndef PACTOLUS_CONTRACT_CLASSIFICATION_H
#define PACTOLUS_CONTRACT_CLASSIFICATION_H

#include <stdbool.h>

/* From the least to the closest. */
enum classification {
    CLASSIFICATION_NONE = 0, /* "": nobody said */
    CLASSIFICATION_PUBLIC,
    CLASSIFICATION_INTERNAL,
    CLASSIFICATION_PERSONAL, /* this and above: a soft delete blanks the column */
    CLASSIFICATION_SECRET,
    CLASSIFICATION_COUNT,
};

/* "public", "internal", "personal", "secret"; NULL and "" are NONE. False for any other text. */
bool classification_parse(const char *text, enum classification *out);
/* "" for NONE. */
const char *classification_name(enum classification classification);

#endif
