/* SPDX-License-Identifier: Apache-2.0 */
/*
 * type: the table of Protobuf → PostgreSQL types, one row each. Adding a type is adding a row here
 * and its encoder in record/value.
 *
 * OIDs are PostgreSQL's built-in ones (src/include/catalog/pg_type.dat), stable across versions.
 */
#ifndef PACTOLUS_CONTRACT_TYPE_H
#define PACTOLUS_CONTRACT_TYPE_H

#include "contract/descriptor.h"

#include <stdint.h>

enum type_id {
    TYPE_BOOLEAN,
    TYPE_INTEGER,     /* int32, sint32, sfixed32 */
    TYPE_BIGINT,      /* int64, sint64, sfixed64; uint32, fixed32 */
    TYPE_NUMERIC_U64, /* uint64, fixed64 → numeric(20,0) */
    TYPE_REAL,
    TYPE_DOUBLE,
    TYPE_TEXT,
    TYPE_BYTEA,
    TYPE_ENUM,        /* text: first declared name, digits when unknown */
    TYPE_TIMESTAMPTZ, /* google.protobuf.Timestamp, floored to µs */
    TYPE_INTERVAL,    /* google.protobuf.Duration, microseconds only */
    TYPE_JSONB,       /* nested and repeated messages, maps: proto3 JSON */
    TYPE_UUID,        /* override of string */
    TYPE_COUNT,
};

struct type {
    enum type_id id;
    const char *name; /* for messages: "bigint" */
    const char *sql;  /* in DDL, as format_type() prints it: "numeric(20,0)" */
    const char *cast; /* what an array parameter is declared as: "int8" → $1::int8[] */
    uint32_t oid, array_oid;
    int width; /* bytes of the binary form; -1 = varies */
    const char
        *zero; /* SQL literal of proto's zero value: NOT NULL DEFAULT candidates; NULL: none */
    const char *comment; /* what a person should know */
};

const struct type *type_of(enum type_id id);

/* The default type of one value of `field` (an element, if it is repeated). Wrappers give their
 * scalar's type. NULL with err (halt) for what is not mapped, naming field and reason. */
const struct type *type_for_field(const struct field_type *field, struct err *err);

/* The type that an option `type = "…"` names for that field, if the pair is allowed (uuid for
 * string, bigint for uint64 (range-checked), text for enum, jsonb for messages). NULL with err. */
const struct type *type_override(const struct field_type *field, const char *sql, struct err *err);

#endif
