/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of librdkafka's report. */
#include "kafka/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool read(const char *json, struct kafka_statistics *statistics)
{
    return statistics_read(json, strlen(json), statistics);
}

static void a_report_is_read(void **state)
{
    struct kafka_statistics got = {0};
    (void)state;
    assert_true(read(
        "{ \"tx\": 5, \"tx_bytes\": 500, \"rx\": 4, \"rx_bytes\": 4000000000000,"
        "  \"brokers\": { \"a:1/1\": { \"nodeid\": 1, \"source\": \"learned\", \"state\": \"UP\","
        "      \"req_timeouts\": 3, \"disconnects\": 2, \"rtt\": { \"avg\": 1500, \"p99\": 9000 } "
        "},"
        "    \"b:2/bootstrap\": { \"nodeid\": -1, \"source\": \"configured\", \"state\": \"UP\" },"
        "    \"GroupCoordinator\": { \"nodeid\": 1, \"source\": \"logical\", \"state\": \"UP\" },"
        "    \"c:3/3\": { \"nodeid\": 3, \"source\": \"learned\", \"state\": \"DOWN\" } },"
        "  \"topics\": { \"t\": { \"partitions\": { \"0\": { \"fetchq_cnt\": 7, \"fetchq_size\": "
        "70 },"
        "      \"1\": { \"fetchq_cnt\": 1, \"fetchq_size\": 10 } } } },"
        "  \"cgrp\": { \"rebalance_cnt\": 9 } }",
        &got));
    assert_true(got.known);
    assert_int_equal(got.sent_requests, 5);
    assert_int_equal(got.received_bytes, 4000000000000);
    assert_int_equal(got.queued_records, 8);
    assert_int_equal(got.queued_bytes, 80);
    /* The bootstrap address and the coordinator's second connection are no brokers of their own. */
    assert_int_equal(got.n_brokers, 2);
    assert_int_equal(got.brokers[0].id, 1);
    assert_true(got.brokers[0].up);
    assert_int_equal(got.brokers[0].rtt_average, 1500);
    assert_int_equal(got.brokers[0].rtt_p99, 9000);
    assert_int_equal(got.brokers[0].timeouts, 3);
    assert_false(got.brokers[1].up);
}

static void another_form_changes_nothing(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "7", "\"text\"", "{\"brokers\": "};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kafka_statistics got = {.sent_bytes = 77};
        assert_false(read(texts[i], &got));
        assert_int_equal(got.sent_bytes, 77);
        assert_false(got.known);
    }
}

/* Members of other types than we know are passed over. */
static void strange_members_do_no_harm(void **state)
{
    struct kafka_statistics got;
    (void)state;
    assert_true(read("{ \"tx\": \"x\", \"brokers\": [1, 2], \"topics\": { \"t\": 5, \"u\": "
                     "{ \"partitions\": 3 } }, \"cgrp\": null }",
                     &got));
    assert_true(got.known);
    assert_int_equal(got.n_brokers, 0);
    assert_int_equal(got.queued_records, 0);
}

static void more_brokers_than_are_kept(void **state)
{
    static char json[16384];
    struct kafka_statistics got;
    int at = snprintf(json, sizeof json, "{ \"brokers\": {");
    (void)state;
    for (int i = 0; i < 200; i++)
        at += snprintf(json + at, sizeof json - (size_t)at, "%s\"b%d\": { \"nodeid\": %d }",
                       i ? "," : "", i, i);
    snprintf(json + at, sizeof json - (size_t)at, "} }");
    assert_true(read(json, &got));
    assert_int_equal(got.n_brokers, STATISTICS_BROKERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_read),
        cmocka_unit_test(another_form_changes_nothing),
        cmocka_unit_test(strange_members_do_no_harm),
        cmocka_unit_test(more_brokers_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
