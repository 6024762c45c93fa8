/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a descriptor set, and every contract and layout that could be made of it. */
#include "contract/fingerprint.h"
#include "fuzz/fuzz.h"

static void make_all(const struct descriptor_set *set, bool appends)
{
    const struct contract_overrides overrides = {
        .contract = {.mode_said = appends, .mode = CONTRACT_APPEND}};
    const struct message_type *type;
    for (unsigned i = 0; (type = descriptor_set_message_at(set, i)); i++) {
        struct errs errs = {0};
        struct contract *contract = contract_make(type, &overrides, &errs);
        const struct contract *list[] = {contract};
        fuzz_expect(contract || errs.count, "what is no contract says why");
        struct layout *layout = contract ? layout_make(list, 1, &errs) : NULL;
        layout_free(layout);
        contract_free(contract);
        errs_free(&errs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set = descriptor_set_parse(data, size, "fuzz.binpb", &err);
    fuzz_expect(set || *err.text, "what is no descriptor set says why");
    if (set) {
        make_all(set, true);
        make_all(set, false);
    }
    descriptor_set_free(set);
    return 0;
}
