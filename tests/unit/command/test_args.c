/* SPDX-License-Identifier: Apache-2.0 */
#include "command/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 12 };

struct told {
    bool all, quiet;
    const char *file;
    struct args_list set;
    int64_t count, patience;
    unsigned n_operands;
    char words[WORDS_MAX][64]; /* what argv points to */
    char *operands[WORDS_MAX];
    struct err err;
    enum args_result result;
    struct buf help;
};

/* Parses `words` (NULL-terminated) as a verb with every kind of option. */
static void parse(struct told *told, const char *const *words)
{
    const struct args_option table[] = {
        {'a', "all", NULL, ARGS_FLAG, &told->all, "everything"},
        {'q', "quiet", NULL, ARGS_FLAG, &told->quiet, "say less"},
        {'c', "config", "FILE", ARGS_TEXT, &told->file, "main file"},
        {0, "set", "NAME=VALUE", ARGS_MANY, &told->set, "one setting"},
        {'n', "count", "N", ARGS_NUMBER, &told->count, "how many"},
        {'t', "timeout", "TIME", ARGS_DURATION, &told->patience, "patience"},
        {0},
    };
    const struct args args = {.verb = "verb",
                              .usage = "[A [B]]",
                              .summary = "tests",
                              .options = table,
                              .examples = "pactolus verb a\npactolus verb b\n",
                              .exits = "0   done\n",
                              .operands_max = 2};
    int argc = 1;
    *told = (struct told){0};
    told->operands[0] = strcpy(told->words[0], "verb");
    for (; words[argc - 1]; argc++)
        told->operands[argc] = strcpy(told->words[argc], words[argc - 1]);
    told->result = args_parse(&args, argc, told->operands, &told->n_operands, &told->err);
    args_help(&args, &told->help);
}

#define PARSE(told, ...) parse(told, (const char *const[]){__VA_ARGS__, NULL})

static void forget(struct told *told)
{
    args_list_free(&told->set);
    buf_free(&told->help);
}

static void takes_every_form(void **state)
{
    struct told told;
    (void)state;
    PARSE(&told, "-aq", "-cfile", "--set", "a=1", "one", "--set=b=2", "-n", "7", "--timeout=250ms",
          "two");
    assert_int_equal(told.result, ARGS_GO);
    assert_true(told.all && told.quiet);
    assert_string_equal(told.file, "file");
    assert_int_equal(told.set.count, 2);
    assert_string_equal(told.set.items[0], "a=1");
    assert_string_equal(told.set.items[1], "b=2");
    assert_int_equal(told.count, 7);
    assert_int_equal(told.patience, 250000);
    assert_int_equal(told.n_operands, 2);
    assert_string_equal(told.operands[0], "one");
    assert_string_equal(told.operands[1], "two");
    forget(&told);
    PARSE(&told, "-", "--", "--all");
    assert_int_equal(told.result, ARGS_GO);
    assert_false(told.all);
    assert_int_equal(told.n_operands, 2);
    assert_string_equal(told.operands[0], "-");
    assert_string_equal(told.operands[1], "--all");
    forget(&told);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *words[4], *says, *hint;
    } rows[] = {
        {{"--al"}, "unknown option --al", "did you mean --all?"},
        {{"--zebra"}, "unknown option --zebra", "pactolus verb --help"},
        {{"-z"}, "unknown option -z", "--help"},
        {{"--config"}, "--config wants a value", "--config FILE"},
        {{"-c"}, "--config wants a value", "--config FILE"},
        {{"--all=yes"}, "--all takes no value", ""},
        {{"--count", "many"}, "--count: not a number", "whole number"},
        {{"-t5"}, "--timeout: not a duration", "250ms"},
        {{"a", "b", "c"}, "unexpected argument c", "pactolus verb [A [B]]"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told;
        parse(&told, rows[i].words);
        assert_int_equal(told.result, ARGS_WRONG);
        assert_string_equal(told.err.text, rows[i].says);
        assert_non_null(strstr(told.err.hint, rows[i].hint));
        assert_int_equal(told.err.exit, ERR_EXIT_USAGE);
        forget(&told);
    }
}

static void help_shows_every_option(void **state)
{
    struct told told;
    (void)state;
    PARSE(&told, "-x", "--help"); /* the first word is wrong: help is not reached */
    assert_int_equal(told.result, ARGS_WRONG);
    forget(&told);
    PARSE(&told, "--all", "--help", "--nonsense");
    assert_int_equal(told.result, ARGS_HELP);
    assert_non_null(strstr(told.help.data, "pactolus verb [A [B]]"));
    assert_non_null(strstr(told.help.data, "  -c, --config FILE     main file\n"));
    assert_non_null(strstr(told.help.data, "      --set NAME=VALUE  one setting\n"));
    assert_non_null(strstr(told.help.data, "  -h, --help            this text\n"));
    assert_non_null(strstr(told.help.data, "\nExamples\n  pactolus verb a\n  pactolus verb b\n"));
    assert_non_null(strstr(told.help.data, "\nExit codes\n  0   done\n"));
    forget(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_form),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(help_shows_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
