/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a message as a whole: oneofs that its options declare, oneofs that must be set. */
#include "contract/rules_build.h"

#include <stdlib.h>

/* Field numbers of MessageRules, MessageOneofRule and OneofRules. */
enum {
    MESSAGE_CEL = 3,
    MESSAGE_ONEOF = 4,
    MESSAGE_CEL_EXPRESSION = 5,
    SET_FIELDS = 1,
    SET_REQUIRED = 2,
    ONEOF_REQUIRED = 1,
};

static const char NAMES_HINT[] = "name fields of the same message, each once";

/* The field of that name, told once. -1 with an error otherwise. */
static int member_of(struct build *build, const struct set_rules *set, struct span name)
{
    const struct message_type *type = build->type;

    for (unsigned i = 0; i < type->n_fields; i++) {
        if (!span_is(name, type->fields[i].name))
            continue;
        for (unsigned other = 0; other < set->n_fields; other++) {
            if (set->fields[other].field == &type->fields[i]) {
                (void)build_error(build, NAMES_HINT, "rule oneof names field %s twice",
                                  type->fields[i].name);
                return -1;
            }
        }
        return (int)i;
    }
    (void)build_error(build, NAMES_HINT, "rule oneof names the unknown field %.*s",
                      (int)(name.length > 64 ? 64 : name.length), name.data ? name.data : "");
    return -1;
}

static const char *set_sentence(struct build *build, const struct set_rules *set)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, set->required ? "exactly one of " : "only one of ");
    for (unsigned i = 0; i < set->n_fields; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", set->fields[i].field->name);
    buf_puts(&text, set->required ? " must be set" : " can be set");
    const char *sentence = build_sentence(build, "%s", text.data);
    buf_free(&text);
    return sentence;
}

/* One MessageOneofRule. */
static bool build_set(struct build *build, struct span bytes, bool *members, struct set_rules *set)
{
    struct field_rules *fields = build_alloc(build, (build->type->n_fields + 1) * sizeof *fields);
    struct wire_reader reader;
    struct wire_field field;

    *set = (struct set_rules){.fields = fields};
    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        if (field.number == SET_REQUIRED && field.wire_type == 0) {
            set->required = field.varint != 0;
        } else if (field.number == SET_FIELDS && field.wire_type == 2) {
            int member = member_of(build, set, field.bytes);
            if (member < 0)
                return false;
            members[member] = true;
            build_place(&build->type->fields[member], &fields[set->n_fields++]);
        } else {
            return build_unknown(build, "MessageOneofRule", field.number);
        }
    }
    if (reader.failed)
        return build_malformed(build, "MessageOneofRule");
    if (!set->n_fields)
        return build_error(build, NAMES_HINT, "rule oneof names no field");
    set->message = set_sentence(build, set);
    return true;
}

static bool read_message_rule(struct build *build, const struct wire_field *field,
                              struct type_rules *rules, bool *members)
{
    if (field->number == MESSAGE_CEL && field->wire_type == 2)
        return build_unsupported(build, "cel");
    if (field->number == MESSAGE_CEL_EXPRESSION && field->wire_type == 2)
        return build_unsupported(build, "cel_expression");
    if (field->number != MESSAGE_ONEOF || field->wire_type != 2)
        return build_unknown(build, "MessageRules", field->number);
    if (!build_set(build, field->bytes, members, &rules->sets[rules->n_sets]))
        return false;
    rules->n_sets++;
    build->rules->count++;
    return true;
}

bool build_sets(struct build *build, struct type_rules *rules, bool *members)
{
    struct wire_reader reader;
    struct wire_field field;
    struct span bytes;
    unsigned declared = 0;
    bool good = true;

    if (!build_merged(build, build->type->options, RULES_OPTION, &bytes))
        return false;
    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field))
        declared += field.number == MESSAGE_ONEOF;
    rules->sets = build_alloc(build, declared * sizeof *rules->sets);
    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field))
        good &= read_message_rule(build, &field, rules, members);
    return reader.failed ? build_malformed(build, "MessageRules") : good;
}

/* OneofRules of one oneof of the .proto. */
static bool oneof_required(struct build *build, const struct oneof_type *oneof)
{
    struct wire_reader reader;
    struct wire_field field;
    struct span bytes;
    bool required = false;

    if (!build_merged(build, oneof->options, RULES_OPTION, &bytes))
        return false;
    wire_reader_init(&reader, bytes);
    while (wire_reader_next(&reader, &field)) {
        if (field.number == ONEOF_REQUIRED && field.wire_type == 0)
            required = field.varint != 0;
        else
            (void)build_unknown(build, "OneofRules", field.number);
    }
    return reader.failed ? build_malformed(build, "OneofRules") : required;
}

void build_oneofs(struct build *build, struct type_rules *rules)
{
    const struct message_type *type = build->type;

    rules->oneofs = build_alloc(build, type->n_oneofs * sizeof *rules->oneofs);
    for (unsigned i = 0; i < type->n_oneofs; i++) {
        if (!oneof_required(build, &type->oneofs[i]))
            continue;
        for (unsigned f = 0; f < type->n_fields; f++) {
            if (type->fields[f].oneof_index != (int)i)
                continue;
            rules->oneofs[rules->n_oneofs++] = (struct oneof_rules){
                .oneof = &type->oneofs[i], .quantifier = type->fields[f].pb->quantifier_offset};
            build->rules->count++;
            break;
        }
    }
}
