/* SPDX-License-Identifier: Apache-2.0 */
#include "record/validate.h"

#include "record/validate_place.h"
#include "record/validate_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Depth of the recursion is the message's own, which record/guard has bounded. */

struct walk {
    int64_t now;
    struct violation *violation;
};

static bool walk_message(struct walk *walk, const struct type_rules *rules,
                         const ProtobufCMessage *message, const struct place *place);

/* Fill the violation. Always false. */
static bool violate(struct walk *walk, const struct place *place, const char *rule,
                    const char *message)
{
    place_print(place, walk->violation->field, sizeof walk->violation->field);
    place_copy(rule, walk->violation->rule, sizeof walk->violation->rule);
    place_copy(message, walk->violation->message, sizeof walk->violation->message);
    return false;
}

static bool violate_check(struct walk *walk, const struct place *place, const struct check *check,
                          const struct value *value)
{
    char rule[sizeof walk->violation->rule];

    if (check->code != CHECK_FORMAT || value->text.length > 0)
        return violate(walk, place, check->id, check->message);
    snprintf(rule, sizeof rule, "%s_empty", check->id);
    return violate(walk, place, rule, check->message);
}

/* ── values ────────────────────────────────────────────────────────────────────────────────── */

static bool walk_value(struct walk *walk, const struct value_rules *rules, const void *at,
                       const struct place *place)
{
    struct value value = {.text = {"", 0}};

    if (rules->ignored || (rules->skip_zero && value_is_zero(rules->load, at, rules->zero)))
        return true;
    if (rules->message) {
        const ProtobufCMessage *message = *(const ProtobufCMessage *const *)at;
        if (!message)
            message = rules->message->empty; /* a map's value that the wire left out */
        return !message || walk_message(walk, rules->message, message, place);
    }
    if (!rules->n_checks)
        return true;
    value_load(&value, rules, at);
    for (unsigned i = 0; i < rules->n_checks; i++)
        if (!check_holds(&rules->checks[i], &value, walk->now))
            return violate_check(walk, place, &rules->checks[i], &value);
    return true;
}

/* ── lists and maps ────────────────────────────────────────────────────────────────────────── */

/* The rules of a list or map as a whole. `items` are what must be unique. */
static bool walk_whole(struct walk *walk, const struct field_rules *field,
                       const struct items *items, size_t count, const struct place *place)
{
    for (unsigned i = 0; i < field->n_list; i++) {
        const struct check *check = &field->list[i];
        bool holds = check->code == CHECK_UNIQUE
                         ? items_distinct(items)
                         : count >= check->size.min && count <= check->size.max;
        if (!holds)
            return violate(walk, place, check->id, check->message);
    }
    return true;
}

static bool walk_list(struct walk *walk, const struct field_rules *field, const struct items *items,
                      struct place *place)
{
    const struct value_rules *rules = &field->value;

    if (!walk_whole(walk, field, items, items->count, place))
        return false;
    if (rules->ignored || (!rules->n_checks && !rules->message))
        return true;
    place->subscript = SUBSCRIPT_INDEX;
    for (place->index = 0; place->index < items->count; place->index++)
        if (!walk_value(walk, rules, items_at(items, place->index), place))
            return false;
    return true;
}

static bool walk_entry(struct walk *walk, const struct field_rules *field, const char *entry,
                       struct place *place)
{
    place->subscript = SUBSCRIPT_KEY;
    place->key_load = field->key.load;
    place->key = entry + field->key_offset;
    return walk_value(walk, &field->key, place->key, place) &&
           walk_value(walk, &field->value, entry + field->value_offset, place);
}

/* Protobuf-c keeps each entry of the wire. Of entries with one key only the last is in the map. */
static bool walk_map(struct walk *walk, const struct field_rules *field, const struct items *items,
                     struct place *place)
{
    const char *const *entries = (const char *const *)(const void *)items->first;
    size_t count = items->count;
    unsigned *last = items_distinct(items) ? NULL : items_last(items, &count);
    bool good = walk_whole(walk, field, items, count, place);

    for (size_t i = 0; i < count && good; i++)
        good = walk_entry(walk, field, entries[last ? last[i] : i], place);
    free(last);
    return good;
}

static bool walk_repeated(struct walk *walk, const struct field_rules *field, const char *message,
                          struct place *place)
{
    bool map = field->field->map;
    struct items items = {
        .load = map ? field->key.load : field->value.load,
        .first = *(const char *const *)(const void *)(message + field->offset),
        .count = *(const size_t *)(const void *)(message + field->quantifier),
        .stride = load_size(field->value.load),
        .entries = map,
        .key_offset = field->key_offset,
    };
    return map ? walk_map(walk, field, &items, place) : walk_list(walk, field, &items, place);
}

/* ── messages ──────────────────────────────────────────────────────────────────────────────── */

/* A number without presence is set when any bit of it is: -0.0 is. */
static bool number_is_set(enum load load, const char *at)
{
    uint64_t bits = 0;

    memcpy(&bits, at, load_size(load));
    return bits != 0;
}

static bool is_set(const struct field_rules *field, const char *message)
{
    const char *at = message + field->offset, *quantifier = message + field->quantifier;

    switch (field->presence) {
    case PRESENCE_ALWAYS:
        return true;
    case PRESENCE_VALUE:
        if (field->value.load == LOAD_STRING || field->value.load == LOAD_BYTES)
            return !value_is_zero(field->value.load, at, 0);
        return number_is_set(field->value.load, at);
    case PRESENCE_FLAG:
        return *(const protobuf_c_boolean *)(const void *)quantifier != 0;
    case PRESENCE_POINTER: {
        const void *pointer = *(const void *const *)(const void *)at;
        return pointer && pointer != field->field->pb->default_value;
    }
    case PRESENCE_CASE:
        return *(const uint32_t *)(const void *)quantifier == field->field->pb->id;
    case PRESENCE_COUNT:
        return *(const size_t *)(const void *)quantifier != 0;
    }
    return false;
}

static bool walk_field(struct walk *walk, const struct field_rules *field, const char *message,
                       const struct place *parent)
{
    struct place place = {.parent = parent, .name = field->field->name};

    if (!field->always && !is_set(field, message))
        return !field->required || violate(walk, &place, "required", "value is required");
    if (field->required && field->always && !is_set(field, message))
        return violate(walk, &place, "required", "value is required");
    if (field->presence == PRESENCE_COUNT)
        return walk_repeated(walk, field, message, &place);
    return walk_value(walk, &field->value, message + field->offset, &place);
}

static bool walk_set(struct walk *walk, const struct set_rules *set, const char *message,
                     const struct place *place)
{
    unsigned said = 0;

    for (unsigned i = 0; i < set->n_fields; i++)
        said += is_set(&set->fields[i], message);
    if (said > 1 || (set->required && said == 0))
        return violate(walk, place, "message.oneof", set->message);
    return true;
}

static bool walk_oneof(struct walk *walk, const struct oneof_rules *oneof, const char *message,
                       const struct place *parent)
{
    struct place place = {.parent = parent, .name = oneof->oneof->name};

    if (*(const uint32_t *)(const void *)(message + oneof->quantifier) != 0)
        return true;
    return violate(walk, &place, "required", "exactly one field is required in oneof");
}

static bool walk_message(struct walk *walk, const struct type_rules *rules,
                         const ProtobufCMessage *message, const struct place *place)
{
    const char *bytes = (const char *)message;

    for (unsigned i = 0; i < rules->n_fields; i++)
        if (!walk_field(walk, &rules->fields[i], bytes, place))
            return false;
    for (unsigned i = 0; i < rules->n_sets; i++)
        if (!walk_set(walk, &rules->sets[i], bytes, place))
            return false;
    for (unsigned i = 0; i < rules->n_oneofs; i++)
        if (!walk_oneof(walk, &rules->oneofs[i], bytes, place))
            return false;
    return true;
}

bool validate_message(const struct rules *rules, const ProtobufCMessage *message, int64_t now,
                      struct violation *violation)
{
    struct walk walk = {.now = now, .violation = violation};

    if (!rules->types[0]->active)
        return true;
    return walk_message(&walk, rules->types[0], message, NULL);
}
