/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include <assert.h>
#include <limits.h>

/* splitmix64 (Steele, Lea, Flood 2014): good enough for jitter from any seed, 0 included. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

usec_t backoff_next(struct backoff *backoff)
{
    assert(backoff->base > 0 && backoff->cap > 0);
    usec_t ceiling = backoff->cap;
    if (backoff->attempts < 63 && backoff->base <= backoff->cap >> backoff->attempts)
        ceiling = backoff->base << backoff->attempts;
    if (backoff->attempts < UINT_MAX)
        backoff->attempts++;
    /* The upper half of a 64 x 64 bit product is uniform in [0, ceiling). */
    unsigned __int128 wide = (unsigned __int128)random_next(&backoff->seed) * (uint64_t)ceiling;
    return (usec_t)(wide >> 64) + 1;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempts = 0;
}
