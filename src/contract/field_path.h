/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_path: a field named from a message down: "street", "address.street" or, where a
 * configuration allows no dots, "address-street". Names of fields and oneofs hold neither; both
 * share one space of names in a message, so a path is never ambiguous.
 */
#ifndef PACTOLUS_CONTRACT_FIELD_PATH_H
#define PACTOLUS_CONTRACT_FIELD_PATH_H

#include "contract/descriptor.h"

enum { FIELD_PATH_MAX = 16 };

struct field_path {
    const struct field_type *path[FIELD_PATH_MAX]; /* the messages around it, outermost first */
    unsigned depth;
    const struct field_type *field; /* what it names; a group or extension as well; or */
    const struct oneof_type *oneof;
    const struct message_type *at; /* not found: the message that lacks … */
    char missing[64];              /* … this name, cut if it is longer */
};

/* False when there is nothing of that name, or what should hold it is no message. */
bool field_path_find(const struct message_type *type, const char *text, struct field_path *found);

/* Are both the same path, however their parts are held together? */
bool field_path_same(const char *a, const char *b);
/* Is `inner` the same as `outer`, or below it? */
bool field_path_within(const char *inner, const char *outer);

#endif
