/* SPDX-License-Identifier: Apache-2.0 */
#include "record/range.h"

#include "base/clock.h"
#include "record/instant.h"

#include <inttypes.h>

bool range_type(enum type_id type)
{
    return type == TYPE_INTEGER || type == TYPE_BIGINT || type == TYPE_TIMESTAMPTZ;
}

int64_t range_value(enum type_id type, const struct cell *cell)
{
    return type == TYPE_INTEGER ? (int32_t)be32_load(cell->data) : (int64_t)be64_load(cell->data);
}

bool range_same(const struct range *a, const struct range *b)
{
    if (a->has_low != b->has_low || a->has_high != b->has_high)
        return false;
    if (!a->has_low && !a->has_high)
        return true;
    return a->column == b->column && (!a->has_low || a->low == b->low) &&
           (!a->has_high || a->high == b->high);
}

bool range_holds(const struct range *range, const struct layout *layout, const struct cell *cells)
{
    if (!range->has_low && !range->has_high)
        return true;
    const struct cell *cell = &cells[range->column];
    if (cell->length < 0)
        return true;
    int64_t value = range_value(layout->columns[range->column].type->id, cell);
    return (!range->has_low || value >= range->low) && (!range->has_high || value < range->high);
}

static void put_limit(struct buf *out, enum type_id type, int64_t limit)
{
    char text[INSTANT_TEXT_MAX];
    if (type != TYPE_TIMESTAMPTZ) {
        buf_printf(out, "%" PRId64, limit);
        return;
    }
    /* Limits come from years 1 to 9999 (postgres/partitions), so this cannot overflow. */
    int64_t micros = limit + USEC_2000;
    int64_t rest = (micros % USEC_PER_SEC + USEC_PER_SEC) % USEC_PER_SEC;
    struct instant instant = {.seconds = (micros - rest) / USEC_PER_SEC,
                              .nanos = (int32_t)rest * 1000};
    instant_timestamp_text(instant, true, text);
    buf_puts(out, text);
}

void range_text(const struct range *range, const struct layout *layout, struct buf *out)
{
    enum type_id type = layout->columns[range->column].type->id;
    if (range->has_low) {
        buf_puts(out, "from ");
        put_limit(out, type, range->low);
    }
    if (range->has_high) {
        buf_puts(out, range->has_low ? " to before " : "before ");
        put_limit(out, type, range->high);
    }
}

bool range_refuse(const struct range *range, const struct layout *layout, struct err *err)
{
    struct buf text = BUF_INIT;
    range_text(range, layout, &text);
    err_set(err, ERR_REJECT, ERR_EXIT_DATA,
            "column %s is outside the partitions that have been made, which hold what is %s",
            layout->columns[range->column].name, text.data);
    buf_free(&text);
    return false;
}
