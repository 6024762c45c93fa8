/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus's text format, to the letter. */
#include "base/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct histogram_scale scale = {.unit = 1e-6, .n = 3, .bounds = {1000, 2500, 1000000}};

static void check(struct buf *out, const char *wanted)
{
    assert_false(out->failed);
    assert_string_equal(out->data, wanted);
    buf_free(out);
}

static void families_and_samples(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    const struct label labels[] = {{"stream", "payment"}, {"outcome", "applied"}};
    exposition_family(&out, "pactolus_records_total", METRIC_COUNTER, "What became of records.");
    exposition_count(&out, "pactolus_records_total", labels, 2, UINT64_MAX);
    exposition_sample(&out, "pactolus_up", NULL, 0, 1);
    check(&out, "# HELP pactolus_records_total What became of records.\n"
                "# TYPE pactolus_records_total counter\n"
                "pactolus_records_total{stream=\"payment\",outcome=\"applied\"} "
                "18446744073709551615\n"
                "pactolus_up 1\n");
}

/* A topic's name cannot break out of its label, nor a text out of its line. */
static void texts_are_escaped(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    const struct label label = {"topic", "a\"b\\c\nd"};
    exposition_family(&out, "x", METRIC_GAUGE, "one\ntwo \\ \"three\"");
    exposition_sample(&out, "x", &label, 1, 0);
    check(&out, "# HELP x one\\ntwo \\\\ \"three\"\n"
                "# TYPE x gauge\n"
                "x{topic=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "x 0\n"},
                 {1732222222.123, "x 1732222222.123\n"},
                 {0.05, "x 0.05\n"},
                 {-3, "x -3\n"},
                 {1e21, "x 1e+21\n"},
                 {INFINITY, "x +Inf\n"},
                 {-INFINITY, "x -Inf\n"},
                 {NAN, "x NaN\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        exposition_sample(&out, "x", NULL, 0, cases[i].value);
        check(&out, cases[i].text);
    }
}

static void histograms_add_up(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct histogram histogram = {.scale = &scale};
    const struct label label = {"stream", "s"};
    histogram_add(&histogram, 1000, 1);    /* bounds are inclusive */
    histogram_add(&histogram, 1001, 2);    /* the next */
    histogram_add(&histogram, 5000000, 3); /* past all */
    histogram_add(&histogram, -7, 1);      /* clocks that disagree */
    exposition_family(&out, "t_seconds", METRIC_HISTOGRAM, "T.");
    exposition_histogram(&out, "t_seconds", &label, 1, &histogram);
    check(&out, "# HELP t_seconds T.\n"
                "# TYPE t_seconds histogram\n"
                "t_seconds_bucket{stream=\"s\",le=\"0.001\"} 2\n"
                "t_seconds_bucket{stream=\"s\",le=\"0.0025\"} 4\n"
                "t_seconds_bucket{stream=\"s\",le=\"1\"} 4\n"
                "t_seconds_bucket{stream=\"s\",le=\"+Inf\"} 7\n"
                "t_seconds_sum{stream=\"s\"} 15.003002\n"
                "t_seconds_count{stream=\"s\"} 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_and_samples),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(histograms_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
