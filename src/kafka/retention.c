/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/retention.h"

#include "base/text.h"

#include <string.h>

enum { GRACE_MS = 1000 };

bool retention_read(const struct retention_settings *settings, usec_t *retention)
{
    int64_t kept, open;
    if (!settings->cleanup_policy || !settings->retention_ms || !settings->segment_ms ||
        !text_parse_int(settings->retention_ms, &kept) ||
        !text_parse_int(settings->segment_ms, &open))
        return false;
    bool by_time = strstr(settings->cleanup_policy, "delete") && kept >= 0 && open >= 0;
    if (by_time && kept < INT64_MAX / USEC_PER_MS / 2 && open < INT64_MAX / USEC_PER_MS / 2)
        *retention = (kept + open) * USEC_PER_MS;
    else
        *retention = RETENTION_FOREVER;
    return true;
}

static bool take_settings(const rd_kafka_ConfigResource_t *topic, usec_t *retention,
                          struct err *err)
{
    size_t count = 0;
    struct retention_settings settings = {0};
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(topic);
    if (code) {
        kafka_error(err, code, rd_kafka_ConfigResource_error_string(topic));
        return false;
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(topic, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        if (strcmp(name, "cleanup.policy") == 0)
            settings.cleanup_policy = rd_kafka_ConfigEntry_value(entries[i]);
        else if (strcmp(name, "retention.ms") == 0)
            settings.retention_ms = rd_kafka_ConfigEntry_value(entries[i]);
        else if (strcmp(name, "segment.ms") == 0)
            settings.segment_ms = rd_kafka_ConfigEntry_value(entries[i]);
    }
    return retention_read(&settings, retention) ||
           err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE,
                   "the broker does not say how long the topic keeps records");
}

bool retention_of(rd_kafka_t *client, const char *topic, int timeout_ms, usec_t *retention,
                  struct err *err)
{
    char ignored[128];
    size_t count = 0;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    /* Fails for numbers out of range only, which ours are not. */
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof ignored);
    rd_kafka_DescribeConfigs(client, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + GRACE_MS);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_ConfigResource_t **told =
        code ? NULL
             : rd_kafka_DescribeConfigs_result_resources(
                   rd_kafka_event_DescribeConfigs_result(event), &count);
    bool good = count == 1 && take_settings(told[0], retention, err);
    if (code)
        kafka_error(err, code, event ? rd_kafka_event_error_string(event) : NULL);
    if (!good)
        err_place(err, "%s", topic);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_queue_destroy(queue);
    return good;
}
