/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over two versions of a file: typed differences, each a rule of the layer wire. */
#include "contract/compat.h"

#include <stdlib.h>
#include <string.h>

/* Fields of a type are what Google names so; "original" is the writer's, "update" the reader's. */
struct walk {
    const struct schema *original, *update;
    bool update_is_new; /* BACKWARD; else FORWARD, and the original is the new one */
    bool notes;
    struct findings *findings;
    unsigned bad; /* incompatible differences so far */
    const struct schema_type *within[DESCRIPTOR_DEPTH_MAX * 8];
    unsigned n_within; /* messages of the original that are being compared, against circles */
};

/* What is compared now, for paths and places: either may be NULL, not both. */
struct spot {
    const struct schema_type *original, *update;
    int original_at, update_at; /* index of the field or value, -1: the type itself */
};

static const char *element_name(const struct schema_type *type, int at)
{
    if (at < 0)
        return NULL;
    return type->enumeration ? type->enumeration->value[at]->name : type->message->field[at]->name;
}

/* Prefer the new version's place: that is the file that somebody is changing. */
static void differ(struct walk *walk, const struct spot *spot, const char *id, const char *text)
{
    const struct schema_type *type = walk->update_is_new ? spot->update : spot->original;
    const struct schema_type *other = walk->update_is_new ? spot->original : spot->update;
    int at = walk->update_is_new ? spot->update_at : spot->original_at;
    int other_at = walk->update_is_new ? spot->original_at : spot->update_at;
    struct arena *arena = &walk->findings->arena;
    const char *place = schema_place(type ? type : other, type ? at : other_at, arena);
    const char *name =
        type && at >= 0 ? element_name(type, at) : (other ? element_name(other, other_at) : NULL);
    const char *full = type ? type->full_name : other->full_name;
    const char *path = name ? arena_format(arena, "%s.%s", full, name) : full;
    bool bad = finding_rule(LAYER_WIRE, id)->severity == FINDING_ERROR;
    if (bad || walk->notes)
        findings_add(walk->findings, LAYER_WIRE, id, path, place, "%s%s",
                     walk->update_is_new ? "" : "for a reader of the old version: ", text);
    walk->bad += bad;
}

/* ------------------------------------------------------------------------------------- fields */

enum kind { KIND_SCALAR, KIND_MESSAGE, KIND_MAP };
enum label { LABEL_NONE, LABEL_OPTIONAL, LABEL_REQUIRED, LABEL_REPEATED };

typedef Google__Protobuf__FieldDescriptorProto__Type field_kind;
#define FIELD_IS(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL_IS(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

/* Within a group a reader of one type takes the bytes of another. 0: a group, not looked at. */
static int scalar_group(field_kind type)
{
    switch (type) {
    case FIELD_IS(INT32):
    case FIELD_IS(INT64):
    case FIELD_IS(UINT32):
    case FIELD_IS(UINT64):
    case FIELD_IS(BOOL):
    case FIELD_IS(ENUM):
        return 1;
    case FIELD_IS(SINT32):
    case FIELD_IS(SINT64):
        return 2;
    case FIELD_IS(STRING):
    case FIELD_IS(BYTES):
        return 3;
    case FIELD_IS(FIXED32):
    case FIELD_IS(SFIXED32):
        return 4;
    case FIELD_IS(FIXED64):
    case FIELD_IS(SFIXED64):
        return 5;
    case FIELD_IS(FLOAT):
        return 6;
    case FIELD_IS(DOUBLE):
        return 7;
    default:
        return 0;
    }
}

static bool is_group(const field_proto *field)
{
    return field->type == FIELD_IS(GROUP);
}

static enum kind kind_of(const struct schema *schema, const field_proto *field)
{
    if (field->type != FIELD_IS(MESSAGE))
        return KIND_SCALAR;
    return schema_is_map(schema, field) ? KIND_MAP : KIND_MESSAGE;
}

/* The label as somebody wrote it: an unlabelled field of proto3 has none. */
static enum label label_of(const struct schema_type *type, const struct schema *schema,
                           const field_proto *field)
{
    if (schema_is_map(schema, field) || schema_in_oneof(field))
        return LABEL_NONE;
    if (field->label == LABEL_IS(REPEATED))
        return LABEL_REPEATED;
    if (field->label == LABEL_IS(REQUIRED))
        return LABEL_REQUIRED;
    if (type->file->proto3 && !(field->has_proto3_optional && field->proto3_optional))
        return LABEL_NONE;
    return LABEL_OPTIONAL;
}

static void compare_message(struct walk *walk, const struct schema_type *original,
                            const struct schema_type *update);
static void compare_field(struct walk *walk, const struct spot *spot, const field_proto *original,
                          const field_proto *update, bool labels);

static bool same_local_file(const struct schema_type *original, const struct schema_type *update)
{
    return !original->file->imported && !update->file->imported;
}

/* Local messages are compared in their own place; imported ones where a field uses them. */
static void compare_message_types(struct walk *walk, const struct spot *spot,
                                  const struct schema_type *original,
                                  const struct schema_type *update)
{
    if (!original || !update || strcmp(original->local_name, update->local_name) != 0) {
        differ(walk, spot, "FIELD_NAMED_TYPE_CHANGED", "the field's message is another one");
        return;
    }
    if (same_local_file(original, update))
        return;
    unsigned before = walk->bad;
    compare_message(walk, original, update);
    if (walk->bad > before)
        differ(walk, spot, "FIELD_NAMED_TYPE_CHANGED",
               "the field's message, which is imported, changed incompatibly");
}

static void compare_scalars(struct walk *walk, const struct spot *spot, const field_proto *original,
                            const field_proto *update, bool labels)
{
    int group = scalar_group(original->type);
    if (group != scalar_group(update->type)) {
        differ(walk, spot, "FIELD_SCALAR_KIND_CHANGED", "the bytes of the two types differ");
        return;
    }
    if (!labels)
        return;
    enum label a = label_of(spot->original, walk->original, original);
    enum label b = label_of(spot->update, walk->update, update);
    if (a == LABEL_NONE || b == LABEL_NONE || a == b)
        return;
    if (group == scalar_group(FIELD_IS(STRING)))
        differ(walk, spot, "FIELD_STRING_OR_BYTES_LABEL_CHANGED", "the label changed");
    else
        differ(walk, spot, "FIELD_NUMERIC_LABEL_CHANGED", "the label changed");
}

static void compare_maps(struct walk *walk, const struct spot *spot, const field_proto *original,
                         const field_proto *update)
{
    const struct schema_type *a = schema_field_type(walk->original, original);
    const struct schema_type *b = schema_field_type(walk->update, update);
    for (size_t i = 0; i < 2 && i < a->message->n_field && i < b->message->n_field; i++)
        compare_field(walk, spot, a->message->field[i], b->message->field[i], false);
}

/* Type and label of a field, or of a map's key or value. */
static void compare_field(struct walk *walk, const struct spot *spot, const field_proto *original,
                          const field_proto *update, bool labels)
{
    enum kind kind = kind_of(walk->original, original);
    if (kind != kind_of(walk->update, update)) {
        differ(walk, spot, "FIELD_KIND_CHANGED", "it changed between scalar, message and map");
        return;
    }
    if (kind == KIND_SCALAR)
        compare_scalars(walk, spot, original, update, labels);
    else if (kind == KIND_MAP)
        compare_maps(walk, spot, original, update);
    else
        compare_message_types(walk, spot, schema_field_type(walk->original, original),
                              schema_field_type(walk->update, update));
}

/* ------------------------------------------------------------------------------------- oneofs */

/* Index of the field with that number, -1 when there is none or it is a group. */
static int find_number(const struct schema_type *type, int number)
{
    for (size_t i = 0; i < type->message->n_field; i++) {
        if (type->message->field[i]->number == number)
            return is_group(type->message->field[i]) ? -1 : (int)i;
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
static void compare_origins(struct walk *walk, const struct schema_type *original,
                            const struct schema_type *update, int oneof)
{
    const char *from = NULL;
    unsigned origins = 0, moved_in = 0;
    struct spot spot = {original, update, -1, -1};
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
    differ(walk, &spot,
           moved_in > 1 ? "MULTIPLE_FIELDS_MOVED_TO_ONEOF" : "FIELD_MOVED_TO_EXISTING_ONEOF",
           arena_format(&walk->findings->arena, "members of the oneof %s could be set together",
                        update->message->oneof_decl[oneof]->name));
}

/* Synthetic oneofs of `optional` have no member that schema_in_oneof accepts. */
static void compare_oneofs(struct walk *walk, const struct schema_type *original,
                           const struct schema_type *update)
{
    struct spot spot = {original, update, -1, -1};
    struct arena *arena = &walk->findings->arena;
    for (size_t i = 0; i < original->message->n_oneof_decl; i++) {
        const char *name = original->message->oneof_decl[i]->name;
        if (has_oneof(original, name) && !has_oneof(update, name))
            differ(walk, &spot, "ONEOF_REMOVED", arena_format(arena, "oneof %s is gone", name));
    }
    for (size_t i = 0; i < update->message->n_oneof_decl; i++) {
        const char *name = update->message->oneof_decl[i]->name;
        compare_origins(walk, original, update, (int)i);
        if (has_oneof(update, name) && !has_oneof(original, name))
            differ(walk, &spot, "ONEOF_ADDED", arena_format(arena, "oneof %s was added", name));
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

static void field_removed(struct walk *walk, const struct schema_type *original,
                          const struct schema_type *update, int at)
{
    const field_proto *field = original->message->field[at];
    const char *oneof = oneof_of(original, field);
    struct spot spot = {original, update, at, -1};
    if (oneof && !dropped_whole(original, update, oneof))
        differ(walk, &spot, "ONEOF_FIELD_REMOVED",
               arena_format(&walk->findings->arena, "it was a member of the oneof %s", oneof));
    else if (!oneof && field->label == LABEL_IS(REQUIRED))
        differ(walk, &spot, "REQUIRED_FIELD_REMOVED", "a required field is gone");
    else if (!oneof)
        differ(walk, &spot, "FIELD_REMOVED", "the field is gone");
}

static void field_added(struct walk *walk, const struct schema_type *original,
                        const struct schema_type *update, int at)
{
    const field_proto *field = update->message->field[at];
    const char *oneof = oneof_of(update, field);
    struct spot spot = {original, update, -1, at};
    if (oneof)
        differ(walk, &spot, "ONEOF_FIELD_ADDED",
               arena_format(&walk->findings->arena, "another member of the oneof %s", oneof));
    else if (field->label == LABEL_IS(REQUIRED))
        differ(walk, &spot, "REQUIRED_FIELD_ADDED", "a required field was added");
    else
        differ(walk, &spot, "FIELD_ADDED", "the field was added");
}

static void compare_fields(struct walk *walk, const struct schema_type *original,
                           const struct schema_type *update)
{
    for (size_t i = 0; i < original->message->n_field; i++) {
        const field_proto *field = original->message->field[i];
        if (is_group(field))
            continue;
        int at = find_number(update, field->number);
        if (at < 0) {
            field_removed(walk, original, update, (int)i);
            continue;
        }
        const field_proto *other = update->message->field[at];
        struct spot spot = {original, update, (int)i, at};
        if (schema_in_oneof(field) && !schema_in_oneof(other))
            differ(walk, &spot, "ONEOF_FIELD_MOVED_TO_TOP_LEVEL", "it left its oneof");
        if (strcmp(field->name, other->name) != 0)
            differ(walk, &spot, "FIELD_NAME_CHANGED",
                   arena_format(&walk->findings->arena, "%s is now %s", field->name, other->name));
        compare_field(walk, &spot, field, other, true);
    }
    for (size_t i = 0; i < update->message->n_field; i++) {
        const field_proto *field = update->message->field[i];
        if (!is_group(field) && find_number(original, field->number) < 0)
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

static void compare_enums(struct walk *walk, const struct schema_type *original,
                          const struct schema_type *update)
{
    for (size_t i = 0; i < original->enumeration->n_value; i++) {
        int number = original->enumeration->value[i]->number;
        int from = last_of_number(original, number), to = last_of_number(update, number);
        struct spot spot = {original, update, from, to};
        if (find_value(original, number) != (int)i)
            continue; /* an alias of one that has been judged */
        if (to < 0)
            differ(walk, &spot, "ENUM_CONST_REMOVED", "the value is gone");
        else if (strcmp(element_name(original, from), element_name(update, to)) != 0)
            differ(walk, &spot, "ENUM_CONST_CHANGED",
                   arena_format(&walk->findings->arena, "%s is now %s",
                                element_name(original, from), element_name(update, to)));
    }
    for (size_t i = 0; i < update->enumeration->n_value; i++) {
        struct spot spot = {original, update, -1, (int)i};
        if (find_value(original, update->enumeration->value[i]->number) < 0)
            differ(walk, &spot, "ENUM_CONST_ADDED", "the value was added");
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
static void compare_level(struct walk *walk, const struct schema_file *original_file,
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
        struct spot spot = {type, twin, -1, -1};
        if (!twin || twin->map_entry || twin->group) {
            spot.update = NULL;
            differ(walk, &spot, type->message ? "MESSAGE_REMOVED" : "ENUM_REMOVED", "it is gone");
        } else if (type->message) {
            compare_message(walk, type, twin);
            if (type->index != twin->index)
                differ(walk, &spot, "MESSAGE_MOVED", "its index in the file is another");
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
        struct spot spot = {NULL, type, -1, -1};
        differ(walk, &spot, type->message ? "MESSAGE_ADDED" : "ENUM_ADDED", "it was added");
    }
}

static void compare_message(struct walk *walk, const struct schema_type *original,
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
    struct walk walk = {
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
