/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row: message → the cells of one table row, and its key; Kafka key → the key cells of a tombstone.
 */
#ifndef PACTOLUS_RECORD_ROW_H
#define PACTOLUS_RECORD_ROW_H

#include "record/value.h"

/* Fills row->cells, key and hash, and place.version (the other parts of the place are the caller's;
 * an append layout wants place.log and place.offset filled before, for they are its key).
 * `contract` is the index of the message's contract in the layout. Text and bytea cells point into
 * the message, which must live as long as the row. False with err (reject) and the reason: a key
 * field that is unset, or a key of nothing but empty text (KEY); a version field that is unset or
 * past int64 (VERSION); a value that value_cell refuses (VALUE). */
bool row_build(const struct layout *layout, unsigned contract, const ProtobufCMessage *message,
               struct arena *arena, struct drift *drift, struct row *row, enum reason *reason,
               struct err *err) MUST_CHECK;

/* The row of a tombstone from its key cells (`key_cells`: one per key column, in key order):
 * tombstone set, cells NULL but for the key. */
void row_tombstone(const struct layout *layout, const struct cell *key_cells, struct arena *arena,
                   struct row *row);

/* Key bytes and hash from the cells at layout->key; row_build and row_tombstone call it. */
void row_key(const struct layout *layout, struct arena *arena, struct row *row);

#endif
