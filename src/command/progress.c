/* SPDX-License-Identifier: Apache-2.0 */
#include "command/progress.h"

#include "base/text.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

void progress_begin(struct progress *progress, const char *what, int64_t total)
{
    *progress = (struct progress){.what = what,
                                  .total = total,
                                  .begun = clock_monotonic(),
                                  .terminal = isatty(STDERR_FILENO)};
}

/* "[========        ]", or nothing when the end is not known. */
static void bar(const struct progress *progress, int64_t done, char out[BAR_WIDTH + 4])
{
    out[0] = '\0';
    if (progress->total <= 0)
        return;
    double share = (double)done / (double)progress->total;
    int filled = share > 1 ? BAR_WIDTH : (int)(share * BAR_WIDTH);
    char *at = out;
    *at++ = '[';
    for (int i = 0; i < BAR_WIDTH; i++)
        *at++ = i < filled ? '=' : ' ';
    *at++ = ']';
    *at++ = ' ';
    *at = '\0';
}

void progress_show(struct progress *progress, int64_t done)
{
    if (!progress->terminal)
        return;
    usec_t now = clock_monotonic();
    if (now - progress->shown < 100 * USEC_PER_MS)
        return;
    char gauge[BAR_WIDTH + 4], count[32], total[32], rate[32];
    usec_t passed = now - progress->begun;
    bar(progress, done, gauge);
    text_thousands(done, count);
    text_thousands(passed > 0 ? (int64_t)((double)done * 1e6 / (double)passed) : 0, rate);
    if (progress->total > 0)
        fprintf(stderr, "\r\033[K%s%s of %s %s, %s/s", gauge, count,
                text_thousands(progress->total, total), progress->what, rate);
    else
        fprintf(stderr, "\r\033[K%s %s, %s/s", count, progress->what, rate);
    fflush(stderr);
    progress->shown = now;
    progress->dirty = true;
}

void progress_end(struct progress *progress)
{
    if (progress->dirty)
        fputs("\r\033[K", stderr);
    progress->dirty = false;
}
