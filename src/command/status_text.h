/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_text: what the text's parts share: status_text.c puts head, daemons and the table of
 * streams, status_detail.c the lines below a stream. Internal to both.
 */
#ifndef PACTOLUS_COMMAND_STATUS_TEXT_H
#define PACTOLUS_COMMAND_STATUS_TEXT_H

#include "command/grid.h"
#include "command/status.h"

struct writing {
    const struct status *status;
    struct buf *out;
    bool colour;
};

/* Nothing unless colours are wanted. */
void status_paint(struct writing *writing, const char *code);

/* "1,204", or "?" when it is not known. Returns out, as do the others. */
const char *status_count(int64_t value, char out[32]);
/* "340 ms ago", "never", or "?". */
const char *status_ago(const struct status *status, usec_t when, char out[40]);

/* All lines that belong to one stream. */
void status_put_detail(struct writing *writing, unsigned stream);

#endif
