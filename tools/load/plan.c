/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <assert.h>
#include <string.h>

static const char *const names[BROKEN_COUNT] = {
    [BROKEN_TRUNCATED] = "truncated", [BROKEN_GARBAGE] = "garbage",
    [BROKEN_VARINT] = "varint",       [BROKEN_NESTED] = "nested",
    [BROKEN_UTF8] = "utf8",           [BROKEN_NUL] = "nul",
    [BROKEN_TYPE] = "type",           [BROKEN_TIMESTAMP] = "timestamp",
    [BROKEN_KEY_UNSET] = "key-unset", [BROKEN_EMPTY] = "empty",
    [BROKEN_KEY_OTHER] = "key-other", [BROKEN_TOMBSTONE] = "tombstone-no-key",
    [BROKEN_INDEX] = "index",
};

const char *broken_name(enum broken kind)
{
    return kind >= 0 && kind < BROKEN_COUNT ? names[kind] : "none";
}

enum broken broken_parse(const char *name, size_t length)
{
    for (int i = 0; i < BROKEN_COUNT; i++)
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
            return (enum broken)i;
    return BROKEN_COUNT;
}

/* ---- what a record is ---- */

/* How many of the records before `number` belong to a share that is spread evenly. */
static uint64_t share_before(double share, uint64_t number)
{
    return (uint64_t)((double)number * share);
}

static bool share_takes(double share, uint64_t number)
{
    return share_before(share, number + 1) > share_before(share, number);
}

/* Which key: see --keys and --updates in the usage. `existing`: one that was there before. */
static uint64_t plan_key(const struct plan *plan, uint64_t number, uint64_t new_before,
                         bool existing)
{
    uint64_t draw = payment_mix((plan->seed + 0x5eed) ^ payment_mix(number));
    if (existing) {
        uint64_t there = plan->keys > 0 ? plan->keys : new_before;
        assert(there > 0);
        return plan->first_key + draw % there;
    }
    return plan->first_key + plan->keys + new_before;
}

void plan_record(const struct plan *plan, uint64_t number, struct planned *planned)
{
    enum { PHASE = 37 }; /* so that equal shares do not meet in the same records */
    uint64_t new_before = number - share_before(plan->updates, number);
    bool can_exist = plan->keys > 0 || new_before > 0;
    *planned = (struct planned){.broken = BROKEN_NONE};
    if (plan->n_kinds > 0 && share_takes(plan->broken, number))
        planned->broken = plan->kinds[share_before(plan->broken, number) % plan->n_kinds];
    else
        planned->tombstone = can_exist && share_takes(plan->tombstones, number + PHASE);
    planned->update =
        can_exist && ((plan->keys > 0 && plan->updates <= 0) || share_takes(plan->updates, number));
    planned->key = plan_key(plan, number, new_before, planned->update || planned->tombstone);
}

/* ---- its bytes ---- */

static unsigned char *put_prefix(const struct plan *plan, enum broken broken, unsigned char *at)
{
    if (!plan->confluent)
        return at;
    *at++ = broken == BROKEN_GARBAGE ? 1 : 0;
    be32_store(at, plan->schema_id);
    at += 4;
    if (broken == BROKEN_INDEX) {
        *at++ = 2; /* one index, zigzag */
        *at++ = 2; /* message 1 of the file */
    } else {
        *at++ = 0; /* short for [0] */
    }
    return at;
}

static unsigned char *put_nested(unsigned char *at)
{
    enum { DEPTH = 10000, FIELD = 9 };
    memset(at, FIELD << 3 | 3, DEPTH); /* start of a group */
    memset(at + DEPTH, FIELD << 3 | 4, DEPTH);
    return at + DEPTH + DEPTH;
}

/* The message, broken where it is a matter of its fields. */
static unsigned char *put_payment(struct payment *payment, enum broken broken, unsigned char *at)
{
    if (broken == BROKEN_EMPTY)
        return at;
    if (broken == BROKEN_KEY_UNSET)
        payment->id[0] = 0;
    if (broken == BROKEN_TIMESTAMP)
        payment->seconds = 253402300800;
    if (broken == BROKEN_UTF8) {
        payment->merchant = "Caf\xc3( latin";
        payment->merchant_length = strlen(payment->merchant);
    } else if (broken == BROKEN_NUL) {
        payment->merchant = "Kiosk\0 24";
        payment->merchant_length = 9;
    }
    at += payment_encode(payment, at);
    if (broken == BROKEN_TRUNCATED)
        return at - 1;
    if (broken == BROKEN_TYPE)
        return payment_bytes(at, 2, "100", 3);
    if (broken == BROKEN_NESTED)
        return put_nested(at);
    if (broken == BROKEN_VARINT) {
        *at++ = 2 << 3;
        memset(at, 0xff, 11);
        at[10] = 1;
        return at + 11;
    }
    return at;
}

void plan_bytes(const struct plan *plan, const struct planned *planned, uint64_t number,
                int64_t created_us, unsigned char *out, struct bytes *bytes)
{
    static const unsigned char garbage[] = {0x07, 0xde, 0xad, 0xbe, 0xef, 0x7f, 0x0f};
    enum broken broken = planned->broken;
    struct payment payment;
    char *key = (char *)out;
    payment_id(broken == BROKEN_KEY_OTHER ? ~planned->key : planned->key, key);
    bytes->key = (struct span){key, PAYMENT_ID_LENGTH};
    bytes->value = (struct span){NULL, 0};
    if (broken == BROKEN_TOMBSTONE)
        bytes->key = (struct span){NULL, 0};
    if (broken == BROKEN_TOMBSTONE || planned->tombstone)
        return;
    unsigned char *value = out + PAYMENT_ID_LENGTH + 1, *at = put_prefix(plan, broken, value);
    if (!plan->confluent && (broken == BROKEN_GARBAGE || broken == BROKEN_INDEX)) {
        memcpy(at, garbage, sizeof garbage);
        at += sizeof garbage;
    } else {
        payment_id(planned->key, payment.id);
        payment_make(&payment, plan->seed, number);
        payment.seconds = created_us / 1000000;
        payment.nanos = (int32_t)(created_us % 1000000) * 1000;
        at = put_payment(&payment, broken, at);
    }
    bytes->value = (struct span){(const char *)value, (size_t)(at - value)};
}
