/* SPDX-License-Identifier: Apache-2.0 */
#include "command/args.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 64 };

struct parsing {
    const struct args *args;
    int argc, at; /* argv[at] is looked at */
    char **argv;
    struct err *err;
};

/* A fault of the command line; without a hint of its own it points to the help. */
static bool wrong(struct parsing *parsing, const char *hint, const char *format, ...)
    PRINTF_LIKE(3, 4);
static bool wrong(struct parsing *parsing, const char *hint, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(parsing->err, ERR_HALT, ERR_EXIT_USAGE, "%s", text);
    if (hint)
        err_hint(parsing->err, "%s", hint);
    else
        err_hint(parsing->err, "pactolus %s --help", parsing->args->verb);
    return false;
}

static const struct args_option *find_name(const struct args *args, const char *name, size_t length)
{
    for (const struct args_option *option = args->options; option->name; option++)
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return option;
    return NULL;
}

static const struct args_option *find_letter(const struct args *args, char letter)
{
    for (const struct args_option *option = args->options; option->name; option++)
        if (option->letter == letter)
            return option;
    return NULL;
}

static bool unknown_name(struct parsing *parsing, const char *name)
{
    const char *names[OPTIONS_MAX + 1];
    char hint[96];
    unsigned used = 0;
    for (const struct args_option *option = parsing->args->options; option->name; option++)
        if (used < OPTIONS_MAX - 1)
            names[used++] = option->name;
    names[used++] = "help";
    names[used] = NULL;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean --%s?", nearest);
    return wrong(parsing, nearest ? hint : NULL, "unknown option --%s", name);
}

static bool put_value(struct parsing *parsing, const struct args_option *option, const char *value)
{
    char hint[96];
    switch (option->kind) {
    case ARGS_FLAG:
        *(bool *)option->into = true;
        return true;
    case ARGS_TEXT:
        *(const char **)option->into = value;
        return true;
    case ARGS_MANY: {
        struct args_list *list = option->into;
        if (!list->items)
            list->items = mem_zero((size_t)parsing->argc, sizeof *list->items);
        list->items[list->count++] = value;
        return true;
    }
    case ARGS_NUMBER:
        if (text_parse_int(value, option->into))
            return true;
        return wrong(parsing, "a whole number is wanted", "--%s: not a number", option->name);
    case ARGS_DURATION:
        if (text_parse_duration(value, option->into))
            return true;
        snprintf(hint, sizeof hint, "a duration with a unit, such as 250ms, 10s or 5m");
        return wrong(parsing, hint, "--%s: not a duration", option->name);
    }
    return false;
}

/* The value behind the option, in the next argument. */
static bool next_value(struct parsing *parsing, const struct args_option *option,
                       const char **value)
{
    char hint[96];
    if (parsing->at + 1 < parsing->argc) {
        *value = parsing->argv[++parsing->at];
        return true;
    }
    snprintf(hint, sizeof hint, "--%s %s", option->name, option->value);
    return wrong(parsing, hint, "--%s wants a value", option->name);
}

static bool take_long(struct parsing *parsing, const char *name)
{
    size_t length = strcspn(name, "=");
    const struct args_option *option = find_name(parsing->args, name, length);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!option) {
        char bare[64];
        snprintf(bare, sizeof bare, "%.*s", (int)length, name);
        return unknown_name(parsing, bare);
    }
    if (option->kind == ARGS_FLAG && value)
        return wrong(parsing, NULL, "--%s takes no value", option->name);
    if (option->kind != ARGS_FLAG && !value && !next_value(parsing, option, &value))
        return false;
    return put_value(parsing, option, value);
}

static bool take_letters(struct parsing *parsing, const char *letters)
{
    for (; *letters; letters++) {
        const struct args_option *option = find_letter(parsing->args, *letters);
        const char *value = NULL;
        char bare[2] = {*letters, '\0'};
        if (!option)
            return wrong(parsing, NULL, "unknown option -%s", bare);
        if (option->kind == ARGS_FLAG) {
            put_value(parsing, option, NULL);
            continue;
        }
        if (letters[1])
            value = letters + 1;
        else if (!next_value(parsing, option, &value))
            return false;
        return put_value(parsing, option, value);
    }
    return true;
}

static bool is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static enum args_result judge_operands(struct parsing *parsing, unsigned n)
{
    const struct args *args = parsing->args;
    char usage[192];
    snprintf(usage, sizeof usage, "pactolus %s %s", args->verb, args->usage);
    if (n < args->operands_min)
        wrong(parsing, usage, "%s: an argument is missing", args->verb);
    else if (n > args->operands_max)
        wrong(parsing, usage, "unexpected argument %s", parsing->argv[args->operands_max]);
    else
        return ARGS_GO;
    return ARGS_WRONG;
}

enum args_result args_parse(const struct args *args, int argc, char **argv, unsigned *n_operands,
                            struct err *err)
{
    struct parsing parsing = {.args = args, .argc = argc, .at = 1, .argv = argv, .err = err};
    bool options = true;
    unsigned n = 0;
    for (; parsing.at < argc; parsing.at++) {
        char *word = argv[parsing.at];
        bool good = true;
        if (!options || word[0] != '-' || !word[1])
            argv[n++] = word; /* n < at: no argument is overwritten before it is read */
        else if (is_help(word))
            return ARGS_HELP;
        else if (strcmp(word, "--") == 0)
            options = false;
        else if (word[1] == '-')
            good = take_long(&parsing, word + 2);
        else
            good = take_letters(&parsing, word + 1);
        if (!good)
            return ARGS_WRONG;
    }
    *n_operands = n;
    return judge_operands(&parsing, n);
}

/* ------------------------------------------------------------------------------------ help */

static void option_name(const struct args_option *option, char *out, size_t size)
{
    char letter[5] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(out, size, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
             option->value ? option->value : "");
}

/* Lines of `text`, each behind two spaces. */
static void put_lines(struct buf *out, const char *title, const char *text)
{
    if (!text)
        return;
    buf_printf(out, "\n%s\n", title);
    while (*text) {
        size_t length = strcspn(text, "\n");
        buf_printf(out, "  %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void args_help(const struct args *args, struct buf *out)
{
    char name[96];
    int width = (int)strlen("-h, --help");
    for (const struct args_option *option = args->options; option->name; option++) {
        option_name(option, name, sizeof name);
        if ((int)strlen(name) > width)
            width = (int)strlen(name);
    }
    buf_printf(out, "pactolus %s – %s\n\nUsage\n  pactolus %s %s\n\nOptions\n", args->verb,
               args->summary, args->verb, args->usage);
    for (const struct args_option *option = args->options; option->name; option++) {
        option_name(option, name, sizeof name);
        buf_printf(out, "  %-*s  %s\n", width, name, option->text);
    }
    buf_printf(out, "  %-*s  %s\n", width, "-h, --help", "this text");
    put_lines(out, "Examples", args->examples);
    put_lines(out, "Exit codes", args->exits);
}

void args_list_free(struct args_list *list)
{
    free(list->items);
    *list = (struct args_list){0};
}

static struct args_sink *describing;

void args_describe(struct args_sink *sink)
{
    describing = sink;
}

bool args_begin(const struct args *args, int argc, char **argv, unsigned *n_operands, int *code)
{
    struct err err = ERR_INIT;
    struct buf help = BUF_INIT;
    if (describing) {
        describing->take(describing, args);
        *code = ERR_EXIT_OK;
        *n_operands = 0;
        return false;
    }
    switch (args_parse(args, argc, argv, n_operands, &err)) {
    case ARGS_GO:
        return true;
    case ARGS_HELP:
        args_help(args, &help);
        fputs(help.data, stdout);
        buf_free(&help);
        *code = ERR_EXIT_OK;
        return false;
    case ARGS_WRONG:
        break;
    }
    fprintf(stderr, "error: %s\n       hint: %s\n", err.text, err.hint);
    *code = ERR_EXIT_USAGE;
    return false;
}
