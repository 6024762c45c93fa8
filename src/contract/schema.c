/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 16 * 1024 };

static void add_type(struct schema *schema, const struct schema_type *type)
{
    schema->types = mem_grow(schema->types, schema->n_types + 1, sizeof *schema->types);
    schema->types[schema->n_types++] = *type;
}

static const char *join(struct schema *schema, const char *scope, const char *name)
{
    return arena_format(&schema->arena, "%s%s%s", scope, *scope ? "." : "", name);
}

static struct schema_type make_type(struct schema *schema, const struct schema_file *file,
                                    const char *scope, const char *name, int number)
{
    struct schema_type type = {.file = file, .number = number};
    type.full_name = join(schema, scope, name);
    type.local_name = type.full_name + (*file->package ? strlen(file->package) + 1 : 0);
    return type;
}

static void add_enums(struct schema *schema, const struct schema_file *file, const char *scope,
                      enum_proto *const *enums, size_t n_enums)
{
    for (size_t i = 0; i < n_enums; i++) {
        struct schema_type type = make_type(schema, file, scope, enums[i]->name, (int)i);
        type.enumeration = enums[i];
        add_type(schema, &type);
    }
}

/* A group's message stands beside its field. */
static bool made_by_group(const message_proto *message, field_proto *const *beside, size_t n_beside)
{
    for (size_t i = 0; i < n_beside; i++) {
        const char *type = beside[i]->type_name, *dot = type ? strrchr(type, '.') : NULL;
        if (beside[i]->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP && type &&
            strcmp(dot ? dot + 1 : type, message->name) == 0)
            return true;
    }
    return false;
}

/* Nesting is bounded by DESCRIPTOR_DEPTH_MAX, which descriptor_set_parse has checked. */
static void add_messages(struct schema *schema, const struct schema_file *file, const char *scope,
                         message_proto *const *messages, size_t n_messages,
                         field_proto *const *beside, size_t n_beside)
{
    int index = 0;
    for (size_t i = 0; i < n_messages; i++) {
        const message_proto *message = messages[i];
        struct schema_type type = make_type(schema, file, scope, message->name, (int)i);
        type.message = message;
        type.map_entry = message->options && message->options->map_entry;
        type.group = made_by_group(message, beside, n_beside);
        type.index = type.map_entry || type.group ? -1 : index++;
        add_type(schema, &type);
        add_messages(schema, file, type.full_name, message->nested_type, message->n_nested_type,
                     message->field, message->n_field);
        add_enums(schema, file, type.full_name, message->enum_type, message->n_enum_type);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct schema_type *x = a, *y = b;
    return strcmp(x->full_name, y->full_name);
}

static void link_parents(struct schema *schema)
{
    for (unsigned i = 0; i < schema->n_types; i++) {
        struct schema_type *type = &schema->types[i];
        const char *dot = strrchr(type->local_name, '.');
        if (!dot)
            continue;
        size_t length = (size_t)(dot - type->full_name);
        type->parent = schema_find(schema, arena_string(&schema->arena, type->full_name, length));
    }
}

static void mark_imported(struct schema *schema)
{
    for (unsigned i = 0; i < schema->n_files; i++) {
        const file_proto *proto = schema->files[i].proto;
        for (size_t k = 0; k < proto->n_dependency; k++) {
            for (unsigned j = 0; j < schema->n_files; j++) {
                if (strcmp(schema->files[j].name, proto->dependency[k]) == 0)
                    schema->files[j].imported = true;
            }
        }
    }
}

struct schema *schema_open(struct span bytes, struct err *err)
{
    set_proto *proto = google__protobuf__file_descriptor_set__unpack(
        NULL, bytes.length, (const unsigned char *)bytes.data);
    if (!proto) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "not a descriptor set");
        return NULL;
    }
    struct schema *schema = mem_zero(1, sizeof *schema);
    arena_init(&schema->arena, ARENA_CHUNK);
    schema->proto = proto;
    schema->n_files = (unsigned)proto->n_file;
    schema->files = mem_zero(schema->n_files + 1, sizeof *schema->files);
    for (unsigned i = 0; i < schema->n_files; i++) {
        struct schema_file *file = &schema->files[i];
        file->proto = proto->file[i];
        file->name = file->proto->name ? file->proto->name : "";
        file->package = file->proto->package ? file->proto->package : "";
        file->proto3 = file->proto->syntax && strcmp(file->proto->syntax, "proto3") == 0;
        comments_init(&file->comments, file->proto->source_code_info);
        add_messages(schema, file, file->package, file->proto->message_type,
                     file->proto->n_message_type, NULL, 0);
        add_enums(schema, file, file->package, file->proto->enum_type, file->proto->n_enum_type);
    }
    if (schema->n_types)
        qsort(schema->types, schema->n_types, sizeof *schema->types, by_name);
    link_parents(schema);
    mark_imported(schema);
    return schema;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    for (unsigned i = 0; i < schema->n_files; i++)
        comments_free(&schema->files[i].comments);
    free(schema->files);
    free(schema->types);
    google__protobuf__file_descriptor_set__free_unpacked(schema->proto, NULL);
    arena_free(&schema->arena);
    free(schema);
}

const struct schema_type *schema_find(const struct schema *schema, const char *full_name)
{
    struct schema_type wanted = {.full_name = *full_name == '.' ? full_name + 1 : full_name};
    return schema->n_types
               ? bsearch(&wanted, schema->types, schema->n_types, sizeof *schema->types, by_name)
               : NULL;
}

const struct schema_file *schema_file(const struct schema *schema, const char *name)
{
    for (unsigned i = 0; i < schema->n_files; i++) {
        if (strcmp(schema->files[i].name, name) == 0)
            return &schema->files[i];
    }
    return NULL;
}

/* Path numbers of descriptor.proto: FileDescriptorProto and DescriptorProto name their parts. */
const char *schema_place(const struct schema_type *type, int i, struct arena *arena)
{
    enum { FILE_MESSAGE = 4, FILE_ENUM = 5, NESTED = 3, NESTED_ENUM = 4, FIELD = 2, VALUE = 2 };
    const struct schema_type *levels[DESCRIPTOR_DEPTH_MAX + 2];
    int path[DESCRIPTOR_PATH_MAX + 2], line = 0;
    size_t depth = 0, length = 0;
    assert(type);
    for (const struct schema_type *at = type; at && depth < DESCRIPTOR_DEPTH_MAX; at = at->parent)
        levels[depth++] = at;
    while (depth-- > 0) {
        const struct schema_type *at = levels[depth];
        if (at->parent)
            path[length++] = at->enumeration ? NESTED_ENUM : NESTED;
        else
            path[length++] = at->enumeration ? FILE_ENUM : FILE_MESSAGE;
        path[length++] = at->number;
    }
    if (i >= 0) {
        path[length++] = type->enumeration ? VALUE : FIELD;
        path[length++] = i;
    }
    (void)comments_find(&type->file->comments, path, length, arena, &line);
    return line > 0 ? arena_format(arena, "%s:%d", type->file->name, line)
                    : arena_string(arena, type->file->name, strlen(type->file->name));
}

const struct schema_type *schema_field_type(const struct schema *schema, const field_proto *field)
{
    return field->type_name && *field->type_name ? schema_find(schema, field->type_name) : NULL;
}

bool schema_is_map(const struct schema *schema, const field_proto *field)
{
    const struct schema_type *type = schema_field_type(schema, field);
    return type && type->map_entry;
}

bool schema_in_oneof(const field_proto *field)
{
    return field->has_oneof_index && !(field->has_proto3_optional && field->proto3_optional);
}

const char *schema_json_name(const field_proto *field, struct arena *arena)
{
    if (field->json_name && *field->json_name)
        return field->json_name;
    char *out = arena_alloc(arena, strlen(field->name) + 1), *at = out;
    bool upper = false;
    for (const char *c = field->name; *c; c++) {
        if (*c == '_') {
            upper = true;
            continue;
        }
        *at++ = upper && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        upper = false;
    }
    *at = '\0';
    return out;
}
