/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what the daemon tells about itself by HTTP (engine/http), where metrics.listen says:
 *
 *   /metrics   counters and gauges of the modules, for Prometheus; docs/metrics.md lists them
 *   /healthz   200 while the loop turns: it is the loop that answers
 *   /readyz    200 when the daemon does its work, else 503 and what is amiss, a line each
 *
 * Modules own their counters; this reads them when somebody asks. What only the database or the
 * broker knows is asked now and then by the service, and shown as it was last heard.
 *
 * An address that is taken is a warning, and tried again: rows matter more than their metrics, and
 * the alert that misses this daemon's page will say so.
 */
#ifndef PACTOLUS_ENGINE_METRICS_H
#define PACTOLUS_ENGINE_METRICS_H

#include "base/buf.h"
#include "base/exposition.h"
#include "engine/engine.h"

enum { METRICS_STATISTICS_MS = 10000 }; /* how often librdkafka tells about itself */

/* NULL when the configuration wants none. */
struct metrics *metrics_open(struct engine *engine);
/* Answer, ask, listen. Returns when to come again. NULL is allowed here and below. */
usec_t metrics_turn(struct metrics *metrics, usec_t now);
void metrics_close(struct metrics *metrics);

/* The names that a page may hold, for the test of the documents; NULL past the last. */
const char *metrics_name(unsigned number);
const char *metrics_help(unsigned number);

#endif
