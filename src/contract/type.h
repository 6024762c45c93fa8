/* SPDX-License-Identifier: Apache-2.0 */
/*
 * type: the table of Protobuf → PostgreSQL types, one row each. Adding a type is adding a row here
 * and its encoder in record/value.
 *
 * OIDs are PostgreSQL's built-in ones (src/include/catalog/pg_type.dat), stable across versions.
 */
#ifndef PACTOLUS_CONTRACT_TYPE_H
#define PACTOLUS_CONTRACT_TYPE_H

#include "base/memory.h"
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
    TYPE_JSONB,       /* repeated messages, maps, messages too deep: proto3 JSON */
    TYPE_UUID,        /* override of string */
    TYPE_INET,        /* override of string */
    TYPE_CIDR,        /* override of string */
    TYPE_NUMERIC,     /* numeric(p,s): google.type.Money and Decimal; override of string */
    TYPE_DATE,        /* google.type.Date */
    TYPE_TIME,        /* google.type.TimeOfDay, floored to µs */
    TYPE_TSTZRANGE,   /* google.type.Interval, half-open, floored to µs */
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

enum {
    TYPE_PRECISION_MAX = 1000, /* of numeric(p,s), as PostgreSQL has it */
    TYPE_MONEY_PRECISION = 28, /* of a google.type.Money: 19 digits of units, 9 of nanos */
    TYPE_MONEY_SCALE = 9,
};

const struct type *type_of(enum type_id id);
/* numeric(28,9) */
const struct type *type_of_money(void);
/* Reads "numeric(p,s)", both given, 1 ≤ p ≤ 1000 and 0 ≤ s ≤ p; false for anything else. */
bool type_numeric_parse(const char *sql, size_t length, unsigned short *precision,
                        unsigned short *scale);

/* The default type of one value of `field` (an element, if it is repeated), as one column. Wrappers
 * give their scalar's type. A message with columns of its own (contract/mapping) is jsonb here.
 * NULL with err (halt) for what is not mapped, naming field, reason and way out. */
const struct type *type_for_field(const struct field_type *field, struct err *err);

/* The type that an option `type = "…"` names for that field, if the pair is allowed
 * (docs/contracts.md, "Types"). A numeric(p,s) is made in `arena`. NULL with err. */
const struct type *type_override(const struct field_type *field, const char *sql,
                                 struct arena *arena, struct err *err);

#endif
