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

static void classes(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(kafka_error_class(RD_KAFKA_RESP_ERR_NO_ERROR), ERR_NONE);
    assert_int_equal(kafka_error_class(RD_KAFKA_RESP_ERR__TRANSPORT), ERR_RETRY);
    assert_int_equal(kafka_error_class(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION), ERR_RETRY);
    assert_int_equal(kafka_error_class(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), ERR_REJECT);
    assert_int_equal(kafka_error_class(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), ERR_HALT);
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
        cmocka_unit_test(classes),
        cmocka_unit_test(library_is_new_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
