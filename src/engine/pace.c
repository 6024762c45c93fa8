/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pace.h"

/* What may be taken at once after a pause: so much of a second's worth. */
static const double burst = 0.05;
/* A pace that is so many times what is taken anyway holds nothing back. */
static const double ample = 4;

void pace_begin(struct pace *pace, double most)
{
    *pace = (struct pace){.most = most, .rate = most, .calm = -1};
}

static double room(const struct pace *pace)
{
    return pace->rate * burst < 1 ? 1 : pace->rate * burst;
}

void pace_turn(struct pace *pace, usec_t now)
{
    if (pace->rate > 0 && pace->at) {
        pace->tokens += pace->rate * (double)(now - pace->at) / (double)USEC_PER_SEC;
        if (pace->tokens > room(pace))
            pace->tokens = room(pace);
    }
    pace->at = now;
}

usec_t pace_due(const struct pace *pace, usec_t now)
{
    if (pace_allows(pace))
        return USEC_NEVER;
    /* Half of what there is room for, so that few turns bring many records. */
    double wanted = room(pace) / 2 < 1 ? 1 : room(pace) / 2;
    return now + (usec_t)((wanted - pace->tokens) / pace->rate * (double)USEC_PER_SEC) + 1;
}

void pace_yield(struct pace *pace, int64_t lag, double measured)
{
    if (pace->calm < 0)
        pace->calm = lag;
    if (lag > 2 * pace->calm + PACE_SLACK) {
        double from = pace->rate > 0 && pace->rate < measured ? pace->rate : measured;
        pace->rate = from / 2 < PACE_LEAST ? PACE_LEAST : from / 2;
    } else if (pace->rate > 0) {
        pace->rate *= 1.25;
        if (pace->most <= 0 && pace->rate > ample * measured && measured > PACE_LEAST)
            pace->rate = 0;
    }
    if (pace->most > 0 && pace->rate > pace->most)
        pace->rate = pace->most;
}
