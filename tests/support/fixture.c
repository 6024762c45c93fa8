/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "support/fixture.h"

#include "record/json.h"
#include "record/message.h"

#include <stdio.h>
#include <string.h>

void fixture_open(struct fixture *fixture, const char *stem)
{
    char path[512];
    struct err err = ERR_INIT;
    memset(fixture, 0, sizeof *fixture);
    arena_init(&fixture->arena, 16384);
    snprintf(path, sizeof path, "%s/%s.binpb", PACTOLUS_DESCRIPTORS, stem);
    fixture->set = descriptor_set_load(path, &err);
    if (!fixture->set)
        fail_msg("%s: %s", path, err.text);
}

void fixture_close(struct fixture *fixture)
{
    for (unsigned i = 0; i < fixture->n_contracts; i++)
        contract_free(fixture->contracts[i]);
    descriptor_set_free(fixture->set);
    arena_free(&fixture->arena);
}

const struct message_type *fixture_type(const struct fixture *fixture, const char *full_name)
{
    const struct message_type *type = descriptor_set_message(fixture->set, full_name);
    if (!type)
        fail_msg("no message %s", full_name);
    return type;
}

const struct contract *fixture_contract(struct fixture *fixture, const char *full_name,
                                        const struct fixture_says *says)
{
    struct column_override columns[8] = {0};
    struct contract_overrides overrides = {.columns = columns};
    struct errs errs = {0};
    overrides.contract.key = says->key;
    while (overrides.contract.n_key < 4 && says->key[overrides.contract.n_key])
        overrides.contract.n_key++;
    overrides.contract.version_field = says->version;
    overrides.contract.mode_said = says->append;
    overrides.contract.mode = says->append ? CONTRACT_APPEND : CONTRACT_UPSERT;
    while (overrides.n_columns < 8 && says->columns[overrides.n_columns].field) {
        struct column_override *column = &columns[overrides.n_columns];
        column->field = says->columns[overrides.n_columns].field;
        column->options.type = says->columns[overrides.n_columns++].type;
        column->place = "test:1";
    }
    struct contract *contract = contract_make(fixture_type(fixture, full_name), &overrides, &errs);
    if (!contract)
        fail_msg("%s: %s", full_name, errs.items[0].text);
    errs_free(&errs);
    assert_true(fixture->n_contracts < FIXTURE_CONTRACTS_MAX);
    fixture->contracts[fixture->n_contracts++] = contract;
    return contract;
}

const struct column *fixture_column(const struct contract *contract, const char *name)
{
    for (unsigned i = 0; i < contract->n_columns; i++) {
        if (strcmp(contract->columns[i].name, name) == 0)
            return &contract->columns[i];
    }
    fail_msg("%s has no column %s", contract->name, name);
    return NULL;
}

struct span fixture_bytes(struct fixture *fixture, const char *full_name, const char *json)
{
    struct err err = ERR_INIT;
    const ProtobufCMessage *message = json_read_message(
        fixture_type(fixture, full_name), (struct span){json, strlen(json)}, &fixture->arena, &err);
    if (!message)
        fail_msg("%s: %s: %s", json, err.place, err.text);
    size_t size = protobuf_c_message_get_packed_size(message);
    char *bytes = arena_alloc(&fixture->arena, size + 1);
    assert_int_equal(protobuf_c_message_pack(message, (uint8_t *)bytes), size);
    return (struct span){bytes, size};
}

const ProtobufCMessage *fixture_message(struct fixture *fixture, const char *full_name,
                                        const char *json)
{
    struct err err = ERR_INIT;
    const ProtobufCMessage *message =
        message_unpack(fixture_type(fixture, full_name), fixture_bytes(fixture, full_name, json),
                       &fixture->arena, &err);
    if (!message)
        fail_msg("%s: %s", json, err.text);
    return message;
}
