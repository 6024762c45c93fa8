/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq redrive: dead letters are applied at last, under the place that they had: from the ledger, or
 * from a DLQ topic by way of the ledger, which must know what became of each.
 */
#include "command/dlq_redrive.h"

#include "base/backoff.h"
#include "base/text.h"
#include "command/dlq_topic.h"
#include "command/report.h"
#include "engine/preflight.h"
#include "postgres/sqlstate.h"
#include "postgres/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 10, ARENA_BYTES = 256 * 1024 };

/* ---- streams ---- */

/* Can its letters be applied: is the table as the contract wants it, and ours to write? */
static bool judge_stream(struct redriving *redriving, struct work *work, struct err *err)
{
    struct stream_row row;
    struct dlq *dlq = &redriving->dlq;
    const char *name = work->stream->config->name;
    if (!streams_find(dlq->conn, dlq->config->group, name, &row, err))
        return false;
    work->stream_id = row.stream_id;
    if (row.stream_id == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the database does not know this stream yet");
        err_place(err, "%s", name);
        return err_hint(err, "pactolus migrate --execute");
    }
    if (!preflight_table(dlq->conn, work->stream, row.stream_id, err))
        return false;
    if (!redriving->options->execute)
        return redrive_pipeline(dlq->conn, work->stream, &work->range, &work->pipeline, err);
    return streams_take_table(dlq->conn, row.stream_id, err);
}

static bool begin_action(struct redriving *redriving, struct err *err)
{
    return redriving->action_id ||
           letters_begin(redriving->dlq.conn, redriving->dlq.config->group, LETTER_REDRIVE,
                         redriving->options->why, &redriving->action_id, err);
}

/* The stream's work, ready or with the reason why it is not; NULL when there is no such stream. */
struct work *redriving_work(struct redriving *redriving, const char *name)
{
    const struct stream *stream = dlq_stream(&redriving->dlq, name);
    if (!stream)
        return NULL;
    struct work *work = &redriving->works[stream - redriving->dlq.streams];
    if (work->looked)
        return work;
    work->looked = true;
    work->stream = stream;
    work->ready = judge_stream(redriving, work, &work->why) &&
                  (!redriving->options->execute || begin_action(redriving, &work->why));
    if (work->ready && redriving->options->execute) {
        redrive_begin(&work->redrive, redriving->dlq.conn, stream, work->stream_id,
                      redriving->action_id);
        work->begun = true;
        work->pending = mem_zero(REDRIVE_PAGE, sizeof *work->pending);
    }
    return work;
}

/* ---- pages ---- */

/* Letters for a page, such that a rate is kept by pauses of half a second at most. */
static unsigned page_size(const struct redriving *redriving)
{
    int64_t rate = redriving->options->rate;
    if (!rate || rate / 2 >= REDRIVE_PAGE)
        return REDRIVE_PAGE;
    return rate < 2 ? 1 : (unsigned)(rate / 2);
}

static void keep_pace(const struct redriving *redriving)
{
    int64_t rate = redriving->options->rate;
    if (!rate)
        return;
    usec_t due = redriving->begun + redriving->tally.letters * USEC_PER_SEC / rate;
    for (usec_t now = clock_monotonic(); now < due && !dlq_stopped(); now = clock_monotonic())
        clock_pause(due - now < USEC_PER_SEC ? due - now : USEC_PER_SEC);
}

/* A page, tried again while it fails for an outage, somebody's lock or a deadlock. */
bool redriving_page(struct redriving *redriving, struct work *work,
                    const struct letters_filter *filter, int64_t *after, struct err *err)
{
    struct backoff backoff = {
        .base = 100 * USEC_PER_MS, .cap = 5 * USEC_PER_SEC, .seed = (uint64_t)clock_monotonic()};
    struct dlq *dlq = &redriving->dlq;
    for (unsigned tries = 1;; tries++) {
        if (redrive_page(&work->redrive, filter, page_size(redriving), after, err))
            break;
        if (err->class != ERR_RETRY || tries == TRIES || dlq_stopped())
            return false;
        clock_pause(backoff_next(&backoff));
        if (sqlstate_is_lock(err))
            continue;
        bool connected = dlq_reconnect(dlq, err);
        for (unsigned i = 0; i < dlq->config->n_streams; i++)
            redrive_reconnect(&redriving->works[i].redrive, dlq->conn);
        if (!connected)
            return false;
    }
    for (unsigned i = 0; i < work->redrive.n; i++)
        dlq_tally_add(&redriving->tally, work->stream->config->name, &work->redrive.fates[i]);
    progress_show(&redriving->progress, redriving->tally.letters);
    keep_pace(redriving);
    return true;
}

/* ---- from the ledger ---- */

static bool execute_stream(struct redriving *redriving, struct work *work, struct err *err)
{
    struct letters_filter filter = redriving->dlq.filter;
    const char *name = work->stream->config->name;
    int64_t after = 0;
    filter.streams = &name;
    filter.n_streams = 1;
    do {
        if (!redriving_page(redriving, work, &filter, &after, err))
            return false;
    } while (work->redrive.n && !dlq_stopped());
    return true;
}

void redriving_judge(struct redriving *redriving, const struct work *work,
                     const struct letter *letter)
{
    struct redriven redriven;
    struct row row;
    struct arena_mark mark = arena_mark(&redriving->arena);
    redrive_judge(&work->pipeline, letter, clock_wall(), &redriving->arena, &redriven, &row);
    dlq_tally_add(&redriving->tally, work->stream->config->name, &redriven);
    arena_rewind(&redriving->arena, mark);
    progress_show(&redriving->progress, redriving->tally.letters);
}

static bool judge_all(struct redriving *redriving, struct work *work, struct err *err)
{
    struct letters_filter filter = redriving->dlq.filter;
    struct letters_page page = {.max = REDRIVE_PAGE, .max_bytes = REDRIVE_PAGE_BYTES};
    const char *name = work->stream->config->name;
    struct letter *list;
    unsigned n;
    filter.streams = &name;
    filter.n_streams = 1;
    filter.applicable = true;
    do {
        arena_reset(&redriving->arena, ARENA_BYTES);
        if (!letters_read(redriving->dlq.conn, &filter, &page, &redriving->arena, &list, &n, err))
            return false;
        for (unsigned i = 0; i < n; i++)
            redriving_judge(redriving, work, &list[i]);
        if (n)
            page.after = list[n - 1].id;
    } while (n && !dlq_stopped());
    return true;
}

static struct err no_stream(const struct letters_group *group)
{
    struct err err = ERR_INIT;
    char number[32];
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG,
            "the configuration has no such stream, or its contract is broken: %s letters are left",
            text_thousands(group->letters, number));
    err_place(&err, "%s", group->stream);
    return err;
}

/* Named letters that are not open: whoever names them wants to know. */
static bool tell_closed(struct redriving *redriving, struct err *err)
{
    struct dlq *dlq = &redriving->dlq;
    struct letters_filter all = dlq->filter;
    struct letters_group *groups;
    unsigned n;
    int64_t found = 0, named = all.n_ids + all.n_places;
    if (!named)
        return true;
    if (!letters_count(dlq->conn, &all, &dlq->arena, &groups, &n, err))
        return false;
    for (unsigned i = 0; i < n; i++) {
        found += groups[i].letters;
        if (strcmp(groups[i].state, "open") != 0)
            printf("%s: %" PRId64 " of reason %s, %s already\n", groups[i].stream,
                   groups[i].letters, groups[i].reason, groups[i].state);
    }
    if (found >= named)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "%" PRId64 " of the %" PRId64 " letters are not there",
            named - found, named);
    return err_hint(err, "pactolus dlq list --state any --each");
}

static void redrive_ledger(struct redriving *redriving, struct errs *errs)
{
    struct dlq *dlq = &redriving->dlq;
    struct letters_filter open = dlq->filter;
    struct letters_group *groups;
    struct err err = ERR_INIT;
    unsigned n;
    int64_t total = 0;
    open.applicable = true;
    if (!tell_closed(redriving, &err)) {
        errs_add(errs, &err);
        return;
    }
    if (!letters_count(dlq->conn, &open, &dlq->arena, &groups, &n, &err)) {
        errs_add(errs, &err);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        total += groups[i].letters;
    progress_begin(&redriving->progress, "letters", total);
    for (unsigned i = 0; i < n && !dlq_stopped(); i++) {
        struct work *work = redriving_work(redriving, groups[i].stream);
        if (i && strcmp(groups[i].stream, groups[i - 1].stream) == 0)
            continue;
        if (work && work->ready &&
            (redriving->options->execute ? execute_stream(redriving, work, &err)
                                         : judge_all(redriving, work, &err)))
            continue;
        if (!work)
            err = no_stream(&groups[i]);
        else if (!work->ready)
            err = work->why;
        errs_add(errs, &err);
        if (conn_lost(dlq->conn))
            return;
    }
}

/* ---- the whole ---- */

static int tell(struct redriving *redriving, const struct errs *errs)
{
    struct buf out = BUF_INIT;
    progress_end(&redriving->progress);
    if (!errs->count || redriving->tally.letters)
        dlq_tally_print(&redriving->tally, redriving->options->execute, &out);
    if (out.length)
        fputs(out.data, stdout);
    if (dlq_stopped())
        printf("stopped: what is told above is done, the rest is as it was\n");
    fflush(stdout);
    buf_free(&out);
    int code = report_errs(errs);
    bool bad = redriving->tally.fates[FATE_FAILED] || redriving->tally.fates[FATE_LEFT];
    return code == ERR_EXIT_OK && bad ? ERR_EXIT_DATA : code;
}

static void release(struct redriving *redriving)
{
    for (unsigned i = 0; redriving->works && i < redriving->dlq.config->n_streams; i++) {
        if (redriving->works[i].begun)
            redrive_end(&redriving->works[i].redrive);
        free(redriving->works[i].pending);
    }
    free(redriving->works);
    free(redriving->topics);
    free(redriving->cluster_id);
    dlq_tally_free(&redriving->tally);
    arena_free(&redriving->arena);
    dlq_close(&redriving->dlq);
}

static int run(const struct redrive_options *options)
{
    struct errs errs = {0};
    struct redriving redriving = {.options = options, .begun = clock_monotonic()};
    arena_init(&redriving.arena, ARENA_BYTES);
    dlq_catch_signals();
    if (dlq_open(&redriving.dlq, &options->setup, &options->words, DLQ_LEDGER | DLQ_CONTRACTS,
                 &errs)) {
        redriving.works = mem_zero(redriving.dlq.config->n_streams + 1, sizeof *redriving.works);
        if (options->words.from_topic)
            redriving_topic(&redriving, &errs);
        else
            redrive_ledger(&redriving, &errs);
    }
    int code = tell(&redriving, &errs);
    release(&redriving);
    errs_free(&errs);
    return code;
}

static bool judge(struct redrive_options *options, struct err *err)
{
    if (options->dry_run == options->execute) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "dlq redrive wants either --dry-run or --execute");
        return err_hint(err, "look first: pactolus dlq redrive --all --dry-run");
    }
    if (options->rate_text && !dlq_rate(options->rate_text, &options->rate)) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--rate: not a rate");
        return err_hint(err, "letters a second: 200 or 200/s");
    }
    return dlq_said(&options->words, "redrive", err);
}

int dlq_redrive(int argc, char **argv)
{
    struct redrive_options options = {0};
    const struct args_option table[] = {
        {'n', "dry-run", NULL, ARGS_FLAG, &options.dry_run,
         "say what would become of them by the contract, write nothing"},
        {'x', "execute", NULL, ARGS_FLAG, &options.execute, "do it"},
        DLQ_OPTIONS(&options.words),
        DLQ_TOPIC_OPTION(&options.words),
        {'a', "all", NULL, ARGS_FLAG, &options.words.all, "every open letter"},
        {0, "rate", "N/s", ARGS_TEXT, &options.rate_text,
         "at most so many letters a second (as fast as it goes)"},
        {'w', "why", "TEXT", ARGS_TEXT, &options.why, "why; kept with who did it"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "dlq redrive",
        .usage = "--dry-run | --execute [LETTER…] [OPTION…]",
        .summary = "apply open dead letters by the stream's present contract, under the place that "
                   "they had: a newer row stays, and what fails again stays open. Daemons may run",
        .options = table,
        .examples = "pactolus dlq redrive --stream payments --reason rule --dry-run\n"
                    "pactolus dlq redrive --stream payments --reason rule --execute --rate 500/s\n"
                    "pactolus dlq redrive 17 --execute --why \"the contract was mended\"\n"
                    "pactolus dlq redrive --all --from-topic payments.dlq --execute\n",
        .exits = "0   done\n64  it was not said which, or whether\n"
                 "65  some failed again, were left alone or are not there\n"
                 "69  database or broker out of reach\n75  a lock could not be had; try again\n"
                 "77  the database refuses us\n78  configuration, contract or table is wrong\n",
        .operands_max = DLQ_OPERANDS_MAX,
    };
    struct err err = ERR_INIT;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &options.words.n_operands, &code)) {
        options.words.operands = argv;
        code = judge(&options, &err) ? run(&options) : report_err(&err);
    }
    dlq_words_free(&options.words);
    setup_free(&options.setup);
    return code;
}
