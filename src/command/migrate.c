/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate: the control schema's numbered files, then for each stream the steps from the live
 * catalog to what its contract wants. The plan is made whole before anything runs; a refusal
 * anywhere stops all. The SQL that --dry-run prints is the SQL that runs.
 */
#include "base/memory.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"
#include "postgres/apply.h"
#include "postgres/catalog.h"
#include "postgres/streams.h"
#include "table/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_TRIES = 10 };

struct options {
    struct setup setup;
    bool dry_run, execute;
};

/* One stream's part of the plan. */
struct part {
    const struct stream *stream;
    struct plan plan;
    bool register_it; /* its row in pactolus.streams is missing or another contract's */
};

struct migrating {
    const struct config *config;
    struct stream *streams;
    struct part *parts; /* one per stream */
    PGconn *conn;
    int version; /* of the control schema, before */
    unsigned n_things;
};

static bool find_registered(struct migrating *migrating, struct part *part, struct err *err)
{
    struct stream_row row = {0};
    char wanted[FINGERPRINT_LENGTH + 1];
    if (migrating->version > 0 && !streams_find(migrating->conn, migrating->config->group,
                                                part->stream->config->name, &row, err))
        return false;
    streams_fingerprint(part->stream->layout, wanted);
    part->register_it = !row.stream_id || strcmp(row.fingerprint, wanted) != 0;
    return true;
}

static bool plan_part(struct migrating *migrating, struct part *part, struct err *err)
{
    struct shape *want = shape_want(part->stream->layout);
    struct shape *have = catalog_read(migrating->conn, want, err);
    bool good = have && find_registered(migrating, part, err);
    if (good) {
        compare_shapes(have, want, &part->plan);
        migrating->n_things += part->plan.n_steps + part->register_it;
    }
    shape_free(have);
    shape_free(want);
    return good;
}

/* The whole plan; refusals and faults go to errs. */
static void make_plan(struct migrating *migrating, struct errs *errs)
{
    struct err err = ERR_INIT;
    unsigned count;
    const struct migration *all = migrations_all(&count);
    if (!migrations_version(migrating->conn, &migrating->version, &err)) {
        errs_add(errs, &err);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        migrating->n_things += all[i].version > migrating->version;
    for (unsigned i = 0; i < migrating->config->n_streams; i++) {
        struct part *part = &migrating->parts[i];
        part->stream = &migrating->streams[i];
        if (!plan_part(migrating, part, &err)) {
            errs_add(errs, &err);
            return; /* the connection may be gone */
        }
        for (unsigned k = 0; k < part->plan.refusals.count; k++)
            errs_add(errs, &part->plan.refusals.items[k]);
    }
}

/* -------------------------------------------------------------------------------- printing */

static void print_sql(const char *sql)
{
    size_t length = strlen(sql);
    while (length && (sql[length - 1] == '\n' || sql[length - 1] == ';'))
        length--;
    printf("%.*s;\n\n", (int)length, sql);
}

static void print_plan(const struct migrating *migrating)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    for (unsigned i = 0; i < count; i++) {
        if (all[i].version <= migrating->version)
            continue;
        printf("-- control schema: %s\n", all[i].name);
        print_sql(all[i].sql);
    }
    for (unsigned i = 0; i < migrating->config->n_streams; i++) {
        const struct part *part = &migrating->parts[i];
        for (unsigned k = 0; k < part->plan.n_steps; k++) {
            printf("-- stream %s: %s\n", part->stream->config->name, part->plan.steps[k].what);
            print_sql(part->plan.steps[k].sql);
        }
        if (part->register_it)
            printf("-- stream %s: note its contract in pactolus.streams\n\n",
                   part->stream->config->name);
    }
    if (migrating->n_things)
        printf("-- nothing was changed; --execute runs this\n");
}

/* --------------------------------------------------------------------------------- applying */

static void told(const struct migration *migration)
{
    printf("applied   %s\n", migration->name);
    fflush(stdout);
}

static bool apply_part(const struct migrating *migrating, const struct part *part, struct err *err)
{
    const struct config *config = migrating->config;
    const struct stream *stream = part->stream;
    for (unsigned k = 0; k < part->plan.n_steps; k++) {
        if (!apply_step(migrating->conn, &part->plan.steps[k],
                        (int)(config->lock_timeout / USEC_PER_MS), STEP_TRIES, err))
            return false;
        printf("applied   %s: %s\n", stream->config->name, part->plan.steps[k].what);
        fflush(stdout);
    }
    if (!part->register_it)
        return true;
    if (!streams_upsert(migrating->conn, config->group, stream->config->name, stream->layout,
                        stream->descriptors, err))
        return false;
    printf("applied   %s: contract noted\n", stream->config->name);
    return true;
}

static bool apply_plan(const struct migrating *migrating, struct err *err)
{
    if (!migrations_apply(migrating->conn, migrating->version, told, err))
        return false;
    for (unsigned i = 0; i < migrating->config->n_streams; i++)
        if (!apply_part(migrating, &migrating->parts[i], err))
            return false;
    return true;
}

/* ------------------------------------------------------------------------------------ whole */

static void act(struct migrating *migrating, const struct options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    make_plan(migrating, errs);
    if (errs->count)
        return;
    if (!migrating->n_things)
        printf("%snothing to do: database %s is as the contracts want it\n",
               options->dry_run ? "-- " : "", PQdb(migrating->conn));
    else if (options->dry_run)
        print_plan(migrating);
    else if (!apply_plan(migrating, &err))
        errs_add(errs, &err);
}

static int migrate(const struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct migrating migrating = {0};
    struct config *config = setup_config(&options->setup, &errs);
    if (!config)
        goto cleanup;
    migrating.config = config;
    migrating.streams = setup_streams(config, &errs);
    migrating.parts = mem_zero(config->n_streams + 1, sizeof *migrating.parts);
    for (unsigned i = 0; i < config->n_streams; i++)
        plan_init(&migrating.parts[i].plan);
    if (errs.count)
        goto cleanup;
    migrating.conn = setup_connect(config, &err);
    if (migrating.conn)
        act(&migrating, options, &errs);
    else
        errs_add(&errs, &err);
cleanup:
    fflush(stdout);
    int code = report_errs(&errs);
    for (unsigned i = 0; migrating.parts && i < config->n_streams; i++)
        plan_free(&migrating.parts[i].plan);
    free(migrating.parts);
    if (migrating.conn)
        conn_close(migrating.conn);
    if (config)
        setup_free_streams(migrating.streams, config->n_streams);
    config_free(config);
    errs_free(&errs);
    return code;
}

int command_migrate(int argc, char **argv)
{
    struct options options = {0};
    const struct args_option table[] = {
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run, "print the SQL that would run"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "run it"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "migrate",
        .usage = "--dry-run | --execute [OPTION…]",
        .summary = "plan or apply tables, views and the control schema",
        .options = table,
        .examples = "pactolus migrate --dry-run | less\n"
                    "pactolus migrate --execute\n"
                    "pactolus migrate --execute --set database.conninfo='dbname=analytics "
                    "user=pactolus_migrator'\n",
        .exits =
            "0   done, or nothing to do\n"
            "65  refused: a table would have to change in a way that loses or breaks something\n"
            "69  the database is out of reach\n"
            "75  a lock could not be had; try again\n"
            "77  the database refuses us\n"
            "78  configuration or a contract is wrong\n",
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code)) {
        if (options.dry_run != options.execute) {
            code = migrate(&options);
        } else {
            struct err err = ERR_INIT;
            err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "migrate wants either --dry-run or --execute");
            err_hint(&err, "look first: pactolus migrate --dry-run");
            code = report_err(&err);
        }
    }
    setup_free(&options.setup);
    return code;
}
