/* SPDX-License-Identifier: Apache-2.0 */
#include "command/member.h"

#include <inttypes.h>
#include <string.h>

static const char unknown[] = "null";

void member_name(struct buf *out, const char *name)
{
    char last = out->length ? out->data[out->length - 1] : '{';
    if (last != '{' && last != '[')
        buf_putc(out, ',');
    buf_json_string(out, name, strlen(name));
    buf_putc(out, ':');
}

void member_text(struct buf *out, const char *name, const char *value)
{
    member_name(out, name);
    if (value)
        buf_json_string(out, value, strlen(value));
    else
        buf_puts(out, unknown);
}

void member_bytes(struct buf *out, const char *name, struct span bytes)
{
    member_name(out, name);
    if (!bytes.data) {
        buf_puts(out, unknown);
        return;
    }
    buf_putc(out, '"');
    buf_base64(out, bytes.data, bytes.length);
    buf_putc(out, '"');
}

void member_truth(struct buf *out, const char *name, bool value)
{
    member_name(out, name);
    buf_puts(out, value ? "true" : "false");
}

void member_number(struct buf *out, const char *name, int64_t value)
{
    member_name(out, name);
    buf_printf(out, "%" PRId64, value);
}

void member_count(struct buf *out, const char *name, int64_t count)
{
    if (count < 0)
        member_text(out, name, NULL);
    else
        member_number(out, name, count);
}

void member_measure(struct buf *out, const char *name, double value)
{
    member_name(out, name);
    if (value < 0)
        buf_puts(out, unknown);
    else
        buf_printf(out, "%.9g", value);
}

void member_seconds(struct buf *out, const char *name, int64_t microseconds)
{
    member_name(out, name);
    if (microseconds < 0)
        buf_puts(out, unknown);
    else
        buf_printf(out, "%.3f", (double)microseconds / 1e6);
}

void member_time(struct buf *out, const char *name, usec_t wall)
{
    char text[32];
    member_text(out, name, wall < 0 ? NULL : clock_text(wall, text));
}
