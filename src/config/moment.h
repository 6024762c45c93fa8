/* SPDX-License-Identifier: Apache-2.0 */
/* moment: points in time and durations as people write them in settings and options. Pure. */
#ifndef PACTOLUS_CONFIG_MOMENT_H
#define PACTOLUS_CONFIG_MOMENT_H

#include "base/clock.h"

#include <stdbool.h>

/* "2026-11-21", "2026-11-21T08:00", "…:00", "…:00.250", with "Z" or "+02:00" at the end; without a
 * zone it is UTC, as Kafka's tools have it. False if malformed, no such day, or outside 1970–9999.
 */
bool moment_parse(const char *text, usec_t *wall);

/* "PT2H30M", "P1DT12H", "PT0.5S" (ISO 8601 as Java's Duration has it: days are 24 hours, and there
 * are no months), or "90m" as settings have it. Not negative. False if malformed or past a hundred
 * thousand days. */
bool moment_duration(const char *text, usec_t *duration);

#endif
