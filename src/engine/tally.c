/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tally.h"

#include "base/log.h"
#include "engine/membership.h"
#include "postgres/tallies.h"
#include "record/instant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usec_t write_interval = 10 * USEC_PER_SEC;
static const usec_t last_patience = 1 * USEC_PER_SEC;
static const usec_t remind_interval = (usec_t)24 * 3600 * USEC_PER_SEC;

/* One stream's question to the worker: what has been counted, and what of it was told before. */
struct telling {
    struct task task; /* first */
    struct engine *engine;
    struct live_stream *live;
    struct topic_tally *topics;
    struct unknown_tally *unknowns;
    unsigned n_topics, n_unknowns;
    uint64_t *unknown_times; /* by entry of the drift: as counted when this began */
    unsigned n_entries;
};

/* ---- counts ---- */

static usec_t sunset_of(const struct contract *contract)
{
    char text[40];
    struct instant instant;
    int length = snprintf(text, sizeof text, "%sT00:00:00Z", contract->sunset);
    if (!*contract->sunset ||
        !instant_parse_timestamp((struct span){text, (size_t)length}, &instant))
        return USEC_NEVER;
    return instant_timestamp_micros(instant);
}

static const struct contract *contract_of(const struct live_stream *live, unsigned topic)
{
    const struct stream *stream = live->stream;
    return stream->layout->contracts[stream->topics[topic].contract];
}

void tally_init(struct live_stream *live)
{
    live->tally = (struct tally){0};
    live->tally.topics = mem_zero(live->stream->config->n_topics + 1, sizeof(*live->tally.topics));
    live->tally.told = mem_zero(DRIFT_MAX, sizeof(*live->tally.told));
    for (unsigned i = 0; i < live->stream->config->n_topics; i++) {
        live->tally.topics[i].newest = -1;
        live->tally.topics[i].sunset = sunset_of(contract_of(live, i));
    }
}

void tally_free(struct live_stream *live)
{
    free(live->tally.topics);
    free(live->tally.told);
}

void tally_take(struct live_stream *live, const char *topic, int64_t records, int64_t newest)
{
    const struct stream_config *config = live->stream->config;
    for (unsigned i = 0; i < config->n_topics; i++) {
        struct tally_topic *tally = &live->tally.topics[i];
        if (config->topics[i].name != topic)
            continue;
        tally->records += (uint64_t)records;
        if (newest >= 0 && newest >= tally->sunset / USEC_PER_MS)
            tally->past_sunset += (uint64_t)records;
        if (records && newest > tally->newest)
            tally->newest = newest;
    }
}

/* ---- telling ---- */

static bool tell(struct task *task, struct service_sessions *sessions)
{
    struct telling *telling = (struct telling *)task;
    return tallies_add(sessions->conn, telling->live->stream_id, telling->topics, telling->n_topics,
                       telling->unknowns, telling->n_unknowns, &task->err);
}

static void remind(struct live_stream *live, unsigned topic, uint64_t records, usec_t wall,
                   usec_t now)
{
    struct tally_topic *tally = &live->tally.topics[topic];
    const struct contract *contract = contract_of(live, topic);
    unsigned long held;
    if (records && wall >= tally->sunset &&
        log_gate_open(&tally->gate, now, remind_interval, &held))
        log_about(LOG_LEVEL_WARNING,
                  &(struct log_about){.event = LOG_EVENT_SUNSET,
                                      .stream = live->stream->config->name,
                                      .topic = live->stream->config->topics[topic].name},
                  "%s: %s still carries records, though the sunset of %s was %s",
                  live->stream->config->name, live->stream->config->topics[topic].name,
                  contract->name, contract->sunset);
}

static void told(struct task *task, usec_t now)
{
    struct telling *telling = (struct telling *)task;
    struct live_stream *live = telling->live;
    unsigned long held;
    live->tally.asked = false;
    if (!task->ok && !task->cancelled &&
        log_gate_open(&live->tally.gate, now, remind_interval / 24, &held))
        log_err(LOG_LEVEL_WARNING, "writing down counts", &task->err);
    if (task->ok && !task->cancelled) {
        live->tally.known = true;
        for (unsigned i = 0; i < telling->n_topics; i++) {
            live->tally.topics[i].told += telling->topics[i].records;
            remind(live, i, telling->topics[i].records, telling->engine->wall, now);
        }
        for (unsigned i = 0; i < telling->n_entries; i++)
            live->tally.told[i] = telling->unknown_times[i];
    }
    free(telling->topics);
    free(telling->unknowns);
    free(telling->unknown_times);
    free(telling);
}

static const char *status_name(enum contract_status status)
{
    static const char *const names[] = {[CONTRACT_ACTIVE] = "active",
                                        [CONTRACT_DRAFT] = "draft",
                                        [CONTRACT_DEPRECATED] = "deprecated"};
    return names[status];
}

static void fill_topics(struct telling *telling)
{
    const struct live_stream *live = telling->live;
    const struct stream_config *config = live->stream->config;
    telling->topics = mem_zero(config->n_topics + 1, sizeof(*telling->topics));
    for (unsigned i = 0; i < config->n_topics; i++) {
        const struct contract *contract = contract_of(live, i);
        const struct tally_topic *tally = &live->tally.topics[i];
        telling->topics[telling->n_topics++] = (struct topic_tally){
            .topic = config->topics[i].name,
            .contract = contract->name,
            .status = status_name(contract->status),
            .sunset = contract->sunset,
            .version = config->topics[i].version,
            .records = tally->records - tally->told,
            .newest = tally->newest,
        };
    }
}

static const char *type_name(const struct drift_entry *entry)
{
    return entry->enumeration ? ((const struct enum_type *)entry->type)->full_name
                              : ((const struct message_type *)entry->type)->full_name;
}

static void fill_unknowns(struct telling *telling)
{
    const struct drift *drift = telling->live->stream->drift;
    telling->n_entries = drift->used;
    telling->unknowns = mem_zero(drift->used + 1, sizeof(*telling->unknowns));
    telling->unknown_times = mem_zero(drift->used + 1, sizeof(*telling->unknown_times));
    for (unsigned i = 0; i < drift->used; i++) {
        const struct drift_entry *entry = &drift->entries[i];
        telling->unknown_times[i] = entry->count;
        if (entry->count == telling->live->tally.told[i])
            continue;
        telling->unknowns[telling->n_unknowns++] =
            (struct unknown_tally){.enumeration = entry->enumeration,
                                   .type_name = type_name(entry),
                                   .number = entry->number,
                                   .times = entry->count - telling->live->tally.told[i]};
    }
}

static bool has_news(const struct live_stream *live)
{
    const struct drift *drift = live->stream->drift;
    for (unsigned i = 0; i < live->stream->config->n_topics; i++)
        if (live->tally.topics[i].records != live->tally.topics[i].told)
            return true;
    for (unsigned i = 0; i < drift->used; i++)
        if (drift->entries[i].count != live->tally.told[i])
            return true;
    return !live->tally.known;
}

static void ask(struct engine *engine, struct live_stream *live)
{
    struct telling *telling = mem_zero(1, sizeof(*telling));
    telling->task = (struct task){.work = tell, .done = told};
    telling->engine = engine;
    telling->live = live;
    fill_topics(telling);
    fill_unknowns(telling);
    live->tally.asked = true;
    service_submit(engine->service, &telling->task);
}

void tally_write(struct engine *engine, struct live_stream *live)
{
    if (!live->tally.asked && has_news(live))
        ask(engine, live);
}

static void write_all(struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_live; i++)
        tally_write(engine, &engine->live[i]);
}

/* The last of it, once per stream; a database that does not answer keeps no stop waiting. */
static usec_t end(struct engine *engine, usec_t now)
{
    struct tallying *tallying = &engine->tallying;
    bool waiting = false;
    if (!tallying->last_until)
        tallying->last_until = now + last_patience;
    for (unsigned i = 0; i < engine->n_live; i++) {
        struct live_stream *live = &engine->live[i];
        if (!live->tally.asked && !live->tally.ended && has_news(live)) {
            live->tally.ended = true;
            ask(engine, live);
        }
        waiting |= live->tally.asked;
    }
    tallying->settled = !waiting || now >= tallying->last_until;
    return tallying->settled ? USEC_NEVER : tallying->last_until;
}

usec_t tally_turn(struct engine *engine, usec_t now)
{
    struct tallying *tallying = &engine->tallying;
    if (membership_left(engine->membership))
        return end(engine, now);
    if (now >= tallying->write_at) {
        /* Not at once: what a claim needs goes first. */
        if (tallying->write_at)
            write_all(engine);
        tallying->write_at = now + write_interval;
    }
    return tallying->write_at;
}

bool tally_settled(const struct engine *engine)
{
    return engine->tallying.settled;
}
