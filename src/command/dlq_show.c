/* SPDX-License-Identifier: Apache-2.0 */
/* dlq show, dlq export: letters with what they hold, for people and for programs. */
#include "base/text.h"
#include "command/dlq_topic.h"
#include "command/dlq_view.h"
#include "command/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 200, ARENA_BYTES = 256 * 1024 };
#define PAGE_BYTES ((size_t)16 << 20)

struct options {
    struct setup setup;
    struct dlq_words words;
    bool json, reveal, export;
    const char *values; /* export: a folder for raw values */
};

struct showing {
    const struct options *options;
    struct dlq dlq;
    struct arena arena;
    struct buf out;
    int64_t shown;
};

/* ---- one letter ---- */

static bool write_file(const char *path, struct span bytes, struct err *err)
{
    /* Personal data, perhaps: for nobody else's eyes. */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool good = file && fwrite(bytes.data, 1, bytes.length, file) == bytes.length;
    if (file)
        good = fclose(file) == 0 && good;
    else if (fd >= 0)
        close(fd);
    if (good)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_UNAVAILABLE, "cannot write: %s", strerror(errno));
    return err_place(err, "%s", path);
}

/* FOLDER/<id or place>.value and .key, as the bytes were. */
static bool write_values(const struct showing *showing, const struct letter *letter,
                         struct err *err)
{
    char name[DLQ_PLACE_TEXT], path[1024];
    if (!showing->options->values)
        return true;
    if (letter->id)
        snprintf(name, sizeof name, "%" PRId64, letter->id);
    else
        dlq_place(letter, name);
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '_';
    snprintf(path, sizeof path, "%s/%s.value", showing->options->values, name);
    if (letter->value.data && !write_file(path, letter->value, err))
        return false;
    snprintf(path, sizeof path, "%s/%s.key", showing->options->values, name);
    return !letter->key.data || write_file(path, letter->key, err);
}

static bool show(struct showing *showing, const struct letter *letter, struct err *err)
{
    struct dlq *dlq = &showing->dlq;
    struct letter_event *events = NULL;
    unsigned n_events = 0;
    buf_reset(&showing->out);
    if (showing->options->export) {
        dlq_view_export(letter, &showing->out);
    } else {
        if (letter->id &&
            !letters_history(dlq->conn, letter->id, &showing->arena, &events, &n_events, err))
            return false;
        const struct dlq_view view = {dlq_stream(dlq, letter->stream), showing->options->reveal,
                                      events, n_events};
        if (showing->options->json)
            dlq_view_json(&view, letter, &showing->arena, &showing->out);
        else
            dlq_view_text(&view, letter, &showing->arena, &showing->out);
    }
    if (showing->options->export || showing->options->json)
        buf_putc(&showing->out, '\n');
    else if (showing->shown)
        putchar('\n');
    fwrite(showing->out.data, 1, showing->out.length, stdout);
    showing->shown++;
    if (ferror(stdout))
        return err_set(err, ERR_HALT, ERR_EXIT_UNAVAILABLE, "cannot write: %s", strerror(errno));
    return write_values(showing, letter, err);
}

/* ---- all of them ---- */

static bool take(void *context, struct topic_letter *found, struct err *err)
{
    struct showing *showing = context;
    arena_reset(&showing->arena, ARENA_BYTES);
    return show(showing, &found->letter, err);
}

static bool read_ledger(struct showing *showing, struct errs *errs)
{
    struct dlq *dlq = &showing->dlq;
    struct letters_page page = {.max = PAGE, .max_bytes = PAGE_BYTES};
    struct err err = ERR_INIT;
    struct letter *list;
    unsigned n = 0;
    bool good;
    do {
        arena_reset(&showing->arena, ARENA_BYTES);
        good = letters_read(dlq->conn, &dlq->filter, &page, &showing->arena, &list, &n, &err);
        for (unsigned i = 0; good && i < n; i++)
            good = show(showing, &list[i], &err);
        if (good && n)
            page.after = list[n - 1].id;
    } while (good && n && !dlq_stopped());
    if (!good)
        errs_add(errs, &err);
    return good;
}

static void tell_missing(const struct showing *showing, struct errs *errs)
{
    const struct letters_filter *filter = &showing->dlq.filter;
    int64_t named = filter->n_ids + filter->n_places;
    struct err err = ERR_INIT;
    if (showing->shown >= named)
        return;
    err_set(&err, ERR_HALT, ERR_EXIT_DATA, "%" PRId64 " of the %" PRId64 " letters %s not there",
            named - showing->shown, named, named - showing->shown == 1 ? "is" : "are");
    err_hint(&err, "pactolus dlq list --state any --each");
    errs_add(errs, &err);
}

static int run(const struct options *options)
{
    struct errs errs = {0};
    struct showing showing = {.options = options};
    const char *topic = options->words.from_topic;
    unsigned wants = (topic ? 0 : DLQ_LEDGER) | (options->export ? 0 : DLQ_CONTRACTS);
    arena_init(&showing.arena, ARENA_BYTES);
    dlq_catch_signals();
    if (dlq_open(&showing.dlq, &options->setup, &options->words, wants, &errs)) {
        struct dlq_topic reading = {
            .dlq = &showing.dlq, .topic = topic, .each = take, .context = &showing};
        if (topic ? dlq_topic_read(&reading, &errs) : read_ledger(&showing, &errs))
            tell_missing(&showing, &errs);
    }
    fflush(stdout);
    int code = report_errs(&errs);
    buf_free(&showing.out);
    arena_free(&showing.arena);
    dlq_close(&showing.dlq);
    errs_free(&errs);
    return code;
}

static int begin(const struct args *args, struct options *options, int argc, char **argv)
{
    int code = ERR_EXIT_OK;
    if (args_begin(args, argc, argv, &options->words.n_operands, &code)) {
        options->words.operands = argv;
        code = run(options);
    }
    dlq_words_free(&options->words);
    setup_free(&options->setup);
    return code;
}

#define EXITS                                                                                      \
    "0   told\n64  words that mean nothing\n65  a letter is not there\n"                           \
    "69  database or broker out of reach\n77  the database refuses us\n"                           \
    "78  the configuration is wrong\n"

int dlq_show(int argc, char **argv)
{
    struct options options = {.words = {.state = "any"}};
    const struct args_option table[] = {
        DLQ_TOPIC_OPTION(&options.words),
        {0, "reveal", NULL, ARGS_FLAG, &options.reveal,
         "what is classified personal or secret, and the bytes that hold it, too"},
        {'j', "json", NULL, ARGS_FLAG, &options.json, "one JSON object a line"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "dlq show",
        .usage = "LETTER… [OPTION…]",
        .summary = "dead letters as far as their contract decodes them, with reason, headers, "
                   "bytes, and what was done with them",
        .options = table,
        .examples = "pactolus dlq show 17\n"
                    "pactolus dlq show 'payments.payment.captured[3]@1200' --reveal\n",
        .exits = EXITS,
        .operands_min = 1,
        .operands_max = DLQ_OPERANDS_MAX,
    };
    return begin(&args, &options, argc, argv);
}

int dlq_export(int argc, char **argv)
{
    struct options options = {.export = true, .words = {.state = "open"}};
    const struct args_option table[] = {
        DLQ_OPTIONS(&options.words),
        DLQ_STATE_OPTION(&options.words),
        DLQ_TOPIC_OPTION(&options.words),
        {0, "values", "FOLDER", ARGS_TEXT, &options.values,
         "and each key and value as it was, in a file that only you can read"},
        SETUP_OPTIONS(&options.setup),
        {0},
    };
    const struct args args = {
        .verb = "dlq export",
        .usage = "[LETTER…] [OPTION…]",
        .summary = "dead letters as JSON lines with all that they hold, bytes in base64; nothing "
                   "classified is left out",
        .options = table,
        .examples = "pactolus dlq export --stream payments > letters.jsonl\n"
                    "pactolus dlq export 17 --values .\n",
        .exits = EXITS,
        .operands_max = DLQ_OPERANDS_MAX,
    };
    return begin(&args, &options, argc, argv);
}
