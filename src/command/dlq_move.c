/* SPDX-License-Identifier: Apache-2.0 */
/* dlq discard, reopen, erase: letters are moved between states, by somebody and for a reason. */
#include "base/text.h"
#include "command/dlq_topic.h"
#include "command/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 5000 };

struct options {
    struct setup setup;
    struct dlq_words words;
    enum letter_action action;
    const char *verb, *why;
};

static const char *const done_words[] = {
    [LETTER_DISCARD] = "discarded", [LETTER_REOPEN] = "open again", [LETTER_ERASE] = "erased"};

/* What a person must know who is asked to forget somebody. */
static void tell_remains(int64_t relayed)
{
    char number[32];
    if (relayed)
        printf("%s of them stand in a DLQ topic too, until its retention is over: no record of a "
               "topic can be blanked\n",
               text_thousands(relayed, number));
    printf("what else may hold the same data: the source topic, the rows of the table, exports and "
           "backups, and dead rows of the ledger until VACUUM\n");
}

/* In pages, each a transaction: one that is stopped goes on where it was when it is run again. */
static bool move(struct dlq *dlq, const struct options *options, struct err *err)
{
    int64_t action_id, after = 0, letters = 0, all_relayed = 0;
    unsigned moved = PAGE, relayed;
    char number[32];
    /* A rebuild has its own copy of what it could not apply. */
    dlq->filter.rebuilds = options->action == LETTER_ERASE;
    bool good = letters_begin(dlq->conn, dlq->config->group, options->action, options->why,
                              &action_id, err);
    while (good && moved == PAGE && !dlq_stopped()) {
        good = letters_move(dlq->conn, &dlq->filter, options->action, action_id, PAGE, &after,
                            &moved, &relayed, err);
        letters += good ? moved : 0;
        all_relayed += good ? relayed : 0;
    }
    if (good || letters)
        printf("%s letter%s %s %s\n", text_thousands(letters, number), letters == 1 ? "" : "s",
               letters == 1 ? "is" : "are", done_words[options->action]);
    if (letters && options->action == LETTER_ERASE)
        tell_remains(all_relayed);
    return good;
}

static int run(const struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct dlq dlq;
    dlq_catch_signals();
    if (dlq_open(&dlq, &options->setup, &options->words, DLQ_LEDGER, &errs) &&
        !move(&dlq, options, &err))
        errs_add(&errs, &err);
    fflush(stdout);
    int code = report_errs(&errs);
    dlq_close(&dlq);
    errs_free(&errs);
    return code;
}

static bool judge(const struct options *options, struct err *err)
{
    const struct dlq_words *words = &options->words;
    if (!dlq_said(words, options->verb, err))
        return false;
    if (!options->why || !*options->why) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "dlq %s wants to know why", options->verb);
        return err_hint(err, "--why \"…\": it is kept with who did it");
    }
    if (options->action != LETTER_ERASE || words->n_operands || words->key || words->key_hex ||
        words->key_file)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "dlq erase wants a key or letters");
    return err_hint(err, "it cannot be taken back: --key-file FILE, or their numbers");
}

static int begin(const struct args *described, struct options *options, int argc, char **argv)
{
    const struct args_option table[] = {
        DLQ_OPTIONS(&options->words),
        {'a', "all", NULL, ARGS_FLAG, &options->words.all, "every one that it can take"},
        {'w', "why", "TEXT", ARGS_TEXT, &options->why,
         "why; kept with who did it, so write no personal data"},
        SETUP_OPTIONS(&options->setup),
        {0},
    };
    struct args args = *described;
    struct err err = ERR_INIT;
    int code = ERR_EXIT_OK;
    args.usage = "[LETTER…] [OPTION…]";
    args.options = table;
    args.operands_max = DLQ_OPERANDS_MAX;
    args.exits = "0   done\n64  it was not said which, or why\n69  the database is out of reach\n"
                 "75  a lock could not be had; try again\n77  the database refuses us\n"
                 "78  the configuration is wrong\n";
    if (args_begin(&args, argc, argv, &options->words.n_operands, &code)) {
        options->words.operands = argv;
        code = judge(options, &err) ? run(options) : report_err(&err);
    }
    dlq_words_free(&options->words);
    setup_free(&options->setup);
    return code;
}

int dlq_discard(int argc, char **argv)
{
    struct options options = {.action = LETTER_DISCARD, .verb = "discard"};
    const struct args args = {
        .verb = "dlq discard",
        .summary = "close open letters that need nothing more; they stay, with who and why",
        .examples =
            "pactolus dlq discard 17 --why \"a test record\"\n"
            "pactolus dlq discard --stream payments --until 30d --why \"older than the books\"\n",
    };
    return begin(&args, &options, argc, argv);
}

int dlq_reopen(int argc, char **argv)
{
    struct options options = {.action = LETTER_REOPEN, .verb = "reopen"};
    const struct args args = {
        .verb = "dlq reopen",
        .summary = "open discarded letters again, but for those that were erased",
        .examples = "pactolus dlq reopen 17 --why \"it was no test record\"\n",
    };
    return begin(&args, &options, argc, argv);
}

int dlq_erase(int argc, char **argv)
{
    struct options options = {.action = LETTER_ERASE, .verb = "erase"};
    const struct args args = {
        .verb = "dlq erase",
        .summary = "blank key, value, headers and detail of a person's letters, in any state. The "
                   "letters stay as facts with place and reason, discarded. It cannot be taken "
                   "back",
        .examples = "pactolus dlq erase --key-file - --why \"request 4711\" < key\n"
                    "pactolus dlq erase 17 18 --why \"request 4711\"\n",
    };
    return begin(&args, &options, argc, argv);
}
