/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: one field of a message → one cell in PostgreSQL's binary form; and, for fields and keys
 * that arrive as text, text → cell. The encoders are a table beside contract/type's.
 *
 * Binary forms (PostgreSQL's *_recv functions): integers and floats big-endian; boolean one byte;
 * timestamptz int64 µs since 2000-01-01; interval int64 µs, int32 days, int32 months; numeric
 * base-10000 digits; uuid 16 bytes; jsonb version byte 1 then text; date int32 days since
 * 2000-01-01; time int64 µs; tstzrange flags and bounds; inet and cidr family, bits, bytes. Array
 * columns travel as text literals ('{…}'), because unnest flattens arrays of arrays.
 */
#ifndef PACTOLUS_RECORD_VALUE_H
#define PACTOLUS_RECORD_VALUE_H

#include "record/guard.h"

/* The cell of `column` of `message`, in the arena. NULL cell for an unset field with presence, and
 * for one below an unset message. False with err (reject): timestamp outside years 1–9999 or nanos
 * outside 0–999,999,999, duration out of range or with mixed signs, text that is no uuid, address
 * or number, integer past an override's range, number that would be rounded, partial date, interval
 * that ends before it starts, position off the globe, JSON past its limits. Unknown enum numbers
 * become digits and are counted in `drift` (may be NULL). */
bool value_cell(const struct column *column, const ProtobufCMessage *message, struct arena *arena,
                struct drift *drift, struct cell *cell, struct err *err) MUST_CHECK;

/* The message that holds the column's field: `message` itself, or one below it; NULL when one on
 * the way is unset. */
const ProtobufCMessage *value_holder(const struct column *column, const ProtobufCMessage *message);

/* Text (of a Kafka key, a header) → cell of a scalar type: integers in range, booleans "true" and
 * "false", uuids, addresses, decimal numbers, dates (2026-05-17), text as it is (valid UTF-8, no
 * NUL), enum names or digits, timestamps RFC 3339. False with err (reject). */
bool value_from_text(const struct column *column, struct span text, struct arena *arena,
                     struct cell *cell, struct err *err) MUST_CHECK;

#endif
