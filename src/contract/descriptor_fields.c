/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of one message of a descriptor set: type, label, presence, oneof. */
#include "contract/descriptor_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROTO_TYPE(name)  GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define PROTO_LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

enum { MESSAGE_FIELD = 2 }; /* DescriptorProto.field, in source info paths */

static const ProtobufCType types[] = {
    [PROTO_TYPE(DOUBLE)] = PROTOBUF_C_TYPE_DOUBLE,
    [PROTO_TYPE(FLOAT)] = PROTOBUF_C_TYPE_FLOAT,
    [PROTO_TYPE(INT64)] = PROTOBUF_C_TYPE_INT64,
    [PROTO_TYPE(UINT64)] = PROTOBUF_C_TYPE_UINT64,
    [PROTO_TYPE(INT32)] = PROTOBUF_C_TYPE_INT32,
    [PROTO_TYPE(FIXED64)] = PROTOBUF_C_TYPE_FIXED64,
    [PROTO_TYPE(FIXED32)] = PROTOBUF_C_TYPE_FIXED32,
    [PROTO_TYPE(BOOL)] = PROTOBUF_C_TYPE_BOOL,
    [PROTO_TYPE(STRING)] = PROTOBUF_C_TYPE_STRING,
    [PROTO_TYPE(MESSAGE)] = PROTOBUF_C_TYPE_MESSAGE,
    [PROTO_TYPE(BYTES)] = PROTOBUF_C_TYPE_BYTES,
    [PROTO_TYPE(UINT32)] = PROTOBUF_C_TYPE_UINT32,
    [PROTO_TYPE(ENUM)] = PROTOBUF_C_TYPE_ENUM,
    [PROTO_TYPE(SFIXED32)] = PROTOBUF_C_TYPE_SFIXED32,
    [PROTO_TYPE(SFIXED64)] = PROTOBUF_C_TYPE_SFIXED64,
    [PROTO_TYPE(SINT32)] = PROTOBUF_C_TYPE_SINT32,
    [PROTO_TYPE(SINT64)] = PROTOBUF_C_TYPE_SINT64,
};

/* One message being linked: its fields in number order, and which of its oneofs are real. */
struct linking {
    struct message_entry *entry;
    struct err *err;
    struct numbered {
        const field_proto *source;
        unsigned index; /* in declaration order */
    } * sorted;
    unsigned n_sorted;
    int *oneofs; /* by declared index: index in type.oneofs, -1 for synthetic ones */
};

static bool field_fault(const struct linking *linking, const field_proto *source, const char *what)
{
    const struct message_type *type = &linking->entry->type;
    return descriptor_fault(linking->err, type->file, type->line, "field %s.%s: %s",
                            type->full_name, source->name, what);
}

/* lowerCamelCase as protoc makes it: underscores go, the letter after one is upper case. */
static const char *camel_case(struct descriptor_set *set, const char *name)
{
    char *out = arena_alloc(&set->arena, strlen(name) + 1);
    size_t length = 0;
    bool upper = false;
    for (const char *at = name; *at; at++) {
        if (*at != '_')
            out[length++] = upper && *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
        upper = *at == '_';
    }
    out[length] = '\0';
    return out;
}

void descriptor_describe_field(struct descriptor_set *set, const struct file_entry *file,
                               const field_proto *source, const int *path, size_t length,
                               struct field_type *field, ProtobufCFieldDescriptor *pb)
{
    memset(field, 0, sizeof *field);
    memset(pb, 0, sizeof *pb);
    field->pb = pb;
    field->name = pb->name = descriptor_string(set, source->name);
    pb->id = (uint32_t)source->number;
    pb->label = PROTOBUF_C_LABEL_OPTIONAL;
    field->json_name = source->json_name && *source->json_name
                           ? descriptor_string(set, source->json_name)
                           : camel_case(set, source->name);
    field->comment = comments_find(&file->comments, path, length, &set->arena, &field->line);
    field->oneof_index = -1;
    field->repeated = source->has_label && source->label == PROTO_LABEL(REPEATED);
    field->options = descriptor_options(set, source->options ? &source->options->base : NULL);
    if (source->options && source->options->has_deprecated && source->options->deprecated)
        pb->flags |= PROTOBUF_C_FIELD_FLAG_DEPRECATED;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    return x->source->number < y->source->number ? -1 : x->source->number > y->source->number;
}

static bool sort_fields(struct linking *linking)
{
    const struct message_entry *entry = linking->entry;
    linking->n_sorted = (unsigned)entry->source->n_field;
    linking->sorted = mem_zero(linking->n_sorted + 1, sizeof *linking->sorted);
    for (unsigned i = 0; i < linking->n_sorted; i++) {
        const field_proto *source = entry->source->field[i];
        if (!descriptor_identifier(source->name, "field", entry->file->name, linking->err))
            return false;
        if (source->number < 1 || source->number > DESCRIPTOR_FIELD_MAX)
            return field_fault(linking, source, "its number is not between 1 and 536870911");
        linking->sorted[i] = (struct numbered){.source = source, .index = i};
    }
    qsort(linking->sorted, linking->n_sorted, sizeof *linking->sorted, compare_numbers);
    for (unsigned i = 1; i < linking->n_sorted; i++) {
        const field_proto *a = linking->sorted[i - 1].source, *b = linking->sorted[i].source;
        if (a->number == b->number)
            return descriptor_fault(linking->err, entry->file->name, entry->type.line,
                                    "fields %s and %s of %s have one number, %d", a->name, b->name,
                                    entry->type.full_name, (int)a->number);
    }
    return true;
}

/* proto3 `optional` is a oneof with one member that the compiler makes up: not one of ours. */
static bool link_oneofs(struct linking *linking)
{
    struct message_entry *entry = linking->entry;
    const message_proto *source = entry->source;
    size_t count = source->n_oneof_decl;
    unsigned *members = mem_zero(count + 1, sizeof *members);
    bool good = true;
    linking->oneofs = mem_zero(count + 1, sizeof *linking->oneofs);
    for (size_t i = 0; good && i < source->n_field; i++) {
        const field_proto *field = source->field[i];
        if (!field->has_oneof_index)
            continue;
        if (field->oneof_index < 0 || (size_t)field->oneof_index >= count) {
            good = field_fault(linking, field, "its oneof does not exist");
            continue;
        }
        members[field->oneof_index]++;
        if (field->has_proto3_optional && field->proto3_optional)
            linking->oneofs[field->oneof_index] = -1;
    }
    struct oneof_type *oneofs = arena_alloc(&entry->set->arena, count * sizeof *oneofs + 1);
    for (size_t i = 0; good && i < count; i++) {
        const Google__Protobuf__OneofDescriptorProto *oneof = source->oneof_decl[i];
        good = descriptor_identifier(oneof->name, "oneof", entry->file->name, linking->err);
        if (good && linking->oneofs[i] < 0 && members[i] != 1)
            good = descriptor_fault(linking->err, entry->file->name, entry->type.line,
                                    "oneof %s of %s stands for an optional field but has %u",
                                    oneof->name, entry->type.full_name, members[i]);
        if (!good || linking->oneofs[i] < 0)
            continue;
        linking->oneofs[i] = (int)entry->type.n_oneofs;
        oneofs[entry->type.n_oneofs++] = (struct oneof_type){
            .name = descriptor_string(entry->set, oneof->name),
            .options =
                descriptor_options(entry->set, oneof->options ? &oneof->options->base : NULL),
        };
    }
    entry->type.oneofs = oneofs;
    free(members);
    return good;
}

/* Wire type, and the message or enum that the field names. */
static bool link_type(struct linking *linking, const field_proto *source, struct field_type *field,
                      ProtobufCFieldDescriptor *pb)
{
    const struct symbol *symbol =
        source->type_name ? descriptor_symbol(linking->entry->set, source->type_name) : NULL;
    unsigned type = source->has_type ? (unsigned)source->type : 0;
    if (!source->has_type && symbol) /* left open by compilers that do not resolve names */
        type = symbol->message ? PROTO_TYPE(MESSAGE) : PROTO_TYPE(ENUM);
    if (type == 0 || type >= sizeof types / sizeof *types)
        return field_fault(linking, source, "its type does not exist");
    pb->type = types[type];
    if (type != PROTO_TYPE(MESSAGE) && type != PROTO_TYPE(ENUM))
        return true;
    const struct message_type *type_of = &linking->entry->type;
    if (!symbol || (type == PROTO_TYPE(MESSAGE) ? !symbol->message : !symbol->enumeration)) {
        descriptor_fault(linking->err, type_of->file, field->line,
                         "field %s.%s has the type %.200s, which is not in the set",
                         type_of->full_name, source->name,
                         source->type_name ? source->type_name : "\"\"");
        return err_hint(linking->err, "give protoc --include_imports");
    }
    field->enumeration = symbol->enumeration;
    if (symbol->message) {
        field->message = &symbol->message->type;
        pb->descriptor = &symbol->message->type.pb;
        field->map = field->repeated && field->message->map_entry;
        field->repeated = field->repeated && !field->map;
    }
    return true;
}

/* Packed unless told otherwise in proto3, only when told in proto2. Reading takes both forms. */
static bool is_packed(const struct message_type *type, const field_proto *source,
                      ProtobufCType kind)
{
    if (kind == PROTOBUF_C_TYPE_STRING || kind == PROTOBUF_C_TYPE_BYTES ||
        kind == PROTOBUF_C_TYPE_MESSAGE)
        return false;
    if (source->options && source->options->has_packed)
        return source->options->packed;
    return type->proto3;
}

/* Label and presence. In proto3 a plain singular field has neither presence nor a quantifier;
 * neither have the fields of map entries, in any syntax. */
static void link_label(const struct message_type *type, const field_proto *source,
                       struct field_type *field, ProtobufCFieldDescriptor *pb)
{
    if (field->repeated || field->map) {
        pb->label = PROTOBUF_C_LABEL_REPEATED;
        if (is_packed(type, source, pb->type))
            pb->flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
        return;
    }
    bool optional = source->has_proto3_optional && source->proto3_optional;
    bool implicit = (type->proto3 || type->map_entry) && !optional && field->oneof_index < 0 &&
                    pb->type != PROTOBUF_C_TYPE_MESSAGE;
    field->presence = !implicit;
    field->proto2_required = !type->proto3 && !type->map_entry && field->oneof_index < 0 &&
                             source->has_label && source->label == PROTO_LABEL(REQUIRED);
    if (field->proto2_required) {
        pb->label = PROTOBUF_C_LABEL_REQUIRED;
    } else if (implicit) {
        pb->label = PROTOBUF_C_LABEL_NONE;
        if (pb->type == PROTOBUF_C_TYPE_STRING)
            pb->default_value = protobuf_c_empty_string;
    }
}

static bool link_field(struct linking *linking, const struct numbered *numbered,
                       struct field_type *field, ProtobufCFieldDescriptor *pb)
{
    struct message_entry *entry = linking->entry;
    const field_proto *source = numbered->source;
    int path[DESCRIPTOR_PATH_MAX];
    size_t length = descriptor_source_path(entry, path);
    path[length] = MESSAGE_FIELD;
    path[length + 1] = (int)numbered->index;
    descriptor_describe_field(entry->set, entry->file, source, path, length + 2, field, pb);
    if (source->has_type && source->type == PROTO_TYPE(GROUP)) {
        field->unsupported = FIELD_GROUP;
        return true;
    }
    if (!link_type(linking, source, field, pb))
        return false;
    if (source->has_oneof_index && linking->oneofs[source->oneof_index] >= 0) {
        if (field->repeated || field->map)
            return field_fault(linking, source, "a member of a oneof cannot be repeated");
        field->oneof_index = linking->oneofs[source->oneof_index];
        field->oneof = entry->type.oneofs[field->oneof_index].name;
        pb->flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
    }
    link_label(&entry->type, source, field, pb);
    return true;
}

static bool is_group(const field_proto *source)
{
    return source->has_type && source->type == PROTO_TYPE(GROUP);
}

bool descriptor_link_fields(struct message_entry *entry, struct err *err)
{
    struct linking linking = {.entry = entry, .err = err};
    struct message_type *type = &entry->type;
    struct arena *arena = &entry->set->arena;
    bool done = false;
    if (!sort_fields(&linking) || !link_oneofs(&linking))
        goto cleanup;

    unsigned groups = 0;
    for (unsigned i = 0; i < linking.n_sorted; i++)
        groups += is_group(linking.sorted[i].source);
    unsigned supported = linking.n_sorted - groups, spare = groups + entry->n_extensions;
    ProtobufCFieldDescriptor *pbs = arena_alloc(arena, supported * sizeof *pbs + 1);
    type->fields = arena_alloc(arena, supported * sizeof *type->fields + 1);
    entry->unsupported = arena_alloc(arena, spare * sizeof *entry->unsupported + 1);
    type->unsupported = entry->unsupported;
    for (unsigned i = 0; i < linking.n_sorted; i++) {
        const struct numbered *numbered = &linking.sorted[i];
        bool group = is_group(numbered->source);
        struct field_type *field =
            group ? &entry->unsupported[type->n_unsupported++] : &type->fields[type->n_fields];
        ProtobufCFieldDescriptor *pb =
            group ? arena_alloc(arena, sizeof *pb) : &pbs[type->n_fields++];
        if (!link_field(&linking, numbered, field, pb))
            goto cleanup;
    }
    done = descriptor_lay_out(entry, pbs, err);
cleanup:
    free(linking.sorted);
    free(linking.oneofs);
    return done;
}
