/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: read records again, or pass over them, by the option names of kafka-consumer-groups.sh
 * --reset-offsets. The group may run: its cursors are moved through their fence, in one
 * transaction, and its daemons claim them again. Audited in pactolus.replays. Kafka's own tool has
 * no effect here, since PostgreSQL holds the offsets.
 */
#include "base/text.h"
#include "command/progress.h"
#include "command/replay_options.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

struct options {
    struct setup setup;
    struct replay_options replay;
    bool dry_run, execute, export, wait;
    int64_t timeout; /* of waiting; 0 = for ever */
    const char *group;
};

struct replaying {
    const struct config *config;
    const struct options *options;
    const struct replay_request *request;
    rd_kafka_t *client;
    char *cluster_id;
    PGconn *conn;
    struct replay_plan plan;
};

/* ---------------------------------------------------------------------------------- the plan */

enum { COLUMNS = 6, CELL = 32 };
static const char *const titles[COLUMNS] = {"partition", "now", "to", "begins", "records", "gone"};

/* Offsets that this stream has read, or was asked for, and that Kafka no longer keeps. */
static int64_t gone(const struct replay_step *step)
{
    int64_t lowest = step->wanted >= 0 && step->wanted < step->asked ? step->wanted : step->asked;
    if (step->asked == step->earliest && step->exists && step->first < lowest)
        lowest = step->first;
    return step->earliest > lowest ? step->earliest - lowest : 0;
}

static int64_t again(const struct replay_step *step)
{
    return step->exists && step->begins < step->next_offset ? step->next_offset - step->begins : 0;
}

static void cells(const struct replay_step *step, char out[COLUMNS][CELL])
{
    snprintf(out[0], CELL, "%d", (int)step->partition);
    if (step->exists)
        text_thousands(step->next_offset, out[1]);
    else
        snprintf(out[1], CELL, "–");
    text_thousands(step->asked, out[2]);
    text_thousands(step->begins, out[3]);
    text_thousands(again(step), out[4]);
    text_thousands(gone(step), out[5]);
}

static int width(const char *text)
{
    return (int)text_utf8_count(text, strlen(text));
}

static void print_row(const char *const row[COLUMNS], const int widths[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++)
        printf("  %*s%s", widths[i] - width(row[i]), "", row[i]);
    putchar('\n');
}

static void print_step(const struct replay_step *step, const int widths[COLUMNS])
{
    char out[COLUMNS][CELL];
    const char *row[COLUMNS];
    cells(step, out);
    for (int i = 0; i < COLUMNS; i++)
        row[i] = out[i];
    print_row(row, widths);
}

static void print_notes(const struct replay_plan *plan)
{
    bool early = false;
    for (unsigned i = 0; i < plan->n; i++) {
        const struct replay_step *step = &plan->steps[i];
        char low[32], high[32];
        early |= step->exists && step->asked < step->first;
        if (step->wanted != -1)
            printf("%s[%d]: the log reaches from %s to %s\n", step->topic, (int)step->partition,
                   text_thousands(step->earliest, low), text_thousands(step->latest, high));
    }
    if (early)
        printf("records from before the stream's first start are among them: where producers' "
               "times run backwards, a row may be an older one until the replay has passed\n");
}

static void print_plan(const struct replay_plan *plan)
{
    int widths[COLUMNS];
    char out[COLUMNS][CELL];
    for (int i = 0; i < COLUMNS; i++)
        widths[i] = width(titles[i]);
    for (unsigned n = 0; n < plan->n; n++) {
        cells(&plan->steps[n], out);
        for (int i = 0; i < COLUMNS; i++)
            widths[i] = width(out[i]) > widths[i] ? width(out[i]) : widths[i];
    }
    for (unsigned n = 0; n < plan->n; n++) {
        const struct replay_step *step = &plan->steps[n];
        if (n == 0 || step->topic != plan->steps[n - 1].topic) {
            printf("%s%s: %s\n", n ? "\n" : "", step->stream, step->topic);
            print_row(titles, widths);
        }
        print_step(step, widths);
    }
    print_notes(plan);
}

static void export_plan(const struct replay_plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++)
        printf("%s,%d,%" PRId64 "\n", plan->steps[i].topic, (int)plan->steps[i].partition,
               plan->steps[i].asked);
}

/* -------------------------------------------------------------------------------------- acting */

static void said_stands(const struct replay_state *state, char said[320])
{
    if (*state->stands && strcmp(state->stands, said) != 0)
        fprintf(stderr, "%s; it goes on with: pactolus resume\n", state->stands);
    snprintf(said, 320, "%s", state->stands);
}

static bool finished(const struct replay_state *state, int64_t id, struct err *err)
{
    if (!state->superseded)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_TEMPORARY,
            "%" PRId64 " of %" PRId64 " partitions were moved by another replay meanwhile",
            state->superseded, state->cursors);
    return err_hint(err, "select * from pactolus.replay_progress where replay_id >= %" PRId64, id);
}

static bool wait_for(const struct replaying *replaying, int64_t id, struct err *err)
{
    const usec_t pause = 200 * USEC_PER_MS;
    const usec_t deadline =
        replaying->options->timeout ? clock_monotonic() + replaying->options->timeout : USEC_NEVER;
    struct replay_state state = {0};
    struct progress progress;
    char said[320] = "", left[32];
    int64_t total = -1;
    bool good;
    while ((good = replays_state(replaying->conn, id, &state, err))) {
        if (total < 0) {
            total = state.left;
            progress_begin(&progress, "read again", total);
        }
        progress_show(&progress, total - state.left);
        said_stands(&state, said);
        if (state.done + state.superseded == state.cursors || clock_monotonic() >= deadline)
            break;
        clock_pause(pause);
    }
    if (total >= 0)
        progress_end(&progress);
    if (good && state.done + state.superseded < state.cursors) {
        err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY,
                "the replay goes on, but was not through in time: %s records to go",
                text_thousands(state.left, left));
        return err_hint(err, "select * from pactolus.replay_progress where replay_id = %" PRId64,
                        id);
    }
    return good && finished(&state, id, err);
}

static bool execute(struct replaying *replaying, struct err *err)
{
    const struct replay_plan *plan = &replaying->plan;
    int64_t id, records = 0;
    char text[32];
    unsigned moved = 0;
    if (!replay_execute(replaying->config, replaying->request, replaying->cluster_id,
                        replaying->conn, plan, &id, err))
        return false;
    for (unsigned i = 0; i < plan->n; i++) {
        moved += replay_moves(&plan->steps[i]);
        records += again(&plan->steps[i]);
    }
    if (!id) {
        printf("nothing was changed: every cursor is there already\n");
        return true;
    }
    printf("replay %" PRId64 ": %u partition%s moved, %s records to be read again\n", id, moved,
           moved == 1 ? "" : "s", text_thousands(records, text));
    fflush(stdout);
    return !replaying->options->wait || wait_for(replaying, id, err);
}

static bool act_on_plan(struct replaying *replaying, struct err *err)
{
    if (replaying->options->export) {
        export_plan(&replaying->plan);
        return true;
    }
    print_plan(&replaying->plan);
    if (replaying->options->execute)
        return execute(replaying, err);
    printf("nothing was changed; --execute does it\n");
    return true;
}

static bool reach(struct replaying *replaying, const struct kafka_options *kafka, struct errs *errs)
{
    struct err err = ERR_INIT;
    replaying->client = admin_open(kafka, errs);
    if (!replaying->client)
        return false;
    replaying->cluster_id = admin_cluster_id(replaying->client, BROKER_PATIENCE_MS, &err);
    replaying->conn = replaying->cluster_id ? setup_connect(replaying->config, &err) : NULL;
    if (!replaying->conn)
        errs_add(errs, &err);
    return replaying->conn != NULL;
}

static void act(const struct config *config, const struct options *options,
                const struct replay_request *request, struct errs *errs)
{
    struct err err = ERR_INIT;
    struct kafka_options kafka = {0};
    struct replaying replaying = {.config = config, .options = options, .request = request};
    setup_quiet(config);
    if (!setup_kafka(config, &kafka, &err))
        errs_add(errs, &err);
    else if (reach(&replaying, &kafka, errs) &&
             replay_plan(config, request, replaying.client, replaying.cluster_id, replaying.conn,
                         &replaying.plan, errs) &&
             !act_on_plan(&replaying, &err))
        errs_add(errs, &err);
    replay_plan_free(&replaying.plan);
    free(replaying.cluster_id);
    if (replaying.conn)
        conn_close(replaying.conn);
    admin_close(replaying.client);
    setup_free_kafka(&kafka);
}

/* Who pastes a command of Kafka's tool may name the group; another one than ours is a mistake. */
static bool judge_group(const struct config *config, const struct options *options,
                        struct errs *errs)
{
    struct err err = ERR_INIT;
    if (!options->group || strcmp(options->group, config->group) == 0)
        return true;
    err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "--group is %s, the configuration's is %s",
            options->group, config->group);
    err_hint(&err, "leave it out, or give the configuration of that group with --config");
    errs_add(errs, &err);
    return false;
}

static int replay_with(struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct replay_request request;
    struct config *config = setup_config(&options->setup, &errs);
    if (config && judge_group(config, options, &errs)) {
        options->replay.group = config->group;
        if (replay_options_read(&options->replay, clock_wall(), &request, &err))
            act(config, options, &request, &errs);
        else
            errs_add(&errs, &err);
    }
    int code = report_errs(&errs);
    config_free(config);
    errs_free(&errs);
    return code;
}

static int judge(struct options *options)
{
    struct err err = ERR_INIT;
    if (options->dry_run + options->execute + options->export != 1) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE,
                "replay wants one of --dry-run, --execute and --export");
        err_hint(&err, "look first: --dry-run");
        return report_err(&err);
    }
    if (options->execute && !(options->replay.reason && *options->replay.reason)) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "replay --execute wants a reason");
        err_hint(&err, "--reason \"…\": it is kept in pactolus.replays");
        return report_err(&err);
    }
    if (options->wait && !options->execute) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "--wait is for --execute");
        err_hint(&err, "pactolus replay --help");
        return report_err(&err);
    }
    return replay_with(options);
}

int command_replay(int argc, char **argv)
{
    struct options options = {0};
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    const struct args_option table[] = {
        REPLAY_SCOPE_OPTIONS(&options.replay),
        REPLAY_SCENARIO_OPTIONS(&options.replay),
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run, "tell what it would move"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "move it"},
        {0, "export", NULL, ARGS_FLAG, &options.export, "print the plan as a file for --from-file"},
        {'r', "reason", "TEXT", ARGS_TEXT, &options.replay.reason, "why; kept in pactolus.replays"},
        {'w', "wait", NULL, ARGS_FLAG, &options.wait, "until all is read again"},
        {0, "timeout", "DURATION", ARGS_DURATION, &options.timeout, "of --wait; for ever without"},
        {0, "group", "NAME", ARGS_TEXT, &options.group, "the group, if it is to be made sure"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "replay",
        .usage = "SCOPE WHERE --dry-run | --execute --reason TEXT | --export [OPTION…]",
        .summary = "read records of a topic again, or pass over them, while the group runs",
        .options = table,
        .examples =
            "pactolus replay --stream payments --to-datetime 2026-11-20T00:00 --dry-run\n"
            "pactolus replay --topic payments.payment.captured:0,1 --to-offset 120000 --execute "
            "--reason \"the contract was wrong\" --wait\n"
            "pactolus replay --all-topics --to-current --export\n",
        .exits =
            "0   done; with --wait: every record was read again\n"
            "64  the command line is wrong\n"
            "65  no such topic or partition, a file that is none, a plan that no longer holds\n"
            "69  broker or database is out of reach\n"
            "75  --wait: not through in time, or moved by another replay meanwhile\n"
            "77  broker or database refuses us\n"
            "78  the configuration is wrong\n",
    };
    if (args_begin(&args, argc, argv, &n_operands, &code))
        code = judge(&options);
    replay_options_free(&options.replay);
    setup_free(&options.setup);
    return code;
}
