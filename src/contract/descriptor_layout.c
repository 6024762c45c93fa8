/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a message of a run-time type lies in memory. protobuf-c reads and writes members through the
 * offsets of its field descriptors; what its compiler would leave to the C compiler is done here:
 *
 *   the base, then per field in number order
 *     singular      [has: int] value       `has` only for optional numbers and bytes
 *     repeated      count: size_t, pointer
 *     oneof         case: uint32, union    at the first member; the members share both
 */
#include "contract/descriptor_internal.h"

#include <stdlib.h>
#include <string.h>

static size_t value_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(uint32_t); /* protobuf_c_boolean is an int, enums are ints */
    }
}

static unsigned take(size_t *size, size_t bytes)
{
    size_t align = bytes < 8 ? bytes : 8;
    size_t offset = (*size + align - 1) / align * align;
    *size = offset + bytes;
    return (unsigned)offset; /* at most DESCRIPTOR_ELEMENTS_MAX fields of 24 bytes */
}

struct oneof_place {
    unsigned case_offset, offset; /* 0 = not placed yet */
    size_t largest;               /* bytes of the largest member */
};

static void measure_oneofs(const struct message_type *type, struct oneof_place *oneofs)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].oneof_index < 0)
            continue;
        struct oneof_place *place = &oneofs[type->fields[i].oneof_index];
        size_t bytes = value_size(type->fields[i].pb->type);
        if (bytes > place->largest)
            place->largest = bytes;
    }
}

static void place_oneof(struct oneof_place *place, size_t *size)
{
    if (place->offset != 0)
        return;
    place->case_offset = take(size, sizeof(uint32_t));
    place->offset = take(size, place->largest);
}

static void place_fields(struct message_type *type, ProtobufCFieldDescriptor *pbs)
{
    size_t size = sizeof(ProtobufCMessage);
    struct oneof_place *oneofs = mem_zero(type->n_oneofs + 1, sizeof *oneofs);
    measure_oneofs(type, oneofs);
    for (unsigned i = 0; i < type->n_fields; i++) {
        ProtobufCFieldDescriptor *pb = &pbs[i];
        int oneof = type->fields[i].oneof_index;
        if (oneof >= 0) {
            place_oneof(&oneofs[oneof], &size);
            pb->quantifier_offset = oneofs[oneof].case_offset;
            pb->offset = oneofs[oneof].offset;
        } else if (pb->label == PROTOBUF_C_LABEL_REPEATED) {
            pb->quantifier_offset = take(&size, sizeof(size_t));
            pb->offset = take(&size, sizeof(void *));
        } else {
            if (pb->label == PROTOBUF_C_LABEL_OPTIONAL && pb->type != PROTOBUF_C_TYPE_STRING &&
                pb->type != PROTOBUF_C_TYPE_MESSAGE)
                pb->quantifier_offset = take(&size, sizeof(protobuf_c_boolean));
            pb->offset = take(&size, value_size(pb->type));
        }
    }
    type->pb.sizeof_message = (size + 7) / 8 * 8;
    free(oneofs);
}

/* Runs of consecutive numbers, closed by a sentinel that tells where the last run ends. */
static void make_ranges(struct message_entry *entry)
{
    ProtobufCMessageDescriptor *pb = &entry->type.pb;
    unsigned runs = 0;
    for (unsigned i = 0; i < pb->n_fields; i++)
        runs += i == 0 || pb->fields[i].id != pb->fields[i - 1].id + 1;
    ProtobufCIntRange *ranges = arena_alloc(&entry->set->arena, (runs + 1) * sizeof *ranges);
    unsigned at = 0;
    for (unsigned i = 0; i < pb->n_fields; i++) {
        if (i == 0 || pb->fields[i].id != pb->fields[i - 1].id + 1)
            ranges[at++] = (ProtobufCIntRange){(int)pb->fields[i].id, i};
    }
    ranges[at] = (ProtobufCIntRange){0, pb->n_fields};
    pb->n_field_ranges = runs;
    pb->field_ranges = ranges;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const ProtobufCFieldDescriptor *fields = context;
    return strcmp(fields[*(const unsigned *)a].name, fields[*(const unsigned *)b].name);
}

static void index_names(struct message_entry *entry, ProtobufCFieldDescriptor *pbs)
{
    ProtobufCMessageDescriptor *pb = &entry->type.pb;
    unsigned *names = arena_alloc(&entry->set->arena, (pb->n_fields + 1) * sizeof *names);
    for (unsigned i = 0; i < pb->n_fields; i++)
        names[i] = i;
    qsort_r(names, pb->n_fields, sizeof *names, compare_names, pbs);
    pb->fields_sorted_by_name = names;
}

bool descriptor_lay_out(struct message_entry *entry, ProtobufCFieldDescriptor *pbs, struct err *err)
{
    struct message_type *type = &entry->type;
    ProtobufCMessageDescriptor *pb = &type->pb;
    pb->magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
    pb->name = type->full_name;
    const char *dot = strrchr(type->full_name, '.');
    pb->short_name = dot ? dot + 1 : type->full_name;
    pb->c_name = "";
    pb->package_name = type->package;
    pb->n_fields = type->n_fields;
    /* unpack looks at fields[0] unless there is no array at all */
    pb->fields = type->n_fields ? pbs : NULL;
    place_fields(type, pbs);
    make_ranges(entry);
    index_names(entry, pbs);
    for (unsigned i = 1; i < pb->n_fields; i++) {
        const char *name = pbs[pb->fields_sorted_by_name[i]].name;
        if (strcmp(name, pbs[pb->fields_sorted_by_name[i - 1]].name) == 0)
            return descriptor_fault(err, type->file, type->line, "message %s has two fields %s",
                                    type->full_name, name);
    }
    return true;
}
