/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framing: what stands before the Protobuf bytes of a value or key.
 *
 *   raw               nothing
 *   confluent         magic 0, big-endian schema id, message index path (count and indexes zigzag
 *                     varints; a single 0 means [0])
 *   confluent-header  payload bare; header __value_schema_id (or __key_schema_id) holds version
 *                     byte 1, a 16-byte GUID, then the index path
 *
 * Rules read from the Confluent serializers; see reference in docs/contracts.md.
 */
#ifndef PACTOLUS_RECORD_FRAMING_H
#define PACTOLUS_RECORD_FRAMING_H

#include "record/record.h"

enum framing { FRAMING_RAW = 0, FRAMING_CONFLUENT, FRAMING_CONFLUENT_HEADER };
enum { FRAMING_PATH_MAX = 16 }; /* index path: nesting of types; longer is malformed */

struct frame {
    struct span payload;
    int64_t schema_id; /* -1 when there is none */
    unsigned char guid[16];
    bool has_guid;
    int path[FRAMING_PATH_MAX];
    unsigned path_length; /* 0 = no path (raw) */
};

bool framing_parse(const char *name, enum framing *framing); /* "raw", "confluent", … */
const char *framing_name(enum framing framing);

/* Split the record's value. False with err (reject): wrong magic, cut prefix, over-long varint,
 * negative or too many indexes, missing or malformed header. In confluent mode the header is
 * looked at first, then the prefix, as Confluent's deserializers do; confluent-header wants the
 * header. */
bool framing_strip(enum framing framing, const struct record *record, struct frame *frame,
                   struct err *err) MUST_CHECK;

/* The same for the record's key: the header is __key_schema_id. */
bool framing_strip_key(enum framing framing, const struct record *record, struct frame *frame,
                       struct err *err) MUST_CHECK;

/* True when the frame names no message (raw) or the one at this index path of its file: without a
 * registry that is all that can be known of the writer's schema. */
bool framing_path_is(const struct frame *frame, const int *path, unsigned length);

/* Write the prefix of `confluent` framing: magic, id, index path. */
void framing_put_prefix(struct buf *out, int32_t schema_id, const int *path, unsigned length);

#endif
