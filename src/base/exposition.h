/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposition: Prometheus's text format, version 0.0.4. Written into a buf, which is checked once at
 * the end; everything is borrowed for the call.
 * https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
 */
#ifndef PACTOLUS_BASE_EXPOSITION_H
#define PACTOLUS_BASE_EXPOSITION_H

#include "base/buf.h"
#include "base/histogram.h"

/* Prometheus 3 refuses a page without it. */
#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct label {
    const char *name, *value;
};

/* "# HELP" and "# TYPE": once, before the family's samples, which stand together. */
void exposition_family(struct buf *out, const char *name, enum metric_kind kind, const char *help);

/* One sample. `value` is written so that it reads back as it was, whole numbers without a point. */
void exposition_sample(struct buf *out, const char *name, const struct label *labels, unsigned n,
                       double value);
/* Counters stay exact past 2^53. */
void exposition_count(struct buf *out, const char *name, const struct label *labels, unsigned n,
                      uint64_t value);
/* NAME_bucket with `le`, NAME_sum and NAME_count. At most EXPOSITION_LABELS labels. */
enum { EXPOSITION_LABELS = 8 };
void exposition_histogram(struct buf *out, const char *name, const struct label *labels, unsigned n,
                          const struct histogram *histogram);

#endif
