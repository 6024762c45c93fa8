/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: engines in this process, on librdkafka's mock cluster and a real PostgreSQL
 * (support/live), with one loop for all of them. Two streams: "one" reads topic a (4 partitions)
 * into data.one, "two" reads topic b (2 partitions) into data.two. What was produced is kept as a
 * model of both tables. Each daemon has a descriptor file of its own, as on a host of its own.
 * Whatever goes wrong here fails the running test.
 */
#ifndef PACTOLUS_TESTS_SUPPORT_WORLD_H
#define PACTOLUS_TESTS_SUPPORT_WORLD_H

#include "config/stream.h"
#include "engine/engine.h"
#include "engine/membership.h"
#include "kafka/producer.h"
#include "support/live.h"

#include <librdkafka/rdkafka_mock.h>

enum { WORLD_DAEMONS = 2, WORLD_TOPICS = 2, WORLD_PARTITIONS = 4, WORLD_KEYS = 97 };

struct daemon {
    struct config *config;
    struct stream *streams;
    struct engine_options options;
    struct engine engine;
    bool open, stopping;
};

/* What data.one or data.two must be. */
struct model {
    int64_t produced, broken;
    int64_t last[WORLD_PARTITIONS][WORLD_KEYS]; /* the newest account_id of each key, 0 = none */
};

struct world {
    char folder[64];
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_property properties[1];
    struct producer *producer;
    struct loop *loop;
    PGconn *conn; /* looks on */
    struct daemon daemons[WORLD_DAEMONS];
    struct model models[WORLD_TOPICS];
    int64_t serial;
    uint64_t seed;
    unsigned long turns;
    bool next; /* records are of the next contract: channel is 'c' and the account_id */
};

/* The contract that all begin with, and the next one. */
#define WORLD_CONTRACT      "record_types"
#define WORLD_CONTRACT_NEXT "payment_next"


/* The database `name` anew, with the tables; strategy as partition.assignment.strategy takes it. */
void world_open(struct world *world, const char *name, const char *strategy);
/* Stops the daemons in order (each must leave within its time) and removes everything. */
void world_close(struct world *world);

/* Put a descriptor set in place on a daemon's host. */
void world_file(const struct world *world, unsigned which, const char *set);
/* The two halves of migrate: tables as that contract wants them, and the contract noted. */
void world_alter(struct world *world, const char *set);
void world_note(struct world *world, const char *set);

/* An engine like the daemon starts it, preflight included. */
struct daemon *world_start(struct world *world, unsigned which);
/* As SIGTERM does; returns when it is gone. */
void world_stop(struct world *world, struct daemon *daemon);

/* `n` payments into each partition of topic 0 (a) or 1 (b), keys that come again and again. */
void world_produce(struct world *world, unsigned topic, unsigned n);
/* One record into a partition: a payment with this account_id (which must grow), or bytes as they
 * are. */
void world_put(struct world *world, unsigned topic, int32_t partition, int64_t account_id);
void world_put_broken(struct world *world, unsigned topic, int32_t partition);

/* One turn of every engine, then at most `patience` of waiting. */
void world_turn(struct world *world, usec_t patience);
usec_t world_deadline(void);
/* Turn until the query's first value is true. */
void world_until(struct world *world, const char *sql);
/* Turn until `condition` holds. */
#define WORLD_UNTIL(world, condition)                                                              \
    for (usec_t world_end = world_deadline(); !(condition); world_turn(world, 10 * USEC_PER_MS))   \
        if (clock_monotonic() > world_end)                                                         \
            fail_msg("not within the time: %s", #condition);

/* Everything produced is consumed. */
void world_until_consumed(struct world *world);
/* Both tables are what was produced, and the account closes. */
void world_check(struct world *world);

#endif
