/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of one field: presence, its rule message, and those of items, keys and values. */
#include "contract/rules_build.h"

/* Field numbers of FieldRules and of the rule messages that hold FieldRules again. */
enum {
    FIELD_STRING = 14,
    FIELD_BYTES = 15,
    FIELD_REPEATED = 18,
    FIELD_MAP = 19,
    FIELD_ANY = 20,
    FIELD_CEL = 23,
    FIELD_REQUIRED = 25,
    FIELD_IGNORE = 27,
    FIELD_FIELD_MASK = 28,
    FIELD_CEL_EXPRESSION = 29,
    REPEATED_MIN = 1,
    REPEATED_MAX = 2,
    REPEATED_UNIQUE = 3,
    REPEATED_ITEMS = 4,
    MAP_MIN = 1,
    MAP_MAX = 2,
    MAP_KEYS = 4,
    MAP_VALUES = 5,
};

enum ignore { IGNORE_UNSPECIFIED = 0, IGNORE_IF_ZERO_VALUE = 1, IGNORE_ALWAYS = 3 };

/* The rule messages' names by their field number in FieldRules; NULL: no such rule message. */
static const char *const TYPE_NAMES[] = {
    [1] = "float",      [2] = "double",      [3] = "int32",  [4] = "int64",   [5] = "uint32",
    [6] = "uint64",     [7] = "sint32",      [8] = "sint64", [9] = "fixed32", [10] = "fixed64",
    [11] = "sfixed32",  [12] = "sfixed64",   [13] = "bool",  [14] = "string", [15] = "bytes",
    [16] = "enum",      [18] = "repeated",   [19] = "map",   [20] = "any",    [21] = "duration",
    [22] = "timestamp", [28] = "field_mask",
};
enum { TYPE_NAMES_COUNT = sizeof TYPE_NAMES / sizeof *TYPE_NAMES };

/* A FieldRules message as read. */
struct field_reading {
    bool required, ignore_said;
    enum ignore ignore;
    unsigned type;     /* which rule message, 0 if none */
    struct span rules; /* that one's bytes, merged */
};

/* ── reading FieldRules ────────────────────────────────────────────────────────────────────── */

static bool read_ignore(struct build *build, uint64_t value, struct field_reading *out)
{
    if (value != IGNORE_UNSPECIFIED && value != IGNORE_IF_ZERO_VALUE && value != IGNORE_ALWAYS)
        return build_error(build,
                           "IGNORE_UNSPECIFIED, IGNORE_IF_ZERO_VALUE and IGNORE_ALWAYS are "
                           "known",
                           "rule ignore has the unknown value %llu", (unsigned long long)value);
    out->ignore_said = true;
    out->ignore = (enum ignore)value;
    return true;
}

static bool read_field_rule(struct build *build, const struct wire_field *field,
                            struct field_reading *out)
{
    bool message = field->wire_type == 2;

    if (field->number == FIELD_CEL && message)
        return build_unsupported(build, "cel");
    if (field->number == FIELD_CEL_EXPRESSION && message)
        return build_unsupported(build, "cel_expression");
    if (field->number == FIELD_REQUIRED && field->wire_type == 0) {
        out->required = field->varint != 0;
        return true;
    }
    if (field->number == FIELD_IGNORE && field->wire_type == 0)
        return read_ignore(build, field->varint, out);
    if (field->number < TYPE_NAMES_COUNT && TYPE_NAMES[field->number] && message) {
        out->type = field->number;
        return true;
    }
    return build_unknown(build, "FieldRules", field->number);
}

static bool read_field_rules(struct build *build, struct span bytes, struct field_reading *out)
{
    struct wire_reader reader;
    struct wire_field field;
    bool good = true;

    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field))
        good &= read_field_rule(build, &field, out);
    if (reader.failed)
        return build_malformed(build, "FieldRules");
    if (out->type)
        good &= build_merged(build, bytes, out->type, &out->rules);
    return good;
}

/* ── one value ─────────────────────────────────────────────────────────────────────────────── */

static bool expect_rule(struct build *build, unsigned got, unsigned fits)
{
    if (!got || got == fits)
        return true;
    if (!fits)
        return build_error(build, "put rules on the fields of that message",
                           "rule %s cannot be used on this field", TYPE_NAMES[got]);
    return build_error(build, "a rule's type is the field's type",
                       "rule %s does not fit the field; %s does", TYPE_NAMES[got],
                       TYPE_NAMES[fits]);
}

static bool build_checks(struct build *build, const struct field_type *field,
                         const struct field_reading *reading, struct value_rules *out)
{
    struct check_list list = {0};
    bool good;

    switch (reading->type) {
    case 0:
        return true;
    case FIELD_ANY:
    case FIELD_FIELD_MASK:
        return build_unsupported(build, TYPE_NAMES[reading->type]);
    case FIELD_STRING:
        good = build_string(build, reading->rules, &list);
        break;
    case FIELD_BYTES:
        good = build_bytes(build, reading->rules, &list);
        break;
    default:
        good = build_number(build, reading->type, reading->rules, field->enumeration, &list);
        break;
    }
    out->checks = build_checks_done(build, &list, &out->n_checks);
    return good;
}

/* The rules of a value of `field`, be it the field itself, an item, a key or a map's value. */
static bool build_value(struct build *build, const struct field_type *field,
                        const struct field_reading *reading, struct value_rules *out)
{
    build_place_value(field, out); /* items, keys and values lie elsewhere than the field */
    out->ignored = reading->ignore == IGNORE_ALWAYS;
    if (!expect_rule(build, reading->type, build_rule_that_fits(field)) ||
        !build_checks(build, field, reading, out))
        return false;
    if (out->load == LOAD_MESSAGE && out->form == MESSAGE_PLAIN && !out->ignored)
        out->message = build_type(build, field->message);
    return true;
}

/* A value within a list or map, whose FieldRules are field `number` of `bytes`. */
static bool build_element(struct build *build, const struct field_type *field, struct span bytes,
                          unsigned number, const char *part, struct value_rules *out)
{
    struct field_reading reading = {0};
    struct span rules;

    build->part = part;
    bool good = build_merged(build, bytes, number, &rules) &&
                read_field_rules(build, rules, &reading) &&
                build_value(build, field, &reading, out);
    out->skip_zero = reading.ignore == IGNORE_IF_ZERO_VALUE && out->load != LOAD_MESSAGE;
    build->part = "";
    return good;
}

/* ── lists and maps ────────────────────────────────────────────────────────────────────────── */

static void check_count(struct build *build, struct check_list *list, const char *family,
                        uint64_t bound, bool upper)
{
    bool map = family[0] == 'm';
    const char *rule =
        map ? (upper ? "max_pairs" : "min_pairs") : (upper ? "max_items" : "min_items");
    struct check *check = build_check(build, list, CHECK_COUNT, family, rule);

    check->size.min = upper ? 0 : bound;
    check->size.max = upper ? bound : UINT64_MAX;
    check->message = build_sentence(build, "must have at %s %llu %s", upper ? "most" : "least",
                                    (unsigned long long)bound, map ? "pairs" : "items");
}

/* RepeatedRules and MapRules: they agree in the numbers of the two bounds. */
static bool build_counts(struct build *build, struct span bytes, bool map, struct check_list *list)
{
    const char *family = map ? "map" : "repeated";
    struct wire_reader reader;
    struct wire_field field;
    bool good = true, unique = false, min_said = false, max_said = false;
    uint64_t min = 0, max = 0;

    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        bool number = field.wire_type == 0;
        if (field.number == REPEATED_MIN && number) {
            min = field.varint;
            min_said = true;
        } else if (field.number == REPEATED_MAX && number) {
            max = field.varint;
            max_said = true;
        } else if (field.number == REPEATED_UNIQUE && number && !map) {
            unique = field.varint != 0;
        } else if (field.wire_type != 2 || (field.number != (map ? MAP_KEYS : REPEATED_ITEMS) &&
                                            (field.number != MAP_VALUES || !map))) {
            good = build_unknown(build, family, field.number);
        }
    }
    if (reader.failed)
        return build_malformed(build, family);
    if (min_said)
        check_count(build, list, family, min, false);
    if (max_said)
        check_count(build, list, family, max, true);
    if (unique)
        build_check(build, list, CHECK_UNIQUE, family, "unique")->message =
            "must contain unique items";
    return good;
}

static bool build_list(struct build *build, const struct field_type *field,
                       const struct field_reading *reading, struct field_rules *out)
{
    struct check_list list = {0};
    bool good;

    if (!expect_rule(build, reading->type, FIELD_REPEATED))
        return false;
    good = build_counts(build, reading->rules, false, &list);
    out->list = build_checks_done(build, &list, &out->n_list);
    for (unsigned i = 0; i < out->n_list; i++)
        if (out->list[i].code == CHECK_UNIQUE && field->message)
            good = build_error(build, "put an identifying scalar into a list of its own",
                               "rule repeated.unique on a list of messages is not supported");
    good &= build_element(build, field, reading->rules, REPEATED_ITEMS, ".items", &out->value);
    out->value.ignored |= reading->ignore == IGNORE_ALWAYS;
    return good;
}

static bool build_map(struct build *build, const struct field_type *field,
                      const struct field_reading *reading, struct field_rules *out)
{
    const struct field_type *key = message_type_field_number(field->message, 1);
    const struct field_type *value = message_type_field_number(field->message, 2);
    struct check_list list = {0};
    bool good;

    if (!key || !value)
        return build_error(build, "", "map entry without a supported key and value");
    if (!expect_rule(build, reading->type, FIELD_MAP))
        return false;
    good = build_counts(build, reading->rules, true, &list);
    out->list = build_checks_done(build, &list, &out->n_list);
    out->key_offset = key->pb->offset;
    out->value_offset = value->pb->offset;
    good &= build_element(build, key, reading->rules, MAP_KEYS, ".keys", &out->key);
    good &= build_element(build, value, reading->rules, MAP_VALUES, ".values", &out->value);
    out->key.ignored |= reading->ignore == IGNORE_ALWAYS;
    out->value.ignored |= reading->ignore == IGNORE_ALWAYS;
    return good;
}

/* ── a field ───────────────────────────────────────────────────────────────────────────────── */

static bool has_something(const struct field_rules *rules)
{
    const struct value_rules *value = &rules->value, *key = &rules->key;

    if (rules->required)
        return true;
    return (!value->ignored && (value->n_checks || value->message || rules->n_list)) ||
           (!key->ignored && key->n_checks);
}

bool build_field(struct build *build, const struct field_type *field, bool in_set,
                 struct field_rules *out)
{
    struct field_reading reading = {0};
    struct span rules;
    bool good;

    *out = (struct field_rules){0};
    build_place(field, out);
    build->field = field;
    good = build_merged(build, field->options, RULES_OPTION, &rules) &&
           read_field_rules(build, rules, &reading);
    if (good) {
        if (in_set && !reading.ignore_said)
            reading.ignore = IGNORE_IF_ZERO_VALUE;
        out->required = reading.required && reading.ignore != IGNORE_ALWAYS;
        out->always = reading.ignore == IGNORE_UNSPECIFIED &&
                      (out->presence == PRESENCE_VALUE || out->presence == PRESENCE_COUNT);
        build->rules->count += out->required;
        good = field->map        ? build_map(build, field, &reading, out)
               : field->repeated ? build_list(build, field, &reading, out)
                                 : build_value(build, field, &reading, &out->value);
    }
    if (reading.ignore == IGNORE_ALWAYS)
        out->n_list = 0;
    build->field = NULL;
    return good && has_something(out);
}

void build_refuse(struct build *build, const struct field_type *field)
{
    struct span rules;

    build->field = field;
    if (build_merged(build, field->options, RULES_OPTION, &rules) && rules.data)
        (void)build_error(build,
                          "groups and extensions are not read, so their rules cannot be kept",
                          "rules on a group or extension are not supported");
    build->field = NULL;
}
