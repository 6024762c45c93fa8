/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace: how fast an engine takes records. Daemons take what comes; a rebuild yields to the live
 * stream, and may be told a rate. Pure: time and lag are passed in. Starts as zeros: no limit.
 */
#ifndef PACTOLUS_ENGINE_PACE_H
#define PACTOLUS_ENGINE_PACE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_LEAST = 200, /* records/s: a rebuild that yields still comes to its end */
    PACE_SLACK = 1000, /* records by which the live stream's lag may rise before anything yields */
};

struct pace {
    double most;   /* records/s that were asked for, 0 = no limit */
    double rate;   /* that are taken now, 0 = no limit */
    double tokens; /* records that may be taken at once */
    usec_t at;     /* of the last turn */
    int64_t calm;  /* the live stream's lag when it was looked at first, -1 = not yet */
};

/* `most` records per second, 0 = as fast as it goes. */
void pace_begin(struct pace *pace, double most);
void pace_turn(struct pace *pace, usec_t now);
/* When to come again because nothing is allowed now; USEC_NEVER while something is. */
usec_t pace_due(const struct pace *pace, usec_t now);

/* The live stream is `lag` records behind its logs' ends, while `measured` records per second were
 * taken here: above twice its first lag and PACE_SLACK the pace is halved, down to PACE_LEAST; else
 * it grows by a quarter, until it is free again. */
void pace_yield(struct pace *pace, int64_t lag, double measured);

static inline bool pace_allows(const struct pace *pace)
{
    return pace->rate <= 0 || pace->tokens >= 1;
}

static inline void pace_take(struct pace *pace)
{
    if (pace->rate > 0)
        pace->tokens -= 1;
}

#endif
