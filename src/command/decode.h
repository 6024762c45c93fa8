/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode: a record → one line of JSON, by its contract. For `cat`. Borrows everything for the call;
 * the line is appended to the caller's buffer, scratch goes to the caller's arena.
 */
#ifndef PACTOLUS_COMMAND_DECODE_H
#define PACTOLUS_COMMAND_DECODE_H

#include "command/binding.h"

struct decode_style {
    bool envelope;    /* partition, offset, timestamp, key, headers around the value */
    bool proto_names; /* field names as in the .proto */
};

/* Appends one line (without its end). What cannot be decoded is told in `err` (false); with the
 * envelope the line is written all the same, with the reason and the bytes. */
bool decode_record(const struct binding *binding, const struct decode_style *style,
                   const struct record *record, struct arena *arena, struct buf *out,
                   struct err *err) MUST_CHECK;

#endif
