/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: walks Protobuf bytes by a descriptor before protobuf-c unpacks them, because protobuf-c has
 * no recursion limit, does not check UTF-8, loses what follows a NUL in text and lets small inputs
 * grow large. Serves the descriptor loader and record/guard.
 *
 * The walk allocates nothing and recurses at most `depth_max` deep.
 */
#ifndef PACTOLUS_CONTRACT_WIRE_H
#define PACTOLUS_CONTRACT_WIRE_H

#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

enum wire_fault {
    WIRE_OK = 0,
    WIRE_TRUNCATED, /* a length or varint runs past the end */
    WIRE_VARINT,    /* a varint of more than 10 bytes, or a tag or length past 32 bits */
    WIRE_TAG,       /* field number 0 or past 2^29-1, or wire type 6 or 7 */
    WIRE_GROUP,     /* group delimiters (wire types 3 and 4) */
    WIRE_TYPE,      /* a known field with a wire type it cannot have */
    WIRE_DEPTH,     /* nested deeper than the limit */
    WIRE_UTF8,      /* text that is not UTF-8 */
    WIRE_NUL,       /* text with a NUL */
    WIRE_SIZE,      /* a field longer than the limit */
    WIRE_FIELDS,    /* more fields than the limit: unpacking would grow without bound */
};

struct wire_limits {
    unsigned depth_max; /* message nesting, the outermost counts 1 */
    size_t field_max;   /* bytes of one length-delimited text, bytes or packed field; 0 = none */
    size_t fields_max;  /* fields (unknown ones too) in the whole record; 0 = none */
};

struct wire_walk {
    enum wire_fault fault;
    size_t offset;          /* where the fault is, from the start of the record */
    unsigned field;         /* number of the field at fault, 0 if none */
    unsigned depth;         /* nesting at the fault */
    size_t unknown;         /* unknown fields met */
    unsigned unknown_first; /* number of the first unknown field, 0 if none */
    /* Called for each unknown field when not NULL (drift per field number). `type` is the message
     * that does not know it. */
    void (*on_unknown)(void *context, const ProtobufCMessageDescriptor *type, unsigned number);
    void *context;
};

/* Walk `bytes` as a message of `type`. `walk` is zeroed by the caller except for the callback.
 * True when nothing is at fault. Packed and unpacked forms of repeated scalars are both taken. */
bool wire_check(struct wire_walk *walk, const ProtobufCMessageDescriptor *type, struct span bytes,
                const struct wire_limits *limits);

/* One sentence about the fault: "varint of more than 10 bytes". Static. */
const char *wire_fault_text(enum wire_fault fault);

/* Cursor over the fields of one message, for option bytes that no descriptor covers. */
struct wire_reader {
    const unsigned char *at, *end;
    bool failed;
};
struct wire_field {
    unsigned number, wire_type;
    uint64_t varint;   /* wire types 0, 1 and 5 */
    struct span bytes; /* wire type 2 */
};
void wire_reader_init(struct wire_reader *reader, struct span bytes);
/* False at the end or on malformed bytes (then reader->failed). Groups are failures. */
bool wire_reader_next(struct wire_reader *reader, struct wire_field *field);

#endif
