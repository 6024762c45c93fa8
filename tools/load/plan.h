/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: what record number i of a load is: new key, update, tombstone, or broken in one way. Closed
 * forms of i and the options, so that any stretch of a load can be made again by itself.
 */
#ifndef PACTOLUS_LOAD_PLAN_H
#define PACTOLUS_LOAD_PLAN_H

#include "base/buf.h"
#include "payment.h"

#include <stdbool.h>

/* Ways to be broken. Each is one dead letter for a stream whose key.format maps the Kafka key. */
enum broken {
    BROKEN_NONE = -1,
    BROKEN_TRUNCATED, /* the last byte is missing */
    BROKEN_GARBAGE,   /* not Protobuf at all (raw), a wrong magic byte (confluent) */
    BROKEN_VARINT,    /* a varint of 11 bytes */
    BROKEN_NESTED,    /* 10,000 nested groups */
    BROKEN_UTF8,      /* merchant is not UTF-8 */
    BROKEN_NUL,       /* merchant holds a NUL */
    BROKEN_TYPE,      /* account_id as text on the wire */
    BROKEN_TIMESTAMP, /* created_at in the year 10000 */
    BROKEN_KEY_UNSET, /* payment_id is missing */
    BROKEN_EMPTY,     /* no bytes: valid Protobuf with everything unset, the key too */
    BROKEN_KEY_OTHER, /* the Kafka key is another payment's */
    BROKEN_TOMBSTONE, /* a tombstone without a key */
    BROKEN_INDEX,     /* names another message of the file (confluent only; garbage when raw) */
    BROKEN_COUNT,
};
const char *broken_name(enum broken kind);
/* BROKEN_COUNT when there is none of that name. */
enum broken broken_parse(const char *name, size_t length);

struct plan {
    uint64_t seed, first_key, keys; /* keys 0 = all new */
    double broken, tombstones, updates;
    enum broken kinds[BROKEN_COUNT]; /* drawn in turn */
    unsigned n_kinds;
    bool confluent;
    uint32_t schema_id;
};

struct planned {
    uint64_t key; /* its number */
    enum broken broken;
    bool tombstone, update;
};

void plan_record(const struct plan *plan, uint64_t number, struct planned *planned);

/* The bytes of one record. `out` needs PLAN_BYTES_MAX; key and value point into it or are NULL. */
enum { PLAN_BYTES_MAX = 64 * 1024 };
struct bytes {
    struct span key, value;
};
void plan_bytes(const struct plan *plan, const struct planned *planned, uint64_t number,
                int64_t created_us, unsigned char *out, struct bytes *bytes);

#endif
