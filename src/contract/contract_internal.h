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

/* The path of a field that an option skips. */
struct skipped {
    const char *origin;
    const struct skipped *next;
};

struct making {
    struct contract_owned *owned;
    const struct message_type *type;
    const struct contract_overrides *overrides; /* never NULL */
    struct contract_options options; /* the .proto's, overridden by the configuration's */
    struct column *columns;          /* owned->contract.columns, writable */
    const struct skipped *skipped;
    bool *heeded; /* by index of the override: something was done with it */
    bool full;    /* that there are too many columns has been said */
    struct errs *errs;
    const char *rule; /* what is being judged: the lint rule of the faults that are reported */
    char place[192]; /* where the options above were said, or the message stands */
};

/* Report a fault; place and hint may be "". */
void making_fault(struct making *making, const char *place, const char *hint, const char *format,
                  ...) PRINTF_LIKE(4, 5);
/* The same for an error that another module filled; its place is set unless it has one. */
void making_err(struct making *making, const char *place, struct err *err);
/* Faults from now on break this rule of lint (a static text); returns the former one. */
const char *making_rule(struct making *making, const char *rule);
/* "file:line" of the field of `type` into `place`. */
void making_place(const struct message_type *type, const struct field_type *field, char place[192]);
/* The same of the field that feeds a column. */
void making_column_place(const struct making *making, const struct column *column, char place[192]);

/* What a hint should say when `path` leads to no field: the nearest name. "" if there is none. */
const char *making_nearest(const struct making *making, const char *path);

/* The name of a column, table, view or schema: 1 to 63 bytes of UTF-8 without control characters.
 */
bool making_name(struct making *making, const char *place, const char *what, const char *name);

void mapping_columns(struct making *making); /* fields → columns */

/* Where fields stand that are mapped: the messages around them, and what follows from these. */
struct standing {
    const struct message_type *type;      /* whose fields they are */
    const struct field_type *const *path; /* outermost first */
    unsigned depth;
    const char *prefix, *origin; /* of columns and paths: "address_", "address."; or "" */
    const char *classification;  /* of the messages around; "" if none */
    bool can_be_unset;           /* one of these messages can */
};

/* A field's or oneof's options from both sources, and where the deciding one stands. */
struct said {
    struct column_options options;
    const char *origin; /* its path */
    char place[192];
};

/* Complete a column that stands there with what was said, judge its name, and add it. */
void mapping_add(struct making *making, const struct standing *standing, const struct said *said,
                 struct column *column);
/* False when the options are malformed, which has been reported. */
bool mapping_options(struct making *making, const struct standing *standing,
                     const struct field_type *field, struct said *said) MUST_CHECK;
/* All fields that stand there. */
void mapping_fields(struct making *making, const struct standing *standing);
/* contract/mapping_message: is this field a message with columns of its own? */
bool mapping_opens(const struct making *making, const struct standing *standing,
                   const struct field_type *field, const struct said *said);
void mapping_open(struct making *making, const struct standing *standing,
                  const struct field_type *field, const struct said *said);
/* contract/mapping_message: the column that says which field of the oneof is set. */
void mapping_case(struct making *making, const struct standing *standing,
                  const struct field_type *field);
/* contract/mapping: options of a oneof. */
bool mapping_case_options(struct making *making, const struct standing *standing,
                          const struct field_type *field, struct said *said) MUST_CHECK;
void contract_place_table(struct making *making);  /* names of table and view */
void contract_assign_roles(struct making *making); /* key, version, event time */

#endif
