/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "postgres/streams.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

struct planning {
    const struct config *config;
    const struct replay_request *request;
    rd_kafka_t *client;
    const char *cluster_id;
    PGconn *conn;
    struct replay_plan *plan;
};

/* ---- the scope ---- */

static bool names_stream(const struct replay_request *request, const char *name)
{
    for (unsigned i = 0; i < request->n_streams; i++)
        if (strcmp(request->streams[i], name) == 0)
            return true;
    return request->n_streams == 0;
}

static const struct replay_place *names_place(const struct replay_request *request,
                                              const char *topic, int32_t partition)
{
    for (unsigned i = 0; i < request->n_places; i++)
        if (strcmp(request->places[i].topic, topic) == 0 &&
            (request->places[i].partition == -1 || request->places[i].partition == partition))
            return &request->places[i];
    return NULL;
}

static bool names_topic(const struct replay_request *request, const char *topic)
{
    for (unsigned i = 0; i < request->n_places; i++)
        if (strcmp(request->places[i].topic, topic) == 0)
            return true;
    return request->n_places == 0;
}

/* All names of a kind, NULL at the end, for the nearest one. Free the array. */
static const char **all_names(const struct config *config, bool topics)
{
    unsigned n = 0;
    for (unsigned i = 0; i < config->n_streams; i++)
        n += topics ? config->streams[i].n_topics : 1;
    const char **names = mem_zero(n + 1, sizeof *names);
    n = 0;
    for (unsigned i = 0; i < config->n_streams; i++)
        for (unsigned t = 0; t < (topics ? config->streams[i].n_topics : 1); t++)
            names[n++] = topics ? config->streams[i].topics[t].name : config->streams[i].name;
    return names;
}

/* A name that the configuration does not have; `where` it was said. */
static void judge_name(const struct config *config, bool topic, const char *name, const char *where,
                       struct errs *errs)
{
    struct err err = ERR_INIT;
    const char **names = all_names(config, topic), *nearest;
    unsigned i = 0;
    while (names[i] && strcmp(names[i], name) != 0)
        i++;
    if (!names[i]) {
        nearest = text_nearest(name, names);
        err_set(&err, ERR_HALT, ERR_EXIT_DATA,
                topic ? "no stream reads topic %s" : "the configuration has no stream %s", name);
        if (*where)
            err_place(&err, "%s", where);
        if (nearest)
            err_hint(&err, "did you mean %s?", nearest);
        else
            err_hint(&err, "pactolus status lists them");
        errs_add(errs, &err);
    }
    free(names);
}

static bool judge_names(const struct planning *planning, struct errs *errs)
{
    const struct replay_request *request = planning->request;
    unsigned before = errs->count;
    for (unsigned i = 0; i < request->n_streams; i++)
        judge_name(planning->config, false, request->streams[i], "", errs);
    for (unsigned i = 0; i < request->n_places; i++)
        judge_name(planning->config, true, request->places[i].topic, request->places[i].where,
                   errs);
    return errs->count == before;
}

/* ---- the partitions ---- */

static bool add_partition(struct planning *planning, const struct stream_config *stream,
                          unsigned stream_id, const struct stream_topic *topic, int32_t partition,
                          struct err *err)
{
    struct replay_plan *plan = planning->plan;
    plan->steps = mem_grow(plan->steps, plan->n + 1, sizeof *plan->steps);
    struct replay_step *step = &plan->steps[plan->n];
    *step = (struct replay_step){.stream_id = stream_id,
                                 .stream = stream->name,
                                 .topic = topic->name,
                                 .topic_version = topic->version,
                                 .partition = partition};
    if (!admin_watermarks(planning->client, topic->name, partition, BROKER_PATIENCE_MS,
                          &step->earliest, &step->latest, err))
        return false;
    plan->n++;
    return true;
}

static bool add_topic(struct planning *planning, const struct stream_config *stream,
                      unsigned stream_id, const struct stream_topic *topic, struct err *err)
{
    const struct replay_request *request = planning->request;
    int n = admin_partitions(planning->client, topic->name, BROKER_PATIENCE_MS, err);
    if (n < 0)
        return false;
    for (unsigned i = 0; i < request->n_places; i++)
        if (strcmp(request->places[i].topic, topic->name) == 0 &&
            request->places[i].partition >= n) {
            err_set(err, ERR_HALT, ERR_EXIT_DATA, "%s has no partition %d", topic->name,
                    (int)request->places[i].partition);
            err_hint(err, "it has %d, counted from 0", n);
            return *request->places[i].where ? err_place(err, "%s", request->places[i].where)
                                             : false;
        }
    for (int32_t partition = 0; partition < n; partition++)
        if ((request->n_places == 0 || names_place(request, topic->name, partition)) &&
            !add_partition(planning, stream, stream_id, topic, partition, err))
            return false;
    return true;
}

static bool add_stream(struct planning *planning, const struct stream_config *stream,
                       struct err *err)
{
    struct stream_row row;
    bool wanted = false;
    for (unsigned t = 0; t < stream->n_topics; t++)
        wanted |= names_topic(planning->request, stream->topics[t].name);
    if (!wanted || !names_stream(planning->request, stream->name))
        return true;
    if (!streams_find(planning->conn, planning->config->group, stream->name, &row, err))
        return false;
    if (row.stream_id == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the database does not know this stream yet");
        err_place(err, "%s", stream->name);
        return err_hint(err, "pactolus migrate --execute");
    }
    for (unsigned t = 0; t < stream->n_topics; t++)
        if (names_topic(planning->request, stream->topics[t].name) &&
            !add_topic(planning, stream, row.stream_id, &stream->topics[t], err))
            return false;
    return true;
}

/* The ids of the plan's topics: the steps are of the topics as they are now. */
static bool add_ids(struct planning *planning, struct err *err)
{
    struct replay_plan *plan = planning->plan;
    plan->topics = mem_zero(plan->n + 1, sizeof *plan->topics);
    for (unsigned i = 0; i < plan->n; i++)
        if (i == 0 || plan->steps[i].topic != plan->steps[i - 1].topic)
            plan->topics[plan->n_topics++].topic = plan->steps[i].topic;
    if (!admin_topic_ids(planning->client, plan->topics, plan->n_topics, BROKER_PATIENCE_MS, err))
        return false;
    for (unsigned i = 0, t = 0; i < plan->n; i++) {
        if (plan->steps[i].topic != plan->topics[t].topic)
            t++;
        plan->steps[i].topic_id = plan->topics[t].id;
    }
    return true;
}

/* ---- the offsets ---- */

static int64_t cursor_or(const struct replay_step *step, int64_t otherwise)
{
    return step->exists ? step->next_offset : otherwise;
}

/* The offset that the scenario means, wherever it lies. */
static bool find_offset(const struct planning *planning, const struct replay_step *step,
                        int64_t *offset, struct err *err)
{
    const struct replay_request *request = planning->request;
    switch (request->scenario) {
    case REPLAY_TO_DATETIME:
    case REPLAY_BY_DURATION:
        return admin_offset_at(planning->client, step->topic, step->partition,
                               (request->wall + USEC_PER_MS - 1) / USEC_PER_MS, BROKER_PATIENCE_MS,
                               offset, err);
    case REPLAY_TO_EARLIEST:
        *offset = step->earliest;
        return true;
    case REPLAY_TO_LATEST:
        *offset = step->latest;
        return true;
    case REPLAY_SHIFT_BY:
        if (!step->exists) {
            err_set(err, ERR_HALT, ERR_EXIT_DATA,
                    "nobody has read this partition yet, so there "
                    "is nothing to shift from");
            err_hint(err, "leave it out with --topic, or say where it is to begin");
            return err_place(err, "%s[%d]", step->topic, (int)step->partition);
        }
        if (__builtin_add_overflow(step->next_offset, request->number, offset))
            *offset = request->number < 0 ? INT64_MIN : INT64_MAX;
        return true;
    case REPLAY_TO_OFFSET:
        *offset = request->number;
        return true;
    case REPLAY_TO_CURRENT:
        *offset = cursor_or(step, step->latest);
        return true;
    case REPLAY_FROM_FILE:
        *offset = names_place(request, step->topic, step->partition)->offset;
        return true;
    case REPLAY_NONE:
        break;
    }
    return err_set(err, ERR_HALT, ERR_EXIT_SOFTWARE, "a replay without a scenario");
}

static bool find_offsets(struct planning *planning, struct err *err)
{
    struct replay_plan *plan = planning->plan;
    for (unsigned i = 0; i < plan->n; i++) {
        struct replay_step *step = &plan->steps[i];
        int64_t offset = 0;
        if (!find_offset(planning, step, &offset, err))
            return false;
        step->asked = offset < step->earliest ? step->earliest
                      : offset > step->latest ? step->latest
                                              : offset;
        step->wanted = step->asked == offset ? -1 : offset;
    }
    return true;
}

bool replay_plan(const struct config *config, const struct replay_request *request,
                 rd_kafka_t *client, const char *cluster_id, PGconn *conn, struct replay_plan *plan,
                 struct errs *errs)
{
    struct err err = ERR_INIT;
    struct planning planning = {config, request, client, cluster_id, conn, plan};
    *plan = (struct replay_plan){0};
    if (!judge_names(&planning, errs))
        return false;
    bool good = true;
    for (unsigned i = 0; good && i < config->n_streams; i++)
        good = add_stream(&planning, &config->streams[i], &err);
    good = good && add_ids(&planning, &err) &&
           replays_look(conn, cluster_id, plan->steps, plan->n, &err) &&
           find_offsets(&planning, &err) &&
           replays_points(conn, cluster_id, plan->steps, plan->n, &err);
    if (!good)
        errs_add(errs, &err);
    return good;
}

void replay_plan_free(struct replay_plan *plan)
{
    free(plan->steps);
    free(plan->topics);
    *plan = (struct replay_plan){0};
}

bool replay_moves(const struct replay_step *step)
{
    return !step->exists || step->asked != step->next_offset;
}

bool replay_execute(const struct config *config, const struct replay_request *request,
                    const char *cluster_id, PGconn *conn, const struct replay_plan *plan,
                    int64_t *id, struct err *err)
{
    struct replay_order order = {.group = config->group,
                                 .cluster_id = cluster_id,
                                 .key = request->key,
                                 .scenario = request->text,
                                 .reason = request->reason};
    struct replay_step *moving = mem_zero(plan->n + 1, sizeof *moving);
    unsigned n = 0;
    for (unsigned i = 0; i < plan->n; i++)
        if (replay_moves(&plan->steps[i]))
            moving[n++] = plan->steps[i];
    *id = 0;
    bool good = (n == 0 && !request->key) || replays_execute(conn, &order, moving, n, id, err);
    free(moving);
    return good;
}

bool replay_once(const struct config *config, const struct replay_request *request,
                 const struct kafka_options *kafka, const char *cluster_id, PGconn *conn,
                 struct errs *errs)
{
    struct err err = ERR_INIT;
    struct replay_plan plan = {0};
    int64_t id = 0;
    rd_kafka_t *client = admin_open(kafka, errs);
    if (!client)
        return false;
    bool good = replay_plan(config, request, client, cluster_id, conn, &plan, errs);
    if (good && !replay_execute(config, request, cluster_id, conn, &plan, &id, &err)) {
        errs_add(errs, &err);
        good = false;
    }
    if (good && id)
        log_notice("replay %s: %s", request->key, request->text);
    else if (good)
        log_notice("replay %s was carried out before: nothing is read again", request->key);
    replay_plan_free(&plan);
    admin_close(client);
    return good;
}
