/* SPDX-License-Identifier: Apache-2.0 */
/* Pass 1 of loading a descriptor set: names, and an entry for each message and enum. */
#include "contract/descriptor_internal.h"
#include "contract/well_known.h"

#include <stdlib.h>
#include <string.h>

/* "scope.name" in the arena, bounded: nested names would otherwise grow quadratically. */
static const char *full_name(struct descriptor_set *set, const char *scope, const char *name,
                             const char *file, struct err *err)
{
    if (strlen(scope) + strlen(name) + 1 > DESCRIPTOR_NAME_MAX) {
        descriptor_fault(err, file, 0, "the full name of \"%.60s\" is longer than %d bytes", name,
                         (int)DESCRIPTOR_NAME_MAX);
        return NULL;
    }
    return arena_format(&set->arena, "%s%s%s", scope, *scope ? "." : "", name);
}

static void add_symbol(struct descriptor_set *set, struct symbol symbol)
{
    if (set->n_symbols == set->symbols_room) {
        set->symbols_room = set->symbols_room ? 2 * set->symbols_room : 64;
        set->symbols = mem_grow(set->symbols, set->symbols_room, sizeof *set->symbols);
    }
    set->symbols[set->n_symbols++] = symbol;
}

static void add_message(struct descriptor_set *set, struct message_entry *entry)
{
    if (set->n_messages == set->messages_room) {
        set->messages_room = set->messages_room ? 2 * set->messages_room : 64;
        set->messages = mem_grow(set->messages, set->messages_room, sizeof(struct message_entry *));
    }
    entry->ordinal = set->n_messages;
    set->messages[set->n_messages++] = entry;
}

static int compare_numbers(const void *a, const void *b)
{
    /* Stable by name position: `values` is one array, so addresses are declaration order. */
    const struct enum_value *x = *(const struct enum_value *const *)a;
    const struct enum_value *y = *(const struct enum_value *const *)b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The first declared name of each number, sorted by number. */
static void index_numbers(struct descriptor_set *set, struct enum_type *type)
{
    const struct enum_value **order = mem_zero(type->n_values, sizeof *order);
    struct enum_value *by_number =
        arena_alloc(&set->arena, type->n_values * sizeof(struct enum_value));
    for (unsigned i = 0; i < type->n_values; i++)
        order[i] = &type->values[i];
    qsort(order, type->n_values, sizeof *order, compare_numbers);
    for (unsigned i = 0; i < type->n_values; i++) {
        if (i == 0 || order[i]->number != order[i - 1]->number)
            by_number[type->n_by_number++] = *order[i];
    }
    type->by_number = by_number;
    free(order);
}

static bool register_enum(struct descriptor_set *set, const struct file_entry *file,
                          const char *scope, const enum_proto *source, struct err *err)
{
    if (!descriptor_identifier(source->name, "enum", file->name, err) ||
        !descriptor_count(set, 1 + source->n_value, err))
        return false;
    struct enum_type *type = arena_alloc(&set->arena, sizeof *type);
    memset(type, 0, sizeof *type);
    type->full_name = full_name(set, scope, source->name, file->name, err);
    if (!type->full_name)
        return false;
    if (source->n_value == 0)
        return descriptor_fault(err, file->name, 0, "enum %s has no values", type->full_name);
    struct enum_value *values =
        arena_alloc(&set->arena, source->n_value * sizeof(struct enum_value));
    for (size_t i = 0; i < source->n_value; i++) {
        if (!descriptor_identifier(source->value[i]->name, "enum value", file->name, err))
            return false;
        values[i].name = descriptor_string(set, source->value[i]->name);
        values[i].number = source->value[i]->number;
    }
    if (file->proto3 && values[0].number != 0)
        return descriptor_fault(err, file->name, 0, "the first value of enum %s is not 0",
                                type->full_name);
    type->values = values;
    type->n_values = (unsigned)source->n_value;
    type->open = file->proto3;
    index_numbers(set, type);
    add_symbol(set,
               (struct symbol){.name = type->full_name, .enumeration = type, .file = file->name});
    return true;
}

static bool is_map_entry(const message_proto *source)
{
    return source->options && source->options->has_map_entry && source->options->map_entry;
}

/* A message and what is nested in it. Recursion is bounded by DESCRIPTOR_DEPTH_MAX. */
static struct message_entry *register_message(struct descriptor_set *set, struct file_entry *file,
                                              struct message_entry *parent,
                                              const message_proto *source, unsigned depth,
                                              struct err *err)
{
    const char *scope = parent ? parent->type.full_name : file->package;
    if (depth > DESCRIPTOR_DEPTH_MAX) {
        descriptor_fault(err, file->name, 0, "types in %.200s are nested deeper than %d", scope,
                         (int)DESCRIPTOR_DEPTH_MAX);
        return NULL;
    }
    if (!descriptor_identifier(source->name, "message", file->name, err) ||
        !descriptor_count(set, 1 + source->n_field + source->n_extension + source->n_oneof_decl,
                          err))
        return NULL;
    struct message_entry *entry = arena_alloc(&set->arena, sizeof *entry);
    memset(entry, 0, sizeof *entry);
    entry->set = set;
    entry->file = file;
    entry->parent = parent;
    entry->source = source;
    struct message_type *type = &entry->type;
    type->full_name = full_name(set, scope, source->name, file->name, err);
    if (!type->full_name)
        return NULL;
    type->package = file->package;
    type->file = file->name;
    type->proto3 = file->proto3;
    type->map_entry = is_map_entry(source);
    type->well_known = well_known_kind(type->full_name);
    type->options = descriptor_options(set, source->options ? &source->options->base : NULL);
    add_message(set, entry);
    add_symbol(set, (struct symbol){.name = type->full_name, .message = entry, .file = file->name});

    for (size_t i = 0; i < source->n_enum_type; i++) {
        if (!register_enum(set, file, type->full_name, source->enum_type[i], err))
            return NULL;
    }
    entry->n_nested = (unsigned)source->n_nested_type;
    entry->nested = arena_alloc(&set->arena, source->n_nested_type * sizeof *entry->nested);
    for (unsigned i = 0; i < entry->n_nested; i++) {
        struct message_entry *child =
            register_message(set, file, entry, source->nested_type[i], depth + 1, err);
        if (!child)
            return NULL;
        child->index = i;
        entry->nested[i] = child;
    }
    return entry;
}

/* A package: identifiers joined by dots, or nothing. */
static bool check_package(const char *package, const char *file, struct err *err)
{
    bool start = true, good = strlen(package) <= DESCRIPTOR_NAME_MAX;
    for (const char *at = package; good && *at; at++) {
        bool letter = *at == '_' || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        bool digit = *at >= '0' && *at <= '9';
        good = letter || (!start && (digit || (*at == '.' && at[1])));
        start = *at == '.';
    }
    return good || descriptor_fault(err, file, 0, "\"%.60s\" is not a package name", package);
}

static bool read_syntax(struct file_entry *file, const char *syntax, struct err *err)
{
    if (!syntax || !*syntax || strcmp(syntax, "proto2") == 0)
        return true;
    file->proto3 = strcmp(syntax, "proto3") == 0;
    if (file->proto3)
        return true;
    descriptor_fault(err, file->name, 0, "syntax \"%.40s\" is not supported: proto2 and proto3 are",
                     syntax);
    return err_hint(err, "write syntax = \"proto3\"; instead of an edition");
}

static bool register_file(struct descriptor_set *set, struct file_entry *file,
                          const file_proto *source, struct err *err)
{
    if (!source->name || !*source->name || strlen(source->name) > DESCRIPTOR_NAME_MAX)
        return descriptor_fault(err, set->name, 0, "a file without a usable name");
    file->source = source;
    file->name = descriptor_string(set, source->name);
    file->package = descriptor_string(set, source->package);
    if (!read_syntax(file, source->syntax, err) || !check_package(file->package, file->name, err))
        return false;
    comments_init(&file->comments, source->source_code_info);
    set->source_info |= file->comments.count > 0;
    for (size_t i = 0; i < source->n_enum_type; i++) {
        if (!register_enum(set, file, file->package, source->enum_type[i], err))
            return false;
    }
    file->n_messages = (unsigned)source->n_message_type;
    file->messages = arena_alloc(&set->arena, source->n_message_type * sizeof *file->messages);
    for (unsigned i = 0; i < file->n_messages; i++) {
        struct message_entry *entry =
            register_message(set, file, NULL, source->message_type[i], 1, err);
        if (!entry)
            return false;
        entry->index = i;
        file->messages[i] = entry;
    }
    return true;
}

static int compare_symbols(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int compare_files(const void *a, const void *b)
{
    const struct file_entry *x = *(const struct file_entry *const *)a;
    const struct file_entry *y = *(const struct file_entry *const *)b;
    return strcmp(x->name, y->name);
}

static bool sort_symbols(struct descriptor_set *set, struct err *err)
{
    if (set->n_symbols)
        qsort(set->symbols, set->n_symbols, sizeof *set->symbols, compare_symbols);
    for (unsigned i = 1; i < set->n_symbols; i++) {
        const struct symbol *a = &set->symbols[i - 1], *b = &set->symbols[i];
        if (strcmp(a->name, b->name) == 0)
            return descriptor_fault(err, set->name, 0, "%s is defined twice: in %s and in %s",
                                    a->name, a->file, b->file);
    }
    return true;
}

/* Every import is in the set, and no file is there twice. */
static bool check_imports(struct descriptor_set *set, struct err *err)
{
    bool good = true;
    const struct file_entry **sorted = mem_zero(set->n_files + 1, sizeof *sorted);
    for (unsigned i = 0; i < set->n_files; i++)
        sorted[i] = &set->files[i];
    qsort(sorted, set->n_files, sizeof *sorted, compare_files);
    for (unsigned i = 1; good && i < set->n_files; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            good =
                descriptor_fault(err, set->name, 0, "file %s is in the set twice", sorted[i]->name);
    }
    for (unsigned i = 0; good && i < set->n_files; i++) {
        const file_proto *source = set->files[i].source;
        for (size_t j = 0; good && j < source->n_dependency; j++) {
            struct file_entry wanted = {.name = source->dependency[j]};
            const struct file_entry *key = &wanted;
            if (bsearch(&key, sorted, set->n_files, sizeof *sorted, compare_files))
                continue;
            good = descriptor_fault(err, set->name, 0, "%s imports %s, which is not in the set",
                                    set->files[i].name, wanted.name);
            err_hint(err, "give protoc --include_imports");
        }
    }
    free(sorted);
    return good;
}

bool descriptor_register(struct descriptor_set *set, const set_proto *source, struct err *err)
{
    if (source->n_file == 0)
        return descriptor_fault(err, set->name, 0, "the descriptor set holds no file");
    if (!descriptor_count(set, source->n_file, err))
        return false;
    size_t bytes = source->n_file * sizeof *set->files;
    set->files = memset(arena_alloc(&set->arena, bytes), 0, bytes);
    for (size_t i = 0; i < source->n_file; i++) {
        set->n_files++;
        if (!register_file(set, &set->files[i], source->file[i], err))
            return false;
    }
    return check_imports(set, err) && sort_symbols(set, err);
}
