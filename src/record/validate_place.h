/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_place: where in a message a value is, kept on the stack of the walk and written out
 * only when a rule is broken. Internal to record/validate.
 */
#ifndef PACTOLUS_RECORD_VALIDATE_PLACE_H
#define PACTOLUS_RECORD_VALIDATE_PLACE_H

#include "contract/rules_table.h"

struct place {
    const struct place *parent; /* NULL: a field of the outermost message */
    const char *name;           /* field or oneof */
    enum subscript { SUBSCRIPT_NONE, SUBSCRIPT_INDEX, SUBSCRIPT_KEY } subscript;
    size_t index;
    enum load key_load;
    const void *key;
};

/* The path as protovalidate prints it, cut to `size` bytes with the NUL, never within a code point:
 * items[0].sku, m["a"]. "" for no place. */
void place_print(const struct place *place, char *out, size_t size);

/* `text` cut the same way. */
void place_copy(const char *text, char *out, size_t size);

#endif
