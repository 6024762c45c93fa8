/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/flood.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void flood_init(struct flood *flood, const struct flood_limits *limits)
{
    *flood = (struct flood){.limits = *limits};
    assert(limits->window >= FLOOD_BUCKETS);
}

void flood_reset(struct flood *flood)
{
    struct flood_limits limits = flood->limits;
    flood_init(flood, &limits);
}

/* ---- the window ---- */

static struct flood_bucket *bucket_at(struct flood *flood, int64_t number)
{
    return &flood->buckets[number % FLOOD_BUCKETS];
}

/* Time has left the bucket that was filled: those between it and the one of now are empty, and what
 * they held before is older than the window. */
static void slide(struct flood *flood, usec_t now)
{
    usec_t width = flood->limits.window / FLOOD_BUCKETS;
    int64_t number = now / width, from = flood->number + 1;
    if (number - from >= FLOOD_BUCKETS)
        from = number - FLOOD_BUCKETS + 1;
    for (; from <= number; from++) {
        struct flood_bucket *bucket = bucket_at(flood, from);
        flood->records -= bucket->records;
        flood->letters -= bucket->letters;
        *bucket = (struct flood_bucket){0};
    }
    flood->number = number;
    flood->ends = (number + 1) * width;
}

static struct flood_bucket *filling(struct flood *flood, usec_t now)
{
    if (now >= flood->ends)
        slide(flood, now);
    return bucket_at(flood, flood->number);
}

static void note(struct flood *flood, struct flood_bucket *bucket,
                 const struct flood_letter *letter, uint64_t n)
{
    if (bucket->by_reason[letter->reason] == 0)
        bucket->first[letter->reason] = *letter;
    bucket->by_reason[letter->reason] += n;
    bucket->letters += n;
    flood->letters += n;
}

/* ---- the limits ---- */

static bool share_passed(const struct flood *flood)
{
    const struct flood_limits *limits = &flood->limits;
    return limits->share > 0 && flood->letters >= limits->least &&
           (double)flood->letters > limits->share * (double)flood->records;
}

static uint64_t longest_run(const struct flood *flood)
{
    return flood->run > flood->refused ? flood->run : flood->refused;
}

static bool run_passed(const struct flood *flood)
{
    return flood->limits.consecutive > 0 && longest_run(flood) >= flood->limits.consecutive;
}

static bool passed(const struct flood *flood)
{
    return run_passed(flood) || share_passed(flood);
}

/* ---- counting ---- */

void flood_good(struct flood *flood, usec_t now)
{
    filling(flood, now)->records++;
    flood->records++;
    flood->run = 0;
}

bool flood_bad(struct flood *flood, const struct flood_letter *letter, usec_t now)
{
    struct flood_bucket *bucket = filling(flood, now);
    bucket->records++;
    flood->records++;
    note(flood, bucket, letter, 1);
    if (flood->run++ == 0 && flood->refused == 0)
        flood->run_since = now;
    return passed(flood);
}

bool flood_refused(struct flood *flood, uint64_t good, uint64_t bad,
                   const struct flood_letter *first, usec_t now)
{
    note(flood, filling(flood, now), first, bad);
    if (good > 0)
        flood->refused = 0;
    else if (flood->refused == 0 && flood->run == 0)
        flood->run_since = now;
    if (good == 0)
        flood->refused += bad;
    return passed(flood);
}

/* ---- what is told ---- */

usec_t flood_age(const struct flood *flood, usec_t now)
{
    usec_t run = longest_run(flood) > 0 ? now - flood->run_since : 0;
    return run > flood->limits.window ? run : flood->limits.window;
}

/* The commonest reason in the window: its number of letters, and the first of them. */
static uint64_t commonest(const struct flood *flood, const struct flood_letter **first)
{
    uint64_t most = 0;
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        const struct flood_letter *oldest = NULL;
        uint64_t count = 0;
        for (int64_t i = 1; i <= FLOOD_BUCKETS; i++) { /* oldest bucket first */
            const struct flood_bucket *bucket =
                &flood->buckets[(flood->number + i) % FLOOD_BUCKETS];
            count += bucket->by_reason[reason];
            if (!oldest && bucket->by_reason[reason])
                oldest = &bucket->first[reason];
        }
        if (count > most) {
            most = count;
            *first = oldest;
        }
    }
    return most;
}

void flood_explain(const struct flood *flood, const char *detail, struct err *err)
{
    const struct flood_letter *first = NULL;
    char limit[160], most[340] = "";
    uint64_t count = commonest(flood, &first);
    if (run_passed(flood))
        snprintf(limit, sizeof limit, "%" PRIu64 " dead letters in a row (flood.consecutive = %u)",
                 longest_run(flood), flood->limits.consecutive);
    else
        snprintf(limit, sizeof limit,
                 "%" PRIu64 " of %" PRIu64 " records within %g s are dead letters "
                 "(flood.share = %g)",
                 flood->letters, flood->records, (double)flood->limits.window / USEC_PER_SEC,
                 flood->limits.share);
    if (first)
        snprintf(most, sizeof most, ", %" PRIu64 " of them %s, the first at %.249s[%d]@%lld", count,
                 reason_name(first->reason), first->topic, (int)first->partition,
                 (long long)first->offset);
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "a flood: %s%s%s%.200s", limit, most,
            *detail ? "; the last: " : "", detail);
}
