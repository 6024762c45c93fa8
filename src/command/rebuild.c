/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild: a table filled anew from the log beside the live one, by a consumer of its own, that
 * takes the live one's place in one transaction. Here: options, and what needs no engine.
 */
#include "command/rebuilding.h"

#include "base/memory.h"
#include "base/text.h"
#include "command/report.h"
#include "command/verb.h"
#include "engine/preflight.h"
#include "kafka/admin.h"
#include "postgres/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- opening and closing ---- */

static bool check_schema(PGconn *conn, struct err *err)
{
    unsigned count;
    int version;
    const struct migration *all = migrations_all(&count);
    if (!migrations_version(conn, &version, err))
        return false;
    if (version >= all[count - 1].version)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG,
            "the database is at migration %d, this program needs %d", version,
            all[count - 1].version);
    return err_hint(err, "pactolus migrate --execute");
}

static bool find_row(struct rebuilding *r, struct err *err)
{
    struct rebuild *list;
    unsigned n;
    bool mine;
    if (!rebuilds_read(r->conn, r->config->group, r->options->id, NULL, &r->arena, &list, &n, err))
        return false;
    if (n == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "group %s has no rebuild %u", r->config->group,
                r->options->id);
        return err_hint(err, "pactolus rebuild --list");
    }
    r->row = list[0];
    if (!rebuilds_own(r->conn, r->row.id, &mine, err))
        return false;
    if (mine)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_TEMPORARY, "another process works at rebuild %u", r->row.id);
    return err_hint(err,
                    "end it first: SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND "
                    "objid = %u",
                    r->row.id);
}

/* One that the stream has already is gone on with, or given up. */
static bool find_none(struct rebuilding *r, struct err *err)
{
    struct rebuild *list;
    unsigned n;
    if (!rebuilds_read(r->conn, r->config->group, 0, r->options->stream, &r->arena, &list, &n, err))
        return false;
    if (n == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "the stream has rebuild %u already (%s since %s)",
            list[0].id, list[0].state, list[0].changed_at);
    err_place(err, "%s", r->options->stream);
    return err_hint(err, "pactolus rebuild --resume %u goes on with it, --abort %u gives it up",
                    list[0].id, list[0].id);
}

static bool open_database(struct rebuilding *r, struct err *err)
{
    r->conn = setup_connect(r->config, err);
    return r->conn && check_schema(r->conn, err) &&
           /* Frozen in the middle of a swap, this process must not hold the live stream. */
           conn_exec(r->conn,
                     "SET statement_timeout = 0;"
                     " SET idle_in_transaction_session_timeout = '10s'",
                     err) &&
           (r->options->id ? find_row(r, err) : find_none(r, err));
}

static bool find_stream(struct rebuilding *r, const char *name, struct err *err)
{
    struct stream_row row;
    for (unsigned i = 0; i < r->config->n_streams; i++)
        if (strcmp(r->config->streams[i].name, name) == 0)
            r->stream_config = &r->config->streams[i];
    if (!r->stream_config)
        return err_set(err, ERR_HALT, ERR_EXIT_USAGE, "the configuration has no stream %s", name);
    if (!streams_find(r->conn, r->config->group, name, &row, err))
        return false;
    if (row.stream_id == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "the database does not know the stream %s", name);
        return err_hint(err, "pactolus migrate --execute");
    }
    r->stream_id = row.stream_id;
    if (!r->options->id)
        r->row.stream_fingerprint =
            arena_string(&r->arena, row.fingerprint, strlen(row.fingerprint));
    return true;
}

/* The contract once with the live table and once with the one that is filled, which for a new
 * rebuild gets its name later. */
static bool load_contract(struct rebuilding *r, struct errs *errs)
{
    char fingerprint[FINGERPRINT_LENGTH + 1];
    struct err err;
    r->own_stream = *r->stream_config;
    r->own_stream.dlq_topic = NULL; /* letters are the live stream's from the swap on */
    r->own_stream.out_of_range = OUT_OF_RANGE_HALT;
    if (r->options->id)
        r->own_stream.name = (char *)(uintptr_t)r->row.shadow_stream;
    if (!stream_load(&r->live, r->stream_config, errs) ||
        !stream_load(&r->shadow, &r->own_stream, errs))
        return false;
    streams_fingerprint(r->live.layout, fingerprint);
    if (!r->options->id)
        r->row.fingerprint = arena_string(&r->arena, fingerprint, FINGERPRINT_LENGTH);
    else
        r->shadow.layout->table = r->shadow.layout->view = r->row.shadow;
    r->want = shape_want(r->live.layout);
    shape_want_readers(r->want, r->stream_config->readers, r->stream_config->n_readers);
    r->want_shadow = shape_want(r->shadow.layout);
    bool unfinished = !r->options->id || strcmp(r->row.state, "filling") == 0 ||
                      strcmp(r->row.state, "ready") == 0;
    if (!unfinished || strcmp(fingerprint, r->row.fingerprint) == 0)
        return true;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA,
            "rebuild %u was begun with another contract (%.12s, here %.12s)", r->row.id,
            r->row.fingerprint, fingerprint);
    err_place(&err, "%s", r->stream_config->descriptors);
    err_hint(&err, "put that descriptor set in its place, or pactolus rebuild --abort %u",
             r->row.id);
    errs_add(errs, &err);
    return false;
}

bool rebuilding_open(struct rebuilding *r, const struct rebuild_options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    *r = (struct rebuilding){.options = options};
    arena_init(&r->arena, 16384);
    arena_init(&r->looks[0], 16384);
    arena_init(&r->looks[1], 16384);
    r->config = setup_config(&options->setup, errs);
    if (!r->config)
        return false;
    if (!open_database(r, &err) ||
        !find_stream(r, options->id ? r->row.stream : options->stream, &err) ||
        !setup_kafka(r->config, &r->kafka, &err) || !(r->loop = loop_open(&err))) {
        errs_add(errs, &err);
        return false;
    }
    r->client = admin_open(&r->kafka, errs);
    return r->client && load_contract(r, errs);
}

void rebuilding_close(struct rebuilding *r, int code)
{
    /* As run does: the thread still looks at what would be freed here. */
    if (r->opened && !engine_close(&r->engine)) {
        log_warning("a thread still waits for a server; ending without it");
        _exit(code);
    }
    loop_close(r->loop);
    preflight_free(&r->engine_options);
    admin_close(r->client);
    setup_free_kafka(&r->kafka);
    plan_free(&r->plan);
    shape_free(r->have);
    shape_free(r->want);
    shape_free(r->want_shadow);
    stream_free(&r->live);
    stream_free(&r->shadow);
    if (r->conn)
        conn_close(r->conn);
    config_free(r->config);
    arena_free(&r->arena);
    arena_free(&r->looks[0]);
    arena_free(&r->looks[1]);
}

/* ---- what the options ask for ---- */

struct options {
    struct rebuild_options rebuild;
    bool dry_run, execute, list, no_swap, no_compare;
    int64_t resume, compare, swap, rollback, abort, drop_old;
    unsigned n_streams;
};

/* A rebuild that is filling may have stopped for a reason of its own, as a daemon's stream does. */
static bool go_on(struct rebuilding *r, struct err *err)
{
    struct stream_row row;
    struct resumed resumed;
    if (!streams_find(r->conn, r->config->group, r->row.shadow_stream, &row, err))
        return false;
    return row.state == STREAM_RUNNING ||
           streams_resume(r->conn, r->row.shadow_id, "gone on with", false, &resumed, err);
}

static bool finish(struct rebuilding *r, struct err *err)
{
    const struct rebuild_options *options = r->options;
    bool equal = false;
    if (options->compare && !rebuild_compare(r, &equal, err))
        return false;
    if (options->require_equal && !equal) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the tables differ, and --require-equal was asked for");
        return err_hint(err,
                        "pactolus rebuild --swap %u exchanges them all the same, --abort %u gives "
                        "the rebuild up",
                        r->row.id, r->row.id);
    }
    if (options->swap)
        return rebuild_swap(r, err);
    printf("rebuild %u is ready beside the live table; pactolus rebuild --swap %u exchanges them\n",
           r->row.id, r->row.id);
    return true;
}

static bool is_unfinished(const struct rebuilding *r, struct err *err)
{
    if (strcmp(r->row.state, "filling") == 0 || strcmp(r->row.state, "ready") == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "rebuild %u is %s", r->row.id, r->row.state);
    return err_hint(err, "pactolus rebuild --list");
}

/* A new one, or one that is there, to its end. */
static void work(struct rebuilding *r, struct errs *errs)
{
    struct err err = ERR_INIT;
    /* The live stream comes first. */
    (void)setpriority(PRIO_PROCESS, 0, 10);
    bool good = r->options->id ? is_unfinished(r, &err) && go_on(r, &err) : true;
    if (good && !(r->options->id ? rebuild_judge(r, errs) : rebuild_begin(r, errs)))
        return;
    if (good && r->options->dry_run)
        return;
    good = good && rebuild_fill(r, &err) && finish(r, &err);
    if (!good && err.class == ERR_RETRY && !*err.hint)
        err_hint(&err, "pactolus rebuild --resume %u goes on", r->row.id);
    if (!good)
        errs_add(errs, &err);
    rebuild_stop(r);
}

/* Without contract and broker: these only end what is there. */
static void give_up(struct rebuilding *r, const struct options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    const char *function = options->abort ? "rebuild_abort" : "rebuild_drop_old";
    arena_init(&r->arena, 4096);
    r->config = setup_config(&options->rebuild.setup, errs);
    if (!r->config)
        return;
    if (!open_database(r, &err) || !rebuilds_call(r->conn, function, r->row.id, NULL, true, &err))
        errs_add(errs, &err);
    else
        printf("rebuild %u: %s\n", r->row.id,
               options->abort ? "given up; its table is dropped"
                              : "the table kept beside is dropped");
}

static void print_one(const struct rebuild *rebuild)
{
    printf("%4u  %-11s  %s  since %s, begun %s by %s%s%s\n", rebuild->id, rebuild->state,
           rebuild->stream, rebuild->changed_at, rebuild->begun_at, rebuild->begun_by,
           *rebuild->reason ? ": " : "", rebuild->reason);
    if (strcmp(rebuild->state, "swapped") == 0 && !rebuild->old_dropped)
        printf("      keeps %s.%s\n", rebuild->schema, rebuild->old);
    else if (strcmp(rebuild->state, "aborted") != 0 && strcmp(rebuild->state, "swapped") != 0 &&
             !rebuild->old_dropped)
        printf("      table %s.%s\n", rebuild->schema, rebuild->shadow);
}

static void list_all(struct rebuilding *r, const struct options *options, struct errs *errs)
{
    struct err err = ERR_INIT;
    struct rebuild *list = NULL;
    unsigned n = 0;
    arena_init(&r->arena, 4096);
    r->config = setup_config(&options->rebuild.setup, errs);
    if (!r->config)
        return;
    r->conn = setup_connect(r->config, &err);
    if (!r->conn || !check_schema(r->conn, &err) ||
        !rebuilds_read(r->conn, r->config->group, 0, NULL, &r->arena, &list, &n, &err)) {
        errs_add(errs, &err);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        print_one(&list[i]);
    if (n == 0)
        printf("group %s has no rebuilds\n", r->config->group);
}

static int act(const struct options *options)
{
    struct errs errs = {0};
    struct rebuilding r = {.options = &options->rebuild};
    if (options->list) {
        list_all(&r, options, &errs);
    } else if (options->abort || options->drop_old) {
        give_up(&r, options, &errs);
    } else if (rebuilding_open(&r, &options->rebuild, &errs)) {
        struct err err = ERR_INIT;
        if (!options->rollback)
            work(&r, &errs);
        else if (!rebuild_rollback(&r, &err))
            errs_add(&errs, &err);
    }
    fflush(stdout);
    int code = report_errs(&errs);
    rebuilding_close(&r, code);
    errs_free(&errs);
    return code;
}

/* ---- the command line ---- */

/* One thing at a time: a stream, the list, or one of those that take a number. */
static bool judge(struct options *options, struct err *err)
{
    struct rebuild_options *rebuild = &options->rebuild;
    const int64_t ids[] = {options->resume,   options->compare, options->swap,
                           options->rollback, options->abort,   options->drop_old};
    unsigned n = options->n_streams + options->list;
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        n += ids[i] != 0;
        if (ids[i] < 0 || ids[i] > INT32_MAX)
            return err_set(err, ERR_HALT, ERR_EXIT_USAGE, "there is no rebuild of that number");
        if (ids[i])
            rebuild->id = (unsigned)ids[i];
    }
    if (n != 1) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE,
                "rebuild wants a stream, --list, or one number of a rebuild");
        return err_hint(err, "pactolus rebuild payments --dry-run");
    }
    if (options->n_streams && options->dry_run == options->execute) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "rebuild wants either --dry-run or --execute");
        return err_hint(err, "look first: pactolus rebuild %s --dry-run", rebuild->stream);
    }
    if (rebuild->rate < 0)
        return err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--rate is a number of records per second");
    rebuild->dry_run = options->dry_run;
    rebuild->swap = !options->no_swap && !options->compare;
    rebuild->compare = !options->no_compare && !options->swap;
    if (rebuild->require_equal)
        rebuild->compare = true;
    return true;
}

int command_rebuild(int argc, char **argv)
{
    struct options options = {.rebuild = {.reason = "", .patience = 600 * USEC_PER_SEC}};
    struct rebuild_options *rebuild = &options.rebuild;
    const struct args_option table[] = {
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run, "say what would be done"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "do it"},
        {'l', "list", NULL, ARGS_FLAG, &options.list, "the group's rebuilds"},
        {0, "resume", "ID", ARGS_NUMBER, &options.resume, "go on with one that was interrupted"},
        {0, "compare", "ID", ARGS_NUMBER, &options.compare,
         "bring one up to date and compare, no more"},
        {0, "swap", "ID", ARGS_NUMBER, &options.swap,
         "bring one up to date and exchange the tables"},
        {0, "rollback", "ID", ARGS_NUMBER, &options.rollback, "give the old table its place back"},
        {0, "abort", "ID", ARGS_NUMBER, &options.abort, "give one up and drop its table"},
        {0, "drop-old", "ID", ARGS_NUMBER, &options.drop_old,
         "drop the table that was kept for a rollback"},
        {0, "no-swap", NULL, ARGS_FLAG, &options.no_swap, "leave both tables"},
        {0, "no-compare", NULL, ARGS_FLAG, &options.no_compare, "exchange without comparing"},
        {0, "require-equal", NULL, ARGS_FLAG, &rebuild->require_equal,
         "exchange only equal tables"},
        {0, "seed-from-live", NULL, ARGS_FLAG, &rebuild->seed,
         "copy the live rows first: for what the log no longer has"},
        {0, "earliest", NULL, ARGS_FLAG, &rebuild->earliest,
         "begin where the log begins, not where the live stream did"},
        {0, "retype", NULL, ARGS_FLAG, &rebuild->retype,
         "let columns of the view change their types"},
        {0, "rate", "N", ARGS_NUMBER, &rebuild->rate, "records per second at most"},
        {0, "patience", "TIME", ARGS_DURATION, &rebuild->patience,
         "how long to wait for those who keep the views open (10min)"},
        {'r', "reason", "TEXT", ARGS_TEXT, &rebuild->reason, "why; kept with the rebuild"},
        SETUP_OPTIONS(&rebuild->setup),
        {0},
    };
    const struct args args = {
        .verb = "rebuild",
        .usage = "STREAM --dry-run | --execute | --list | --ACTION ID [OPTION…]",
        .summary = "Fill a stream's table anew from the log beside the live one, compare both, and "
                   "exchange them in one transaction; the old one is kept for a rollback.",
        .options = table,
        .operands_max = 1,
        .examples =
            "pactolus rebuild payments --dry-run\n"
            "pactolus rebuild payments --execute --reason \"amount was mapped from gross\"\n"
            "pactolus rebuild payments --execute --no-swap --rate 5000\n"
            "pactolus rebuild --swap 3\n"
            "pactolus rebuild --rollback 3\n",
        .exits =
            "0   done\n"
            "65  refused: the log lacks what the table has, readers would lose something, the\n"
            "    tables differ (--require-equal), or the rebuild is not in that state\n"
            "69  broker or database out of reach\n"
            "75  interrupted, or the views could not be had; go on with --resume or --swap\n"
            "77  a server refuses us\n"
            "78  configuration, contract or database is not ready\n",
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code)) {
        struct err err = ERR_INIT;
        options.n_streams = n_operands;
        rebuild->stream = n_operands ? argv[0] : NULL;
        code = judge(&options, &err) ? act(&options) : report_err(&err);
    }
    setup_free(&rebuild->setup);
    return code;
}
