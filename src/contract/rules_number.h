/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_number: the rules of values that have an order (numbers, bools, enums, Timestamps and
 * Durations), between reading them (rules_number.c) and making checks of them
 * (rules_number_make.c). Internal to those two. What they make lives in the rules' arena.
 */
#ifndef PACTOLUS_CONTRACT_RULES_NUMBER_H
#define PACTOLUS_CONTRACT_RULES_NUMBER_H

#include "contract/rules_build.h"

/* How a number is written in a rule message. */
enum form {
    FORM_SIGNED,
    FORM_SIGNED32,
    FORM_UNSIGNED,
    FORM_UNSIGNED32,
    FORM_ZIGZAG,
    FORM_SFIXED32,
    FORM_SFIXED64,
    FORM_FIXED32,
    FORM_FIXED64,
    FORM_FLOAT,
    FORM_DOUBLE,
    FORM_BOOL,
    FORM_DURATION,
    FORM_TIMESTAMP,
};

enum role {
    ROLE_UNKNOWN = 0,
    ROLE_CONST,
    ROLE_LT,
    ROLE_LTE,
    ROLE_GT,
    ROLE_GTE,
    ROLE_LT_NOW,
    ROLE_GT_NOW,
    ROLE_WITHIN,
    ROLE_IN,
    ROLE_NOT_IN,
    ROLE_FINITE,
    ROLE_DEFINED_ONLY,
    ROLE_EXAMPLE, /* documentation: says nothing about validity */
    ROLE_COUNT,
};

/* A rule message: buf.validate.Int32Rules and its like. */
struct family {
    const char *name;
    unsigned number; /* its field number in FieldRules */
    enum form form;
    const unsigned char *roles; /* by field number */
};

struct number {
    whole whole;
    double real;
};

struct number_list {
    struct number *items;
    unsigned count, capacity;
};

/* A rule message as read, before checks are made of it. */
struct reading {
    struct build *build;
    const struct family *family;
    bool said[ROLE_COUNT];
    struct number value[ROLE_COUNT];
    struct number_list in, not_in;
};

static inline bool number_is_real(const struct family *family)
{
    return family->form == FORM_FLOAT || family->form == FORM_DOUBLE;
}

static inline bool number_is_time(const struct family *family)
{
    return family->form == FORM_DURATION || family->form == FORM_TIMESTAMP;
}

/* Make the checks of what was read, in protovalidate's order. `enumeration` serves defined_only. */
void number_checks(struct reading *reading, const struct enum_type *enumeration,
                   struct check_list *list);

#endif
