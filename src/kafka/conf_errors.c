/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The class of each librdkafka error, as data with its reason. What is not listed is *retry*:
 * nearly all of Kafka's protocol errors are moments in the life of a cluster, and stopping a stream
 * for a moment would be worse than asking again (docs/guarantees.md §6).
 */
#include "kafka/conf.h"

#include <stddef.h>

#define E(name) RD_KAFKA_RESP_ERR_##name

static const struct kafka_error_rule table[] = {
    /* The network and the brokers' own life. */
    {E(_TRANSPORT), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "connections break", ""},
    {E(_ALL_BROKERS_DOWN), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "outage",
     "check bootstrap.servers and that the brokers' advertised addresses can be reached"},
    {E(_RESOLVE), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "DNS fails and recovers",
     "check the host names in bootstrap.servers"},
    {E(_TIMED_OUT), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "slow or unreachable",
     "check bootstrap.servers and that the brokers' advertised addresses can be reached"},
    {E(_MSG_TIMED_OUT), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "delivery.timeout.ms passed", ""},
    {E(_QUEUE_FULL), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the client's queue drains later", ""},
    {E(_PURGE_QUEUE), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "given up by us before it was sent", ""},
    {E(_PURGE_INFLIGHT), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "given up by us, outcome unknown", ""},
    {E(INVALID_MSG), ERR_RETRY, ERR_EXIT_UNAVAILABLE,
     "checksum broken on the way to the broker (in what is fetched it is damage, kafka/intake)",
     ""},
    {E(NOT_LEADER_FOR_PARTITION), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the leader has moved", ""},
    {E(LEADER_NOT_AVAILABLE), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "a leader is being elected", ""},
    {E(FENCED_LEADER_EPOCH), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the leader has moved", ""},
    {E(UNKNOWN_LEADER_EPOCH), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the broker knows less yet", ""},
    {E(OFFSET_NOT_AVAILABLE), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the leader is new", ""},
    {E(KAFKA_STORAGE_ERROR), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "a broker's disk; another leads then",
     ""},
    {E(NOT_ENOUGH_REPLICAS), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "replicas come back", ""},
    {E(NOT_ENOUGH_REPLICAS_AFTER_APPEND), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "replicas come back",
     ""},
    {E(UNKNOWN_TOPIC_ID), ERR_RETRY, ERR_EXIT_UNAVAILABLE,
     "the topic was deleted or made anew: membership finds out", ""},
    {E(COORDINATOR_NOT_AVAILABLE), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the group's broker is away",
     ""},
    {E(COORDINATOR_LOAD_IN_PROGRESS), ERR_RETRY, ERR_EXIT_UNAVAILABLE,
     "the group's broker reads its log", ""},
    {E(NOT_COORDINATOR), ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the group's broker has moved", ""},
    {E(THROTTLING_QUOTA_EXCEEDED), ERR_RETRY, ERR_EXIT_TEMPORARY, "quotas pass", ""},
    {E(OUT_OF_ORDER_SEQUENCE_NUMBER), ERR_RETRY, ERR_EXIT_TEMPORARY,
     "the producer is made anew, and sends again what has no report", ""},
    {E(UNKNOWN_PRODUCER_ID), ERR_RETRY, ERR_EXIT_TEMPORARY,
     "the producer is made anew, and sends again what has no report", ""},
    {E(INVALID_PRODUCER_EPOCH), ERR_RETRY, ERR_EXIT_TEMPORARY,
     "the producer is made anew, and sends again what has no report", ""},
    {E(REBALANCE_IN_PROGRESS), ERR_RETRY, ERR_EXIT_TEMPORARY, "the group settles", ""},
    {E(ILLEGAL_GENERATION), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member rejoins", ""},
    {E(UNKNOWN_MEMBER_ID), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member rejoins", ""},
    {E(_MAX_POLL_EXCEEDED), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member rejoins", ""},
    {E(STALE_MEMBER_EPOCH), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member catches up", ""},
    {E(FENCED_MEMBER_EPOCH), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member rejoins", ""},
    {E(_ASSIGNMENT_LOST), ERR_RETRY, ERR_EXIT_TEMPORARY, "the member rejoins", ""},

    /* This record and no other. */
    {E(MSG_SIZE_TOO_LARGE), ERR_REJECT, ERR_EXIT_DATA, "the same bytes stay too large",
     "raise message.max.bytes here and max.message.bytes of the topic"},
    {E(RECORD_LIST_TOO_LARGE), ERR_REJECT, ERR_EXIT_DATA, "the same bytes stay too large",
     "raise segment.bytes of the topic"},
    {E(INVALID_RECORD), ERR_REJECT, ERR_EXIT_DATA, "the broker checks records (compacted: no key)",
     "a compacted topic wants a key on every record"},
    {E(INVALID_TIMESTAMP), ERR_REJECT, ERR_EXIT_DATA, "outside the topic's bounds of timestamps",
     ""},

    /* Permission. */
    {E(_AUTHENTICATION), ERR_HALT, ERR_EXIT_PERMISSION, "credentials do not mend by themselves",
     "check sasl.username, sasl.password and sasl.mechanism"},
    {E(SASL_AUTHENTICATION_FAILED), ERR_HALT, ERR_EXIT_PERMISSION,
     "credentials do not mend by themselves",
     "check sasl.username, sasl.password and sasl.mechanism"},
    {E(UNSUPPORTED_SASL_MECHANISM), ERR_HALT, ERR_EXIT_PERMISSION, "the broker offers others",
     "check sasl.mechanism"},
    {E(_SSL), ERR_HALT, ERR_EXIT_PERMISSION, "certificates do not mend by themselves",
     "check ssl.ca.location, ssl.certificate.location and the broker's certificate"},
    {E(TOPIC_AUTHORIZATION_FAILED), ERR_HALT, ERR_EXIT_PERMISSION, "an ACL is missing",
     "grant Read and Describe on the topic (Write for a DLQ topic)"},
    {E(GROUP_AUTHORIZATION_FAILED), ERR_HALT, ERR_EXIT_PERMISSION, "an ACL is missing",
     "grant Read on the group"},
    {E(CLUSTER_AUTHORIZATION_FAILED), ERR_HALT, ERR_EXIT_PERMISSION, "an ACL is missing",
     "grant IdempotentWrite on the cluster (brokers before 3.0)"},
    {E(ILLEGAL_SASL_STATE), ERR_HALT, ERR_EXIT_PERMISSION, "the listener does not speak SASL so",
     "check security.protocol and sasl.mechanism"},
    {E(SECURITY_DISABLED), ERR_HALT, ERR_EXIT_PERMISSION, "the broker has no authorizer", ""},

    /* Configuration. */
    {E(UNKNOWN_TOPIC_OR_PART), ERR_HALT, ERR_EXIT_UNAVAILABLE, "someone has to create it",
     "create it: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic TOPIC "
     "--partitions N"},
    {E(_UNKNOWN_TOPIC), ERR_HALT, ERR_EXIT_UNAVAILABLE, "someone has to create it",
     "create it: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic TOPIC "
     "--partitions N"},
    {E(_UNKNOWN_PARTITION), ERR_HALT, ERR_EXIT_UNAVAILABLE, "the topic has fewer partitions", ""},
    {E(TOPIC_EXCEPTION), ERR_HALT, ERR_EXIT_CONFIG, "the name is not a topic's",
     "letters, digits, '.', '_' and '-', at most 249"},
    {E(_INVALID_ARG), ERR_HALT, ERR_EXIT_CONFIG, "the client refuses it", ""},
    {E(INVALID_CONFIG), ERR_HALT, ERR_EXIT_CONFIG, "the broker refuses it", ""},
    {E(POLICY_VIOLATION), ERR_HALT, ERR_EXIT_CONFIG, "the broker refuses it", ""},
    {E(UNSUPPORTED_VERSION), ERR_HALT, ERR_EXIT_CONFIG, "the broker is too old or too new", ""},
    {E(_UNSUPPORTED_FEATURE), ERR_HALT, ERR_EXIT_CONFIG, "the broker is too old", ""},
    {E(INCONSISTENT_GROUP_PROTOCOL), ERR_HALT, ERR_EXIT_CONFIG, "members disagree",
     "all members of a group need the same partition.assignment.strategy"},
    {E(INVALID_SESSION_TIMEOUT), ERR_HALT, ERR_EXIT_CONFIG, "outside the broker's bounds",
     "see group.min.session.timeout.ms of the broker"},
    {E(INVALID_REQUIRED_ACKS), ERR_HALT, ERR_EXIT_CONFIG, "the broker refuses it", ""},
    {E(GROUP_MAX_SIZE_REACHED), ERR_HALT, ERR_EXIT_CONFIG, "the group is full",
     "see group.max.size of the broker"},
    {E(UNSUPPORTED_ASSIGNOR), ERR_HALT, ERR_EXIT_CONFIG, "the broker does not know it", ""},
    {E(INVALID_GROUP_ID), ERR_HALT, ERR_EXIT_CONFIG, "the name is not a group's", ""},
    /* not temporary: two that are started again would end one another for ever */
    {E(FENCED_INSTANCE_ID), ERR_HALT, ERR_EXIT_CONFIG, "another process has this instance id",
     "group.instance.id must differ between the daemons of a group"},
    {E(UNRELEASED_INSTANCE_ID), ERR_HALT, ERR_EXIT_TEMPORARY,
     "another process has this instance id",
     "group.instance.id must differ between the daemons of a group"},
    {E(_FENCED), ERR_HALT, ERR_EXIT_TEMPORARY, "a newer client took this one's place", ""},
    {E(_FATAL), ERR_HALT, ERR_EXIT_TEMPORARY, "this client is of no more use", ""},

    /* The log itself. */
    {E(OFFSET_OUT_OF_RANGE), ERR_HALT, ERR_EXIT_DATA, "records are gone: a person decides", ""},
    {E(_AUTO_OFFSET_RESET), ERR_HALT, ERR_EXIT_DATA, "records are gone: a person decides", ""},
    {E(_LOG_TRUNCATION), ERR_HALT, ERR_EXIT_DATA, "records were rewritten: a person decides", ""},
    {E(_BAD_MSG), ERR_HALT, ERR_EXIT_DATA, "bytes of the log are damaged: a person decides", ""},
    {E(_BAD_COMPRESSION), ERR_HALT, ERR_EXIT_DATA, "bytes of the log are damaged: a person decides",
     ""},
};

const struct kafka_error_rule *kafka_error_table(unsigned *n)
{
    *n = sizeof table / sizeof *table;
    return table;
}

static const struct kafka_error_rule *row_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

enum err_class kafka_error_class(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_NONE;
    const struct kafka_error_rule *row = row_of(code);
    return row ? row->class : ERR_RETRY;
}

void kafka_error(struct err *err, rd_kafka_resp_err_t code, const char *text)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (err)
            err_clear(err);
        return;
    }
    const struct kafka_error_rule *row = row_of(code);
    const char *said = text && *text ? text : rd_kafka_err2str(code);
    err_set(err, row ? row->class : ERR_RETRY, row ? row->exit : ERR_EXIT_UNAVAILABLE,
            "kafka: %s (%s)", said, rd_kafka_err2name(code));
    if (row && *row->hint)
        err_hint(err, "%s", row->hint);
}
