/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adopt: a person says that this database, and this Kafka cluster, are the right ones for the
 * group, and that the group is the right one for its tables. It is written down where the database
 * lies now; it gets a new id; databases whose ids the group's offsets name are known from then on;
 * halts that asked for it end. Audited in pactolus.adoptions. --dry-run does the same and takes it
 * back.
 */
#include "base/memory.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "engine/origin.h"
#include "kafka/admin.h"
#include "postgres/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

struct options {
    struct setup setup;
    const char *reason;
    bool dry_run, execute;
};

struct adopting {
    const struct config *config;
    const struct options *options;
    PGconn *conn;
    rd_kafka_t *client;
    char *cluster_id;
    struct identity identity;
    struct group_offset *offsets; /* of all partitions of the streams' topics */
    unsigned n_offsets;
    char (*over)[DATABASE_ID_TEXT]; /* databases that are not known here */
    unsigned n_over;
};

/* -------------------------------------------------------------------- what the group was told */

/* A topic that is not there has no offsets to compare. */
static bool add_topic(struct adopting *adopting, const char *topic, struct err *err)
{
    int partitions = admin_partitions(adopting->client, topic, BROKER_PATIENCE_MS, err);
    if (partitions < 0)
        return err->class == ERR_HALT && err->exit == ERR_EXIT_UNAVAILABLE;
    adopting->offsets = mem_grow(adopting->offsets, adopting->n_offsets + (unsigned)partitions + 1,
                                 sizeof *adopting->offsets);
    for (int i = 0; i < partitions; i++)
        adopting->offsets[adopting->n_offsets++] =
            (struct group_offset){.topic = topic, .partition = i};
    return true;
}

static bool add_topics(struct adopting *adopting, struct err *err)
{
    for (unsigned i = 0; i < adopting->config->n_streams; i++) {
        const struct stream_config *stream = &adopting->config->streams[i];
        for (unsigned t = 0; t < stream->n_topics; t++)
            if (!add_topic(adopting, stream->topics[t].name, err))
                return false;
    }
    return true;
}

static void add_over(struct adopting *adopting, const char *note)
{
    struct origin origin;
    if (!origin_parse(note, &origin) || identity_knows(&adopting->identity, origin.database.id))
        return;
    for (unsigned i = 0; i < adopting->n_over; i++)
        if (strcmp(adopting->over[i], origin.database.id) == 0)
            return;
    memcpy(adopting->over[adopting->n_over++], origin.database.id, DATABASE_ID_TEXT);
}

static bool find_others(struct adopting *adopting, struct err *err)
{
    if (!add_topics(adopting, err) ||
        !admin_group_offsets(adopting->client, adopting->offsets, adopting->n_offsets,
                             BROKER_PATIENCE_MS, err))
        return false;
    adopting->over = mem_zero(adopting->n_offsets + 1, sizeof *adopting->over);
    for (unsigned i = 0; i < adopting->n_offsets; i++)
        add_over(adopting, adopting->offsets[i].note);
    return true;
}

/* ------------------------------------------------------------------------------------- adopting */

static void told(const char *kind, const char *what)
{
    bool stream = strcmp(kind, "stream") == 0;
    printf("%-9s %s%s\n", kind, what, stream ? ": goes on" : " wrote it until now");
}

static void tell(const struct adopting *adopting)
{
    const struct identity *identity = &adopting->identity;
    printf("database  %s\n", identity->database.id);
    if (identity->moved)
        printf("          was %s, is now %s\n", identity->was, identity->is_now);
    if (strcmp(identity->cluster_id, adopting->cluster_id) != 0)
        printf("cluster   was %s, is now %s\n", identity->cluster_id, adopting->cluster_id);
    for (unsigned i = 0; i < adopting->n_over; i++)
        printf("over      %s, from which the group's offsets came\n", adopting->over[i]);
}

static bool take_over(struct adopting *adopting, struct err *err)
{
    const char **over = mem_zero(adopting->n_over + 1, sizeof *over);
    const char *why = adopting->options->reason ? adopting->options->reason : "";
    for (unsigned i = 0; i < adopting->n_over; i++)
        over[i] = adopting->over[i];
    bool good = identity_adopt(adopting->conn, adopting->config->group, adopting->cluster_id, over,
                               adopting->n_over, why, told, err);
    free(over);
    return good;
}

/* In a transaction that the caller ends. */
static bool adopt(struct adopting *adopting, struct err *err)
{
    const char *group = adopting->config->group;
    if (!identity_read(adopting->conn, group, adopting->cluster_id, &adopting->identity, err) ||
        !find_others(adopting, err))
        return false;
    tell(adopting);
    return take_over(adopting, err) &&
           identity_read(adopting->conn, group, adopting->cluster_id, &adopting->identity, err);
}

static bool adopt_or_look(struct adopting *adopting, struct err *err)
{
    bool execute = adopting->options->execute;
    if (!conn_exec(adopting->conn, "BEGIN", err) || !adopt(adopting, err) ||
        !conn_exec(adopting->conn, execute ? "COMMIT" : "ROLLBACK", err))
        return false;
    if (execute)
        printf("adopted   as %s\n", adopting->identity.database.id);
    else
        printf("nothing was changed; --execute does it\n");
    return true;
}

static bool reach(struct adopting *adopting, const struct kafka_options *kafka, struct errs *errs)
{
    struct err err = ERR_INIT;
    adopting->client = admin_open_group(kafka, errs);
    if (!adopting->client)
        return false;
    adopting->cluster_id = admin_cluster_id(adopting->client, BROKER_PATIENCE_MS, &err);
    adopting->conn = adopting->cluster_id ? setup_connect(adopting->config, &err) : NULL;
    if (!adopting->conn)
        errs_add(errs, &err);
    return adopting->conn != NULL;
}

static void act(const struct config *config, const struct options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    struct kafka_options kafka = {0};
    struct adopting adopting = {.config = config, .options = options};
    setup_quiet(config);
    if (!setup_kafka(config, &kafka, &err))
        errs_add(errs, &err);
    else if (reach(&adopting, &kafka, errs) && !adopt_or_look(&adopting, &err))
        errs_add(errs, &err);
    identity_free(&adopting.identity);
    free(adopting.over);
    free(adopting.offsets);
    free(adopting.cluster_id);
    if (adopting.conn)
        conn_close(adopting.conn);
    admin_close(adopting.client);
    setup_free_kafka(&kafka);
}

static int adopt_with(const struct options *options)
{
    struct errs errs = {0};
    struct config *config = setup_config(&options->setup, &errs);
    if (config)
        act(config, options, &errs);
    int code = report_errs(&errs);
    config_free(config);
    errs_free(&errs);
    return code;
}

static int judge(const struct options *options)
{
    struct err err = ERR_INIT;
    if (options->dry_run == options->execute) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "adopt wants either --dry-run or --execute");
        err_hint(&err, "look first: pactolus adopt --dry-run");
        return report_err(&err);
    }
    if (options->dry_run || (options->reason && *options->reason))
        return adopt_with(options);
    err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "adopt --execute wants a reason");
    err_hint(&err, "--reason \"…\": it is kept in pactolus.adoptions");
    return report_err(&err);
}

int command_adopt(int argc, char **argv)
{
    struct options options = {0};
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    const struct args_option table[] = {
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run, "tell what it would change"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "change it"},
        {'r', "reason", "TEXT", ARGS_TEXT, &options.reason, "why; kept in pactolus.adoptions"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "adopt",
        .usage = "--dry-run | --execute --reason TEXT [OPTION…]",
        .summary = "take this database, this Kafka cluster and this group as the right ones",
        .options = table,
        .examples = "pactolus adopt --dry-run\n"
                    "pactolus adopt --execute --reason \"restored the dump of Friday\"\n",
        .exits = "0   adopted; streams that were halted for it go on\n"
                 "69  broker or database is out of reach\n"
                 "77  broker or database refuses us\n"
                 "78  the configuration is wrong\n",
    };
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = judge(&options);
    setup_free(&options.setup);
    return code;
}
