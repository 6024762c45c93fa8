/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: hostile bytes stop here. Walks the wire (contract/wire) within limits before anything is
 * unpacked, and counts what the contract does not know: the first sign that a producer moved on.
 */
#ifndef PACTOLUS_RECORD_GUARD_H
#define PACTOLUS_RECORD_GUARD_H

#include "contract/wire.h"
#include "record/dead_letter.h"

/* Drift per message type and field number (enum: the unknown number). Bounded: at most DRIFT_MAX
 * distinct entries are kept, the rest are counted together in `others`. */
enum { DRIFT_MAX = 256 };
struct drift_entry {
    const void *type; /* const struct message_type * or const struct enum_type * */
    int number;
    bool enumeration;
    uint64_t count;
};
struct drift {
    struct drift_entry entries[DRIFT_MAX];
    unsigned used;
    uint64_t others, total;
};
void drift_count(struct drift *drift, const void *type, int number, bool enumeration);

struct guard {
    struct wire_limits limits;
    size_t record_max;   /* bytes of a whole payload */
    struct drift *drift; /* may be NULL */
};

/* Defaults: depth 64, fields 100,000, field and record 16 MiB. */
void guard_init(struct guard *guard, struct drift *drift);

/* False with err (reject) that says what and at which byte and field; `fault` tells the kind. */
bool guard_check(const struct guard *guard, const struct message_type *type, struct span payload,
                 enum wire_fault *fault, struct err *err) MUST_CHECK;

/* The reason that a dead letter of this fault carries. */
enum reason guard_reason(enum wire_fault fault);

#endif
