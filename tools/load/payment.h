/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payment: payments.v1.Payment as bytes, made from a seed and a number alone, by a small encoder of
 * its own: the generator must be faster than what it measures.
 */
#ifndef PACTOLUS_LOAD_PAYMENT_H
#define PACTOLUS_LOAD_PAYMENT_H

#include <stddef.h>
#include <stdint.h>

enum { PAYMENT_ID_LENGTH = 36, PAYMENT_BYTES_MAX = 512 };

struct payment {
    char id[PAYMENT_ID_LENGTH + 1]; /* empty = unset */
    int64_t account, amount;
    const char *currency;
    unsigned status;
    int64_t seconds; /* created_at */
    int32_t nanos;
    const char *merchant;
    size_t merchant_length;
    const char *note; /* NULL = unset */
};

/* Well mixed 64 bits from one number (the finaliser of SplitMix64, public domain, Vigna 2015). */
uint64_t payment_mix(uint64_t x);

/* The id of key number `key`: a UUID, the same in every run whatever the seed. */
void payment_id(uint64_t key, char id[PAYMENT_ID_LENGTH + 1]);

/* All fields but id and created_at, from the seed and the record's number. */
void payment_make(struct payment *payment, uint64_t seed, uint64_t number);

/* Writes at most PAYMENT_BYTES_MAX bytes at `out`; returns how many. */
size_t payment_encode(const struct payment *payment, unsigned char *out);

/* For broken records: one field after the others. Each returns the end. */
unsigned char *payment_varint(unsigned char *at, uint64_t value);
unsigned char *payment_bytes(unsigned char *at, unsigned field, const void *data, size_t length);

#endif
