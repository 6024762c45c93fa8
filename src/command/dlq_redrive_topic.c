/* SPDX-License-Identifier: Apache-2.0 */
/* dlq redrive --from-topic: the letters of a DLQ topic, by way of a ledger that may have lost them.
 */
#include "base/text.h"
#include "command/dlq_redrive.h"
#include "command/dlq_topic.h"
#include "postgres/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ASK_MS = 10000 };

static bool commit_imports(struct redriving *redriving, struct err *err)
{
    bool was = redriving->importing;
    redriving->importing = false;
    return !was || conn_exec(redriving->dlq.conn, "commit", err);
}

/* Apply what waits, of all streams: imports of all of them share a transaction. */
static bool flush_pending(struct redriving *redriving, struct err *err)
{
    if (!commit_imports(redriving, err))
        return false;
    for (unsigned i = 0; i < redriving->dlq.config->n_streams; i++) {
        struct work *work = &redriving->works[i];
        if (!work->n_pending)
            continue;
        /* A copy in a topic is not chosen by what the ledger now says of the letter. */
        const struct letters_filter filter = {.group = redriving->dlq.config->group,
                                              .since = -1,
                                              .until = -1,
                                              .ids = work->pending,
                                              .n_ids = work->n_pending};
        int64_t after = 0;
        do {
            if (!redriving_page(redriving, work, &filter, &after, err))
                return false;
        } while (work->redrive.n && !dlq_stopped());
        work->n_pending = 0;
    }
    return true;
}

static const char *topic_id_now(const struct redriving *redriving, const char *topic)
{
    for (unsigned i = 0; i < redriving->n_topics; i++)
        if (strcmp(redriving->topics[i].topic, topic) == 0 && !redriving->topics[i].missing)
            return redriving->topics[i].id;
    return "";
}

static unsigned topic_version(const struct work *work, const char *topic)
{
    const struct stream_config *config = work->stream->config;
    for (unsigned i = 0; i < config->n_topics; i++)
        if (strcmp(config->topics[i].name, topic) == 0)
            return config->topics[i].version;
    return 0;
}

static void leave_letter(struct redriving *redriving, const struct work *work,
                         const struct letter *letter, const char *why)
{
    struct redriven redriven = {.letter = letter, .fate = FATE_LEFT};
    err_set(&redriven.err, ERR_REJECT, ERR_EXIT_DATA, "%s", why);
    dlq_tally_add(&redriving->tally, work->stream->config->name, &redriven);
}

/* Why a letter of the topic cannot be placed here; NULL: it can. */
static const char *misplaced(const struct redriving *redriving, const struct work *work,
                             const struct topic_letter *found)
{
    if (!found->placed)
        return "relayed by a program that did not tell its place whole";
    if (strcmp(found->letter.cluster, redriving->cluster_id) != 0)
        return "it comes from another Kafka cluster";
    if (!topic_version(work, found->letter.topic))
        return "the stream reads its topic no more";
    return NULL;
}

/* Its place as this database numbers logs; false when it is not known. */
static bool find_log(struct redriving *redriving, struct letter *letter, bool *known,
                     struct err *err)
{
    if (!letters_find_log(redriving->dlq.conn, letter, &letter->log, err))
        return false;
    *known = letter->log || (*letter->topic_id &&
                             strcmp(topic_id_now(redriving, letter->topic), letter->topic_id) == 0);
    return true;
}

static const char not_here[] = "the topic was too small for its value, which is not in this ledger";

static bool import(struct redriving *redriving, struct work *work, const struct letter *letter,
                   struct err *err)
{
    int64_t id;
    if (!redriving->importing && !conn_exec(redriving->dlq.conn, "begin", err))
        return false;
    redriving->importing = true;
    if (!letters_import(redriving->dlq.conn, work->stream_id, letter,
                        topic_id_now(redriving, letter->topic), topic_version(work, letter->topic),
                        &id, err))
        return false;
    if (id == 0) {
        leave_letter(redriving, work, letter, not_here);
        return true;
    }
    work->pending[work->n_pending++] = id;
    return work->n_pending < REDRIVE_PAGE || flush_pending(redriving, err);
}

static bool take(void *context, struct topic_letter *found, struct err *err)
{
    struct redriving *redriving = context;
    struct letter *letter = &found->letter;
    struct work *work = redriving_work(redriving, letter->stream);
    bool known = false;
    if (!work) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
                "the configuration has no such stream, or its contract is broken");
        err_place(err, "%s", letter->stream);
        return err_hint(err, "--stream leaves others out");
    }
    if (!work->ready)
        return *err = work->why, false;
    const char *why = misplaced(redriving, work, found);
    if (!why && !find_log(redriving, letter, &known, err))
        return false;
    if (!why && !known)
        why = "of an older topic of that name, which this database does not know";
    if (why) {
        leave_letter(redriving, work, letter, why);
        return true;
    }
    if (!redriving->options->execute) {
        redriving_judge(redriving, work, letter);
        return true;
    }
    return import(redriving, work, letter, err);
}

/* The cluster must be the group's, and the database the right one: else logs would be made up. */
static bool ask_broker(struct redriving *redriving, struct errs *errs)
{
    struct dlq *dlq = &redriving->dlq;
    struct kafka_options kafka = {0};
    struct identity identity = {0};
    struct err err = ERR_INIT;
    rd_kafka_t *admin = setup_kafka(dlq->config, &kafka, &err) ? admin_open(&kafka, errs) : NULL;
    for (unsigned i = 0; i < dlq->config->n_streams; i++)
        redriving->n_topics += dlq->config->streams[i].n_topics;
    redriving->topics = mem_zero(redriving->n_topics + 1, sizeof *redriving->topics);
    unsigned at = 0;
    for (unsigned i = 0; i < dlq->config->n_streams; i++)
        for (unsigned k = 0; k < dlq->config->streams[i].n_topics; k++)
            redriving->topics[at++].topic = dlq->config->streams[i].topics[k].name;
    if (admin)
        redriving->cluster_id = admin_cluster_id(admin, ASK_MS, &err);
    bool good =
        redriving->cluster_id &&
        admin_topic_ids(admin, redriving->topics, redriving->n_topics, ASK_MS, &err) &&
        identity_read(dlq->conn, dlq->config->group, redriving->cluster_id, &identity, &err) &&
        identity_judge(&identity, redriving->cluster_id, &err);
    identity_free(&identity);
    if (admin)
        admin_close(admin);
    setup_free_kafka(&kafka);
    if (!good && err.class != ERR_NONE)
        errs_add(errs, &err);
    return good;
}

void redriving_topic(struct redriving *redriving, struct errs *errs)
{
    struct dlq_topic reading = {.dlq = &redriving->dlq,
                                .topic = redriving->options->words.from_topic,
                                .each = take,
                                .context = redriving};
    struct err err = ERR_INIT;
    char number[32];
    if (!ask_broker(redriving, errs))
        return;
    progress_begin(&redriving->progress, "letters", 0);
    if (!dlq_topic_read(&reading, errs))
        return;
    if (!flush_pending(redriving, &err))
        errs_add(errs, &err);
    progress_end(&redriving->progress);
    printf("%s: %s records, of which", reading.topic, text_thousands(reading.records, number));
    printf(" %s letters are meant", text_thousands(reading.chosen, number));
    printf(", %s stand there again", text_thousands(reading.again, number));
    printf(", and %s are no letters of group %s\n", text_thousands(reading.foreign, number),
           redriving->dlq.config->group);
    if (reading.chosen > redriving->tally.letters)
        printf("%s are closed in the ledger\n",
               text_thousands(reading.chosen - redriving->tally.letters, number));
}
