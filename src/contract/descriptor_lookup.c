/* SPDX-License-Identifier: Apache-2.0 */
/* Finding things in a loaded descriptor set. */
#include "contract/descriptor_internal.h"

#include <string.h>

const struct symbol *descriptor_symbol(const struct descriptor_set *set, const char *name)
{
    unsigned low = 0, high = set->n_symbols;
    if (*name == '.')
        name++;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = strcmp(name, set->symbols[middle].name);
        if (order == 0)
            return &set->symbols[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct message_type *descriptor_set_message(const struct descriptor_set *set,
                                                  const char *full_name)
{
    const struct symbol *symbol = descriptor_symbol(set, full_name);
    return symbol && symbol->message ? &symbol->message->type : NULL;
}

const struct message_type *message_type_sibling(const struct message_type *type,
                                                const char *full_name)
{
    return descriptor_set_message(((const struct message_entry *)type)->set, full_name);
}

const struct message_type *descriptor_set_message_at(const struct descriptor_set *set, unsigned i)
{
    return i < set->n_messages ? &set->messages[i]->type : NULL;
}

bool descriptor_set_has_source_info(const struct descriptor_set *set)
{
    return set->source_info;
}

const struct message_type *descriptor_set_by_index(const struct descriptor_set *set,
                                                   const char *file, const int *path,
                                                   unsigned length)
{
    for (unsigned i = 0; i < set->n_files; i++) {
        if (strcmp(set->files[i].name, file) != 0)
            continue;
        struct message_entry *const *siblings = set->files[i].messages;
        unsigned count = set->files[i].n_messages;
        const struct message_entry *entry = NULL;
        for (unsigned j = 0; j < length; j++) {
            if (path[j] < 0 || (unsigned)path[j] >= count)
                return NULL;
            entry = siblings[path[j]];
            siblings = entry->nested;
            count = entry->n_nested;
        }
        return entry ? &entry->type : NULL;
    }
    return NULL;
}

unsigned descriptor_index_path(const struct message_type *type, int *path, unsigned max)
{
    const struct message_entry *entry = (const struct message_entry *)type;
    unsigned depth = 0;
    for (const struct message_entry *at = entry; at; at = at->parent)
        depth++;
    unsigned length = depth;
    for (const struct message_entry *at = entry; at; at = at->parent) {
        if (--depth < max)
            path[depth] = (int)at->index;
    }
    return length < max ? length : max;
}

const struct field_type *message_type_field(const struct message_type *type, const char *name)
{
    unsigned low = 0, high = type->n_fields;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct field_type *field = &type->fields[type->pb.fields_sorted_by_name[middle]];
        int order = strcmp(name, field->name);
        if (order == 0)
            return field;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct field_type *message_type_field_number(const struct message_type *type, unsigned number)
{
    unsigned low = 0, high = type->n_fields;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        unsigned at = type->fields[middle].pb->id;
        if (at == number)
            return &type->fields[middle];
        if (number < at)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *enum_type_name(const struct enum_type *type, int number)
{
    unsigned low = 0, high = type->n_by_number;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int at = type->by_number[middle].number;
        if (at == number)
            return type->by_number[middle].name;
        if (number < at)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool enum_type_number(const struct enum_type *type, const char *name, size_t length, int *number)
{
    for (unsigned i = 0; i < type->n_values; i++) {
        const char *at = type->values[i].name;
        if (strlen(at) == length && memcmp(at, name, length) == 0) {
            *number = type->values[i].number;
            return true;
        }
    }
    return false;
}
