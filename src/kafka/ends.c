/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/ends.h"

#include "base/memory.h"

#include <string.h>

enum { GRACE_MS = 500 }; /* for an answer that is on its way when the time is over */

static void put_question(rd_kafka_t *client, const struct log_end *list, unsigned n, int timeout_ms,
                         rd_kafka_queue_t *queue)
{
    char ignored[128];
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(wanted, list[i].topic, list[i].partition)->offset =
            RD_KAFKA_OFFSET_SPEC_LATEST;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof ignored);
    rd_kafka_error_t *error =
        rd_kafka_AdminOptions_set_isolation_level(options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
    if (error) /* it is an option of this request */
        rd_kafka_error_destroy(error);
    rd_kafka_ListOffsets(client, wanted, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(wanted);
}

/* Answers come in the order of the question, but nobody promises that. */
static void take(const rd_kafka_ListOffsets_result_t *result, struct log_end *list, unsigned n)
{
    size_t count;
    const rd_kafka_ListOffsetsResultInfo_t **all =
        rd_kafka_ListOffsets_result_infos(result, &count);
    for (size_t k = 0; k < count; k++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_ListOffsetsResultInfo_topic_partition(all[k]);
        for (unsigned j = 0; j < n; j++) {
            struct log_end *at = &list[(k + j) % n];
            if (at->partition != found->partition || strcmp(at->topic, found->topic) != 0)
                continue;
            at->end = found->err || found->offset < 0 ? -1 : found->offset;
            break;
        }
    }
}

bool ends_ask(rd_kafka_t *client, struct log_end *list, unsigned n, int timeout_ms, struct err *err)
{
    for (unsigned i = 0; i < n; i++)
        list[i].end = -1;
    if (n == 0)
        return true;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    put_question(client, list, n, timeout_ms, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + GRACE_MS);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!code)
        take(rd_kafka_event_ListOffsets_result(event), list, n);
    else
        kafka_error(err, code, event ? rd_kafka_event_error_string(event) : NULL);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return !code;
}
