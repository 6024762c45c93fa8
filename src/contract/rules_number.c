/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rule messages of numbers, bools, enums, Timestamps and Durations. */
#include "contract/rules_number.h"

#include <stdlib.h>
#include <string.h>

enum { RULE_NUMBERS = 11 };

/* Field numbers within the rule messages (buf/validate/validate.proto), as roles. */
static const unsigned char INTEGER_ROLES[RULE_NUMBERS] = {
    [1] = ROLE_CONST, [2] = ROLE_LT, [3] = ROLE_LTE,    [4] = ROLE_GT,
    [5] = ROLE_GTE,   [6] = ROLE_IN, [7] = ROLE_NOT_IN, [8] = ROLE_EXAMPLE};
static const unsigned char INT64_ROLES[RULE_NUMBERS] = {
    [1] = ROLE_CONST, [2] = ROLE_LT, [3] = ROLE_LTE,    [4] = ROLE_GT,
    [5] = ROLE_GTE,   [6] = ROLE_IN, [7] = ROLE_NOT_IN, [9] = ROLE_EXAMPLE};
static const unsigned char REAL_ROLES[RULE_NUMBERS] = {
    [1] = ROLE_CONST, [2] = ROLE_LT,     [3] = ROLE_LTE,    [4] = ROLE_GT,     [5] = ROLE_GTE,
    [6] = ROLE_IN,    [7] = ROLE_NOT_IN, [8] = ROLE_FINITE, [9] = ROLE_EXAMPLE};
static const unsigned char BOOL_ROLES[RULE_NUMBERS] = {[1] = ROLE_CONST, [2] = ROLE_EXAMPLE};
static const unsigned char ENUM_ROLES[RULE_NUMBERS] = {[1] = ROLE_CONST,
                                                       [2] = ROLE_DEFINED_ONLY,
                                                       [3] = ROLE_IN,
                                                       [4] = ROLE_NOT_IN,
                                                       [5] = ROLE_EXAMPLE};
static const unsigned char DURATION_ROLES[RULE_NUMBERS] = {
    [2] = ROLE_CONST, [3] = ROLE_LT, [4] = ROLE_LTE,    [5] = ROLE_GT,
    [6] = ROLE_GTE,   [7] = ROLE_IN, [8] = ROLE_NOT_IN, [9] = ROLE_EXAMPLE};
static const unsigned char TIMESTAMP_ROLES[RULE_NUMBERS] = {
    [2] = ROLE_CONST,  [3] = ROLE_LT,     [4] = ROLE_LTE,    [5] = ROLE_GT,      [6] = ROLE_GTE,
    [7] = ROLE_LT_NOW, [8] = ROLE_GT_NOW, [9] = ROLE_WITHIN, [10] = ROLE_EXAMPLE};

/* Rule messages by their field number in FieldRules. */
static const struct family FAMILIES[] = {
    {"float", 1, FORM_FLOAT, REAL_ROLES},
    {"double", 2, FORM_DOUBLE, REAL_ROLES},
    {"int32", 3, FORM_SIGNED32, INTEGER_ROLES},
    {"int64", 4, FORM_SIGNED, INT64_ROLES},
    {"uint32", 5, FORM_UNSIGNED32, INTEGER_ROLES},
    {"uint64", 6, FORM_UNSIGNED, INTEGER_ROLES},
    {"sint32", 7, FORM_ZIGZAG, INTEGER_ROLES},
    {"sint64", 8, FORM_ZIGZAG, INTEGER_ROLES},
    {"fixed32", 9, FORM_FIXED32, INTEGER_ROLES},
    {"fixed64", 10, FORM_FIXED64, INTEGER_ROLES},
    {"sfixed32", 11, FORM_SFIXED32, INTEGER_ROLES},
    {"sfixed64", 12, FORM_SFIXED64, INTEGER_ROLES},
    {"bool", 13, FORM_BOOL, BOOL_ROLES},
    {"enum", 16, FORM_SIGNED32, ENUM_ROLES},
    {"duration", 21, FORM_DURATION, DURATION_ROLES},
    {"timestamp", 22, FORM_TIMESTAMP, TIMESTAMP_ROLES},
};

static unsigned form_wire_type(enum form form)
{
    switch (form) {
    case FORM_SFIXED32:
    case FORM_FIXED32:
    case FORM_FLOAT:
        return 5;
    case FORM_SFIXED64:
    case FORM_FIXED64:
    case FORM_DOUBLE:
        return 1;
    case FORM_DURATION:
    case FORM_TIMESTAMP:
        return 2;
    default:
        return 0;
    }
}

static struct number number_decode(enum form form, uint64_t raw)
{
    struct number number = {0};
    float narrow;
    uint32_t low = (uint32_t)raw;

    switch (form) {
    case FORM_SIGNED32:
    case FORM_SFIXED32:
        number.whole = (int32_t)low;
        break;
    case FORM_SIGNED:
    case FORM_SFIXED64:
        number.whole = (int64_t)raw;
        break;
    case FORM_UNSIGNED32:
    case FORM_FIXED32:
        number.whole = low;
        break;
    case FORM_ZIGZAG:
        number.whole = (int64_t)((raw >> 1) ^ (~(raw & 1) + 1));
        break;
    case FORM_BOOL:
        number.whole = raw != 0;
        break;
    case FORM_FLOAT:
        memcpy(&narrow, &low, sizeof narrow);
        number.real = (double)narrow;
        break;
    case FORM_DOUBLE:
        memcpy(&number.real, &raw, sizeof raw);
        break;
    default:
        number.whole = raw;
        break;
    }
    return number;
}

/* Add the fields of a Timestamp or Duration to `nanoseconds`: pieces of one value may come apart.
 */
static bool time_decode(struct span bytes, whole *nanoseconds)
{
    struct wire_reader reader;
    struct wire_field field;
    whole seconds = 0, nanos = 0;

    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        if (field.wire_type != 0)
            return false;
        if (field.number == 1)
            seconds = (int64_t)field.varint;
        else if (field.number == 2)
            nanos = (int32_t)(uint32_t)field.varint;
    }
    *nanoseconds += seconds * 1000000000 + nanos;
    return !reader.failed;
}

static void number_push(struct number_list *list, struct number number)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->items = mem_grow(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = number;
}

/* A packed list: the same numbers without their tags. */
static bool read_packed(enum form form, struct span bytes, struct number_list *list)
{
    const unsigned char *at = (const unsigned char *)bytes.data, *end = at + bytes.length;
    size_t width = form_wire_type(form) == 5 ? 4 : form_wire_type(form) == 1 ? 8 : 0;

    while (at < end) {
        uint64_t raw = 0;
        if (width) {
            if ((size_t)(end - at) < width)
                return false;
            for (size_t i = 0; i < width; i++)
                raw |= (uint64_t)at[i] << (8 * i);
            at += width;
        } else {
            for (unsigned shift = 0;; shift += 7) {
                if (at == end || shift > 63)
                    return false;
                raw |= (uint64_t)(*at & 0x7f) << shift;
                if (!(*at++ & 0x80))
                    break;
            }
        }
        number_push(list, number_decode(form, raw));
    }
    return true;
}

static bool read_list(const struct family *family, const struct wire_field *field,
                      struct number_list *list)
{
    struct number number = {0};

    if (number_is_time(family)) {
        if (field->wire_type != 2 || !time_decode(field->bytes, &number.whole))
            return false;
    } else if (field->wire_type == 2) {
        return read_packed(family->form, field->bytes, list);
    } else if (field->wire_type != form_wire_type(family->form)) {
        return false;
    } else {
        number = number_decode(family->form, field->varint);
    }
    number_push(list, number);
    return true;
}

/* lt, lte and lt_now exclude each other, as do gt, gte and gt_now: the last one said counts. */
static void forget_rivals(struct reading *reading, enum role role)
{
    static const unsigned char SIDES[2][3] = {{ROLE_LT, ROLE_LTE, ROLE_LT_NOW},
                                              {ROLE_GT, ROLE_GTE, ROLE_GT_NOW}};
    for (unsigned side = 0; side < 2; side++) {
        if (memchr(SIDES[side], (int)role, 3)) {
            for (unsigned i = 0; i < 3; i++)
                if (SIDES[side][i] != role)
                    reading->said[SIDES[side][i]] = false;
        }
    }
}

static bool read_one(struct reading *reading, enum role role, const struct wire_field *field)
{
    const struct family *family = reading->family;
    bool flag = role == ROLE_FINITE || role == ROLE_DEFINED_ONLY || role == ROLE_LT_NOW ||
                role == ROLE_GT_NOW;

    if (flag) {
        if (field->wire_type != 0)
            return false;
        reading->said[role] = field->varint != 0;
    } else if (number_is_time(family)) {
        if (!reading->said[role])
            reading->value[role].whole = 0;
        if (field->wire_type != 2 || !time_decode(field->bytes, &reading->value[role].whole))
            return false;
        reading->said[role] = true;
    } else {
        if (field->wire_type != form_wire_type(family->form))
            return false;
        reading->value[role] = number_decode(family->form, field->varint);
        reading->said[role] = true;
    }
    forget_rivals(reading, role);
    return true;
}

static bool read_rules(struct reading *reading, struct span bytes)
{
    const struct family *family = reading->family;
    struct wire_reader reader;
    struct wire_field field;
    bool good = true, whole_message = true;

    wire_reader_init(&reader, bytes);
    while (whole_message && wire_reader_next(&reader, &field)) {
        enum role role = field.number < RULE_NUMBERS ? family->roles[field.number] : ROLE_UNKNOWN;
        if (role == ROLE_UNKNOWN)
            good = build_unknown(reading->build, family->name, field.number);
        else if (role == ROLE_IN)
            whole_message = read_list(family, &field, &reading->in);
        else if (role == ROLE_NOT_IN)
            whole_message = read_list(family, &field, &reading->not_in);
        else if (role != ROLE_EXAMPLE)
            whole_message = read_one(reading, role, &field);
    }
    if (reader.failed || !whole_message)
        return build_malformed(reading->build, family->name);
    return good;
}

bool build_number(struct build *build, unsigned number, struct span bytes,
                  const struct enum_type *enumeration, struct check_list *list)
{
    struct reading reading = {.build = build};

    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++)
        if (FAMILIES[i].number == number)
            reading.family = &FAMILIES[i];
    bool good = read_rules(&reading, bytes);
    if (good)
        number_checks(&reading, enumeration, list);
    free(reading.in.items);
    free(reading.not_in.items);
    return good;
}
