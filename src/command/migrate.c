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
#include "postgres/columns.h"
#include "postgres/roles.h"
#include "postgres/streams.h"
#include "table/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 10 };

struct options {
    struct setup setup;
    bool dry_run, execute;
};

/* One stream's part of the plan. */
struct part {
    const struct stream *stream;
    struct plan plan;
};

struct migrating {
    const struct config *config;
    struct stream *streams;
    struct part *parts; /* one per stream */
    PGconn *conn;
    struct patience patience;
    int version; /* of the control schema, before */
    unsigned n_things;
};

/* The row in pactolus.streams, when it is missing or another contract's: daemons take it for the
 * sign that a new contract is in force, so it comes when all that they need is there. */
static bool plan_noting(struct migrating *migrating, struct part *part, struct err *err)
{
    struct stream_row row = {0};
    const struct stream *stream = part->stream;
    const char *group = migrating->config->group, *name = stream->config->name;
    char wanted[FINGERPRINT_LENGTH + 1];
    struct buf sql = BUF_INIT;
    if (migrating->version > 0 && !streams_find(migrating->conn, group, name, &row, err))
        return false;
    streams_fingerprint(stream->layout, wanted);
    if (row.stream_id && strcmp(row.fingerprint, wanted) == 0)
        return true;
    streams_note_text(migrating->conn, group, name, stream->layout, stream->descriptors, &sql);
    plan_note(&part->plan, mem_format("contract %.12s is in force", wanted), sql.data);
    return true;
}

/* What the columns mean, for pactolus.columns: words may change where no fingerprint does. */
static bool plan_describing(struct migrating *migrating, struct part *part, struct err *err)
{
    bool same = false;
    struct buf sql = BUF_INIT;
    const struct layout *layout = part->stream->layout;
    const char *group = migrating->config->group, *name = part->stream->config->name;
    if (migrating->version >= COLUMNS_SINCE &&
        !columns_same(migrating->conn, group, name, layout, &same, err))
        return false;
    if (same)
        return true;
    columns_text(group, name, layout, &sql);
    plan_note(&part->plan, mem_string("note what its columns mean in pactolus.columns"), sql.data);
    return true;
}

static bool plan_part(struct migrating *migrating, struct part *part, struct err *err)
{
    const struct stream_config *config = part->stream->config;
    struct shape *want = shape_want(part->stream->layout);
    shape_want_readers(want, config->readers, config->n_readers);
    struct shape *have = catalog_read(migrating->conn, want, err);
    bool good = have != NULL;
    if (good) {
        compare_shapes(have, want, &part->plan);
        good = plan_noting(migrating, part, err) && plan_describing(migrating, part, err);
        migrating->n_things += part->plan.n_steps;
    }
    shape_free(have);
    shape_free(want);
    return good;
}

/* The control schema is only ever moved forward, by a program that knows where it is. */
static bool find_version(struct migrating *migrating, struct err *err)
{
    unsigned count;
    migrations_all(&count);
    if (!migrations_version(migrating->conn, &migrating->version, err))
        return false;
    if (migrating->version <= (int)count)
        return true;
    err_set(
        err, ERR_HALT, ERR_EXIT_CONFIG,
        "the database is at migration %d, and this program knows %u: it runs here, but does not "
        "migrate",
        migrating->version, count);
    err_hint(err, "run the pactolus that migrated it, or a newer one");
    return err_place(err, "pactolus.migrations");
}

/* The whole plan; refusals and faults go to errs. */
static void make_plan(struct migrating *migrating, struct errs *errs)
{
    struct err err = ERR_INIT;
    unsigned count;
    const struct migration *all = migrations_all(&count);
    if (!find_version(migrating, &err)) {
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

/* As it is sent, so that psql does what --execute would do. */
static void print_text(struct buf *text)
{
    printf("%s\n", text->data);
    buf_free(text);
}

/* The text of a comment, which names stand in as their makers wrote them: a line end in one would
 * make a statement of what follows. */
static void print_what(const char *stream, const char *what)
{
    printf("-- stream %s: ", stream);
    for (const char *c = what; *c; c++)
        putchar((unsigned char)*c < ' ' ? ' ' : *c);
    putchar('\n');
}

static void print_plan(const struct migrating *migrating)
{
    unsigned count;
    const struct migration *all = migrations_all(&count);
    printf("-- Run by hand: psql -X -v ON_ERROR_STOP=1 -f THIS\n%s\n", conn_session_text());
    for (unsigned i = 0; i < count; i++) {
        struct buf text = BUF_INIT;
        if (all[i].version <= migrating->version)
            continue;
        printf("-- control schema: %s\n", all[i].name);
        migration_text(&all[i], migrating->patience.lock_timeout_ms, &text);
        print_text(&text);
    }
    for (unsigned i = 0; i < migrating->config->n_streams; i++) {
        const struct part *part = &migrating->parts[i];
        for (unsigned k = 0; k < part->plan.n_steps; k++) {
            struct buf text = BUF_INIT;
            print_what(part->stream->config->name, part->plan.steps[k].what);
            apply_text(&part->plan.steps[k], migrating->patience.lock_timeout_ms, &text);
            print_text(&text);
        }
    }
    printf("-- rights of the roles in pactolus.roles\n%s\n", roles_text());
    printf("-- nothing was changed; --execute runs this\n");
}

/* --------------------------------------------------------------------------------- applying */

static void told(const struct migration *migration)
{
    printf("applied   %s\n", migration->name);
    fflush(stdout);
}

/* Rows that break a check keep it from being validated, and nothing else from being done: that goes
 * to `errs`. */
static bool apply_part(const struct migrating *migrating, const struct part *part,
                       struct errs *errs, struct err *err)
{
    for (unsigned k = 0; k < part->plan.n_steps; k++) {
        const struct step *step = &part->plan.steps[k];
        bool done = apply_step(migrating->conn, step, &migrating->patience, err);
        if (!done && (step->kind != STEP_VALIDATE || err->exit != ERR_EXIT_DATA))
            return false;
        if (!done)
            errs_add(errs, err);
        printf("%s   %s: %s\n", done ? "applied" : "refused", part->stream->config->name,
               step->what);
        fflush(stdout);
    }
    return true;
}

static void apply_plan(const struct migrating *migrating, struct errs *errs)
{
    struct err err = ERR_INIT;
    bool good =
        migrations_apply(migrating->conn, migrating->version, &migrating->patience, told, &err);
    for (unsigned i = 0; good && i < migrating->config->n_streams; i++)
        good = apply_part(migrating, &migrating->parts[i], errs, &err);
    if (!good)
        errs_add(errs, &err);
}

/* Last, when all that rights are for is there. What this session may not do is no fault of it. */
static void apply_roles(const struct migrating *migrating, struct errs *errs)
{
    struct err err = ERR_INIT;
    struct buf missing = BUF_INIT;
    int64_t granted = 0;
    if (!roles_apply(migrating->conn, &missing, &granted, &err))
        errs_add(errs, &err);
    else if (granted)
        printf("granted   %lld rights to the roles of pactolus.roles\n", (long long)granted);
    if (missing.length)
        printf(
            "-- this role may not make roles; let one that may run this, then migrate again:\n%s",
            missing.data);
    buf_free(&missing);
}

/* ------------------------------------------------------------------------------------ whole */

static void act(struct migrating *migrating, const struct options *options, struct errs *errs)
{
    make_plan(migrating, errs);
    if (errs->count)
        return;
    if (!migrating->n_things)
        printf("%snothing to do: database %s is as the contracts want it\n",
               options->dry_run ? "-- " : "", conn_database(migrating->conn));
    else if (options->dry_run)
        print_plan(migrating);
    else
        apply_plan(migrating, errs);
    if (!options->dry_run && !errs->count)
        apply_roles(migrating, errs);
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
    migrating.patience = (struct patience){(int)(config->lock_timeout / USEC_PER_MS), TRIES};
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
        .exits = "0   done, or nothing to do\n"
                 "65  refused: a table would have to change in a way that loses or breaks "
                 "something, or\n"
                 "    rows that are there break what the contract asks for\n"
                 "69  the database is out of reach\n"
                 "75  a lock could not be had; run it again, it goes on where it was\n"
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
