/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record.h"

#include <string.h>

bool record_header(const struct record *record, const char *name, struct span *value)
{
    struct header headers[RECORD_HEADERS_MAX];
    if (!record->headers)
        return false;
    unsigned count = record->headers(record->source, headers, RECORD_HEADERS_MAX);
    if (count > RECORD_HEADERS_MAX)
        count = RECORD_HEADERS_MAX;
    while (count--) {
        if (strcmp(headers[count].name, name) == 0) {
            *value = headers[count].value;
            return true;
        }
    }
    return false;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int place_compare(const struct place *a, const struct place *b)
{
    int order = compare(a->version, b->version);
    if (!order)
        order = compare(a->log >> 48, b->log >> 48);
    if (!order)
        order = compare(a->order_ts, b->order_ts);
    if (!order)
        order = compare(a->log, b->log);
    return order ? order : compare(a->offset, b->offset);
}
