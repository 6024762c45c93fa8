/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor_internal: what the descriptor_*.c files share; nobody else includes it.
 *
 * Loading has two passes, because types refer to one another in circles: descriptor_register makes
 * an entry for each message and enum of each file and sorts them by name; descriptor_link then
 * fills in the fields. While loading, entries point into the unpacked FileDescriptorSet (`source`);
 * afterwards everything lives in the set's arena.
 */
#ifndef PACTOLUS_CONTRACT_DESCRIPTOR_INTERNAL_H
#define PACTOLUS_CONTRACT_DESCRIPTOR_INTERNAL_H

#include "base/memory.h"
#include "contract/comments.h"
#include "contract/descriptor.h"

enum {
    DESCRIPTOR_ELEMENTS_MAX = 100000, /* messages, enums, enum values and fields of a set */
    DESCRIPTOR_NAME_MAX = 1000,       /* bytes of a full name */
    DESCRIPTOR_FIELD_MAX = (1 << 29) - 1,
    DESCRIPTOR_PATH_MAX = 2 * DESCRIPTOR_DEPTH_MAX + 2, /* numbers in a source info path */
};

typedef Google__Protobuf__FileDescriptorSet set_proto;
typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;

struct file_entry {
    const char *name, *package;
    const file_proto *source; /* NULL once loaded */
    struct comments comments; /* empty once loaded */
    bool proto3;
    struct message_entry **messages; /* top level, in order */
    unsigned n_messages;
};

struct message_entry {
    struct message_type type; /* first: a struct message_type of a set is always one of these */
    struct descriptor_set *set;
    struct file_entry *file;
    struct message_entry *parent; /* NULL at the top level */
    unsigned index;               /* among its siblings */
    unsigned ordinal;             /* in set->messages */
    struct message_entry **nested;
    unsigned n_nested;
    const message_proto *source;    /* NULL once loaded */
    struct field_type *unsupported; /* what type.unsupported points to */
    unsigned n_extensions;          /* extensions of this message, counted before they are kept */
};

struct symbol {
    const char *name;
    struct message_entry *message; /* or */
    struct enum_type *enumeration;
    const char *file;
};

struct descriptor_set {
    struct arena arena;
    const char *name;
    struct file_entry *files;
    unsigned n_files;
    struct message_entry **messages; /* all, nested ones after their parents */
    unsigned n_messages, messages_room;
    struct symbol *symbols; /* sorted by name once registered */
    unsigned n_symbols, symbols_room;
    unsigned elements; /* counted against DESCRIPTOR_ELEMENTS_MAX */
    bool source_info;
};

/* Pass 1: entries for all files of `source`; the set's arrays are filled and sorted. */
bool descriptor_register(struct descriptor_set *set, const set_proto *source,
                         struct err *err) MUST_CHECK;
/* Pass 2: fields, oneofs, layout, comments of every message; well-known shapes. */
bool descriptor_link(struct descriptor_set *set, struct err *err) MUST_CHECK;
/* The fields and oneofs of one message: supported ones into type.fields and type.pb, groups aside.
 * Leaves room for the extensions counted in entry->n_extensions. */
bool descriptor_link_fields(struct message_entry *entry, struct err *err) MUST_CHECK;
/* Sets what a field of any kind has: name, number, comment, line, options; `path` is its own. */
void descriptor_describe_field(struct descriptor_set *set, const struct file_entry *file,
                               const field_proto *source, const int *path, size_t length,
                               struct field_type *field, ProtobufCFieldDescriptor *pb);
/* Offsets and size of the unpacked form, ranges and name index: the rest of type.pb, over `fields`
 * in number order. False with err when two have one name. */
bool descriptor_lay_out(struct message_entry *entry, ProtobufCFieldDescriptor *fields,
                        struct err *err) MUST_CHECK;

/* By full name, with or without a leading dot; NULL when absent. */
const struct symbol *descriptor_symbol(const struct descriptor_set *set, const char *name);

/* An error of the set (halt, exit 78), placed at `file`:`line`. Returns false. */
bool descriptor_fault(struct err *err, const char *file, int line, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Is `name` an identifier of the language? False with err naming what it is the name of. */
bool descriptor_identifier(const char *name, const char *what, const char *file,
                           struct err *err) MUST_CHECK;
/* Counts `more` elements; false with err past the limit. */
bool descriptor_count(struct descriptor_set *set, size_t more, struct err *err) MUST_CHECK;
/* Serialised form of an unpacked options message, in the arena; absent for NULL. */
struct span descriptor_options(struct descriptor_set *set, const ProtobufCMessage *options);
/* The source info path of a message: [4, i, 3, j, …]. Returns its length. */
size_t descriptor_source_path(const struct message_entry *entry, int path[DESCRIPTOR_PATH_MAX]);
/* A copy in the arena; "" for NULL. */
const char *descriptor_string(struct descriptor_set *set, const char *text);

#endif
