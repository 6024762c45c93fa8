/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { TYPES_MAX = 1024 };

void fuzz_expect(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "it does not hold that %s\n", what);
    abort();
}

unsigned fuzz_byte(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    (*size)--;
    return *(*data)++;
}

static const struct descriptor_set *load(const char *stem)
{
    char path[512];
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, "%s/%s.binpb", PACTOLUS_DESCRIPTORS, stem);
    const struct descriptor_set *set = descriptor_set_load(path, &err);
    if (!set)
        fprintf(stderr, "%s: %s\n", path, err.text);
    fuzz_expect(set != NULL, "the descriptor set of the tests can be read");
    return set;
}

static struct contract *make(const struct message_type *type,
                             const struct contract_overrides *overrides)
{
    struct errs errs = {0};
    struct contract *contract = contract_make(type, overrides, &errs);
    errs_free(&errs);
    return contract;
}

/* The layout looks at the contract where it stands. */
static void add_layout(struct fuzz_type *type)
{
    const struct contract_overrides appends = {
        .contract = {.mode_said = true, .mode = CONTRACT_APPEND}};
    struct errs errs = {0};
    type->contract = make(type->type, &appends);
    type->layout = type->contract ? layout_make(&type->contract, 1, &errs) : NULL;
    errs_free(&errs);
}

const struct fuzz_type *fuzz_types(const char *const *stems, unsigned *n)
{
    static struct fuzz_type types[TYPES_MAX];
    *n = 0;
    for (; *stems; stems++) {
        const struct descriptor_set *set = load(*stems);
        const struct message_type *type;
        for (unsigned i = 0; (type = descriptor_set_message_at(set, i)); i++) {
            fuzz_expect(*n < TYPES_MAX, "there is room for the types");
            if (type->map_entry)
                continue;
            types[*n] = (struct fuzz_type){.set = set, .type = type};
            add_layout(&types[(*n)++]);
        }
    }
    return types;
}

const struct contract *fuzz_contract(const struct message_type *type, const char *const *key,
                                     unsigned n_key)
{
    const struct contract_overrides keyed = {.contract = {.key = key, .n_key = n_key}};
    const struct contract *contract = make(type, &keyed);
    fuzz_expect(contract != NULL, "the message has a contract with that key");
    return contract;
}
