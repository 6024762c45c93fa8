/* SPDX-License-Identifier: Apache-2.0 */
/* conf: what passes, what is refused and with which words. */
#include "kafka/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static rd_kafka_conf_t *conf_with(enum kafka_role role, const struct kafka_property *properties,
                                  unsigned n, struct errs *errs)
{
    struct kafka_options options = {
        .properties = properties, .n_properties = n, .group = "g", .client_id = "c"};
    return kafka_conf(role, &options, errs);
}

/* The value of a property in the conf that one property makes. */
static void assert_value(enum kafka_role role, struct kafka_property property, const char *name,
                         const char *want)
{
    struct errs errs = {0};
    char value[256];
    size_t size = sizeof value;
    rd_kafka_conf_t *conf = conf_with(role, &property, property.name ? 1 : 0, &errs);
    if (!conf)
        fail_msg("%s: %s", property.name ? property.name : "", errs.items[0].text);
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, want);
    rd_kafka_conf_destroy(conf);
    errs_free(&errs);
}

/* The only error that one property makes. */
static struct err error_of(const char *name, const char *value)
{
    struct errs errs = {0};
    struct kafka_property property = {name, value, "p.conf:7"};
    rd_kafka_conf_t *conf = conf_with(KAFKA_CONSUMER, &property, 1, &errs);
    if (conf)
        fail_msg("%s = %s was taken", name, value);
    assert_int_equal(errs.count, 1);
    struct err err = errs.items[0];
    errs_free(&errs);
    assert_int_equal(err.class, ERR_HALT);
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_string_equal(err.place, "p.conf:7");
    return err;
}

static void ours_are_set(void **state)
{
    (void)state;
    struct kafka_property none = {0};
    assert_value(KAFKA_CONSUMER, none, "enable.auto.commit", "false");
    assert_value(KAFKA_CONSUMER, none, "enable.auto.offset.store", "false");
    assert_value(KAFKA_CONSUMER, none, "auto.offset.reset", "error");
    assert_value(KAFKA_CONSUMER, none, "isolation.level", "read_committed");
    assert_value(KAFKA_CONSUMER, none, "enable.partition.eof", "true");
    assert_value(KAFKA_CONSUMER, none, "enable.metrics.push", "false");
    assert_value(KAFKA_CONSUMER, none, "partition.assignment.strategy", "cooperative-sticky");
    assert_value(KAFKA_CONSUMER, none, "group.id", "g");
    assert_value(KAFKA_CONSUMER, none, "client.id", "c");
    assert_value(KAFKA_PRODUCER, none, "enable.idempotence", "true");
    assert_value(KAFKA_PRODUCER, none, "acks", "-1");
    assert_value(KAFKA_ADMIN, none, "isolation.level", "read_uncommitted");
}

static void theirs_pass(void **state)
{
    (void)state;
    assert_value(KAFKA_CONSUMER, (struct kafka_property){"session.timeout.ms", "6000", ""},
                 "session.timeout.ms", "6000");
    assert_value(KAFKA_CONSUMER, (struct kafka_property){"session_timeout_ms", "6000", ""},
                 "session.timeout.ms", "6000");
    assert_value(KAFKA_CONSUMER,
                 (struct kafka_property){"partition_assignment_strategy", "range", ""},
                 "partition.assignment.strategy", "range");
    assert_value(KAFKA_CONSUMER, (struct kafka_property){"fetch_wait_max_ms", "7", ""},
                 "fetch.wait.max.ms", "7");
    assert_value(KAFKA_PRODUCER, (struct kafka_property){"compression_codec", "lz4", ""},
                 "compression.codec", "lz4");
}

/* A consumer's property in the common block is judged by the producer and left out. */
static void foreign_side_is_left_out(void **state)
{
    (void)state;
    assert_value(KAFKA_PRODUCER, (struct kafka_property){"session_timeout_ms", "6000", ""},
                 "session.timeout.ms", "45000");
    struct err err = error_of("linger_ms", "much");
    assert_non_null(strstr(err.text, "linger.ms"));
}

static void unknown_names_hint(void **state)
{
    (void)state;
    struct err err = error_of("sesion_timeout_ms", "6000");
    assert_non_null(strstr(err.text, "sesion.timeout.ms"));
    assert_non_null(strstr(err.text, rd_kafka_version_str()));
    assert_string_equal(err.hint, "did you mean session.timeout.ms?");
    err = error_of("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "1");
    assert_null(strstr(err.hint, "did you mean"));
}

static void owned_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "enable.auto.commit",
        "enable_auto_commit",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "isolation.level",
        "group.id",
        "client.id",
        "plugin.library.paths",
        "test.mock.num.brokers",
        "offset.store.path",
        "offset_store_method",
        "enable.partition.eof",
        "group.protocol",
        "transactional.id",
        "acks",
        "request.required.acks",
        "rebalance_cb",
        "auto.commit.interval.ms",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = error_of(names[i], "1");
        if (!strstr(err.text, "cannot be set: "))
            fail_msg("%s: %s", names[i], err.text);
    }
    assert_string_equal(error_of("group_id", "x").hint, "set `group` instead");
}

static void bad_values_are_told(void **state)
{
    (void)state;
    struct err err = error_of("fetch.wait.max.ms", "soon");
    assert_non_null(strstr(err.text, "fetch.wait.max.ms"));
}

/* A misspelt or refused name must not bring its secret into the log. */
static void secrets_are_not_echoed(void **state)
{
    (void)state;
    static const char *const names[] = {"sasl.passwrod", "ssl_key_pasword", "sasl.token",
                                        "test.mock.password"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = error_of(names[i], "hunter2");
        assert_null(strstr(err.text, "hunter2"));
        assert_null(strstr(err.hint, "hunter2"));
    }
}

static char *temporary(const char *text)
{
    char *path = strdup("/tmp/pactolus-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void secrets_from_files(void **state)
{
    (void)state;
    char value[300];
    char *path = temporary("s3cret\nsecond line\n");
    snprintf(value, sizeof value, "file:%s", path);
    assert_value(KAFKA_CONSUMER, (struct kafka_property){"sasl.password", value, ""},
                 "sasl.password", "s3cret");
    /* And are said in no other way. */
    assert_non_null(strstr(error_of("sasl.password", "s3cret").text, "does not stand"));
    assert_null(strstr(error_of("sasl.password", "s3cret").text, "s3cret"));
    /* Only secrets are read from files. */
    assert_value(KAFKA_CONSUMER, (struct kafka_property){"client.rack", value, ""}, "client.rack",
                 value);
    unlink(path);
    struct err err = error_of("sasl.password", value);
    assert_non_null(strstr(err.text, path));
    free(path);
    path = temporary("\nsecond\n");
    snprintf(value, sizeof value, "file:%s", path);
    assert_non_null(strstr(error_of("sasl_password", value).text, "empty"));
    unlink(path);
    free(path);
}

static void all_faults_at_once(void **state)
{
    (void)state;
    const struct kafka_property properties[] = {{"group.id", "x", "a:1"},
                                                {"nonsense", "x", "a:2"},
                                                {"session.timeout.ms", "6000", "a:3"},
                                                {"fetch.max.bytes", "-5", "a:4"}};
    struct errs errs = {0};
    assert_null(conf_with(KAFKA_CONSUMER, properties, 4, &errs));
    assert_int_equal(errs.count, 3);
    assert_string_equal(errs.items[0].place, "a:1");
    assert_string_equal(errs.items[1].place, "a:2");
    assert_string_equal(errs.items[2].place, "a:4");
    errs_free(&errs);
}

#define E(name) RD_KAFKA_RESP_ERR_##name

/* What each code must mean, said a second time and apart from the table. */
static const rd_kafka_resp_err_t retried[] = {E(_TRANSPORT),
                                              E(_ALL_BROKERS_DOWN),
                                              E(_RESOLVE),
                                              E(_TIMED_OUT),
                                              E(_MSG_TIMED_OUT),
                                              E(_QUEUE_FULL),
                                              E(_PURGE_QUEUE),
                                              E(_PURGE_INFLIGHT),
                                              E(_MAX_POLL_EXCEEDED),
                                              E(_ASSIGNMENT_LOST),
                                              E(INVALID_MSG),
                                              E(REBALANCE_IN_PROGRESS),
                                              E(ILLEGAL_GENERATION),
                                              E(UNKNOWN_MEMBER_ID),
                                              E(STALE_MEMBER_EPOCH),
                                              E(FENCED_MEMBER_EPOCH),
                                              E(NOT_LEADER_FOR_PARTITION),
                                              E(LEADER_NOT_AVAILABLE),
                                              E(FENCED_LEADER_EPOCH),
                                              E(UNKNOWN_LEADER_EPOCH),
                                              E(OFFSET_NOT_AVAILABLE),
                                              E(KAFKA_STORAGE_ERROR),
                                              E(NOT_ENOUGH_REPLICAS),
                                              E(NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                                              E(UNKNOWN_TOPIC_ID),
                                              E(COORDINATOR_NOT_AVAILABLE),
                                              E(COORDINATOR_LOAD_IN_PROGRESS),
                                              E(NOT_COORDINATOR),
                                              E(THROTTLING_QUOTA_EXCEEDED),
                                              E(OUT_OF_ORDER_SEQUENCE_NUMBER),
                                              E(UNKNOWN_PRODUCER_ID),
                                              E(INVALID_PRODUCER_EPOCH)};
static const rd_kafka_resp_err_t rejected[] = {E(MSG_SIZE_TOO_LARGE), E(RECORD_LIST_TOO_LARGE),
                                               E(INVALID_RECORD), E(INVALID_TIMESTAMP)};
static const rd_kafka_resp_err_t halted[] = {E(_AUTHENTICATION),
                                             E(SASL_AUTHENTICATION_FAILED),
                                             E(UNSUPPORTED_SASL_MECHANISM),
                                             E(ILLEGAL_SASL_STATE),
                                             E(SECURITY_DISABLED),
                                             E(_SSL),
                                             E(TOPIC_AUTHORIZATION_FAILED),
                                             E(GROUP_AUTHORIZATION_FAILED),
                                             E(CLUSTER_AUTHORIZATION_FAILED),
                                             E(UNKNOWN_TOPIC_OR_PART),
                                             E(_UNKNOWN_TOPIC),
                                             E(_UNKNOWN_PARTITION),
                                             E(TOPIC_EXCEPTION),
                                             E(_INVALID_ARG),
                                             E(INVALID_CONFIG),
                                             E(POLICY_VIOLATION),
                                             E(UNSUPPORTED_VERSION),
                                             E(_UNSUPPORTED_FEATURE),
                                             E(INCONSISTENT_GROUP_PROTOCOL),
                                             E(INVALID_SESSION_TIMEOUT),
                                             E(INVALID_REQUIRED_ACKS),
                                             E(GROUP_MAX_SIZE_REACHED),
                                             E(UNSUPPORTED_ASSIGNOR),
                                             E(INVALID_GROUP_ID),
                                             E(FENCED_INSTANCE_ID),
                                             E(UNRELEASED_INSTANCE_ID),
                                             E(_FENCED),
                                             E(_FATAL),
                                             E(OFFSET_OUT_OF_RANGE),
                                             E(_AUTO_OFFSET_RESET),
                                             E(_LOG_TRUNCATION),
                                             E(_BAD_MSG),
                                             E(_BAD_COMPRESSION)};

static unsigned all_are(const rd_kafka_resp_err_t *codes, size_t n, enum err_class class)
{
    for (size_t i = 0; i < n; i++)
        if (kafka_error_class(codes[i]) != class)
            fail_msg("%s is %s", rd_kafka_err2name(codes[i]),
                     err_class_name(kafka_error_class(codes[i])));
    return (unsigned)n;
}

static void codes_mean_what_they_must(void **state)
{
    (void)state;
    unsigned said = all_are(retried, sizeof retried / sizeof *retried, ERR_RETRY) +
                    all_are(rejected, sizeof rejected / sizeof *rejected, ERR_REJECT) +
                    all_are(halted, sizeof halted / sizeof *halted, ERR_HALT);
    unsigned n;
    const struct kafka_error_rule *table = kafka_error_table(&n);
    assert_int_equal(n, said);
    for (unsigned i = 0; i < n; i++) {
        assert_true(strlen(table[i].reason) > 5 && table[i].exit != 0 && table[i].hint);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(table[k].code, table[i].code);
    }
    /* What is in no row is asked again, and no error is none. */
    assert_int_equal(kafka_error_class(E(PREFERRED_LEADER_NOT_AVAILABLE)), ERR_RETRY);
    assert_int_equal(kafka_error_class(E(NO_ERROR)), ERR_NONE);
}

static void errors_carry_their_exit_and_hint(void **state)
{
    (void)state;
    struct err err;
    kafka_error(&err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NULL);
    assert_int_equal(err.exit, ERR_EXIT_PERMISSION);
    assert_true(*err.hint);
    kafka_error(&err, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "no such thing");
    assert_int_equal(err.exit, ERR_EXIT_UNAVAILABLE);
    assert_non_null(strstr(err.text, "no such thing"));
    assert_non_null(strstr(err.hint, "kafka-topics.sh"));
}

static void library_is_new_enough(void **state)
{
    (void)state;
    struct err err;
    assert_true(kafka_library_check(&err));
    assert_string_equal(kafka_library_version(), rd_kafka_version_str());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_are_set),
        cmocka_unit_test(theirs_pass),
        cmocka_unit_test(foreign_side_is_left_out),
        cmocka_unit_test(unknown_names_hint),
        cmocka_unit_test(owned_names_are_refused),
        cmocka_unit_test(bad_values_are_told),
        cmocka_unit_test(secrets_are_not_echoed),
        cmocka_unit_test(secrets_from_files),
        cmocka_unit_test(all_faults_at_once),
        cmocka_unit_test(codes_mean_what_they_must),
        cmocka_unit_test(errors_carry_their_exit_and_hint),
        cmocka_unit_test(library_is_new_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
