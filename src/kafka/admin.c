/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/admin.h"

#include "base/memory.h"
#include "kafka/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE_MS = 500 };

/* Why a connection failed last, as the library's threads tell it: an answer that did not come in
 * time says nothing of certificates and passwords. The client's opaque. */
struct failure {
    pthread_mutex_t lock;
    char text[256];
};

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    struct failure *failure = rd_kafka_opaque(client);
    if (failure && strcmp(facility, "FAIL") == 0) {
        /* "[thrd:…]: address: what": the address is named as the place. */
        const char *what = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
        pthread_mutex_lock(&failure->lock);
        snprintf(failure->text, sizeof failure->text, "%s", what ? what + 3 : text);
        pthread_mutex_unlock(&failure->lock);
    }
    kafka_log_line(client, level, facility, text);
}

static void failure_free(struct failure *failure)
{
    pthread_mutex_destroy(&failure->lock);
    free(failure);
}

static void failure_text(const rd_kafka_t *client, char text[256])
{
    struct failure *failure = rd_kafka_opaque(client);
    text[0] = '\0';
    if (!failure)
        return;
    pthread_mutex_lock(&failure->lock);
    memcpy(text, failure->text, sizeof failure->text);
    pthread_mutex_unlock(&failure->lock);
}

/* A consumer: of the library's kinds it is the one that honours isolation.level, without which the
 * end of a log would be its last stable offset. */
static rd_kafka_t *open_client(const struct kafka_options *options, struct errs *errs)
{
    char why[512];
    rd_kafka_conf_t *conf = kafka_conf(KAFKA_ADMIN, options, errs);
    if (!conf)
        return NULL;
    struct failure *failure = mem_zero(1, sizeof *failure);
    pthread_mutex_init(&failure->lock, NULL);
    rd_kafka_conf_set_opaque(conf, failure);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (client)
        return client;
    struct err err;
    rd_kafka_conf_destroy(conf);
    failure_free(failure);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "kafka: %s", why);
    errs_add(errs, &err);
    return NULL;
}

rd_kafka_t *admin_open(const struct kafka_options *options, struct errs *errs)
{
    struct kafka_options without = *options;
    without.group = NULL;
    return open_client(&without, errs);
}

rd_kafka_t *admin_open_group(const struct kafka_options *options, struct errs *errs)
{
    return open_client(options, errs);
}

void admin_close(rd_kafka_t *client)
{
    if (!client)
        return;
    struct failure *failure = rd_kafka_opaque(client);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); /* its threads end */
    failure_free(failure);
}

/* The place of a failure to reach anyone: whom we asked. */
static void name_brokers(rd_kafka_t *client, struct err *err)
{
    char brokers[128];
    size_t size = sizeof brokers;
    if (rd_kafka_conf_get(rd_kafka_conf(client), "bootstrap.servers", brokers, &size) ==
        RD_KAFKA_CONF_OK)
        err_place(err, "%s", brokers);
}

char *admin_cluster_id(rd_kafka_t *client, int timeout_ms, struct err *err)
{
    char *theirs = rd_kafka_clusterid(client, timeout_ms);
    if (!theirs) {
        char why[256], text[320];
        failure_text(client, why);
        snprintf(text, sizeof text, "no broker told the cluster's id in time%s%s", *why ? ": " : "",
                 why);
        kafka_error(err, RD_KAFKA_RESP_ERR__TIMED_OUT, text);
        name_brokers(client, err);
        return NULL;
    }
    char *id = mem_string(theirs);
    rd_kafka_mem_free(client, theirs);
    return id;
}

static int partitions_of(const struct rd_kafka_metadata *metadata, const char *topic,
                         struct err *err)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    int count = -1;
    if (metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
    }
    if (!code && count > 0)
        return count;
    if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        kafka_error(err, code, NULL);
        err_place(err, "%s", topic);
        return -1;
    }
    err_set(err, ERR_HALT, ERR_EXIT_UNAVAILABLE, "the topic does not exist");
    err_place(err, "%s", topic);
    err_hint(err,
             "create it: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic %s "
             "--partitions N",
             topic);
    return -1;
}

int admin_partitions(rd_kafka_t *client, const char *topic, int timeout_ms, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (!handle) {
        kafka_error(err, rd_kafka_last_error(), NULL);
        err_place(err, "%s", topic);
        return -1;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (code) {
        kafka_error(err, code, "no broker answered");
        return -1;
    }
    int count = partitions_of(metadata, topic, err);
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* ---- identities ---- */

static bool lacks_ids(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

static bool take_identity(const rd_kafka_TopicDescription_t *description,
                          struct topic_identity *identity, struct err *err)
{
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(description);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        identity->missing = true;
    } else if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(description);
        if (id &&
            (rd_kafka_Uuid_most_significant_bits(id) || rd_kafka_Uuid_least_significant_bits(id)))
            snprintf(identity->id, sizeof identity->id, "%s", rd_kafka_Uuid_base64str(id));
    } else if (kafka_error_class(code) == ERR_RETRY) {
        kafka_error(err, code, rd_kafka_error_string(error));
        return err_place(err, "%s", identity->topic);
    }
    return true; /* refused: what we may not know is not known */
}

/* The answer's topics, in whatever order they came. */
static bool take_identities(const rd_kafka_DescribeTopics_result_t *result,
                            struct topic_identity *list, unsigned n, struct err *err)
{
    size_t count;
    const rd_kafka_TopicDescription_t **all = rd_kafka_DescribeTopics_result_topics(result, &count);
    for (size_t k = 0; k < count; k++)
        for (unsigned i = 0; i < n; i++)
            if (strcmp(rd_kafka_TopicDescription_name(all[k]), list[i].topic) == 0 &&
                !take_identity(all[k], &list[i], err))
                return false;
    return true;
}

/* A broker that answered just now. Any can say what a topic's id is; not told whom to ask,
 * librdkafka waits for the controller, which an embedded cluster lacks and a troubled one may be
 * without. */
static bool living_broker(rd_kafka_t *client, int timeout_ms, int32_t *id, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms);
    if (!code && metadata->broker_cnt == 0)
        code = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (code) {
        kafka_error(err, code, "no broker answered");
        if (metadata)
            rd_kafka_metadata_destroy(metadata);
        return false;
    }
    /* One that has been reached by its bootstrap address alone has no number yet. */
    *id = metadata->orig_broker_id >= 0 ? metadata->orig_broker_id : metadata->brokers[0].id;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static void describe_topics(rd_kafka_t *client, const struct topic_identity *list, unsigned n,
                            int32_t broker, int timeout_ms, rd_kafka_queue_t *queue)
{
    char ignored[128];
    const char **names = mem_zero(n, sizeof *names);
    for (unsigned i = 0; i < n; i++)
        names[i] = list[i].topic;
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, n);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    /* These fail for numbers out of range only, which ours are not. */
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof ignored);
    rd_kafka_AdminOptions_set_broker(options, broker, ignored, sizeof ignored);
    rd_kafka_DescribeTopics(client, topics, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
    free(names);
}

bool admin_topic_ids(rd_kafka_t *client, struct topic_identity *list, unsigned n, int timeout_ms,
                     struct err *err)
{
    for (unsigned i = 0; i < n; i++)
        list[i] = (struct topic_identity){.topic = list[i].topic};
    int32_t broker;
    if (n == 0)
        return true;
    if (!living_broker(client, timeout_ms, &broker, err))
        return false;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    describe_topics(client, list, n, broker, timeout_ms, queue);
    /* A request ends by itself when its time is over, unless its client is being closed. */
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + GRACE_MS);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    bool good = lacks_ids(code);
    if (!code)
        good = take_identities(rd_kafka_event_DescribeTopics_result(event), list, n, err);
    else if (!good)
        kafka_error(err, code, event ? rd_kafka_event_error_string(event) : NULL);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return good;
}

/* ---- a group's offsets ---- */

static void take_offset(const rd_kafka_topic_partition_t *from, struct group_offset *to)
{
    to->offset = from->offset >= 0 ? from->offset : -1;
    if (to->offset >= 0 && from->metadata_size < sizeof to->note)
        snprintf(to->note, sizeof to->note, "%.*s", (int)from->metadata_size,
                 from->metadata ? (const char *)from->metadata : "");
}

static bool take_offsets(const rd_kafka_topic_partition_list_t *found, struct group_offset *list,
                         struct err *err)
{
    for (int i = 0; i < found->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &found->elems[i];
        if (one->err) {
            kafka_error(err, one->err, NULL);
            return err_place(err, "%s[%d]", one->topic, (int)one->partition);
        }
        take_offset(one, &list[i]);
    }
    return true;
}

/* By the client's own group, not by ListConsumerGroupOffsets: that one, when its time is over
 * before a coordinator is found, leaves a reference behind that is used after it is freed as soon
 * as one is found (rd_kafka_admin_coord_request and rd_kafka_coord_req_fail of librdkafka 2.14.2):
 * the process ends. */
bool admin_group_offsets(rd_kafka_t *client, struct group_offset *list, unsigned n, int timeout_ms,
                         struct err *err)
{
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++) {
        list[i].offset = -1;
        list[i].note[0] = 0;
        rd_kafka_topic_partition_list_add(asked, list[i].topic, list[i].partition);
    }
    rd_kafka_resp_err_t code =
        n ? rd_kafka_committed(client, asked, timeout_ms) : RD_KAFKA_RESP_ERR_NO_ERROR;
    bool good = !code;
    if (good)
        good = take_offsets(asked, list, err);
    else
        kafka_error(err, code, "no coordinator of the group answered");
    rd_kafka_topic_partition_list_destroy(asked);
    return good;
}

/* ---- offsets ---- */

bool admin_watermarks(rd_kafka_t *client, const char *topic, int32_t partition, int timeout_ms,
                      int64_t *low, int64_t *high, struct err *err)
{
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(client, topic, partition, low, high, timeout_ms);
    if (!code)
        return true;
    kafka_error(err, code, NULL);
    return err_place(err, "%s[%d]", topic, (int)partition);
}

bool admin_offset_at(rd_kafka_t *client, const char *topic, int32_t partition, int64_t time_ms,
                     int timeout_ms, int64_t *offset, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, timeout_ms);
    if (!code)
        code = list->elems[0].err;
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code) {
        kafka_error(err, code, NULL);
        return err_place(err, "%s[%d]", topic, (int)partition);
    }
    int64_t low;
    /* No record is that young: -1, the end of the log. */
    return *offset >= 0 ||
           admin_watermarks(client, topic, partition, timeout_ms, &low, offset, err);
}
