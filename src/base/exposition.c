/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exposition.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Backslash and line feed; in label values the quote too. */
static void put_escaped(struct buf *out, const char *text, bool quote)
{
    for (;;) {
        size_t plain = strcspn(text, quote ? "\\\n\"" : "\\\n");
        buf_put(out, text, plain);
        text += plain;
        if (!*text)
            return;
        buf_putc(out, '\\');
        buf_putc(out, *text == '\n' ? 'n' : *text);
        text++;
    }
}

void exposition_family(struct buf *out, const char *name, enum metric_kind kind, const char *help)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    buf_puts(out, "# HELP ");
    buf_puts(out, name);
    buf_putc(out, ' ');
    put_escaped(out, help, false);
    buf_puts(out, "\n# TYPE ");
    buf_puts(out, name);
    buf_putc(out, ' ');
    buf_puts(out, kinds[kind]);
    buf_putc(out, '\n');
}

static void put_name(struct buf *out, const char *name, const char *suffix,
                     const struct label *labels, unsigned n)
{
    buf_puts(out, name);
    buf_puts(out, suffix);
    for (unsigned i = 0; i < n; i++) {
        buf_putc(out, i ? ',' : '{');
        buf_puts(out, labels[i].name);
        buf_puts(out, "=\"");
        put_escaped(out, labels[i].value, true);
        buf_putc(out, '"');
    }
    if (n)
        buf_putc(out, '}');
    buf_putc(out, ' ');
}

static void put_double(struct buf *out, double value)
{
    char text[40];
    if (isnan(value))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(value))
        snprintf(text, sizeof text, "%sInf", value < 0 ? "-" : "+");
    else
        /* 15 digits: a binary fraction's tail says nothing, and microseconds of our century fit. */
        snprintf(text, sizeof text, "%.15g", value);
    buf_puts(out, text);
}

void exposition_sample(struct buf *out, const char *name, const struct label *labels, unsigned n,
                       double value)
{
    put_name(out, name, "", labels, n);
    put_double(out, value);
    buf_putc(out, '\n');
}

static void put_count(struct buf *out, const char *name, const char *suffix,
                      const struct label *labels, unsigned n, uint64_t value)
{
    char text[24];
    put_name(out, name, suffix, labels, n);
    snprintf(text, sizeof text, "%" PRIu64 "\n", value);
    buf_puts(out, text);
}

void exposition_count(struct buf *out, const char *name, const struct label *labels, unsigned n,
                      uint64_t value)
{
    put_count(out, name, "", labels, n, value);
}

void exposition_histogram(struct buf *out, const char *name, const struct label *labels, unsigned n,
                          const struct histogram *histogram)
{
    const struct histogram_scale *scale = histogram->scale;
    struct label with[EXPOSITION_LABELS + 1];
    uint64_t total = 0;
    assert(n <= EXPOSITION_LABELS);
    memcpy(with, labels, n * sizeof *with);
    for (unsigned i = 0; i <= scale->n; i++) {
        char bound[40] = "+Inf";
        if (i < scale->n)
            snprintf(bound, sizeof bound, "%.15g", (double)scale->bounds[i] * scale->unit);
        total += histogram->counts[i];
        with[n] = (struct label){"le", bound};
        put_count(out, name, "_bucket", with, n + 1, total);
    }
    put_name(out, name, "_sum", labels, n);
    put_double(out, histogram->sum * scale->unit);
    buf_putc(out, '\n');
    put_count(out, name, "_count", labels, n, total);
}
