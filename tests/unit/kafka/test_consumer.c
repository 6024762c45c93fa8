/* SPDX-License-Identifier: Apache-2.0 */
/* consumer and intake against librdkafka's mock cluster: a member's whole life, and its traps. */
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"

#include "base/clock.h"

#include <librdkafka/rdkafka_mock.h>

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTITIONS = 2, RECORDS = 50, DEADLINE_S = 20 };

/* ---- a cluster with a topic of RECORDS records in each partition ---- */

struct fixture {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_property properties[3];
    struct kafka_options options;
    struct consumer *consumer;
    struct intake *intake;
};

static const char *const topics[] = {"t"};

static void check_errs(struct errs *errs)
{
    if (errs->count > 0)
        fail_msg("%s", errs->items[0].text);
}

static void count_report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                         int64_t offset)
{
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_ptr_equal(tag, context);
    assert_true(partition >= 0 && offset >= 0);
    ++*(unsigned *)context;
}

/* Record i: key "k<i>", value "v<i>"; 1 has an empty value, 2 is a tombstone, 3 has no key, 4 has
 * headers. */
static void fill(const struct fixture *f)
{
    unsigned reported = 0;
    struct errs errs = {0};
    struct producer *producer = producer_open(&f->options, count_report, &reported, &errs);
    check_errs(&errs);
    for (int i = 0; i < PARTITIONS * RECORDS; i++) {
        struct header headers[] = {{"h", {"x", 1}}, {"none", {NULL, 0}}, {"h", {"yy", 2}}};
        char key[16], value[16];
        int n = i / PARTITIONS;
        int key_length = snprintf(key, sizeof key, "k%d", n);
        int value_length = snprintf(value, sizeof value, "v%d", n);
        struct producer_message message = {
            .topic = "t",
            .partition = i % PARTITIONS,
            .key = {n == 3 ? NULL : key, (size_t)key_length},
            .value = {n == 2 ? NULL : value, n == 1 ? 0 : (size_t)value_length},
            .timestamp = 1700000000000 + n,
            .tag = &reported};
        if (n == 3)
            message.key.length = 0;
        if (n == 2)
            message.value.length = 0;
        if (n == 4) {
            message.headers = headers;
            message.n_headers = 3;
        }
        struct err err;
        if (!producer_send(producer, &message, 1000, &err))
            fail_msg("%s", err.text);
    }
    assert_int_equal(producer_drain(producer, DEADLINE_S * 1000), 0);
    assert_int_equal(reported, PARTITIONS * RECORDS);
    assert_false(producer_fatal(producer, NULL));
    producer_close(producer);
}

static void cluster_open(struct fixture *f, const char *strategy)
{
    char why[256];
    *f = (struct fixture){0};
    f->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    assert_non_null(f->owner);
    f->cluster = rd_kafka_mock_cluster_new(f->owner, 1);
    assert_non_null(f->cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(f->cluster, 0);
    rd_kafka_mock_topic_create(f->cluster, "t", PARTITIONS, 1);
    f->properties[0] = (struct kafka_property){"bootstrap.servers",
                                               rd_kafka_mock_cluster_bootstraps(f->cluster), ""};
    f->properties[1] = (struct kafka_property){"partition.assignment.strategy", strategy, ""};
    f->properties[2] = (struct kafka_property){"session.timeout.ms", "6000", ""};
    f->options = (struct kafka_options){
        .properties = f->properties, .n_properties = 3, .group = "g", .client_id = "test"};
    fill(f);
}

static void cluster_close(struct fixture *f)
{
    rd_kafka_mock_cluster_destroy(f->cluster);
    rd_kafka_destroy(f->owner);
}

static void member_open(struct fixture *f, unsigned n_topics)
{
    struct errs errs = {0};
    struct err err;
    f->consumer = consumer_open(&f->options, topics, n_topics, &errs);
    check_errs(&errs);
    f->intake = intake_open(f->consumer, &err);
    assert_non_null(f->intake);
}

/* ---- waiting: for the descriptors, with a deadline ---- */

static usec_t deadline(void)
{
    return clock_monotonic() + DEADLINE_S * USEC_PER_SEC;
}

static void wait_fd(int fd, usec_t until, const char *what)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    if (clock_monotonic() > until)
        fail_msg("no %s in %d s", what, DEADLINE_S);
    poll(&one, 1, 100);
}

static void next_event(struct fixture *f, enum consumer_event_kind kind,
                       struct consumer_event *event)
{
    for (usec_t until = deadline();;) {
        consumer_poll(f->consumer, event);
        if (event->kind == kind)
            return;
        if (event->kind == CONSUMER_FATAL)
            fail_msg("fatal: %s", event->err.text);
        if (event->kind == CONSUMER_NOTHING)
            wait_fd(consumer_fd(f->consumer), until, "event");
    }
}

static enum intake_kind next_item(struct fixture *f, struct intake_item *item)
{
    for (usec_t until = deadline();;) {
        struct consumer_event event;
        enum intake_kind kind = intake_next(f->intake, item);
        if (kind != INTAKE_EMPTY)
            return kind;
        wait_fd(intake_fd(f->intake), until, "item");
        consumer_poll(f->consumer, &event);
        assert_int_not_equal(event.kind, CONSUMER_STRAY);
    }
}

static void assign_at(struct fixture *f, int64_t first, int64_t second)
{
    struct err err;
    struct topic_partition list[] = {{"t", 0, first}, {"t", 1, second}};
    for (int i = 0; i < PARTITIONS; i++)
        intake_forward(f->intake, f->consumer, "t", i);
    if (!consumer_assign(f->consumer, list, PARTITIONS, &err))
        fail_msg("%s", err.text);
}

/* Read until both partitions have ended; every offset from `from` on must come once, in order. */
static void read_to_ends(struct fixture *f, const int64_t from[PARTITIONS])
{
    int64_t next[PARTITIONS] = {from[0], from[1]};
    for (unsigned ends = 0; ends < PARTITIONS;) {
        struct intake_item item;
        enum intake_kind kind = next_item(f, &item);
        int32_t partition = item.record.partition;
        assert_string_equal(item.record.topic, "t");
        assert_in_range(partition, 0, PARTITIONS - 1);
        assert_int_equal(item.record.offset, next[partition]);
        if (kind == INTAKE_END) {
            assert_int_equal(item.record.offset, RECORDS);
            ends++;
        } else {
            assert_int_equal(kind, INTAKE_RECORD);
            next[partition]++;
        }
        intake_release(f->intake, &item);
    }
}

static void join(struct fixture *f)
{
    struct consumer_event event;
    next_event(f, CONSUMER_ASSIGN, &event);
    assert_int_equal(event.n_partitions, PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        assert_string_equal(event.partitions[i].topic, "t");
    assert_int_not_equal(event.partitions[0].partition, event.partitions[1].partition);
}

static void leave(struct fixture *f)
{
    struct consumer_event event;
    struct err err;
    consumer_close_begin(f->consumer);
    next_event(f, CONSUMER_REVOKE, &event);
    assert_false(event.lost);
    assert_int_equal(event.n_partitions, PARTITIONS);
    if (!consumer_unassign(f->consumer, event.partitions, event.n_partitions, &err))
        fail_msg("%s", err.text);
    for (usec_t until = deadline(); !consumer_closed(f->consumer);) {
        consumer_poll(f->consumer, &event);
        if (event.kind == CONSUMER_NOTHING)
            wait_fd(consumer_fd(f->consumer), until, "close");
    }
    intake_close(f->intake);
    consumer_free(f->consumer, DEADLINE_S * 1000);
}

/* ---- tests ---- */

/* The lane's way: subscribe, ASSIGN, forward, assign at numbers, records, ends, commit, close. */
static void whole_life(void **state)
{
    (void)state;
    struct fixture f;
    struct consumer_event event;
    cluster_open(&f, "cooperative-sticky");
    member_open(&f, 1);
    join(&f);
    assert_true(consumer_cooperative(f.consumer));
    assign_at(&f, 3, 0);
    read_to_ends(&f, (int64_t[]){3, 0});
    struct topic_partition commits[] = {{"t", 0, RECORDS}, {"t", 1, 7}};
    const char *const notes[] = {"", "a note"};
    struct group_offset told[] = {{.topic = "t", .partition = 1}, {.topic = "t", .partition = 0}};
    struct err err = ERR_INIT;
    assert_true(consumer_commit(f.consumer, commits, notes, 2));
    assert_false(consumer_commit(f.consumer, commits, notes, 2)); /* one outstanding */
    next_event(&f, CONSUMER_COMMITTED, &event);
    assert_int_equal(event.err.class, ERR_NONE);
    assert_int_equal(event.n_partitions, 2);
    assert_true(admin_group_offsets(consumer_client(f.consumer), told, 2, 5000, &err));
    assert_int_equal(told[0].offset, 7);
    assert_string_equal(told[0].note, "a note");
    assert_int_equal(told[1].offset, RECORDS);
    assert_string_equal(told[1].note, "");
    assert_int_equal(intake_length(f.intake), 0);
    assert_int_equal(consumer_strays(f.consumer), 0);
    leave(&f);
    cluster_close(&f);
}

static void records_are_whole(void **state)
{
    (void)state;
    struct fixture f;
    struct intake_item item;
    struct header headers[2];
    cluster_open(&f, "cooperative-sticky");
    member_open(&f, 1);
    join(&f);
    intake_forward(f.intake, f.consumer, "t", 0);
    struct topic_partition one = {"t", 0, 0};
    assert_true(consumer_assign(f.consumer, &one, 1, NULL));
    const char *name = NULL;
    for (int i = 0; i < 6; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        assert_int_equal(next_item(&f, &item), INTAKE_RECORD);
        const struct record *record = &item.record;
        assert_int_equal(record->offset, i);
        assert_int_equal(record->timestamp, 1700000000000 + i);
        if (i == 3)
            assert_null(record->key.data);
        else
            assert_true(span_is(record->key, key));
        if (i == 2)
            assert_null(record->value.data);
        else if (i == 1)
            assert_true(record->value.data && record->value.length == 0);
        else
            assert_true(span_is(record->value, value));
        assert_true(!name || name == record->topic); /* stable: lanes compare pointers */
        name = record->topic;
        unsigned count = record->headers(record->source, headers, 2);
        assert_int_equal(count, i == 4 ? 3 : 0);
        if (i == 4) {
            assert_string_equal(headers[0].name, "h");
            assert_true(span_is(headers[0].value, "x"));
            assert_string_equal(headers[1].name, "none");
            assert_null(headers[1].value.data);
        }
        intake_release(f.intake, &item);
    }
    /* The rest stays in the queue; the member goes all the same. */
    intake_close(f.intake);
    consumer_free(f.consumer, DEADLINE_S * 1000);
    cluster_close(&f);
}

/* Unassign clears the forwarding behind our back: after each rewind the records must still come
 * here, from the offset asked for. */
static void rewind_many(struct fixture *f)
{
    member_open(f, 1);
    join(f);
    assign_at(f, 0, 0);
    read_to_ends(f, (int64_t[]){0, 0});
    for (int round = 0; round < 15; round++) {
        struct err err;
        struct topic_partition list[] = {{"t", 0, round}, {"t", 1, 2 * round}};
        if (!consumer_rewind(f->consumer, list, 2, &err))
            fail_msg("%s", err.text);
        read_to_ends(f, (int64_t[]){round, 2 * round});
    }
    assert_int_equal(consumer_strays(f->consumer), 0);
}

static void rewind_cooperative(void **state)
{
    (void)state;
    struct fixture f;
    cluster_open(&f, "cooperative-sticky");
    rewind_many(&f);
    leave(&f);
    cluster_close(&f);
}

/* Under an eager protocol one partition is rewound and the other goes on where it is: no record of
 * it is lost or comes again. */
static void rewind_eager(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    cluster_open(&f, "range");
    rewind_many(&f);
    assert_false(consumer_cooperative(f.consumer));
    struct topic_partition list[] = {{"t", 0, 40}, {"t", 1, 0}};
    assert_true(consumer_rewind(f.consumer, list, 2, &err));
    int64_t next[PARTITIONS] = {40, 0};
    /* A few records in, and some unread in the queue. */
    for (int i = 0; i < 20; i++) {
        struct intake_item item;
        if (next_item(&f, &item) == INTAKE_RECORD)
            next[item.record.partition] = item.record.offset + 1;
        intake_release(f.intake, &item);
    }
    struct topic_partition first = {"t", 0, 5};
    assert_true(consumer_rewind(f.consumer, &first, 1, &err));
    intake_forget(f.intake, "t", 0); /* as its header asks: what was taken is of the old place */
    read_to_ends(&f, (int64_t[]){5, next[1]});
    leave(&f);
    cluster_close(&f);
}

static void out_of_range_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct intake_item item;
    struct err err;
    cluster_open(&f, "cooperative-sticky");
    member_open(&f, 1);
    join(&f);
    assign_at(&f, 1000, RECORDS);
    bool told = false, ended = false;
    while (!told || !ended) {
        enum intake_kind kind = next_item(&f, &item);
        if (kind == INTAKE_OUT_OF_RANGE) {
            assert_int_equal(item.record.partition, 0);
            assert_int_equal(item.err.class, ERR_HALT);
            assert_string_equal(item.err.place, "t[0]@1000");
            told = true;
        } else {
            assert_int_equal(kind, INTAKE_END);
            assert_int_equal(item.record.partition, 1);
            assert_int_equal(item.record.offset, RECORDS);
            ended = true;
        }
        intake_release(f.intake, &item);
    }
    struct topic_partition list[] = {{"t", 0, 10}, {"t", 1, 20}};
    if (!consumer_rewind(f.consumer, list, 2, &err))
        fail_msg("%s", err.text);
    read_to_ends(&f, (int64_t[]){10, 20});
    leave(&f);
    cluster_close(&f);
}

/* A pause outlives its assignment in librdkafka; ours does not. */
static void pause_ends_with_its_assignment(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    cluster_open(&f, "cooperative-sticky");
    member_open(&f, 0); /* in no group */
    assign_at(&f, 0, 0);
    read_to_ends(&f, (int64_t[]){0, 0});
    struct topic_partition list[] = {{"t", 0, -1}, {"t", 1, -1}};
    consumer_pause(f.consumer, list, 2);
    consumer_pause(f.consumer, list, 2);
    if (!consumer_unassign(f.consumer, list, 2, &err))
        fail_msg("%s", err.text);
    assign_at(&f, 30, 20);
    read_to_ends(&f, (int64_t[]){30, 20});
    consumer_pause(f.consumer, list, 1);
    consumer_resume(f.consumer, list, 2);
    struct topic_partition again[] = {{"t", 0, 48}, {"t", 1, 49}};
    if (!consumer_rewind(f.consumer, again, 2, &err))
        fail_msg("%s", err.text);
    read_to_ends(&f, (int64_t[]){48, 49});
    intake_close(f.intake);
    consumer_free(f.consumer, DEADLINE_S * 1000);
    cluster_close(&f);
}

/* A partition that nobody forwarded: its record is not lost silently. */
static void stray_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct consumer_event event;
    cluster_open(&f, "cooperative-sticky");
    member_open(&f, 1);
    join(&f);
    struct topic_partition one = {"t", 1, 4};
    assert_true(consumer_assign(f.consumer, &one, 1, NULL));
    next_event(&f, CONSUMER_STRAY, &event);
    assert_int_equal(event.n_partitions, 1);
    assert_string_equal(event.partitions[0].topic, "t");
    assert_int_equal(event.partitions[0].partition, 1);
    assert_int_equal(event.partitions[0].offset, 4);
    intake_forward(f.intake, f.consumer, "t", 1);
    assert_true(consumer_rewind(f.consumer, &one, 1, NULL));
    struct intake_item item;
    for (usec_t until = deadline(); intake_next(f.intake, &item) == INTAKE_EMPTY;) {
        wait_fd(intake_fd(f.intake), until, "item");
        consumer_poll(f.consumer, &event); /* may tell of more strays, from before */
    }
    assert_int_equal(item.kind, INTAKE_RECORD);
    assert_int_equal(item.record.offset, 4);
    intake_release(f.intake, &item);
    assert_true(consumer_strays(f.consumer) >= 1);
    intake_close(f.intake);
    consumer_free(f.consumer, DEADLINE_S * 1000);
    cluster_close(&f);
}

static void admin_answers(void **state)
{
    (void)state;
    struct fixture f;
    struct errs errs = {0};
    struct err err;
    int64_t low = -1, high = -1;
    cluster_open(&f, "range");
    rd_kafka_t *admin = admin_open(&f.options, &errs);
    check_errs(&errs);
    assert_int_equal(admin_partitions(admin, "t", DEADLINE_S * 1000, &err), PARTITIONS);
    if (!admin_watermarks(admin, "t", 1, DEADLINE_S * 1000, &low, &high, &err))
        fail_msg("%s", err.text);
    assert_int_equal(low, 0);
    assert_int_equal(high, RECORDS);
    char *id = admin_cluster_id(admin, DEADLINE_S * 1000, &err);
    assert_non_null(id);
    assert_true(*id);
    free(id);
    assert_int_equal(admin_partitions(admin, "no such/topic", 500, &err), -1);
    assert_int_equal(err.class, ERR_HALT);
    admin_close(admin);
    cluster_close(&f);
}

static void unreachable_is_retry(void **state)
{
    (void)state;
    struct errs errs = {0};
    struct err err;
    struct kafka_property nowhere = {"bootstrap.servers", "127.0.0.1:1", ""};
    struct kafka_options options = {.properties = &nowhere, .n_properties = 1};
    rd_kafka_t *admin = admin_open(&options, &errs);
    check_errs(&errs);
    assert_int_equal(admin_partitions(admin, "t", 300, &err), -1);
    assert_int_equal(err.class, ERR_RETRY);
    assert_int_equal(err.exit, ERR_EXIT_UNAVAILABLE);
    assert_null(admin_cluster_id(admin, 300, &err));
    assert_int_equal(err.class, ERR_RETRY);
    admin_close(admin);
}

/* A question whose time is over before a coordinator is found leaves nothing behind that hurts when
 * one is found. */
static void the_group_can_be_asked_again(void **state)
{
    (void)state;
    struct fixture f;
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct group_offset told = {.topic = "t", .partition = 1};
    cluster_open(&f, "range");
    rd_kafka_t *client = admin_open_group(&f.options, &errs);
    check_errs(&errs);
    rd_kafka_mock_broker_set_down(f.cluster, 1);
    assert_false(admin_group_offsets(client, &told, 1, 100, &err));
    assert_int_equal(err.class, ERR_RETRY);
    rd_kafka_mock_broker_set_up(f.cluster, 1);
    if (!admin_group_offsets(client, &told, 1, DEADLINE_S * 1000, &err))
        fail_msg("%s", err.text);
    assert_int_equal(told.offset, -1);
    assert_true(admin_group_offsets(client, &told, 0, 0, &err));
    admin_close(client);
    cluster_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life),           cmocka_unit_test(records_are_whole),
        cmocka_unit_test(rewind_cooperative),   cmocka_unit_test(rewind_eager),
        cmocka_unit_test(out_of_range_is_told), cmocka_unit_test(pause_ends_with_its_assignment),
        cmocka_unit_test(stray_is_told),        cmocka_unit_test(admin_answers),
        cmocka_unit_test(unreachable_is_retry), cmocka_unit_test(the_group_can_be_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
