/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: a descriptor set, an arena and contracts for tests of src/record and above. Whatever
 * goes wrong here fails the running test.
 */
#ifndef PACTOLUS_TESTS_SUPPORT_FIXTURE_H
#define PACTOLUS_TESTS_SUPPORT_FIXTURE_H

#include "base/memory.h"
#include "contract/contract.h"

enum { FIXTURE_CONTRACTS_MAX = 8 };

struct fixture {
    struct descriptor_set *set;
    struct arena arena;
    struct contract *contracts[FIXTURE_CONTRACTS_MAX]; /* freed by fixture_close */
    unsigned n_contracts;
};

/* What a stream's configuration would say; NULL and {0} = nothing. */
struct fixture_says {
    const char *key[4];
    const char *version;
    bool append;
    struct {
        const char *field, *type;
    } columns[8];
};

/* tests/proto/<stem>.proto, compiled. */
void fixture_open(struct fixture *fixture, const char *stem);
void fixture_close(struct fixture *fixture);

const struct message_type *fixture_type(const struct fixture *fixture, const char *full_name);
/* The contract lives until fixture_close. */
const struct contract *fixture_contract(struct fixture *fixture, const char *full_name,
                                        const struct fixture_says *says);
const struct column *fixture_column(const struct contract *contract, const char *name);
/* A message from its JSON form, through its bytes and back: as a record would bring it. */
const ProtobufCMessage *fixture_message(struct fixture *fixture, const char *full_name,
                                        const char *json);
/* The bytes of that message. */
struct span fixture_bytes(struct fixture *fixture, const char *full_name, const char *json);
/* Length and content in one; a string literal. */
#define FIXTURE_SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

#endif
