/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract_internal: a contract in the making, shared by contract.c and its parts; nobody else
 * includes it. Parts report all faults they find into `errs` and go on; contract_make looks at the
 * end whether there were any.
 */
#ifndef PACTOLUS_CONTRACT_CONTRACT_INTERNAL_H
#define PACTOLUS_CONTRACT_CONTRACT_INTERNAL_H

#include "base/memory.h"
#include "contract/contract.h"
#include "contract/rules.h"

struct contract_owned {
    struct contract contract; /* first: what contract_make hands out */
    struct arena arena;
    struct options_memory *options;
    struct rules *rules;
};

struct making {
    struct contract_owned *owned;
    const struct message_type *type;
    const struct contract_overrides *overrides; /* never NULL */
    struct contract_options options; /* the .proto's, overridden by the configuration's */
    struct column *columns;          /* owned->contract.columns, writable */
    bool *skipped;                   /* by index of the field: an option says skip */
    struct errs *errs;
    char place[192]; /* where the options above were said, or the message stands */
};

/* Report a fault; place and hint may be "". */
void making_fault(struct making *making, const char *place, const char *hint, const char *format,
                  ...) PRINTF_LIKE(4, 5);
/* The same for an error that another module filled; its place is set unless it has one. */
void making_err(struct making *making, const char *place, struct err *err);
/* "file:line" of the field into `place`. */
void making_place(const struct making *making, const struct field_type *field, char place[192]);

/* "%s" of what a hint should name when `name` is no field of the message: the nearest field. */
const char *making_nearest(const struct making *making, const char *name);

/* The name of a column, table, view or schema: 1 to 63 bytes of UTF-8 without control characters.
 */
bool making_name(struct making *making, const char *place, const char *what, const char *name);

void mapping_columns(struct making *making);       /* fields → columns */
void contract_place_table(struct making *making);  /* names of table and view */
void contract_assign_roles(struct making *making); /* key, version, event time */

#endif
