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
    VALUE_NET_MAX = 4 + 16,            /* inet: family, bits, is it cidr, bytes; then these */
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

/* inet's binary form, or cidr's (`network`: no bits past the prefix length); 0 for what is neither
 * an address in full nor one with a prefix length behind it. */
size_t value_parse_net(struct span text, bool network, char out[VALUE_NET_MAX]);

/* The encoders of google.type's messages: rows of value.c's table. */
bool value_date(const struct source *source, struct cell *cell);
bool value_date_text(const struct source *source, struct cell *cell);
bool value_time(const struct source *source, struct cell *cell);
bool value_numeric(const struct source *source, struct cell *cell);
bool value_decimal_text(const struct source *source, struct cell *cell);
bool value_tstzrange(const struct source *source, struct cell *cell);
/* A column that holds something else of its field than the value; `holder` has the field. */
bool value_part(const struct column *column, const ProtobufCMessage *holder, struct arena *arena,
                struct cell *cell, struct err *err) MUST_CHECK;

/* A text as a number that the column holds without rounding. */
struct decimal;
bool value_decimal(const struct column *column, struct span text, bool empty_is_zero,
                   struct decimal *decimal, struct err *err) MUST_CHECK;
void value_put_decimal(struct cell *cell, struct arena *arena, const struct decimal *decimal,
                       unsigned scale);

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
