/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: loading the descriptor sets that the build made. */
#ifndef PACTOLUS_TESTS_CONTRACT_FIXTURE_H
#define PACTOLUS_TESTS_CONTRACT_FIXTURE_H

#include "contract/descriptor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The set of tests/proto/<stem>.proto or proto/examples/…/<stem>.proto. */
static inline struct descriptor_set *load_set(const char *stem)
{
    char path[512];
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, "%s/%s.binpb", PACTOLUS_DESCRIPTORS, stem);
    struct descriptor_set *set = descriptor_set_load(path, &err);
    if (!set)
        fail_msg("%s: %s", err.place, err.text);
    return set;
}

static inline const struct message_type *find_type(const struct descriptor_set *set,
                                                   const char *name)
{
    const struct message_type *type = descriptor_set_message(set, name);
    if (!type)
        fail_msg("no message %s", name);
    return type;
}

static inline const struct field_type *find_field(const struct message_type *type, const char *name)
{
    const struct field_type *field = message_type_field(type, name);
    if (!field)
        fail_msg("no field %s", name);
    return field;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not hold \"%s\"", text, part);
}

#endif
