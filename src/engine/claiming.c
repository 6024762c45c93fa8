/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/claiming.h"

#include "engine/origin.h"
#include "postgres/streams.h"

#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };
static const usec_t claim_patience = 30 * USEC_PER_SEC;

static struct topic_identity *identity_of(struct claiming *claiming, const char *topic)
{
    for (unsigned i = 0; i < claiming->n_topics; i++)
        if (strcmp(claiming->topics[i].topic, topic) == 0)
            return &claiming->topics[i];
    claiming->topics[claiming->n_topics].topic = topic;
    return &claiming->topics[claiming->n_topics++];
}

/* Which topics the names mean now: one that was made anew is another log. */
static bool learn_identities(struct claiming *claiming, struct err *err)
{
    claiming->n_topics = 0;
    for (unsigned i = 0; i < claiming->n; i++)
        identity_of(claiming, claiming->list[i].topic);
    if (!admin_topic_ids(claiming->client, claiming->topics, claiming->n_topics, BROKER_PATIENCE_MS,
                         err))
        return false;
    for (unsigned i = 0; i < claiming->n; i++) {
        const struct topic_identity *identity = identity_of(claiming, claiming->list[i].topic);
        claiming->list[i].topic_id = identity->id;
        if (identity->missing) { /* Kafka gave it to us: it is being made anew, or the group learns
                                    soon that it is gone */
            err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "the topic does not exist now");
            return err_place(err, "%s", identity->topic);
        }
    }
    return true;
}

/* Where a cursor that does not exist yet begins. Resolved to a number before anything is consumed:
 * otherwise "latest" would drift from crash to crash. A partition that appears later in a topic
 * that we know starts at its beginning, or what was written before its discovery would be
 * skipped. */
static bool resolve_start(const struct claiming *claiming, struct claimed *wanted, struct err *err)
{
    const struct stream_config *config = claiming->live->stream->config;
    int64_t low, high;
    enum start_kind start = wanted->topic_known ? START_EARLIEST : config->start;
    if (start == START_TIME)
        return admin_offset_at(claiming->client, wanted->topic, wanted->partition,
                               config->start_time / USEC_PER_MS, BROKER_PATIENCE_MS, &wanted->start,
                               err);
    if (!admin_watermarks(claiming->client, wanted->topic, wanted->partition, BROKER_PATIENCE_MS,
                          &low, &high, err))
        return false;
    wanted->start = start == START_LATEST ? high : low;
    return true;
}

static bool resolve_starts(struct claiming *claiming, struct err *err)
{
    for (unsigned i = 0; i < claiming->n; i++) {
        claiming->list[i].start = -1;
        if (claiming->list[i].exists || resolve_start(claiming, &claiming->list[i], err))
            continue;
        if (err->exit == ERR_EXIT_UNAVAILABLE) /* as above: a partition that is gone meanwhile */
            err->class = ERR_RETRY;
        return false;
    }
    return true;
}

static bool open_accounts(struct claiming *claiming, PGconn *conn, struct err *err)
{
    for (unsigned lane = 0; lane < claiming->live->n_lanes; lane++)
        if (claiming->accounts[lane] == 0 &&
            !account_open(conn, claiming->live->stream_id, claiming->owner, lane,
                          &claiming->accounts[lane], err))
            return false;
    return true;
}

/* A claim for partitions that were revoked meanwhile would fence their new owner. */
static bool still_wanted(const struct claiming *claiming, struct err *err)
{
    if (claiming->sequence == atomic_load(claiming->current))
        return true;
    return err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "the assignment was superseded");
}

/* A rebuild has put another table in the place of the one that this contract wrote: what it would
 * write there is what the rebuild has mended. engine/reload takes the contract that is in force. */
static bool is_in_force(struct claiming *claiming, PGconn *conn, struct err *err)
{
    const struct stream *stream = claiming->live->stream;
    char fingerprint[FINGERPRINT_LENGTH + 1];
    bool may;
    streams_fingerprint(stream->layout, fingerprint);
    if (!streams_may_claim(conn, claiming->live->stream_id, fingerprint, &may, err))
        return false;
    if (may)
        return true;
    claiming->outdated = true;
    err_set(
        err, ERR_RETRY, ERR_EXIT_TEMPORARY,
        "the table was rebuilt for another contract than this one (%.12s); nothing is read until "
        "that is here",
        fingerprint);
    err_place(err, "%s", stream->config->descriptors);
    return err_hint(err, "put the descriptor set that the rebuild was run with in its place; this "
                         "daemon takes it by itself");
}

static bool work(struct task *task, struct service_sessions *sessions)
{
    struct claiming *claiming = (struct claiming *)task;
    unsigned stream_id = claiming->live->stream_id;
    struct stream_row row;
    struct err *err = &task->err;
    if (!streams_find(sessions->conn, claiming->group, claiming->live->stream->config->name, &row,
                      err))
        return false;
    if (row.state != STREAM_RUNNING) {
        claiming->stopped = true;
        return err_set(err, ERR_HALT, ERR_EXIT_DATA, "%s", row.reason);
    }
    return is_in_force(claiming, sessions->conn, err) && learn_identities(claiming, err) &&
           claim_look(sessions->conn, stream_id, claiming->cluster_id, claiming->list, claiming->n,
                      err) &&
           origin_check(claiming, sessions->conn, err) && resolve_starts(claiming, err) &&
           still_wanted(claiming, err) &&
           claim_run(sessions->conn, sessions->control, stream_id, claiming->cluster_id,
                     claiming->owner, claiming->list, claiming->n, claim_patience, err) &&
           open_accounts(claiming, sessions->conn, err);
}

struct claiming *claiming_start(struct membership *membership, struct engine *engine,
                                struct live_stream *live, const atomic_ulong *sequence,
                                struct claimed *list, unsigned n,
                                void (*done)(struct task *task, usec_t now))
{
    struct claiming *claiming = mem_zero(1, sizeof(*claiming));
    *claiming = (struct claiming){
        .task = {.work = work, .done = done},
        .membership = membership,
        .live = live,
        .alone = engine->options.alone,
        .sequence = atomic_load(sequence),
        .current = sequence,
        .cluster_id = engine->options.cluster_id,
        .group = engine->config->group,
        .owner = engine->owner,
        .client = consumer_client(engine->consumer),
        .list = list,
        .n = n,
        .topics = mem_zero(n + 1, sizeof(struct topic_identity)),
        .accounts = mem_zero(live->n_lanes, sizeof(int64_t)),
    };
    for (unsigned lane = 0; lane < live->n_lanes; lane++)
        claiming->accounts[lane] = live->lanes[lane].target.account_id;
    service_submit(engine->service, &claiming->task);
    return claiming;
}

void claiming_free(struct claiming *claiming)
{
    free(claiming->list);
    free(claiming->topics);
    free(claiming->accounts);
    free(claiming);
}
