/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: the Kafka key mapped to the table's key columns (docs/guarantees.md §5).
 *
 *   none      the key says nothing; a tombstone is a dead letter
 *   text      the whole key is the text of one column
 *   protobuf  the key is a message; fields named like the key columns' fields
 *   json      a JSON object with the key columns' field names, or a bare scalar for one column
 */
#ifndef PACTOLUS_RECORD_KEY_H
#define PACTOLUS_RECORD_KEY_H

#include "record/framing.h"
#include "record/value.h"

enum key_format { KEY_NONE = 0, KEY_TEXT, KEY_PROTOBUF, KEY_JSON };
bool key_format_parse(const char *name, enum key_format *format);
const char *key_format_name(enum key_format format);

struct key_mapping {
    enum key_format format;
    const struct message_type *message; /* KEY_PROTOBUF: the key's message type */
    enum framing framing;               /* KEY_PROTOBUF: raw or confluent */
};

/* Decode `record->key` into one cell per key column of `contract`, in key order. False with err
 * (reject): null key, malformed, a missing column. Never called for KEY_NONE. */
bool key_cells(const struct key_mapping *mapping, const struct contract *contract,
               const struct record *record, struct arena *arena, struct cell *cells,
               struct err *err) MUST_CHECK;

/* Check at load that the mapping can fill the contract's key (text: exactly one key column;
 * protobuf: every key field exists with the same type). False with err (halt). */
bool key_mapping_check(const struct key_mapping *mapping, const struct contract *contract,
                       struct err *err) MUST_CHECK;

#endif
