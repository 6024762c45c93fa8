/* SPDX-License-Identifier: Apache-2.0 */
/* Pass 2 of loading a descriptor set: every message gets its fields, then is judged as a whole. */
#include "contract/descriptor_internal.h"
#include "contract/well_known.h"

#include <string.h>

/* Field numbers of descriptor.proto that make up source info paths. */
enum { FILE_MESSAGE = 4, FILE_EXTENSION = 7, MESSAGE_NESTED = 3, MESSAGE_EXTENSION = 6 };

size_t descriptor_source_path(const struct message_entry *entry, int path[DESCRIPTOR_PATH_MAX])
{
    size_t length = 0, depth = 0;
    for (const struct message_entry *at = entry; at; at = at->parent)
        depth++;
    length = 2 * depth;
    for (const struct message_entry *at = entry; at; at = at->parent) {
        depth--;
        path[2 * depth] = at->parent ? MESSAGE_NESTED : FILE_MESSAGE;
        path[2 * depth + 1] = (int)at->index;
    }
    return length;
}

/* Extensions are counted in a first visit and kept in a second, once there is room for them. */
static bool visit_extension(struct descriptor_set *set, const struct file_entry *file,
                            const field_proto *source, const int *path, size_t length, bool keep,
                            struct err *err)
{
    const struct symbol *symbol =
        source->extendee ? descriptor_symbol(set, source->extendee) : NULL;
    if (!symbol || !symbol->message)
        return descriptor_fault(err, file->name, 0,
                                "extension %.100s extends %.200s, which is not a "
                                "message of the set",
                                source->name ? source->name : "",
                                source->extendee ? source->extendee : "nothing");
    struct message_entry *entry = symbol->message;
    if (!keep) {
        entry->n_extensions++;
        return descriptor_identifier(source->name, "extension", file->name, err);
    }
    struct field_type *field = &entry->unsupported[entry->type.n_unsupported++];
    ProtobufCFieldDescriptor *pb = arena_alloc(&set->arena, sizeof *pb);
    descriptor_describe_field(set, file, source, path, length, field, pb);
    field->unsupported = FIELD_EXTENSION;
    return true;
}

static bool visit_extensions(struct descriptor_set *set, bool keep, struct err *err)
{
    int path[DESCRIPTOR_PATH_MAX];
    for (unsigned i = 0; i < set->n_files; i++) {
        const struct file_entry *file = &set->files[i];
        for (size_t j = 0; j < file->source->n_extension; j++) {
            path[0] = FILE_EXTENSION;
            path[1] = (int)j;
            if (!visit_extension(set, file, file->source->extension[j], path, 2, keep, err))
                return false;
        }
    }
    for (unsigned i = 0; i < set->n_messages; i++) {
        const struct message_entry *entry = set->messages[i];
        size_t length = descriptor_source_path(entry, path);
        for (size_t j = 0; j < entry->source->n_extension; j++) {
            path[length] = MESSAGE_EXTENSION;
            path[length + 1] = (int)j;
            if (!visit_extension(set, entry->file, entry->source->extension[j], path, length + 2,
                                 keep, err))
                return false;
        }
    }
    return true;
}

/* Extensions defined at the top of a file count too; those in messages are counted with them. */
static bool count_file_extensions(struct descriptor_set *set, struct err *err)
{
    for (unsigned i = 0; i < set->n_files; i++) {
        if (!descriptor_count(set, set->files[i].source->n_extension, err))
            return false;
    }
    return true;
}

/* What the language allows as a map's key: whole numbers, bool and string. */
static bool key_type_fits(ProtobufCType type)
{
    return type != PROTOBUF_C_TYPE_FLOAT && type != PROTOBUF_C_TYPE_DOUBLE &&
           type != PROTOBUF_C_TYPE_ENUM && type != PROTOBUF_C_TYPE_BYTES &&
           type != PROTOBUF_C_TYPE_MESSAGE;
}

/* Code further on takes key and value of an entry by position, so the shape must be the right one.
 */
static bool check_map_entry(const struct message_type *type, struct err *err)
{
    const struct field_type *fields = type->fields;
    bool fits = type->n_fields == 2 && type->n_unsupported == 0 && type->n_oneofs == 0 &&
                fields[0].pb->id == 1 && fields[1].pb->id == 2 && !fields[0].repeated &&
                !fields[1].repeated && !fields[0].map && !fields[1].map &&
                key_type_fits(fields[0].pb->type);
    return fits || descriptor_fault(err, type->file, type->line,
                                    "message %s is marked as a map entry but has not the fields "
                                    "key = 1 and value = 2 of one",
                                    type->full_name);
}

/* Entries serve the map field beside which they are declared and nothing else. */
static bool check_map_uses(const struct message_entry *entry, struct err *err)
{
    for (unsigned i = 0; i < entry->type.n_fields; i++) {
        const struct field_type *field = &entry->type.fields[i];
        if (!field->message || !field->message->map_entry)
            continue;
        const struct message_entry *used = (const struct message_entry *)field->message;
        if (!field->map || used->parent != entry)
            return descriptor_fault(err, entry->type.file, field->line,
                                    "field %s.%s uses the map entry %s of another field",
                                    entry->type.full_name, field->name, used->type.full_name);
    }
    return true;
}

bool descriptor_link(struct descriptor_set *set, struct err *err)
{
    if (!count_file_extensions(set, err) || !visit_extensions(set, false, err))
        return false;
    for (unsigned i = 0; i < set->n_messages; i++) {
        struct message_entry *entry = set->messages[i];
        int path[DESCRIPTOR_PATH_MAX];
        size_t length = descriptor_source_path(entry, path);
        entry->type.comment =
            comments_find(&entry->file->comments, path, length, &set->arena, &entry->type.line);
        if (!descriptor_link_fields(entry, err))
            return false;
    }
    if (!visit_extensions(set, true, err))
        return false;
    for (unsigned i = 0; i < set->n_messages; i++) {
        struct message_entry *entry = set->messages[i];
        if ((entry->type.map_entry && !check_map_entry(&entry->type, err)) ||
            !check_map_uses(entry, err))
            return false;
    }
    for (unsigned i = 0; i < set->n_messages; i++) {
        if (!well_known_check(&set->messages[i]->type, err))
            return false;
    }
    return true;
}
