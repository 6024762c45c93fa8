/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid: a table in text, whose columns are as wide as their widest cell. Widths count code points,
 * so that names in any script keep their columns. Rows that other lines stand between are measured
 * first (grid_measure) and put one by one (grid_put). Pure; owns nothing.
 */
#ifndef PACTOLUS_COMMAND_GRID_H
#define PACTOLUS_COMMAND_GRID_H

#include "base/buf.h"

enum { GRID_COLUMNS = 8 };

/* Begin with the widths 0. */
struct grid {
    unsigned n;
    bool left[GRID_COLUMNS];    /* numbers stand to the right */
    bool without[GRID_COLUMNS]; /* columns that are not shown */
    size_t width[GRID_COLUMNS];
};

/* `n` cells, none NULL but in columns that are not shown. */
void grid_measure(struct grid *grid, const char *const *cells);
/* One row without a newline, and without blanks at its end. Cells with an entry in `paint` (NULL:
 * none has) stand between that and the end of all painting. */
void grid_put(const struct grid *grid, const char *const *cells, const char *const *paint,
              struct buf *out);

/* Text from elsewhere, which could move the cursor or break the line: control characters become
 * blanks, and what is not UTF-8 becomes "?". */
void grid_clean(const char *text, struct buf *out);

#define GRID_CALM  "\033[2m"
#define GRID_ALERT "\033[33m"
#define GRID_PLAIN "\033[0m"

#endif
