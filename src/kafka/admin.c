/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/admin.h"

#include "base/memory.h"

#include <stdlib.h>

/* A consumer without a group: of the library's kinds it is the one that honours isolation.level,
 * without which the end of a log would be its last stable offset. */
rd_kafka_t *admin_open(const struct kafka_options *options, struct errs *errs)
{
    char why[512];
    rd_kafka_conf_t *conf = kafka_conf(KAFKA_ADMIN, options, errs);
    if (!conf)
        return NULL;
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (client)
        return client;
    struct err err;
    rd_kafka_conf_destroy(conf);
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "kafka: %s", why);
    errs_add(errs, &err);
    return NULL;
}

void admin_close(rd_kafka_t *client)
{
    if (client)
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
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
        kafka_error(err, RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker told the cluster's id in time");
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
