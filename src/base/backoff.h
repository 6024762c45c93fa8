/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff: capped exponential delays with full jitter (pure; the caller keeps the time).
 * Delay n is uniform in (0, min(cap, base * 2^n)]: full jitter spreads a herd best (the
 * "Exponential Backoff And Jitter" article of the AWS architecture blog).
 */
#ifndef PACTOLUS_BASE_BACKOFF_H
#define PACTOLUS_BASE_BACKOFF_H

#include "base/clock.h"

#include <stdint.h>

struct backoff {
    usec_t base, cap;
    unsigned attempts; /* failures since the last success */
    uint64_t seed;     /* state of the jitter; any value, differing between users */
};

usec_t backoff_next(struct backoff *backoff); /* counts an attempt, returns how long to wait */
void backoff_reset(struct backoff *backoff);  /* a success */

#endif
