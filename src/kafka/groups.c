/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/groups.h"

#include "base/memory.h"
#include "kafka/internal.h"

#include <stdlib.h>
#include <string.h>

enum { GRACE_MS = 1000 };

/* One question to the brokers at a time. */
struct asking {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    const char *const *topics;
    unsigned n_topics;
    int timeout_ms;
    struct groups *groups;
    struct err *err;
};

void groups_free(struct groups *groups)
{
    for (unsigned i = 0; i < groups->count; i++) {
        free(groups->items[i].group);
        free(groups->items[i].topic);
    }
    free(groups->items);
    *groups = (struct groups){0};
}

static bool wanted(const struct asking *asking, const char *topic)
{
    for (unsigned i = 0; i < asking->n_topics; i++)
        if (strcmp(asking->topics[i], topic) == 0)
            return true;
    return false;
}

static struct groups_reader *reader_of(struct groups *groups, const char *group, const char *topic)
{
    for (unsigned i = 0; i < groups->count; i++)
        if (strcmp(groups->items[i].group, group) == 0 &&
            strcmp(groups->items[i].topic, topic) == 0)
            return &groups->items[i];
    groups->items = mem_grow(groups->items, groups->count + 1, sizeof *groups->items);
    groups->items[groups->count] = (struct groups_reader){
        .group = mem_string(group), .topic = mem_string(topic), .state = "Unknown"};
    return &groups->items[groups->count++];
}

static rd_kafka_AdminOptions_t *options_of(const struct asking *asking, rd_kafka_admin_op_t what)
{
    char ignored[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(asking->client, what);
    /* Fails for numbers out of range only, which ours are not. */
    rd_kafka_AdminOptions_set_request_timeout(options, asking->timeout_ms, ignored, sizeof ignored);
    return options;
}

/* The answer, to be destroyed; NULL with err. A request ends by itself when its time is over. */
static rd_kafka_event_t *answer(const struct asking *asking)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(asking->queue, asking->timeout_ms + GRACE_MS);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!code)
        return event;
    kafka_error(asking->err, code, event ? rd_kafka_event_error_string(event) : NULL);
    if (event)
        rd_kafka_event_destroy(event);
    return NULL;
}

/* ------------------------------------------------------------------------------------ members */

static void take_member(struct asking *asking, const char *group, const char *state,
                        const rd_kafka_MemberDescription_t *member)
{
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
    const rd_kafka_topic_partition_list_t *list =
        assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    for (int i = 0; list && i < list->cnt; i++) {
        const char *topic = list->elems[i].topic;
        bool again = i > 0 && strcmp(list->elems[i - 1].topic, topic) == 0;
        if (again || !wanted(asking, topic))
            continue;
        struct groups_reader *reader = reader_of(asking->groups, group, topic);
        reader->state = state;
        reader->members++;
    }
}

static void take_descriptions(struct asking *asking,
                              const rd_kafka_DescribeConsumerGroups_result_t *result)
{
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **list =
        rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
    for (size_t i = 0; i < count; i++) {
        const char *group = rd_kafka_ConsumerGroupDescription_group_id(list[i]);
        const char *state =
            rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(list[i]));
        if (rd_kafka_ConsumerGroupDescription_error(list[i])) {
            asking->groups->unreadable++;
            continue;
        }
        for (size_t k = 0; k < rd_kafka_ConsumerGroupDescription_member_count(list[i]); k++)
            take_member(asking, group, state, rd_kafka_ConsumerGroupDescription_member(list[i], k));
        for (unsigned k = 0; k < asking->groups->count; k++)
            if (strcmp(asking->groups->items[k].group, group) == 0)
                asking->groups->items[k].state = state;
    }
}

static bool ask_members(struct asking *asking, const char **names, size_t count)
{
    if (!count)
        return true;
    rd_kafka_AdminOptions_t *options = options_of(asking, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    rd_kafka_DescribeConsumerGroups(asking->client, names, count, options, asking->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = answer(asking);
    if (!event)
        return false;
    take_descriptions(asking, rd_kafka_event_DescribeConsumerGroups_result(event));
    rd_kafka_event_destroy(event);
    return true;
}

/* ------------------------------------------------------------------------------------ offsets */

static void take_offsets(struct asking *asking, const char *group,
                         const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; list && i < list->cnt; i++)
        if (list->elems[i].offset >= 0 && wanted(asking, list->elems[i].topic))
            reader_of(asking->groups, group, list->elems[i].topic)->committed = true;
}

/* The broker takes this question for one group at a time. One that we may not see is counted. */
static bool ask_offsets(struct asking *asking, const char *group)
{
    rd_kafka_ListConsumerGroupOffsets_t *question =
        rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    rd_kafka_AdminOptions_t *options =
        options_of(asking, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets(asking->client, &question, 1, options, asking->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    rd_kafka_event_t *event = answer(asking);
    if (!event)
        return false;
    size_t count = 0;
    const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_group_result_error(results[i]))
            asking->groups->unreadable++;
        else
            take_offsets(asking, group, rd_kafka_group_result_partitions(results[i]));
    }
    rd_kafka_event_destroy(event);
    return true;
}

/* ------------------------------------------------------------------------------------- groups */

/* Each broker tells its own groups; one that did not leaves the answer with holes. */
static bool whole(struct asking *asking, const rd_kafka_ListConsumerGroups_result_t *result)
{
    size_t count = 0;
    const rd_kafka_error_t **errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
    if (!count)
        return true;
    kafka_error(asking->err, rd_kafka_error_code(errors[0]), rd_kafka_error_string(errors[0]));
    return false;
}

static bool ask_each(struct asking *asking, const rd_kafka_ListConsumerGroups_result_t *result)
{
    size_t count = 0;
    if (!whole(asking, result))
        return false;
    const rd_kafka_ConsumerGroupListing_t **list =
        rd_kafka_ListConsumerGroups_result_valid(result, &count);
    const char **names = mem_zero(count + 1, sizeof *names);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        names[i] = rd_kafka_ConsumerGroupListing_group_id(list[i]);
    for (size_t i = 0; good && i < count; i++)
        good = ask_offsets(asking, names[i]);
    good = good && ask_members(asking, names, count);
    free(names);
    return good;
}

static int by_group(const void *a, const void *b)
{
    const struct groups_reader *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->topic, y->topic);
}

bool groups_read(rd_kafka_t *client, const char *const *topics, unsigned n_topics, int timeout_ms,
                 struct groups *groups, struct err *err)
{
    struct asking asking = {.client = client,
                            .queue = rd_kafka_queue_new(client),
                            .topics = topics,
                            .n_topics = n_topics,
                            .timeout_ms = timeout_ms,
                            .groups = groups,
                            .err = err};
    *groups = (struct groups){0};
    rd_kafka_AdminOptions_t *options = options_of(&asking, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
    rd_kafka_ListConsumerGroups(client, options, asking.queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = answer(&asking);
    bool good = event && ask_each(&asking, rd_kafka_event_ListConsumerGroups_result(event));
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(asking.queue);
    if (groups->count)
        qsort(groups->items, groups->count, sizeof *groups->items, by_group);
    if (!good)
        groups_free(groups);
    return good;
}
