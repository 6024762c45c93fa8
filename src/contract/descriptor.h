/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor: a descriptor set (protoc --include_imports --include_source_info -o x.binpb) becomes
 * protobuf-c descriptors at run time, so that a contract needs no recompile.
 *
 * The set owns everything it hands out (types, names, comments, option bytes) and is immutable and
 * shareable once loaded. The bytes are hostile: they are walked by contract/wire before they are
 * unpacked, names are checked, sizes are bounded, and whatever is wrong is one error that names
 * file and element. Pitfalls of building descriptors by hand: reference notes in CONTRIBUTING.
 *
 * A message of such a type is unpacked by protobuf_c_message_unpack(&type->pb, …). `pb` is the
 * first member, so message->descriptor can be cast back to its struct message_type.
 */
#ifndef PACTOLUS_CONTRACT_DESCRIPTOR_H
#define PACTOLUS_CONTRACT_DESCRIPTOR_H

#include "base/buf.h"
#include "base/err.h"

#include <protobuf-c/protobuf-c.h>

enum {
    DESCRIPTOR_SET_MAX = 16 * 1024 * 1024, /* bytes of a descriptor set */
    DESCRIPTOR_DEPTH_MAX = 32,             /* nesting of types in a file */
};

/* Messages of google.protobuf that have a meaning of their own (JSON form, column type), then those
 * of google.type, whose JSON form is that of any message. */
enum well_known {
    WELL_KNOWN_NONE = 0,
    WELL_KNOWN_TIMESTAMP,
    WELL_KNOWN_DURATION,
    WELL_KNOWN_WRAPPER, /* any of DoubleValue … BytesValue: field 1 `value` */
    WELL_KNOWN_STRUCT,
    WELL_KNOWN_VALUE,
    WELL_KNOWN_LIST_VALUE,
    WELL_KNOWN_ANY,
    WELL_KNOWN_FIELD_MASK,
    WELL_KNOWN_EMPTY, /* the last with a JSON form of its own */
    WELL_KNOWN_DATE,
    WELL_KNOWN_TIME_OF_DAY,
    WELL_KNOWN_MONEY,
    WELL_KNOWN_DECIMAL,
    WELL_KNOWN_LAT_LNG,
    WELL_KNOWN_INTERVAL,
    WELL_KNOWN_GOOGLE_TYPE, /* any other of google.type */
};

static inline bool well_known_has_json(enum well_known kind)
{
    return kind > WELL_KNOWN_NONE && kind <= WELL_KNOWN_EMPTY;
}

struct enum_value {
    const char *name;
    int number;
};

struct enum_type {
    const char *full_name;
    const struct enum_value *values; /* in declaration order; aliases included */
    unsigned n_values;
    bool open; /* proto3: unknown numbers are kept in the field */
    /* The first declared name of each number, sorted by number (for lookup). */
    const struct enum_value *by_number;
    unsigned n_by_number;
};

/* First declared name of `number`, or NULL when the enum does not know it. */
const char *enum_type_name(const struct enum_type *type, int number);
/* Number of `name`, aliases included; false when unknown. */
bool enum_type_number(const struct enum_type *type, const char *name, size_t length, int *number);

struct message_type;

enum field_unsupported { FIELD_SUPPORTED = 0, FIELD_GROUP, FIELD_EXTENSION };

struct field_type {
    const ProtobufCFieldDescriptor *pb; /* type, label, offsets; in the containing type's pb.
                                           Enum fields have no pb->descriptor, and proto2 defaults
                                           are not kept: an unset field is unset. The fields of map
                                           entries have no presence, in any syntax. */
    const char *name, *json_name;
    const char *comment;                 /* leading, else trailing comment; "" if none */
    const struct message_type *message;  /* of a message or map field, else NULL */
    const struct enum_type *enumeration; /* of an enum field, else NULL */
    const char *oneof;                   /* name of its (non-synthetic) oneof, else NULL */
    int oneof_index;                     /* index of that oneof in the message, else -1 */
    bool repeated;                       /* repeated and not a map */
    bool map;      /* map field; `message` is the entry type: key=1, value=2 */
    bool presence; /* unset differs from the zero value */
    bool proto2_required;
    enum field_unsupported unsupported; /* set: not in the type's pb, its bytes are unknown */
    struct span options;                /* serialized FieldOptions, data NULL if none */
    int line;                           /* in the .proto, 1-based; 0 when there is no source info */
};

struct oneof_type {
    const char *name;
    struct span options; /* serialized OneofOptions, data NULL if none */
};

struct message_type {
    ProtobufCMessageDescriptor pb;        /* first member: cast back from message->descriptor */
    const char *full_name;                /* "payments.v1.Payment", no leading dot */
    const char *package;                  /* "payments.v1" */
    const char *file;                     /* "payments/v1/payment.proto" */
    const char *comment;                  /* "" if none */
    struct field_type *fields;            /* parallel to pb.fields (sorted by number) */
    unsigned n_fields;                    /* supported ones, == pb.n_fields */
    const struct field_type *unsupported; /* groups and extensions, for errors and lint */
    unsigned n_unsupported;
    const struct oneof_type *oneofs; /* non-synthetic ones only, in declaration order */
    unsigned n_oneofs;
    enum well_known well_known;
    bool map_entry, proto3;
    struct span options; /* serialized MessageOptions, data NULL if none */
    int line;
};

struct descriptor_set;

/* Parse and link a FileDescriptorSet. `name` (a file name) only serves messages. The bytes are
 * copied. NULL with err (halt, exit 78): malformed bytes, unresolved or duplicate names, editions
 * newer than proto3, missing imports (hint: --include_imports). */
struct descriptor_set *descriptor_set_parse(const void *bytes, size_t length, const char *name,
                                            struct err *err);
/* The same from a file of at most DESCRIPTOR_SET_MAX bytes. */
struct descriptor_set *descriptor_set_load(const char *path, struct err *err);
void descriptor_set_free(struct descriptor_set *set);

/* By full name (a leading dot is ignored); NULL when absent. */
const struct message_type *descriptor_set_message(const struct descriptor_set *set,
                                                  const char *full_name);
/* The same, in the set that `type` is from. */
const struct message_type *message_type_sibling(const struct message_type *type,
                                                const char *full_name);
/* The i-th message of the set (all files, nested ones after their parents), NULL past the end. */
const struct message_type *descriptor_set_message_at(const struct descriptor_set *set, unsigned i);
/* True when the set was made with --include_source_info (comments and lines are there). */
bool descriptor_set_has_source_info(const struct descriptor_set *set);
/* Message of `file` by Confluent's index path ([0] = first message, [0,1] = its second nested). */
const struct message_type *descriptor_set_by_index(const struct descriptor_set *set,
                                                   const char *file, const int *path,
                                                   unsigned length);
/* The index path of `type` in its file; at most `max` numbers into path. Returns how many. */
unsigned descriptor_index_path(const struct message_type *type, int *path, unsigned max);

/* The field with that name, or NULL. */
const struct field_type *message_type_field(const struct message_type *type, const char *name);
const struct field_type *message_type_field_number(const struct message_type *type,
                                                   unsigned number);

#endif
