/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of JSON objects, compact: "name":value with a comma ahead where one is needed, which the
 * last byte of the buffer says ('{' and '[' need none). The caller writes the brackets.
 */
#ifndef PACTOLUS_COMMAND_MEMBER_H
#define PACTOLUS_COMMAND_MEMBER_H

#include "base/buf.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* The name alone; the value follows from the caller. */
void member_name(struct buf *out, const char *name);
/* null where there is none. */
void member_text(struct buf *out, const char *name, const char *value);
void member_bytes(struct buf *out, const char *name, struct span bytes); /* base64 */
void member_truth(struct buf *out, const char *name, bool value);
void member_number(struct buf *out, const char *name, int64_t value);

/* What a negative number says is not known: null. */
void member_count(struct buf *out, const char *name, int64_t count);
void member_measure(struct buf *out, const char *name, double value);
void member_seconds(struct buf *out, const char *name, int64_t microseconds);
void member_time(struct buf *out, const char *name, usec_t wall); /* ISO 8601 */

#endif
