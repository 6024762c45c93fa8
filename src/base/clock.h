/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the only reader of time. Times are signed 64-bit microseconds (`usec_t`); monotonic ones
 * are for deadlines, wall ones (since 1970, UTC) for people and tables. The engine gets its time as
 * a parameter, so that tests drive it. Values only; nothing here can fail.
 */
#ifndef PACTOLUS_BASE_CLOCK_H
#define PACTOLUS_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t usec_t;

#define USEC_PER_MS  ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_NEVER   INT64_MAX
#define USEC_2000    ((usec_t)946684800000000) /* PostgreSQL's epoch, in Unix microseconds */

usec_t clock_monotonic(void);
usec_t clock_wall(void);

/* Do nothing for so long, or until a signal: verbs and worker threads only. */
void clock_pause(usec_t wait);

/* Microseconds of CPU that this process has used (user and system). */
usec_t clock_cpu(void);

/* "2026-11-21T08:44:50.123456Z": `out` needs 32 bytes. Returns out. Years outside 0000–9999 are
 * written as the number of seconds. */
char *clock_text(usec_t wall, char out[32]);

#endif
