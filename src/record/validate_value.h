/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_value: one value out of an unpacked message, and whether a check of it holds. Internal
 * to record/validate.
 */
#ifndef PACTOLUS_RECORD_VALIDATE_VALUE_H
#define PACTOLUS_RECORD_VALIDATE_VALUE_H

#include "contract/rules_table.h"

/* One value in the form its checks want: number (bools, enums and times too), real or text. */
struct value {
    whole whole;
    double real;
    struct span text; /* never absent: data is not NULL */
};

/* Bytes from one item of a repeated field to the next. */
size_t load_size(enum load load);

/* Load the value at `at`, which lies in memory as `rules` say; a message's pointer may be NULL,
 * which reads as its zero value. Plain messages have no value. */
void value_load(struct value *value, const struct value_rules *rules, const void *at);

/* True when the scalar at `at` is its type's zero. `zero` is the enum's. For messages: NULL. */
bool value_is_zero(enum load load, const void *at, whole zero);

/* Does the rule hold? `now` in wall microseconds. Not for CHECK_COUNT and CHECK_UNIQUE. */
bool check_holds(const struct check *check, const struct value *value, int64_t now);

/* Items of a repeated field, or the keys of a map's entries, as things to compare. */
struct items {
    enum load load;
    const char *first;
    size_t count, stride;
    bool entries;      /* `first` is an array of pointers to map entries */
    size_t key_offset; /* of the key in an entry */
};

/* Are all items different? NaN differs from everything, -0 equals 0. Lists of up to a few hundred
 * items need no memory. */
bool items_distinct(const struct items *items);

/* The entries of a map whose key is not said again later (the last one counts). Returns indexes to
 * be freed, `count` of them. For maps that items_distinct found wanting. */
unsigned *items_last(const struct items *items, size_t *count);

/* The number of the item at `i` and where it lies. */
const void *items_at(const struct items *items, size_t i);

#endif
