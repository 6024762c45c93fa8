/* SPDX-License-Identifier: Apache-2.0 */
/* A byte that chooses form and contract, and a record's key. */
#include "fuzz/fuzz.h"
#include "record/key.h"

static const char *const stems[] = {"record_types", NULL};
static const char *const one[] = {"payment_id"}, *const two[] = {"payment_id", "account_id"};

struct choices {
    const struct message_type *type;
    const struct contract *contracts[2];
};

static struct choices choose(void)
{
    struct choices choices = {0};
    unsigned n;
    const struct fuzz_type *types = fuzz_types(stems, &n);
    choices.type = descriptor_set_message(types[0].set, "shop.v1.Payment");
    fuzz_expect(choices.type != NULL, "there is the message of the tests");
    choices.contracts[0] = fuzz_contract(choices.type, one, 1);
    choices.contracts[1] = fuzz_contract(choices.type, two, 2);
    return choices;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct choices choices;
    if (!choices.type)
        choices = choose();
    unsigned choice = fuzz_byte(&data, &size);
    const struct contract *contract = choices.contracts[choice & 1];
    const struct key_mapping mapping = {.format = KEY_TEXT + (choice >> 1) % 3,
                                        .message = choices.type,
                                        .framing = choice & 8 ? FRAMING_CONFLUENT : FRAMING_RAW};
    const struct record record = {.topic = "t", .key = {(const char *)data, size}};
    struct cell cells[2];
    struct err err = ERR_INIT;
    struct arena arena;
    arena_init(&arena, 1024);
    if (key_mapping_check(&mapping, contract, &err)) {
        bool good = key_cells(&mapping, contract, &record, &arena, cells, &err);
        fuzz_expect(good || *err.text, "a refusal says why");
        for (unsigned i = 0; good && i < 1 + (choice & 1); i++)
            fuzz_expect(cells[i].length >= 0, "a key has no holes");
    }
    arena_free(&arena);
    return 0;
}
