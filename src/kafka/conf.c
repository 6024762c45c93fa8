/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/conf.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "kafka/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is ours ---- */

struct setting {
    const char *name, *value;
};

/* Fixed: refused from outside (see `refusals`). */
static const struct setting fixed_consumer[] = {
    {"enable.auto.commit", "false"},       /* PostgreSQL holds the offsets */
    {"enable.auto.offset.store", "false"}, /* likewise */
    {"auto.offset.reset", "error"},        /* a lost offset is a decision, not a default */
    {"isolation.level", "read_committed"}, /* aborted transactions never were */
    {"enable.partition.eof", "true"},      /* ends book trailing control records */
    {"log.queue", "true"},                 /* the client's log lines come through consumer_poll */
    {NULL, NULL},
};

static const struct setting fixed_producer[] = {
    {"enable.idempotence", "true"}, /* no duplicate from a resend within this client */
    {"acks", "all"},                /* a report means that the record is safe */
    {NULL, NULL},
};

/* Questions see the log's real end, past open transactions. */
static const struct setting fixed_admin[] = {
    {"enable.auto.commit", "false"},
    {"isolation.level", "read_uncommitted"},
    {NULL, NULL},
};

/* Defaults: the user's words win. */
static const struct setting default_all[] = {
    {"enable.metrics.push", "false"}, /* telemetry to the broker is the operator's wish, not ours */
    {"socket.keepalive.enable", "true"}, /* a broker's host that vanished is noticed */
    {NULL, NULL},
};

static const struct setting default_consumer[] = {
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"max.poll.interval.ms", "120000"}, /* the loop never blocks: two minutes is a hang */
    /* A full queue holds its partition's next fetch back for this long; the library's default of
     * one second shows as stalls. */
    {"fetch.queue.backoff.ms", "2"},
    /* Memory: per queue of a lane, plus one fetch per broker. */
    {"queued.min.messages", "20000"},
    {"queued.max.messages.kbytes", "16384"},
    {"fetch.max.bytes", "8388608"},
    /* A broker answers at once when there is data (fetch.min.bytes = 1), so that this bounds only
     * how long an empty answer takes; the embedded broker sleeps all of it even when data comes,
     * which would be seen as latency. */
    {"fetch.wait.max.ms", "20"},
    {"fetch.error.backoff.ms", "100"},
    {NULL, NULL},
};

static const struct setting default_producer[] = {
    {"queue.buffering.max.kbytes", "65536"}, /* bounded memory; the default is 1 GiB */
    {"delivery.timeout.ms", "30000"},        /* then it is reported, and ours to retry */
    {"partitioner", "murmur2_random"}, /* keys go where the Java clients' partitioner puts them */
    {NULL, NULL},
};

/* Names that may not be set from outside, and why. A final '*' stands for any rest. */
struct refusal {
    const char *name, *reason, *hint;
};

static const struct refusal refusals[] = {
    {"group.id", "the group names the cursors in PostgreSQL too", "set `group` instead"},
    {"client.id", "it has a setting of its own", "set `client_id` instead"},
    {"group.protocol", "membership is built for the classic protocol", ""},
    {"group.remote.assignor", "membership is built for the classic protocol", ""},
    {"enable.auto.commit", "PostgreSQL holds the offsets", ""},
    {"auto.commit.*", "PostgreSQL holds the offsets", ""},
    {"enable.auto.offset.store", "PostgreSQL holds the offsets", ""},
    {"offset.store.*", "PostgreSQL holds the offsets", ""},
    {"auto.offset.reset", "a lost offset halts its partition, it is never reset silently",
     "set `start` of the stream for the first start"},
    {"isolation.level", "records of aborted transactions must never reach a table", ""},
    {"enable.partition.eof", "the account needs the ends of partitions", ""},
    {"enable.idempotence", "dead letters must not be doubled by a resend", ""},
    {"acks", "a dead letter counts as relayed only when it is safe", ""},
    {"request.required.acks", "a dead letter counts as relayed only when it is safe", ""},
    {"transactional.id", "Kafka transactions cannot include PostgreSQL", ""},
    {"plugin.library.paths", "it loads code into the process", ""},
    {"test.mock.*", "it replaces the brokers by simulated ones", ""},
    {"log.queue", "logs go where Pactolus logs", ""},
    {"*_cb", "it is not a text", ""},
    {"opaque", "it is not a text", ""},
    {"interceptors", "it is not a text", ""},
    {"default_topic_conf", "it is not a text", ""},
};

static bool refusal_matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);
    if (pattern[0] == '*') {
        size_t have = strlen(name);
        return have >= length - 1 && strcmp(name + have - (length - 1), pattern + 1) == 0;
    }
    if (pattern[length - 1] == '*')
        return strncmp(pattern, name, length - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static const struct refusal *refusal_of(const char *name)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusal_matches(refusals[i].name, name))
            return &refusals[i];
    return NULL;
}

/* ---- what the library knows ---- */

/* The library's properties by name, with the side that each belongs to, as its own printed table
 * says: there is no other way to ask. */
struct known {
    char *text;         /* the table; names point into it */
    const char **names; /* NULL-terminated */
    char *sides;        /* 'C', 'P' or '*' for each */
    unsigned count, capacity;
};

static void known_add(struct known *known, const char *name, char side)
{
    if (known->count + 1 >= known->capacity) {
        known->capacity = known->capacity ? known->capacity * 2 : 256;
        known->names = mem_grow(known->names, known->capacity, sizeof *known->names);
        known->sides = mem_grow(known->sides, known->capacity, 1);
    }
    known->names[known->count] = name;
    known->sides[known->count] = side;
    known->names[++known->count] = NULL;
}

/* A line is "name <spaces> | side | ...". */
static void known_read(struct known *known)
{
    char *rest = known->text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t length = strcspn(line, " |");
        char *bar = strchr(line, '|');
        if (!bar || length == 0 || line[0] == '-' || line[0] == '#' || strlen(bar) < 4)
            continue;
        char side = bar[2] == ' ' ? bar[3] : bar[2];
        if (side != 'C' && side != 'P' && side != '*')
            continue;
        line[length] = 0;
        if (strcmp(line, "Property") != 0)
            known_add(known, line, side);
    }
}

static void known_init(struct known *known)
{
    size_t size = 0;
    *known = (struct known){0};
    FILE *file = open_memstream(&known->text, &size);
    if (!file)
        return;
    rd_kafka_conf_properties_show(file);
    fclose(file);
    if (known->text)
        known_read(known);
}

static void known_free(struct known *known)
{
    free(known->text);
    free(known->names);
    free(known->sides);
}

/* The side of a property; 0 when there is none of that name. */
static char known_side(const struct known *known, const char *name)
{
    for (unsigned i = 0; i < known->count; i++)
        if (strcmp(known->names[i], name) == 0)
            return known->sides[i];
    return 0;
}

/* ---- values ---- */

/* The library's words about a value may hold the value itself. */
static bool value_refused(const char *name, const char *why, struct err *err)
{
    if (secret_named(name))
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the value of %s is not valid", name);
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s: %s", name, why);
}

static bool property_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct err *err)
{
    char why[512];
    return rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK ||
           value_refused(name, why, err);
}

/* A secret, from the file that the value names. */
static bool secret_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    const char *place = secret_place(value);
    size_t length = strlen(name);
    bool pem = length > 4 && strcmp(name + length - 4, ".pem") == 0;
    if (!place) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s: a secret does not stand in the configuration",
                name);
        return err_hint(err, "put it into a file of its own: \"file:/etc/pactolus/NAME\", or "
                             "\"credential:NAME\" for one that systemd passes on");
    }
    char *secret = secret_read(place, pem ? SECRET_WHOLE : SECRET_LINE, err);
    bool ok = secret && property_set(conf, name, secret, err);
    secret_free(secret);
    return ok;
}

/* ---- one property of the user's ---- */

static void dots(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", name);
    for (char *c = out; *c; c++)
        if (*c == '_')
            *c = '.';
}

static bool property_unknown(const struct known *known, const char *name, struct err *err)
{
    const char *near = text_nearest(name, known->names);
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "librdkafka %s has no property %s",
            rd_kafka_version_str(), name);
    if (near)
        err_hint(err, "did you mean %s?", near);
    else
        err_hint(err, "CONFIGURATION.md of librdkafka lists them all");
    return false;
}

static bool property_apply(rd_kafka_conf_t *conf, const struct known *known, enum kafka_role role,
                           const struct kafka_property *property, struct err *err)
{
    char dotted[128];
    const char *name = property->name;
    dots(name, dotted, sizeof dotted);
    const struct refusal *refusal = refusal_of(name);
    if (!refusal)
        refusal = refusal_of(dotted);
    if (refusal) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s cannot be set: %s", dotted, refusal->reason);
        if (*refusal->hint)
            err_hint(err, "%s", refusal->hint);
        return false;
    }
    char side = known_side(known, name);
    if (!side && (side = known_side(known, dotted)))
        name = dotted;
    if (!side)
        return property_unknown(known, dotted, err);
    /* One block serves all clients. What belongs to the other side is judged here all the same, in
     * a conf of its own, for the library would warn of it in every client. */
    bool foreign = side == (role == KAFKA_PRODUCER ? 'C' : 'P');
    rd_kafka_conf_t *target = foreign ? rd_kafka_conf_new() : conf;
    bool ok = secret_named(name) ? secret_set(target, name, property->value, err)
                                 : property_set(target, name, property->value, err);
    if (foreign)
        rd_kafka_conf_destroy(target);
    return ok;
}

/* ---- the whole ---- */

static void set_all(rd_kafka_conf_t *conf, const struct setting *settings, struct errs *errs)
{
    for (; settings->name; settings++) {
        struct err err = ERR_INIT;
        if (!property_set(conf, settings->name, settings->value, &err))
            errs_add(errs, &err);
    }
}

/* Levels as syslog's. The library retries by itself what it calls errors: warnings to us. */
void kafka_log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    /* Every failed attempt once more, in other words, where no error callback is set: the failure
     * itself has a line of its own, and whoever asked gets an error. */
    if (strcmp(facility, "ERROR") == 0 || strcmp(facility, "FATAL") == 0)
        level = LOG_LEVEL_DEBUG;
    /* A broker that has just started has no producer ids to give out yet: no news. */
    if (level == LOG_LEVEL_WARNING && strcmp(facility, "GETPID") == 0)
        level = LOG_LEVEL_INFO;
    if (level <= LOG_LEVEL_WARNING)
        log_warning("kafka: %s: %s", facility, text);
    else if (level == LOG_LEVEL_NOTICE)
        log_notice("kafka: %s: %s", facility, text);
    else if (level == LOG_LEVEL_INFO)
        log_info("kafka: %s: %s", facility, text);
    else
        log_debug("kafka: %s: %s", facility, text);
}

bool kafka_log_repeats(int level, const char *facility)
{
    return level <= LOG_LEVEL_WARNING && strcmp(facility, "FAIL") == 0;
}

/* A default too: who wants them more often says so. */
static void set_statistics(rd_kafka_conf_t *conf, enum kafka_role role,
                           const struct kafka_options *options, struct errs *errs)
{
    char interval[16];
    const struct setting settings[] = {{"statistics.interval.ms", interval}, {NULL, NULL}};
    snprintf(interval, sizeof interval, "%d", options->statistics_ms);
    if (role == KAFKA_CONSUMER && options->statistics_ms > 0)
        set_all(conf, settings, errs);
}

static void set_role(rd_kafka_conf_t *conf, enum kafka_role role,
                     const struct kafka_options *options, struct errs *errs)
{
    const struct setting who[] = {{options->client_id ? "client.id" : NULL, options->client_id},
                                  {NULL, NULL}};
    const struct setting group[] = {{options->group ? "group.id" : NULL, options->group},
                                    {NULL, NULL}};
    set_all(conf, who, errs);
    if (role != KAFKA_PRODUCER)
        set_all(conf, group, errs);
    if (role == KAFKA_CONSUMER) {
        set_all(conf, fixed_consumer, errs);
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_REBALANCE |
                                           RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR |
                                           RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS);
        return;
    }
    set_all(conf, role == KAFKA_PRODUCER ? fixed_producer : fixed_admin, errs);
    rd_kafka_conf_set_log_cb(conf, kafka_log_line);
}

rd_kafka_conf_t *kafka_conf(enum kafka_role role, const struct kafka_options *options,
                            struct errs *errs)
{
    unsigned before = errs->count;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct known known;
    known_init(&known);
    set_all(conf, default_all, errs);
    if (role != KAFKA_ADMIN)
        set_all(conf, role == KAFKA_CONSUMER ? default_consumer : default_producer, errs);
    set_statistics(conf, role, options, errs);
    for (unsigned i = 0; i < options->n_properties; i++) {
        const struct kafka_property *property = &options->properties[i];
        struct err err = ERR_INIT;
        if (property_apply(conf, &known, role, property, &err))
            continue;
        if (property->place && *property->place)
            err_place(&err, "%s", property->place);
        errs_add(errs, &err);
    }
    set_role(conf, role, options, errs);
    known_free(&known);
    if (errs->count == before)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

bool kafka_library_check(struct err *err)
{
    if (rd_kafka_version() >= KAFKA_LIBRARY_MIN)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "librdkafka %s is too old: older than 2.14.2 stall on full queues, cannot see a "
            "recreated topic and lose cooperative rebalances",
            rd_kafka_version_str());
    return err_hint(err, "build with scripts/librdkafka, or install a newer librdkafka1");
}

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}
