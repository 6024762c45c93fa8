/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_forms: what the value_*.c files share; nobody else includes it.
 */
#ifndef PACTOLUS_RECORD_VALUE_FORMS_H
#define PACTOLUS_RECORD_VALUE_FORMS_H

#include "record/message.h"
#include "record/value.h"

enum {
    VALUE_NUMERIC_MAX = 18,            /* numeric_u64: header of 8 bytes, 5 digits of 2 */
    VALUE_TEXT_MAX = 64 * 1024 * 1024, /* bytes of one jsonb or array cell: jsonb's own limit is
                                          256 MiB in its inner form, which is several times larger
                                          than the text at worst */
};

/* One value in message memory and all that its encoder needs. */
struct source {
    const struct column *column;
    ProtobufCType kind;
    const struct enum_type *enumeration; /* of an enum */
    const void *at;
    struct arena *arena;
    struct drift *drift; /* may be NULL */
    struct err *err;
};

/* A reject that names the column: "column amount: …". Returns false. */
bool value_refuse(struct err *err, const struct column *column, const char *fault);

/* The field that holds the value: the column's own, or `value` of its wrapper. */
const struct field_type *value_field(const struct column *column);

/* NUL-terminated name of the enum's number, or its digits (in the arena), which drift counts. */
const char *value_enum_text(const struct source *source);

/* PostgreSQL's binary numeric of a natural number; returns its length. */
size_t value_numeric_u64(uint64_t value, char out[VALUE_NUMERIC_MAX]);

/* 16 bytes from the canonical text form (8-4-4-4-12, either case); false for anything else. */
bool value_parse_uuid(struct span text, char out[16]);

/* The array literal of a repeated field as a cell. */
bool value_array(const struct column *column, const ProtobufCMessage *message, struct arena *arena,
                 struct drift *drift, struct cell *cell, struct err *err) MUST_CHECK;

/* Cells of fixed width. */
static inline void value_put(struct cell *cell, const void *data, size_t length)
{
    cell->data = data;
    cell->length = (int32_t)length;
}
static inline void value_put32(struct cell *cell, struct arena *arena, uint32_t bits)
{
    char *at = arena_alloc(arena, 4);
    be32_store(at, bits);
    value_put(cell, at, 4);
}
static inline void value_put64(struct cell *cell, struct arena *arena, uint64_t bits)
{
    char *at = arena_alloc(arena, 8);
    be64_store(at, bits);
    value_put(cell, at, 8);
}

#endif
