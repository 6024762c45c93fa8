/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over two versions of a file: typed differences, each a rule of the layer wire. */
#include "contract/compat_internal.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- oneofs */

/* Index of the field with that number, -1 when there is none or it is a group. */
static int find_number(const struct schema_type *type, int number)
{
    for (size_t i = 0; i < type->message->n_field; i++) {
        if (type->message->field[i]->number == number)
            return compat_is_group(type->message->field[i]) ? -1 : (int)i;
    }
    return -1;
}

static const char *oneof_of(const struct schema_type *type, const field_proto *field)
{
    return schema_in_oneof(field) ? type->message->oneof_decl[field->oneof_index]->name : NULL;
}

static bool has_oneof(const struct schema_type *type, const char *name)
{
    for (size_t i = 0; i < type->message->n_field; i++) {
        const char *oneof = oneof_of(type, type->message->field[i]);
        if (oneof && strcmp(oneof, name) == 0)
            return true;
    }
    return false;
}

/* Members that were there before must all have come from one place: one oneof, or one field. */
static void compare_origins(struct compat_walk *walk, const struct schema_type *original,
                            const struct schema_type *update, int oneof)
{
    const char *from = NULL;
    unsigned origins = 0, moved_in = 0;
    struct compat_spot spot = {original, update, -1, -1};
    for (size_t i = 0; i < update->message->n_field; i++) {
        const field_proto *member = update->message->field[i];
        int at = schema_in_oneof(member) && member->oneof_index == oneof
                     ? find_number(original, member->number)
                     : -1;
        if (at < 0)
            continue;
        const char *was = oneof_of(original, original->message->field[at]);
        if (!was)
            moved_in++;
        if (!was || !from || strcmp(was, from) != 0)
            origins++;
        if (was)
            from = was;
        spot.original_at = at;
        spot.update_at = (int)i;
    }
    if (origins < 2)
        return;
    compat_differ(walk, &spot,
                  moved_in > 1 ? "MULTIPLE_FIELDS_MOVED_TO_ONEOF" : "FIELD_MOVED_TO_EXISTING_ONEOF",
                  arena_format(&walk->findings->arena,
                               "members of the oneof %s could be set together",
                               update->message->oneof_decl[oneof]->name));
}

/* Synthetic oneofs of `optional` have no member that schema_in_oneof accepts. */
static void compare_oneofs(struct compat_walk *walk, const struct schema_type *original,
                           const struct schema_type *update)
{
    struct compat_spot spot = {original, update, -1, -1};
    struct arena *arena = &walk->findings->arena;
    for (size_t i = 0; i < original->message->n_oneof_decl; i++) {
        const char *name = original->message->oneof_decl[i]->name;
        if (has_oneof(original, name) && !has_oneof(update, name))
            compat_differ(walk, &spot, "ONEOF_REMOVED",
                          arena_format(arena, "oneof %s is gone", name));
    }
    for (size_t i = 0; i < update->message->n_oneof_decl; i++) {
        const char *name = update->message->oneof_decl[i]->name;
        compare_origins(walk, original, update, (int)i);
        if (has_oneof(update, name) && !has_oneof(original, name))
            compat_differ(walk, &spot, "ONEOF_ADDED",
                          arena_format(arena, "oneof %s was added", name));
    }
}

/* A oneof that is gone with all its members was dropped as a whole, which is fine. */
static bool dropped_whole(const struct schema_type *original, const struct schema_type *update,
                          const char *name)
{
    if (has_oneof(update, name))
        return false;
    for (size_t i = 0; i < original->message->n_field; i++) {
        const field_proto *field = original->message->field[i];
        const char *oneof = oneof_of(original, field);
        if (oneof && strcmp(oneof, name) == 0 && find_number(update, field->number) >= 0)
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------------------------- messages */

static void field_removed(struct compat_walk *walk, const struct schema_type *original,
                          const struct schema_type *update, int at)
{
    const field_proto *field = original->message->field[at];
    const char *oneof = oneof_of(original, field);
    struct compat_spot spot = {original, update, at, -1};
    if (oneof && !dropped_whole(original, update, oneof))
        compat_differ(
            walk, &spot, "ONEOF_FIELD_REMOVED",
            arena_format(&walk->findings->arena, "it was a member of the oneof %s", oneof));
    else if (!oneof && field->label == LABEL_IS(REQUIRED))
        compat_differ(walk, &spot, "REQUIRED_FIELD_REMOVED", "a required field is gone");
    else if (!oneof)
        compat_differ(walk, &spot, "FIELD_REMOVED", "the field is gone");
}

static void field_added(struct compat_walk *walk, const struct schema_type *original,
                        const struct schema_type *update, int at)
{
    const field_proto *field = update->message->field[at];
    const char *oneof = oneof_of(update, field);
    struct compat_spot spot = {original, update, -1, at};
    if (oneof)
        compat_differ(
            walk, &spot, "ONEOF_FIELD_ADDED",
            arena_format(&walk->findings->arena, "another member of the oneof %s", oneof));
    else if (field->label == LABEL_IS(REQUIRED))
        compat_differ(walk, &spot, "REQUIRED_FIELD_ADDED", "a required field was added");
    else
        compat_differ(walk, &spot, "FIELD_ADDED", "the field was added");
}

static void compare_fields(struct compat_walk *walk, const struct schema_type *original,
                           const struct schema_type *update)
{
    for (size_t i = 0; i < original->message->n_field; i++) {
        const field_proto *field = original->message->field[i];
        if (compat_is_group(field))
            continue;
        int at = find_number(update, field->number);
        if (at < 0) {
            field_removed(walk, original, update, (int)i);
            continue;
        }
        const field_proto *other = update->message->field[at];
        struct compat_spot spot = {original, update, (int)i, at};
        if (schema_in_oneof(field) && !schema_in_oneof(other))
            compat_differ(walk, &spot, "ONEOF_FIELD_MOVED_TO_TOP_LEVEL", "it left its oneof");
        if (strcmp(field->name, other->name) != 0)
            compat_differ(
                walk, &spot, "FIELD_NAME_CHANGED",
                arena_format(&walk->findings->arena, "%s is now %s", field->name, other->name));
        compat_field(walk, &spot, field, other, true);
    }
    for (size_t i = 0; i < update->message->n_field; i++) {
        const field_proto *field = update->message->field[i];
        if (!compat_is_group(field) && find_number(original, field->number) < 0)
            field_added(walk, original, update, (int)i);
    }
}

/* -------------------------------------------------------------------------------------- types */

static int find_value(const struct schema_type *type, int number)
{
    for (size_t i = 0; i < type->enumeration->n_value; i++) {
        if (type->enumeration->value[i]->number == number)
            return (int)i;
    }
    return -1;
}

/* Of several names for one number the last counts, as a map by number would have it. */
static int last_of_number(const struct schema_type *type, int number)
{
    for (size_t i = type->enumeration->n_value; i-- > 0;) {
        if (type->enumeration->value[i]->number == number)
            return (int)i;
    }
    return -1;
}

static void compare_enums(struct compat_walk *walk, const struct schema_type *original,
                          const struct schema_type *update)
{
    for (size_t i = 0; i < original->enumeration->n_value; i++) {
        int number = original->enumeration->value[i]->number;
        int from = last_of_number(original, number), to = last_of_number(update, number);
        struct compat_spot spot = {original, update, from, to};
        if (find_value(original, number) != (int)i)
            continue; /* an alias of one that has been judged */
        if (to < 0)
            compat_differ(walk, &spot, "ENUM_CONST_REMOVED", "the value is gone");
        else if (strcmp(compat_element(original, from), compat_element(update, to)) != 0)
            compat_differ(walk, &spot, "ENUM_CONST_CHANGED",
                          arena_format(&walk->findings->arena, "%s is now %s",
                                       compat_element(original, from), compat_element(update, to)));
    }
    for (size_t i = 0; i < update->enumeration->n_value; i++) {
        struct compat_spot spot = {original, update, -1, (int)i};
        if (find_value(original, update->enumeration->value[i]->number) < 0)
            compat_differ(walk, &spot, "ENUM_CONST_ADDED", "the value was added");
    }
}

/* The type of that name and sort on the same level of the other schema: in `parent`, or in `file`.
 */
static const struct schema_type *sibling(const struct schema *schema,
                                         const struct schema_file *file,
                                         const struct schema_type *parent,
                                         const struct schema_type *like)
{
    const char *dot = strrchr(like->full_name, '.');
    const char *scope = parent ? parent->full_name : file->package;
    char *name = mem_format("%s%s%s", scope, *scope ? "." : "", dot ? dot + 1 : like->full_name);
    const struct schema_type *type = schema_find(schema, name);
    free(name);
    if (!type || type->file != file || type->parent != parent || !type->message != !like->message)
        return NULL;
    return type;
}

/* The messages and enums of one level: of a file (parents NULL), or nested in a message. */
static void compare_level(struct compat_walk *walk, const struct schema_file *original_file,
                          const struct schema_file *update_file,
                          const struct schema_type *original_parent,
                          const struct schema_type *update_parent)
{
    for (unsigned i = 0; i < walk->original->n_types; i++) {
        const struct schema_type *type = &walk->original->types[i];
        if (type->parent != original_parent || type->file != original_file || type->map_entry ||
            type->group)
            continue;
        const struct schema_type *twin = sibling(walk->update, update_file, update_parent, type);
        struct compat_spot spot = {type, twin, -1, -1};
        if (!twin || twin->map_entry || twin->group) {
            spot.update = NULL;
            compat_differ(walk, &spot, type->message ? "MESSAGE_REMOVED" : "ENUM_REMOVED",
                          "it is gone");
        } else if (type->message) {
            compat_message(walk, type, twin);
            if (type->index != twin->index)
                compat_differ(walk, &spot, "MESSAGE_MOVED", "its index in the file is another");
        } else {
            compare_enums(walk, type, twin);
        }
    }
    for (unsigned i = 0; i < walk->update->n_types; i++) {
        const struct schema_type *type = &walk->update->types[i];
        if (type->parent != update_parent || type->file != update_file || type->map_entry ||
            type->group)
            continue;
        const struct schema_type *twin =
            sibling(walk->original, original_file, original_parent, type);
        if (twin && !twin->group)
            continue;
        struct compat_spot spot = {NULL, type, -1, -1};
        compat_differ(walk, &spot, type->message ? "MESSAGE_ADDED" : "ENUM_ADDED", "it was added");
    }
}

void compat_message(struct compat_walk *walk, const struct schema_type *original,
                    const struct schema_type *update)
{
    for (unsigned i = 0; i < walk->n_within; i++) {
        if (walk->within[i] == original)
            return;
    }
    if (walk->n_within == sizeof walk->within / sizeof *walk->within)
        return;
    walk->within[walk->n_within++] = original;
    compare_oneofs(walk, original, update);
    compare_fields(walk, original, update);
    compare_level(walk, original->file, update->file, original, update);
    walk->n_within--;
}

void compat_wire(const struct compat_pair *pair, enum compat_direction direction, bool notes,
                 struct findings *findings)
{
    bool backward = direction == COMPAT_BACKWARD;
    struct compat_walk walk = {
        .original = backward ? pair->old_schema : pair->new_schema,
        .update = backward ? pair->new_schema : pair->old_schema,
        .update_is_new = backward,
        .notes = notes,
        .findings = findings,
    };
    const struct schema_file *original = backward ? pair->old_file : pair->new_file;
    const struct schema_file *update = backward ? pair->new_file : pair->old_file;
    if (strcmp(original->package, update->package) != 0)
        findings_add(findings, LAYER_WIRE, "PACKAGE_CHANGED", pair->new_file->name,
                     pair->new_file->name, "package %s is now %s", pair->old_file->package,
                     pair->new_file->package);
    compare_level(&walk, original, update, NULL, NULL);
}
