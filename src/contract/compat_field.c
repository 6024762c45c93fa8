/* SPDX-License-Identifier: Apache-2.0 */
/* One field beside another, and how a difference is noted. */
#include "contract/compat_internal.h"

#include <assert.h>
#include <string.h>

const char *compat_element(const struct schema_type *type, int at)
{
    if (at < 0)
        return NULL;
    return type->enumeration ? type->enumeration->value[at]->name : type->message->field[at]->name;
}

/* Prefer the new version's place: that is the file that somebody is changing. */
void compat_differ(struct compat_walk *walk, const struct compat_spot *spot, const char *id,
                   const char *text)
{
    const struct schema_type *type = walk->update_is_new ? spot->update : spot->original;
    const struct schema_type *other = walk->update_is_new ? spot->original : spot->update;
    int at = walk->update_is_new ? spot->update_at : spot->original_at;
    int other_at = walk->update_is_new ? spot->original_at : spot->update_at;
    struct arena *arena = &walk->findings->arena;
    assert(type || other);
    const char *place = schema_place(type ? type : other, type ? at : other_at, arena);
    const char *name = type && at >= 0 ? compat_element(type, at)
                                       : (other ? compat_element(other, other_at) : NULL);
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

bool compat_is_group(const field_proto *field)
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

static bool same_local_file(const struct schema_type *original, const struct schema_type *update)
{
    return !original->file->imported && !update->file->imported;
}

/* Local messages are compared in their own place; imported ones where a field uses them. */
static void compare_message_types(struct compat_walk *walk, const struct compat_spot *spot,
                                  const struct schema_type *original,
                                  const struct schema_type *update)
{
    if (!original || !update || strcmp(original->local_name, update->local_name) != 0) {
        compat_differ(walk, spot, "FIELD_NAMED_TYPE_CHANGED", "the field's message is another one");
        return;
    }
    if (same_local_file(original, update))
        return;
    unsigned before = walk->bad;
    compat_message(walk, original, update);
    if (walk->bad > before)
        compat_differ(walk, spot, "FIELD_NAMED_TYPE_CHANGED",
                      "the field's message, which is imported, changed incompatibly");
}

static void compare_scalars(struct compat_walk *walk, const struct compat_spot *spot,
                            const field_proto *original, const field_proto *update, bool labels)
{
    int group = scalar_group(original->type);
    if (group != scalar_group(update->type)) {
        compat_differ(walk, spot, "FIELD_SCALAR_KIND_CHANGED", "the bytes of the two types differ");
        return;
    }
    if (!labels)
        return;
    enum label a = label_of(spot->original, walk->original, original);
    enum label b = label_of(spot->update, walk->update, update);
    if (a == LABEL_NONE || b == LABEL_NONE || a == b)
        return;
    if (group == scalar_group(FIELD_IS(STRING)))
        compat_differ(walk, spot, "FIELD_STRING_OR_BYTES_LABEL_CHANGED", "the label changed");
    else
        compat_differ(walk, spot, "FIELD_NUMERIC_LABEL_CHANGED", "the label changed");
}

static void compare_maps(struct compat_walk *walk, const struct compat_spot *spot,
                         const field_proto *original, const field_proto *update)
{
    const struct schema_type *a = schema_field_type(walk->original, original);
    const struct schema_type *b = schema_field_type(walk->update, update);
    for (size_t i = 0; i < 2 && i < a->message->n_field && i < b->message->n_field; i++)
        compat_field(walk, spot, a->message->field[i], b->message->field[i], false);
}

void compat_field(struct compat_walk *walk, const struct compat_spot *spot,
                  const field_proto *original, const field_proto *update, bool labels)
{
    enum kind kind = kind_of(walk->original, original);
    if (kind != kind_of(walk->update, update)) {
        compat_differ(walk, spot, "FIELD_KIND_CHANGED",
                      "it changed between scalar, message and map");
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
