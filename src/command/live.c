/* SPDX-License-Identifier: Apache-2.0 */
#include "command/live.h"

#include "command/setup.h"
#include "kafka/admin.h"
#include "postgres/apply.h"
#include "postgres/catalog.h"
#include "postgres/streams.h"
#include "table/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------- broker */

/* Adds the error with the stream that it belongs to; true if it was one. */
static void check_topic(rd_kafka_t *client, const struct stream_config *stream, const char *topic,
                        const char *what, int timeout_ms, struct errs *errs)
{
    struct err err = ERR_INIT;
    int partitions = admin_partitions(client, topic, timeout_ms, &err);
    if (partitions >= 0) {
        printf("  %-9s %s: %d partition%s\n", what, topic, partitions, partitions == 1 ? "" : "s");
        return;
    }
    if (!*err.place)
        err_place(&err, "%s", stream->place);
    errs_add(errs, &err);
}

static void check_topics(rd_kafka_t *client, const struct config *config, int timeout_ms,
                         struct errs *errs)
{
    for (unsigned i = 0; i < config->n_streams; i++) {
        const struct stream_config *stream = &config->streams[i];
        for (unsigned k = 0; k < stream->n_topics; k++)
            check_topic(client, stream, stream->topics[k].name, "topic", timeout_ms, errs);
        if (stream->dlq_topic)
            check_topic(client, stream, stream->dlq_topic, "dlq", timeout_ms, errs);
    }
}

void live_check_broker(const struct config *config, int timeout_ms, struct errs *errs)
{
    struct kafka_options options;
    struct err err = ERR_INIT;
    if (!setup_kafka(config, &options, &err))
        return;                /* told by the offline part */
    struct errs ignored = {0}; /* so are wrong properties */
    rd_kafka_t *client = admin_open(&options, &ignored);
    char *cluster = client ? admin_cluster_id(client, timeout_ms, &err) : NULL;
    if (cluster) {
        printf("broker    cluster %s\n", cluster);
        check_topics(client, config, timeout_ms, errs);
    } else if (client) {
        errs_add(errs, &err);
    }
    free(cluster);
    if (client)
        admin_close(client);
    errs_free(&ignored);
    setup_free_kafka(&options);
}

/* -------------------------------------------------------------------------------- database */

static bool check_migrations(PGconn *conn, const struct config *config, struct errs *errs)
{
    struct err err = ERR_INIT;
    unsigned count;
    int version;
    migrations_all(&count);
    if (!migrations_version(conn, &version, &err)) {
        errs_add(errs, &err);
        return false;
    }
    if ((unsigned)version >= count)
        return true;
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG,
            "the control schema is at version %d, this program wants %u", version, count);
    err_place(&err, "database %s", conn_database(conn));
    err_hint(&err, "pactolus migrate --config %s --dry-run, then --execute", config->file);
    errs_add(errs, &err);
    return false;
}

static void tell_plan(const struct plan *plan, const struct stream *stream,
                      const struct config *config, struct errs *errs, struct errs *warnings)
{
    bool needed = false;
    for (unsigned i = 0; i < plan->refusals.count; i++)
        errs_add(errs, &plan->refusals.items[i]);
    for (unsigned i = 0; i < plan->n_steps; i++)
        needed |= plan->steps[i].needed_to_run;
    if (!plan->n_steps)
        return;
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG,
            "stream %s: the database lacks %u thing%s that the contract wants, first: %s",
            stream->config->name, plan->n_steps, plan->n_steps == 1 ? "" : "s",
            plan->steps[0].what);
    err_place(&err, "%s", stream->config->place);
    err_hint(&err, "pactolus migrate --config %s --dry-run, then --execute", config->file);
    errs_add(needed ? errs : warnings, &err);
}

/* True when the row that the daemon starts from is this contract's. */
static bool registered(PGconn *conn, const struct config *config, const struct stream *stream,
                       bool *same, struct err *err)
{
    struct stream_row row;
    char wanted[FINGERPRINT_LENGTH + 1];
    if (!streams_find(conn, config->group, stream->config->name, &row, err))
        return false;
    streams_fingerprint(stream->layout, wanted);
    *same = row.stream_id && strcmp(row.fingerprint, wanted) == 0;
    return true;
}

static void check_table(PGconn *conn, const struct config *config, const struct stream *stream,
                        struct errs *errs, struct errs *warnings)
{
    struct err err = ERR_INIT;
    struct shape *want = shape_want(stream->layout);
    struct shape *have = catalog_read(conn, want, &err);
    bool same = false;
    if (!have || !registered(conn, config, stream, &same, &err)) {
        errs_add(errs, &err);
        goto cleanup;
    }
    struct plan plan;
    plan_init(&plan);
    compare_shapes(have, want, &plan);
    tell_plan(&plan, stream, config, errs, warnings);
    if (!plan.n_steps && !plan.refusals.count && !same) {
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "stream %s: migrate has not run for this contract",
                stream->config->name);
        err_place(&err, "%s", stream->config->place);
        err_hint(&err, "pactolus migrate --config %s --execute", config->file);
        errs_add(errs, &err);
    } else if (!plan.n_steps && !plan.refusals.count) {
        printf("  table     %s.%s is as the contract wants it\n", want->schema, want->table);
    }
    plan_free(&plan);
cleanup:
    shape_free(have);
    shape_free(want);
}

void live_check_database(const struct config *config, const struct stream *streams,
                         struct errs *errs, struct errs *warnings)
{
    struct err err = ERR_INIT;
    PGconn *conn = setup_connect(config, &err);
    if (!conn) {
        errs_add(errs, &err);
        return;
    }
    printf("database  %s, PostgreSQL %s\n", conn_database(conn), conn_server(conn));
    if (check_migrations(conn, config, errs))
        for (unsigned i = 0; i < config->n_streams; i++)
            if (streams[i].layout)
                check_table(conn, config, &streams[i], errs, warnings);
    conn_close(conn);
}
