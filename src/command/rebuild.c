/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild: a table filled anew from the log beside the live one, by a consumer of its own, that
 * takes the live one's place in one transaction. Here: options, and what needs no engine.
 */
#include "command/rebuilding.h"

#include "command/report.h"
#include "command/verb.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

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
    if (!rebuilding_begin(r, &options->rebuild, errs))
        return;
    if (!rebuilds_call(r->conn, function, r->row.id, NULL, true, &err))
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
    if (!rebuilding_begin(r, &options->rebuild, errs))
        return;
    if (!rebuilds_read(r->conn, r->config->group, 0, NULL, &r->arena, &list, &n, &err)) {
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
