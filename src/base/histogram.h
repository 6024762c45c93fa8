/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram: how often values fell between fixed bounds, for Prometheus. Cheap enough for every
 * record: a walk over at most a handful of bounds, since what is measured is mostly small. The
 * owner embeds it; the scale is static. Nothing here can fail.
 */
#ifndef PACTOLUS_BASE_HISTOGRAM_H
#define PACTOLUS_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 18 };

/* Upper bounds, inclusive and ascending, in the unit that values are given in. */
struct histogram_scale {
    double unit; /* what a value of 1 is in the unit that is shown: 1e-6 for µs shown as seconds */
    unsigned n;
    int64_t bounds[HISTOGRAM_BOUNDS];
};

struct histogram {
    const struct histogram_scale *scale;
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* by bound; the last is past all bounds */
    double sum;                            /* of the values */
};

/* The same value `times` times. A negative one (clocks that disagree) counts as 0. */
static inline void histogram_add(struct histogram *histogram, int64_t value, uint64_t times)
{
    const struct histogram_scale *scale = histogram->scale;
    unsigned i = 0;
    if (value < 0)
        value = 0;
    while (i < scale->n && value > scale->bounds[i])
        i++;
    histogram->counts[i] += times;
    histogram->sum += (double)value * (double)times;
}

#endif
