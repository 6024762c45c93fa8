/* SPDX-License-Identifier: Apache-2.0 */
/* What of two versions a reader by name would notice: JSON, generated code, and what a freed number
 * or name may be used for next. */
#include "contract/compat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct names {
    const struct compat_pair *pair;
    struct findings *findings;
};

static const char *path_of(struct names *names, const struct schema_type *type, const char *name)
{
    return arena_format(&names->findings->arena, "%s.%s", type->full_name, name);
}

static const char *place_of(struct names *names, const struct schema_type *type, int at)
{
    return schema_place(type, at, &names->findings->arena);
}

/* -------------------------------------------------------------------------------- JSON's forms */

typedef Google__Protobuf__FieldDescriptorProto__Type field_kind;
#define FIELD_IS(name)    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL_IS_REPEATED GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED

/* How Protobuf's JSON mapping writes one value. */
static const char *json_form(field_kind type)
{
    switch (type) {
    case FIELD_IS(BOOL):
        return "true or false";
    case FIELD_IS(INT32):
    case FIELD_IS(SINT32):
    case FIELD_IS(SFIXED32):
    case FIELD_IS(UINT32):
    case FIELD_IS(FIXED32):
        return "a whole number";
    case FIELD_IS(INT64):
    case FIELD_IS(SINT64):
    case FIELD_IS(SFIXED64):
    case FIELD_IS(UINT64):
    case FIELD_IS(FIXED64):
        return "a whole number in quotes";
    case FIELD_IS(FLOAT):
    case FIELD_IS(DOUBLE):
        return "a number";
    case FIELD_IS(STRING):
        return "text";
    case FIELD_IS(BYTES):
        return "base64";
    case FIELD_IS(ENUM):
        return "an enum's name";
    default:
        return "an object";
    }
}

static const char *shape_form(const struct schema *schema, const field_proto *field)
{
    if (schema_is_map(schema, field))
        return "an object of keys";
    return field->label == LABEL_IS_REPEATED ? "a list" : "one value";
}

/* Another enum may write other names for the same numbers. */
static bool same_texts(const struct schema_type *old, const struct schema_type *new)
{
    for (size_t i = 0; i < old->enumeration->n_value; i++) {
        const char *name = NULL;
        for (size_t k = new->enumeration->n_value; k-- > 0;)
            if (new->enumeration->value[k]->number == old->enumeration->value[i]->number)
                name = new->enumeration->value[k]->name;
        if (!name || strcmp(name, old->enumeration->value[i]->name) != 0)
            return false;
    }
    return true;
}

/* The value of a map's entry; of any other field the field. Keys are text in JSON whatever they
 * are. */
static const field_proto *value_of(const struct schema *schema, const field_proto *field)
{
    return schema_is_map(schema, field) ? schema_field_type(schema, field)->message->field[1]
                                        : field;
}

static void compare_forms(struct names *names, const struct schema_type *type, int at,
                          const field_proto *old, const field_proto *new)
{
    const struct schema *before = names->pair->old_schema, *after = names->pair->new_schema;
    const char *path = path_of(names, type, new->name), *place = place_of(names, type, at);
    const char *was = shape_form(before, old), *is = shape_form(after, new);
    if (strcmp(was, is) == 0) {
        old = value_of(before, old);
        new = value_of(after, new);
        was = json_form(old->type);
        is = json_form(new->type);
    }
    if (strcmp(was, is) != 0) {
        findings_add(names->findings, LAYER_NAMES, "JSON_FORM_CHANGED", path, place,
                     "in JSON it was %s and is %s", was, is);
        return;
    }
    const struct schema_type *from = schema_field_type(before, old);
    const struct schema_type *to = schema_field_type(after, new);
    if (from && to && from->enumeration && to->enumeration &&
        strcmp(from->local_name, to->local_name) != 0 && !same_texts(from, to))
        findings_add(names->findings, LAYER_NAMES, "JSON_FORM_CHANGED", path, place,
                     "in JSON it was a name of %s and is one of %s", from->local_name,
                     to->local_name);
}

/* -------------------------------------------------------------------------------- reservations */

static bool name_reserved(const struct schema_type *type, const char *name)
{
    size_t n = type->message ? type->message->n_reserved_name : type->enumeration->n_reserved_name;
    char **list = type->message ? type->message->reserved_name : type->enumeration->reserved_name;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

/* The last number of the reserved range that holds `number`; `number` - 1 when none does. Of
 * messages the end is exclusive, of enums inclusive (descriptor.proto). */
static int64_t reserved_until(const struct schema_type *type, int64_t number)
{
    size_t n =
        type->message ? type->message->n_reserved_range : type->enumeration->n_reserved_range;
    for (size_t i = 0; i < n; i++) {
        int64_t first = type->message ? type->message->reserved_range[i]->start
                                      : type->enumeration->reserved_range[i]->start;
        int64_t last = type->message ? (int64_t)type->message->reserved_range[i]->end - 1
                                     : type->enumeration->reserved_range[i]->end;
        if (number >= first && number <= last)
            return last;
    }
    return number - 1;
}

static bool range_reserved(const struct schema_type *type, int64_t first, int64_t last)
{
    while (first <= last) {
        int64_t until = reserved_until(type, first);
        if (until < first)
            return false;
        first = until + 1;
    }
    return true;
}

static bool name_used(const struct schema_type *type, const char *name)
{
    size_t n = type->message ? type->message->n_field : type->enumeration->n_value;
    for (size_t i = 0; i < n; i++)
        if (strcmp(type->message ? type->message->field[i]->name
                                 : type->enumeration->value[i]->name,
                   name) == 0)
            return true;
    return false;
}

static bool number_used(const struct schema_type *type, int number)
{
    size_t n = type->message ? type->message->n_field : type->enumeration->n_value;
    for (size_t i = 0; i < n; i++)
        if ((type->message ? type->message->field[i]->number
                           : type->enumeration->value[i]->number) == number)
            return true;
    return false;
}

/* A field or value that is gone: what of it is free for something else now? */
static void judge_gone(struct names *names, const struct schema_type *new, const char *name,
                       int number)
{
    if (!number_used(new, number) && !range_reserved(new, number, number))
        findings_add(names->findings, LAYER_NAMES, "NUMBER_NOT_RESERVED", path_of(names, new, name),
                     place_of(names, new, -1), "%s is gone, and its number %d is free for anything",
                     name, number);
    if (!name_used(new, name) && !name_reserved(new, name))
        findings_add(names->findings, LAYER_NAMES, "NAME_NOT_RESERVED", path_of(names, new, name),
                     place_of(names, new, -1), "%s is gone, and its name is free for anything",
                     name);
}

static void compare_range(struct names *names, const struct schema_type *new, int64_t first,
                          int64_t last)
{
    const char *place = place_of(names, new, -1);
    if (range_reserved(new, first, last))
        return;
    if (first == last)
        findings_add(names->findings, LAYER_NAMES, "RESERVATION_REMOVED", new->full_name, place,
                     "number %" PRId64 " is reserved no more", first);
    else
        findings_add(names->findings, LAYER_NAMES, "RESERVATION_REMOVED", new->full_name, place,
                     "numbers %" PRId64 " to %" PRId64 " are not all reserved any more", first,
                     last);
}

static void compare_reservations(struct names *names, const struct schema_type *old,
                                 const struct schema_type *new)
{
    size_t n = old->message ? old->message->n_reserved_name : old->enumeration->n_reserved_name;
    char **list = old->message ? old->message->reserved_name : old->enumeration->reserved_name;
    for (size_t i = 0; i < n; i++)
        if (!name_reserved(new, list[i]))
            findings_add(names->findings, LAYER_NAMES, "RESERVATION_REMOVED", new->full_name,
                         place_of(names, new, -1), "the name %s is reserved no more", list[i]);
    for (size_t i = 0; old->message && i < old->message->n_reserved_range; i++)
        compare_range(names, new, old->message->reserved_range[i]->start,
                      (int64_t)old->message->reserved_range[i]->end - 1);
    for (size_t i = 0; old->enumeration && i < old->enumeration->n_reserved_range; i++)
        compare_range(names, new, old->enumeration->reserved_range[i]->start,
                      old->enumeration->reserved_range[i]->end);
}

/* ------------------------------------------------------------------------------------- fields */

static void compare_field(struct names *names, const struct schema_type *type, int at,
                          const field_proto *old, const field_proto *new)
{
    struct arena *arena = &names->findings->arena;
    const char *was = schema_json_name(old, arena), *is = schema_json_name(new, arena);
    const char *path = path_of(names, type, new->name), *place = place_of(names, type, at);
    if (strcmp(was, is) != 0)
        findings_add(names->findings, LAYER_NAMES, "JSON_NAME_CHANGED", path, place,
                     "in JSON %s is now %s", was, is);
    if (strcmp(old->name, new->name) != 0)
        findings_add(names->findings, LAYER_NAMES, "FIELD_NAME_CHANGED", path, place,
                     "%s is now %s", old->name, new->name);
    compare_forms(names, type, at, old, new);
}

/* The oneof of a field, by name; NULL for none. */
static const char *oneof_of(const struct schema_type *type, const field_proto *field)
{
    return schema_in_oneof(field) ? type->message->oneof_decl[field->oneof_index]->name : NULL;
}

static int find_field(const struct schema_type *type, int number)
{
    for (size_t i = 0; i < type->message->n_field; i++)
        if (type->message->field[i]->number == number)
            return (int)i;
    return -1;
}

static void compare_message(struct names *names, const struct schema_type *old,
                            const struct schema_type *new)
{
    for (size_t i = 0; i < old->message->n_field; i++) {
        const field_proto *field = old->message->field[i];
        int at = find_field(new, field->number);
        if (at < 0) {
            judge_gone(names, new, field->name, field->number);
            continue;
        }
        const field_proto *other = new->message->field[at];
        const char *was = oneof_of(old, field), *is = oneof_of(new, other);
        compare_field(names, new, at, field, other);
        if (was && is && strcmp(was, is) != 0)
            findings_add(names->findings, LAYER_NAMES, "ONEOF_NAME_CHANGED",
                         path_of(names, new, is), place_of(names, new, -1), "%s is now %s", was,
                         is);
    }
    compare_reservations(names, old, new);
}

/* -------------------------------------------------------------------------------------- enums */

/* JSON writes the first name of a number and reads all of them. */
static void compare_value(struct names *names, const struct schema_type *old,
                          const struct schema_type *new, size_t i)
{
    const char *name = old->enumeration->value[i]->name;
    int number = old->enumeration->value[i]->number;
    bool first_of_number = true, kept = false;
    int at = -1;
    for (size_t k = 0; k < i; k++)
        first_of_number &= old->enumeration->value[k]->number != number;
    for (size_t k = new->enumeration->n_value; k-- > 0;) {
        if (new->enumeration->value[k]->number != number)
            continue;
        at = (int)k;
        kept |= strcmp(new->enumeration->value[k]->name, name) == 0;
    }
    if (at < 0) {
        judge_gone(names, new, name, number);
        return;
    }
    const char *writes = new->enumeration->value[at]->name;
    if (!kept)
        findings_add(names->findings, LAYER_NAMES, "ENUM_VALUE_NAME_CHANGED",
                     path_of(names, new, writes), place_of(names, new, at), "%s is now %s", name,
                     writes);
    else if (first_of_number && strcmp(writes, name) != 0)
        findings_add(names->findings, LAYER_NAMES, "ENUM_VALUE_NAME_CHANGED",
                     path_of(names, new, writes), place_of(names, new, at),
                     "%s is still read, but %s is written", name, writes);
}

/* -------------------------------------------------------------------------------------- types */

/* Types of others that a change of ours cannot touch. */
static bool foreign(const struct schema_type *type)
{
    static const char *const packages[] = {"google.protobuf", "buf.validate", "pactolus"};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        if (strcmp(type->file->package, packages[i]) == 0)
            return true;
    return false;
}

/* The same type in the new version: the two files' packages are taken for one. */
static const struct schema_type *twin_of(const struct compat_pair *pair,
                                         const struct schema_type *type)
{
    if (type->file != pair->old_file)
        return schema_find(pair->new_schema, type->full_name);
    const char *package = pair->new_file->package;
    char *name = mem_format("%s%s%s", package, *package ? "." : "", type->local_name);
    const struct schema_type *twin = schema_find(pair->new_schema, name);
    free(name);
    return twin;
}

/* Which files of the set the file uses, itself and through others: what a change of it can touch.
 * Files of a set stand behind those that they import. To be freed. */
static bool *reached(const struct schema *schema, const struct schema_file *file)
{
    bool *reach = mem_zero(schema->n_files + 1, sizeof *reach);
    reach[file - schema->files] = true;
    for (unsigned i = schema->n_files; i-- > 0;) {
        const file_proto *proto = schema->files[i].proto;
        for (size_t k = 0; reach[i] && k < proto->n_dependency; k++) {
            const struct schema_file *used = schema_file(schema, proto->dependency[k]);
            if (used)
                reach[used - schema->files] = true;
        }
    }
    return reach;
}

static void compare_types(struct names *names, const struct schema_type *old,
                          const struct schema_type *new)
{
    if (old->message) {
        compare_message(names, old, new);
        return;
    }
    for (size_t k = 0; k < old->enumeration->n_value; k++)
        compare_value(names, old, new, k);
    compare_reservations(names, old, new);
}

void compat_names(const struct compat_pair *pair, struct findings *findings)
{
    struct names names = {.pair = pair, .findings = findings};
    bool *reach = reached(pair->old_schema, pair->old_file);
    if (strcmp(pair->old_file->package, pair->new_file->package) != 0)
        findings_add(findings, LAYER_NAMES, "PACKAGE_NAME_CHANGED", pair->new_file->name,
                     pair->new_file->name, "package %s is now %s", pair->old_file->package,
                     pair->new_file->package);
    for (unsigned i = 0; i < pair->old_schema->n_types; i++) {
        const struct schema_type *old = &pair->old_schema->types[i];
        const struct schema_type *new = twin_of(pair, old);
        if (new && !old->map_entry && !foreign(old) && !old->message == !new->message &&
            reach[old->file - pair->old_schema->files])
            compare_types(&names, old, new);
    }
    free(reach);
}
