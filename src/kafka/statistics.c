/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/statistics.h"

#include <json.h>
#include <string.h>

static int64_t number(const json_object *in, const char *name)
{
    json_object *found;
    return json_object_object_get_ex(in, name, &found) ? json_object_get_int64(found) : 0;
}

static bool is(const json_object *in, const char *name, const char *text)
{
    json_object *found;
    return json_object_object_get_ex(in, name, &found) &&
           json_object_is_type(found, json_type_string) &&
           strcmp(json_object_get_string(found), text) == 0;
}

/* Servers that were given by their address alone, and the coordinator's second connection, have no
 * number of their own or one that another has. */
static void take_broker(const json_object *broker, struct kafka_statistics *statistics)
{
    json_object *rtt;
    int64_t id = number(broker, "nodeid");
    if (id < 0 || is(broker, "source", "logical") || statistics->n_brokers == STATISTICS_BROKERS)
        return;
    struct broker_statistics *to = &statistics->brokers[statistics->n_brokers++];
    *to = (struct broker_statistics){.id = id,
                                     .up = is(broker, "state", "UP"),
                                     .timeouts = number(broker, "req_timeouts"),
                                     .disconnects = number(broker, "disconnects")};
    if (json_object_object_get_ex(broker, "rtt", &rtt)) {
        to->rtt_average = number(rtt, "avg");
        to->rtt_p99 = number(rtt, "p99");
    }
}

static void take_topic(json_object *topic, struct kafka_statistics *statistics)
{
    json_object *partitions;
    if (!json_object_object_get_ex(topic, "partitions", &partitions) ||
        !json_object_is_type(partitions, json_type_object))
        return;
    json_object_object_foreach(partitions, name, partition)
    {
        (void)name;
        statistics->queued_records += number(partition, "fetchq_cnt");
        statistics->queued_bytes += number(partition, "fetchq_size");
    }
}

static void take(const json_object *report, struct kafka_statistics *statistics)
{
    json_object *found;
    *statistics = (struct kafka_statistics){.known = true,
                                            .sent_bytes = number(report, "tx_bytes"),
                                            .received_bytes = number(report, "rx_bytes"),
                                            .sent_requests = number(report, "tx")};
    if (json_object_object_get_ex(report, "brokers", &found) &&
        json_object_is_type(found, json_type_object)) {
        json_object_object_foreach(found, name, broker)
        {
            (void)name;
            take_broker(broker, statistics);
        }
    }
    if (json_object_object_get_ex(report, "topics", &found) &&
        json_object_is_type(found, json_type_object)) {
        json_object_object_foreach(found, name, topic)
        {
            (void)name;
            take_topic(topic, statistics);
        }
    }
}

bool statistics_read(const char *json, size_t length, struct kafka_statistics *statistics)
{
    json_tokener *tokener = json_tokener_new();
    json_object *report = json_tokener_parse_ex(tokener, json, (int)length);
    bool good = report && json_object_is_type(report, json_type_object);
    if (good)
        take(report, statistics);
    json_object_put(report);
    json_tokener_free(tokener);
    return good;
}
