/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: which cursors go where. Scenarios and their meaning are those of Kafka's
 * kafka-consumer-groups.sh --reset-offsets: exactly one; what lies outside the log is brought to
 * its nearest end; a time after the last record is the log's end; a shift counts from the cursor.
 * Where reading begins is PostgreSQL's to say (migrations/0010, replay_point).
 *
 * Blocks: verbs and the start of the daemon only.
 */
#ifndef PACTOLUS_ENGINE_REPLAY_H
#define PACTOLUS_ENGINE_REPLAY_H

#include "base/clock.h"
#include "config/config.h"
#include "kafka/admin.h"
#include "postgres/replays.h"

enum replay_scenario {
    REPLAY_NONE = 0,
    REPLAY_TO_DATETIME,
    REPLAY_BY_DURATION,
    REPLAY_TO_EARLIEST,
    REPLAY_TO_LATEST,
    REPLAY_SHIFT_BY,
    REPLAY_TO_OFFSET,
    REPLAY_TO_CURRENT,
    REPLAY_FROM_FILE,
};

/* One partition that was named, in a scope or in a file. */
struct replay_place {
    const char *topic; /* owned by whoever made the request */
    int32_t partition; /* -1 = all */
    int64_t offset;    /* FROM_FILE; else -1 */
    char where[64];    /* FROM_FILE: "plan.csv:3", for faults */
};

struct replay_request {
    enum replay_scenario scenario;
    usec_t wall;            /* TO_DATETIME; BY_DURATION: now less the duration */
    int64_t number;         /* SHIFT_BY, TO_OFFSET */
    const char *const *streams; /* only these, */
    unsigned n_streams;         /* 0 = all */
    const struct replay_place *places; /* and of these only these */
    unsigned n_places;                 /* 0 = all */
    const char *text;   /* the scenario as it was said, "--to-datetime 2026-11-20" */
    const char *reason; /* may be "" */
    const char *key;    /* NULL = none */
};

struct replay_plan {
    struct replay_step *steps; /* by stream, topic and partition; names are the configuration's */
    unsigned n;
    struct topic_identity *topics; /* whose ids the steps borrow */
    unsigned n_topics;
};

/* What the request comes to now. False with every fault in errs: a name that is no stream's, a
 * partition that is not there (65), servers out of reach (69). Free the plan in either case. */
bool replay_plan(const struct config *config, const struct replay_request *request,
                 rd_kafka_t *client, const char *cluster_id, PGconn *conn, struct replay_plan *plan,
                 struct errs *errs) MUST_CHECK;
void replay_plan_free(struct replay_plan *plan);
/* Does this step change anything? */
bool replay_moves(const struct replay_step *step);

/* Carry it out; steps that change nothing are left out. *id as replays_execute has it; it is 0 also
 * when no step changes anything and the request has no key. */
bool replay_execute(const struct config *config, const struct replay_request *request,
                    const char *cluster_id, PGconn *conn, const struct replay_plan *plan,
                    int64_t *id, struct err *err) MUST_CHECK;
/* Plan it and carry it out before a daemon begins, if the group has had no replay of this key yet:
 * a unit file must not read again at every restart. Logged either way. */
bool replay_once(const struct config *config, const struct replay_request *request,
                 const struct kafka_options *kafka, const char *cluster_id, PGconn *conn,
                 struct errs *errs) MUST_CHECK;

#endif
