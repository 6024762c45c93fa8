/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: a descriptor set as it was written, for tools that compare what people wrote rather than
 * what a record needs: labels, packages, reservations, the order of messages. contract/descriptor
 * keeps of it only what decoding wants.
 *
 * Owns everything it hands out; immutable. The bytes must have passed descriptor_set_parse, which
 * judges them: schema_open does not judge them again.
 */
#ifndef PACTOLUS_CONTRACT_SCHEMA_H
#define PACTOLUS_CONTRACT_SCHEMA_H

#include "contract/descriptor_internal.h"

struct schema_file {
    const file_proto *proto;
    const char *name, *package;
    bool proto3;
    bool imported; /* another file of the set imports it */
    struct comments comments;
};

struct schema_type {
    const char *full_name;
    const char *local_name; /* without the package */
    const struct schema_file *file;
    const struct schema_type *parent; /* NULL at the top level */
    const message_proto *message;     /* or */
    const enum_proto *enumeration;
    int index;  /* among messages of its level that were written as such; as Confluent counts */
    int number; /* among all messages (or enums) of its level, as paths count */
    bool map_entry, group; /* made by a map or group field, not written as a message */
};

struct schema {
    struct arena arena;
    set_proto *proto;
    struct schema_file *files;
    unsigned n_files;
    struct schema_type *types; /* by full name */
    unsigned n_types;
};

struct schema *schema_open(struct span bytes, struct err *err);
void schema_free(struct schema *schema);

/* NULL when there is none; a leading dot is ignored. */
const struct schema_type *schema_find(const struct schema *schema, const char *full_name);
const struct schema_file *schema_file(const struct schema *schema, const char *name);

/* "file:line" of a type, or of its field or value number `i` (-1: the type itself), in the arena of
 * the caller. Without source info only the file. */
const char *schema_place(const struct schema_type *type, int i, struct arena *arena);

/* The type of a field that is a message or an enum; NULL for scalars. */
const struct schema_type *schema_field_type(const struct schema *schema, const field_proto *field);
/* Is the field a map, a member of a oneof that was written (not one that `optional` made)? */
bool schema_is_map(const struct schema *schema, const field_proto *field);
bool schema_in_oneof(const field_proto *field);
/* The name in JSON, said or made. */
const char *schema_json_name(const field_proto *field, struct arena *arena);

#endif
