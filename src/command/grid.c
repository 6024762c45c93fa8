/* SPDX-License-Identifier: Apache-2.0 */
#include "command/grid.h"

#include "base/text.h"

#include <string.h>

void grid_measure(struct grid *grid, const char *const *cells)
{
    for (unsigned i = 0; i < grid->n; i++) {
        size_t width = grid->without[i] ? 0 : text_utf8_count(cells[i], strlen(cells[i]));
        if (width > grid->width[i])
            grid->width[i] = width;
    }
}

static void put_cell(const char *cell, const char *paint, struct buf *out)
{
    if (paint)
        buf_puts(out, paint);
    grid_clean(cell, out);
    if (paint)
        buf_puts(out, GRID_PLAIN);
}

/* Blanks are owed until something follows them. */
void grid_put(const struct grid *grid, const char *const *cells, const char *const *paint,
              struct buf *out)
{
    size_t owed = 0;
    for (unsigned i = 0; i < grid->n; i++) {
        if (grid->without[i])
            continue;
        size_t width = text_utf8_count(cells[i], strlen(cells[i]));
        size_t rest = grid->width[i] > width ? grid->width[i] - width : 0;
        if (!grid->left[i])
            owed += rest;
        if (*cells[i]) {
            buf_printf(out, "%*s", (int)owed, "");
            put_cell(cells[i], paint ? paint[i] : NULL, out);
            owed = 0;
        }
        owed += (grid->left[i] ? rest : 0) + 2;
    }
}

void grid_clean(const char *text, struct buf *out)
{
    size_t length = strlen(text), begin = out->length;
    buf_put(out, text, length);
    if (out->failed)
        return;
    char *copy = out->data + begin;
    text_utf8_mend(copy, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = ' ';
}
