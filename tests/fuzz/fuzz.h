/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz: what the fuzzers share. Each fuzz_*.c has one LLVMFuzzerTestOneInput, which is run by
 * libFuzzer (scripts/fuzz) and, over the files of tests/fuzz/corpus, by replay.c as a test. What
 * must hold is asserted; what must not be touched is the sanitizers' affair.
 */
#ifndef PACTOLUS_TESTS_FUZZ_H
#define PACTOLUS_TESTS_FUZZ_H

#include "base/memory.h"
#include "contract/contract.h"
#include "contract/layout.h"

#include <stdint.h>

/* One input; always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Message types and what is made of them, for inputs to choose from; made once, never freed. */
struct fuzz_type {
    const struct descriptor_set *set;
    const struct message_type *type;
    const struct contract *contract; /* one that appends; NULL when it can have none */
    const struct layout *layout;     /* of that */
};
/* Every message of tests/proto/<stem>.proto for each of the stems; NULL ends the list. */
const struct fuzz_type *fuzz_types(const char *const *stems, unsigned *n);

/* A contract of that message with this key; never freed. */
const struct contract *fuzz_contract(const struct message_type *type, const char *const *key,
                                     unsigned n_key);

/* The input's next byte, 0 at its end. */
unsigned fuzz_byte(const uint8_t **data, size_t *size);

/* Ends the process, and so is a finding. */
void fuzz_expect(bool good, const char *what);

#endif
