/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static usec_t read_clock(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    assert(!failed); /* fails only for a clock that does not exist */
    return (usec_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

usec_t clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_pause(usec_t wait)
{
    nanosleep(&(struct timespec){wait / USEC_PER_SEC, wait % USEC_PER_SEC * 1000}, NULL);
}

usec_t clock_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

char *clock_text(usec_t wall, char out[32])
{
    /* Downwards, so that the fraction before 1970 counts forward too. */
    int64_t seconds = wall / USEC_PER_SEC, fraction = wall % USEC_PER_SEC;
    if (fraction < 0) {
        seconds--;
        fraction += USEC_PER_SEC;
    }
    time_t time = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&time, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        snprintf(out, 32, "%" PRId64, seconds);
        return out;
    }
    /* Each field as unsigned char: bounded for the compiler as it is in fact. */
    unsigned year = (unsigned)(tm.tm_year + 1900) % 10000u;
    snprintf(out, 32, "%04u-%02hhu-%02hhuT%02hhu:%02hhu:%02hhu.%06uZ", year,
             (unsigned char)(tm.tm_mon + 1), (unsigned char)tm.tm_mday, (unsigned char)tm.tm_hour,
             (unsigned char)tm.tm_min, (unsigned char)tm.tm_sec, (unsigned)fraction % 1000000u);
    return out;
}
