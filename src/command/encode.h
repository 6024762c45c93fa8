/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode: a JSON line → the key and value of a record, judged by the very pipeline that the stream
 * runs on what it consumes. For `produce`. The encoder owns its buffers (encoder_free) and borrows
 * the binding, which must outlive it.
 */
#ifndef PACTOLUS_COMMAND_ENCODE_H
#define PACTOLUS_COMMAND_ENCODE_H

#include "command/binding.h"

struct encoder {
    const struct binding *binding;
    int32_t schema_id;
    struct arena arena;
    struct buf key, value, scratch;
};

void encoder_init(struct encoder *encoder, const struct binding *binding, int32_t schema_id);
void encoder_free(struct encoder *encoder);

/* `key` and `value` are valid until the next call. False with err (reject) and the reason. */
bool encode_line(struct encoder *encoder, struct span line, struct span *key, struct span *value,
                 enum reason *reason, struct err *err) MUST_CHECK;

#endif
