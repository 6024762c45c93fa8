/* SPDX-License-Identifier: Apache-2.0 */
/*
 * library: what the files of the public library share; the face itself is
 * include/pactolus/pactolus.h. Internal to them.
 */
#ifndef PACTOLUS_LIBRARY_LIBRARY_H
#define PACTOLUS_LIBRARY_LIBRARY_H

#include "pactolus/pactolus.h"

#include "base/err.h"
#include "contract/rules.h"
#include "record/framing.h"

struct pactolus_contract {
    struct descriptor_set *set;
    const struct message_type *type; /* in the set */
    struct rules *rules;
    int path[FRAMING_PATH_MAX]; /* message index path of the type */
    unsigned path_length;
};

/* Fill `error` (may be NULL) from `err`. Returns false. */
bool library_fail(struct pactolus_error *error, enum pactolus_code code, const struct err *err);

/* The buffer's bytes become the caller's; the buffer is empty then. */
struct pactolus_bytes library_take(struct buf *buf);

#endif
