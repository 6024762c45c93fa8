/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pactolus-topic: makes, grows, trims and deletes topics of a real broker, and waits until it is
 * so; users and their rights too. For scripts and tests: Kafka's own tool starts a JVM for each
 * call.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "kafka/admin.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: pactolus-topic --bootstrap ADDRESS [--timeout SECONDS] COMMAND\n"
    "\n"
    "  ping                              wait until a broker answers; prints the cluster's id\n"
    "  create NAME PARTITIONS [KEY=VALUE]...\n"
    "                                    make a topic (with its configuration); one that exists\n"
    "                                    with as many partitions is fine\n"
    "  grow NAME PARTITIONS              raise the number of partitions\n"
    "  delete NAME\n"
    "  trim NAME PARTITION OFFSET        delete the records below OFFSET\n"
    "  partitions NAME                   print the number of partitions\n"
    "  offsets NAME                      print \"PARTITION LOW HIGH\" for each partition\n"
    "  password USER                     the user's password for SCRAM-SHA-512 is the first line\n"
    "                                    of standard input\n"
    "  allow USER OPERATION KIND NAME    the user may: read, write, describe, … a topic, group,\n"
    "                                    or the broker (cluster kafka-cluster)\n"
    "  forbid USER OPERATION KIND NAME   and may not any more\n";

struct work {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    usec_t until;
};

static int left_ms(const struct work *work)
{
    usec_t left = (work->until - clock_monotonic()) / USEC_PER_MS;
    return left > 0 ? (int)left : 0;
}

static int fail(const struct err *err)
{
    log_err(LOG_LEVEL_ERROR, NULL, err);
    return err->exit;
}

/* The number that `text` must be, from `low` to `high`; says so when it is not. */
static bool parse_number(const char *what, const char *text, int64_t low, int64_t high,
                         int64_t *number)
{
    if (text_parse_int(text, number) && *number >= low && *number <= high)
        return true;
    log_error("%s %s: a number from %lld to %lld is wanted", what, text, (long long)low,
              (long long)high);
    return false;
}

static bool parse_partitions(const char *text, int *partitions)
{
    int64_t number;
    if (!parse_number("partitions", text, 1, INT_MAX, &number))
        return false;
    *partitions = (int)number;
    return true;
}

/* ---- answers ---- */

/* What one topic's (or partition's) answer says; the event is destroyed. */
static rd_kafka_resp_err_t answer(const struct work *work, struct err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(work->queue, left_ms(work) + 1000);
    if (!event) {
        kafka_error(err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = code ? rd_kafka_event_error_string(event) : NULL;
    const rd_kafka_topic_result_t **results = NULL;
    size_t n = 0;
    if (code == 0 && rd_kafka_event_CreateTopics_result(event))
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    else if (code == 0 && rd_kafka_event_DeleteTopics_result(event))
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    else if (code == 0 && rd_kafka_event_CreatePartitions_result(event))
        results = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &n);
    else if (code == 0 && rd_kafka_event_DeleteRecords_result(event))
        code = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event))
                   ->elems[0]
                   .err;
    if (n > 0) {
        code = rd_kafka_topic_result_error(results[0]);
        text = rd_kafka_topic_result_error_string(results[0]);
    }
    if (code)
        kafka_error(err, code, text);
    rd_kafka_event_destroy(event);
    return code;
}

/* A client learns of a change from the brokers' metadata, a moment after the controller's answer.
 */
static bool wait_partitions(const struct work *work, const char *topic, int want, struct err *err)
{
    for (;;) {
        int have = admin_partitions(work->client, topic, left_ms(work), err);
        if (have == want || (want == 0 && have < 0 && err->class == ERR_HALT))
            return true;
        if (left_ms(work) == 0)
            return have >= 0 ? err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
                                       "%s has %d partitions, not yet %d", topic, have, want)
                             : false;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

/* ---- commands ---- */

static int run_ping(const struct work *work, char **words, int n)
{
    struct err err = ERR_INIT;
    (void)words;
    (void)n;
    char *id = admin_cluster_id(work->client, left_ms(work), &err);
    if (!id)
        return fail(&err);
    printf("%s\n", id);
    free(id);
    return ERR_EXIT_OK;
}

static int run_create(const struct work *work, char **words, int n)
{
    char why[512];
    struct err err = ERR_INIT;
    int partitions;
    if (!parse_partitions(words[1], &partitions))
        return ERR_EXIT_USAGE;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(words[0], partitions, 1, why, sizeof why);
    if (!topic) {
        log_error("%s: %s", words[0], why);
        return ERR_EXIT_USAGE;
    }
    for (int i = 2; i < n; i++) {
        char *value = strchr(words[i], '=');
        if (value)
            *value++ = 0;
        rd_kafka_NewTopic_set_config(topic, words[i], value ? value : "");
    }
    rd_kafka_CreateTopics(work->client, &topic, 1, work->options, work->queue);
    rd_kafka_resp_err_t code = answer(work, &err);
    rd_kafka_NewTopic_destroy(topic);
    if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return fail(&err);
    return wait_partitions(work, words[0], partitions, &err) ? ERR_EXIT_OK : fail(&err);
}

static int run_grow(const struct work *work, char **words, int n)
{
    char why[512];
    struct err err = ERR_INIT;
    int partitions;
    (void)n;
    if (!parse_partitions(words[1], &partitions))
        return ERR_EXIT_USAGE;
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(words[0], (size_t)partitions, why, sizeof why);
    if (!more) {
        log_error("%s: %s", words[0], why);
        return ERR_EXIT_USAGE;
    }
    rd_kafka_CreatePartitions(work->client, &more, 1, work->options, work->queue);
    rd_kafka_resp_err_t code = answer(work, &err);
    rd_kafka_NewPartitions_destroy(more);
    if (code)
        return fail(&err);
    return wait_partitions(work, words[0], partitions, &err) ? ERR_EXIT_OK : fail(&err);
}

static int run_delete(const struct work *work, char **words, int n)
{
    struct err err = ERR_INIT;
    (void)n;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(words[0]);
    rd_kafka_DeleteTopics(work->client, &topic, 1, work->options, work->queue);
    rd_kafka_resp_err_t code = answer(work, &err);
    rd_kafka_DeleteTopic_destroy(topic);
    if (code)
        return fail(&err);
    return wait_partitions(work, words[0], 0, &err) ? ERR_EXIT_OK : fail(&err);
}

static int run_trim(const struct work *work, char **words, int n)
{
    struct err err = ERR_INIT;
    int64_t partition, offset;
    (void)n;
    if (!parse_number("partition", words[1], 0, INT32_MAX, &partition) ||
        !parse_number("offset", words[2], RD_KAFKA_OFFSET_END, INT64_MAX, &offset))
        return ERR_EXIT_USAGE;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, words[0], (int32_t)partition)->offset = offset;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(work->client, &records, 1, work->options, work->queue);
    rd_kafka_resp_err_t code = answer(work, &err);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? fail(&err) : ERR_EXIT_OK;
}

static int run_partitions(const struct work *work, char **words, int n)
{
    struct err err = ERR_INIT;
    (void)n;
    int count = admin_partitions(work->client, words[0], left_ms(work), &err);
    if (count < 0)
        return fail(&err);
    printf("%d\n", count);
    return ERR_EXIT_OK;
}

static int run_offsets(const struct work *work, char **words, int n)
{
    struct err err = ERR_INIT;
    (void)n;
    int count = admin_partitions(work->client, words[0], left_ms(work), &err);
    for (int i = 0; i < count; i++) {
        int64_t low, high;
        if (!admin_watermarks(work->client, words[0], i, left_ms(work), &low, &high, &err))
            return fail(&err);
        printf("%d %lld %lld\n", i, (long long)low, (long long)high);
    }
    return count < 0 ? fail(&err) : ERR_EXIT_OK;
}

/* ---- users and rights ---- */

/* The first error in a list of results, each with an error object or NULL. */
static bool wait_event(const struct work *work, rd_kafka_event_t **event, struct err *err)
{
    *event = rd_kafka_queue_poll(work->queue, left_ms(work) + 1000);
    if (*event && rd_kafka_event_error(*event) == 0)
        return true;
    kafka_error(err, *event ? rd_kafka_event_error(*event) : RD_KAFKA_RESP_ERR__TIMED_OUT,
                *event ? rd_kafka_event_error_string(*event) : NULL);
    return false;
}

static bool good(const rd_kafka_error_t *error, struct err *err)
{
    if (!error)
        return true;
    kafka_error(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
    return rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int run_password(const struct work *work, char **words, int n)
{
    enum { ITERATIONS = 4096 };
    char password[256] = "";
    struct err err = ERR_INIT;
    rd_kafka_event_t *event;
    (void)n;
    if (!fgets(password, sizeof password, stdin))
        return ERR_EXIT_USAGE;
    password[strcspn(password, "\r\n")] = '\0';
    rd_kafka_UserScramCredentialAlteration_t *change = rd_kafka_UserScramCredentialUpsertion_new(
        words[0], RD_KAFKA_SCRAM_MECHANISM_SHA_512, ITERATIONS, (const unsigned char *)password,
        strlen(password), NULL, 0);
    rd_kafka_AlterUserScramCredentials(work->client, &change, 1, work->options, work->queue);
    bool done = wait_event(work, &event, &err);
    if (done) {
        size_t count;
        const rd_kafka_AlterUserScramCredentials_result_response_t **answers =
            rd_kafka_AlterUserScramCredentials_result_responses(
                rd_kafka_event_AlterUserScramCredentials_result(event), &count);
        for (size_t i = 0; done && i < count; i++)
            done = good(rd_kafka_AlterUserScramCredentials_result_response_error(answers[i]), &err);
    }
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_UserScramCredentialAlteration_destroy(change);
    return done ? ERR_EXIT_OK : fail(&err);
}

static const struct word {
    const char *name;
    int value;
} operations[] = {{"read", RD_KAFKA_ACL_OPERATION_READ},
                  {"write", RD_KAFKA_ACL_OPERATION_WRITE},
                  {"describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
                  {"create", RD_KAFKA_ACL_OPERATION_CREATE},
                  {"describe-configs", RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS},
                  {"idempotent-write", RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE},
                  {0}},
  kinds[] = {{"topic", RD_KAFKA_RESOURCE_TOPIC},
             {"group", RD_KAFKA_RESOURCE_GROUP},
             {"cluster", RD_KAFKA_RESOURCE_BROKER},
             {0}};

/* -1 with a word to the user when it is none. */
static int find_word(const struct word *words, const char *name)
{
    for (; words->name; words++)
        if (strcmp(words->name, name) == 0)
            return words->value;
    log_error("%s is not known here", name);
    return -1;
}

static bool await_rights(const struct work *work, bool allow, struct err *err)
{
    rd_kafka_event_t *event;
    size_t count = 0;
    bool done = wait_event(work, &event, err);
    if (done && allow) {
        const rd_kafka_acl_result_t **results =
            rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);
        for (size_t i = 0; done && i < count; i++)
            done = good(rd_kafka_acl_result_error(results[i]), err);
    } else if (done) {
        const rd_kafka_DeleteAcls_result_response_t **results =
            rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &count);
        for (size_t i = 0; done && i < count; i++)
            done = good(rd_kafka_DeleteAcls_result_response_error(results[i]), err);
    }
    if (event)
        rd_kafka_event_destroy(event);
    return done;
}

static int change_right(const struct work *work, char **words, bool allow)
{
    char why[256], principal[256];
    struct err err = ERR_INIT;
    int operation = find_word(operations, words[1]), kind = find_word(kinds, words[2]);
    if (operation < 0 || kind < 0)
        return ERR_EXIT_USAGE;
    snprintf(principal, sizeof principal, "User:%s", words[0]);
    rd_kafka_AclBinding_t *(*make)(
        rd_kafka_ResourceType_t, const char *, rd_kafka_ResourcePatternType_t, const char *,
        const char *, rd_kafka_AclOperation_t, rd_kafka_AclPermissionType_t, char *, size_t) =
        allow ? rd_kafka_AclBinding_new : rd_kafka_AclBindingFilter_new;
    rd_kafka_AclBinding_t *right = make(
        (rd_kafka_ResourceType_t)kind, words[3], RD_KAFKA_RESOURCE_PATTERN_LITERAL, principal, "*",
        (rd_kafka_AclOperation_t)operation, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof why);
    if (!right) {
        log_error("%s", why);
        return ERR_EXIT_USAGE;
    }
    if (allow)
        rd_kafka_CreateAcls(work->client, &right, 1, work->options, work->queue);
    else
        rd_kafka_DeleteAcls(work->client, &right, 1, work->options, work->queue);
    bool done = await_rights(work, allow, &err);
    rd_kafka_AclBinding_destroy(right);
    return done ? ERR_EXIT_OK : fail(&err);
}

static int run_allow(const struct work *work, char **words, int n)
{
    (void)n;
    return change_right(work, words, true);
}

static int run_forbid(const struct work *work, char **words, int n)
{
    (void)n;
    return change_right(work, words, false);
}

static const struct command {
    const char *name;
    int words_min, words_max;
    int (*run)(const struct work *work, char **words, int n);
} commands[] = {
    {"ping", 0, 0, run_ping},       {"create", 2, 100, run_create},
    {"grow", 2, 2, run_grow},       {"delete", 1, 1, run_delete},
    {"trim", 3, 3, run_trim},       {"partitions", 1, 1, run_partitions},
    {"offsets", 1, 1, run_offsets}, {"password", 1, 1, run_password},
    {"allow", 4, 4, run_allow},     {"forbid", 4, 4, run_forbid},
};

/* ---- the start ---- */

static const struct command *parse(int argc, char **argv, struct kafka_property *bootstrap,
                                   int64_t *seconds)
{
    static const struct option longs[] = {{"bootstrap", required_argument, NULL, 'b'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    for (int c; (c = getopt_long(argc, argv, "+b:t:h", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else if (c == 'b') {
            bootstrap->value = optarg;
        } else if (c == 't') {
            if (!parse_number("--timeout", optarg, 1, 3600, seconds))
                return NULL;
        } else {
            return NULL;
        }
    }
    int n = argc - optind - 1;
    for (size_t i = 0; bootstrap->value && n >= 0 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, argv[optind]) == 0 && n >= commands[i].words_min &&
            n <= commands[i].words_max)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t seconds = 30;
    char why[256];
    struct kafka_property bootstrap = {.name = "bootstrap.servers", .place = ""};
    const struct command *command = parse(argc, argv, &bootstrap, &seconds);
    if (!command) {
        fputs(usage, stderr);
        return ERR_EXIT_USAGE;
    }
    struct errs errs = {0};
    struct kafka_options options = {
        .properties = &bootstrap, .n_properties = 1, .client_id = "pactolus-topic"};
    log_set_level(LOG_LEVEL_ERROR);
    struct work work = {.client = admin_open(&options, &errs),
                        .until = clock_monotonic() + seconds * USEC_PER_SEC};
    if (!work.client)
        return fail(&errs.items[0]);
    work.queue = rd_kafka_queue_new(work.client);
    work.options = rd_kafka_AdminOptions_new(work.client, RD_KAFKA_ADMIN_OP_ANY);
    rd_kafka_AdminOptions_set_request_timeout(work.options, (int)seconds * 1000, why, sizeof why);
    int code = command->run(&work, argv + optind + 1, argc - optind - 1);
    rd_kafka_AdminOptions_destroy(work.options);
    rd_kafka_queue_destroy(work.queue);
    admin_close(work.client);
    return code;
}
