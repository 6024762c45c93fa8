/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args: options of a verb as a table, which parses the command line and writes the verb's help.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, `-ab`; `--` ends the options; operands may
 * stand between them. -h and --help are everybody's.
 */
#ifndef PACTOLUS_COMMAND_ARGS_H
#define PACTOLUS_COMMAND_ARGS_H

#include "base/buf.h"
#include "base/err.h"

enum args_kind {
    ARGS_FLAG = 0, /* into: bool * */
    ARGS_TEXT,     /* into: const char **, borrowed from argv */
    ARGS_MANY,     /* into: struct args_list *; the option may be repeated */
    ARGS_NUMBER,   /* into: int64_t * */
    ARGS_DURATION, /* into: int64_t * in microseconds, "250ms" */
};

struct args_list {
    const char **items; /* borrowed texts; the array is owned: args_list_free */
    unsigned count;
};

struct args_option {
    char letter;       /* 0 = none */
    const char *name;  /* without dashes; NULL ends the table */
    const char *value; /* what help calls its value; NULL for flags */
    enum args_kind kind;
    void *into;
    const char *text; /* one line of help, lower case */
};

struct args {
    const char *verb, *usage; /* "check", "[OPTION…]" */
    const char *summary;      /* a sentence or two */
    const struct args_option *options;
    const char *examples;                /* lines, each ended by \n; NULL = none */
    const char *exits;                   /* the same: "0   all is well\n" */
    unsigned operands_min, operands_max; /* how many operands there may be */
};

enum args_result {
    ARGS_GO,    /* go on */
    ARGS_HELP,  /* help was asked for: args_help, exit 0 */
    ARGS_WRONG, /* err says how; exit 64 */
};

/* Parses argv[1…]; operands are moved to the front of argv (argv[0] … ) and counted. */
enum args_result args_parse(const struct args *args, int argc, char **argv, unsigned *n_operands,
                            struct err *err);
void args_help(const struct args *args, struct buf *out);
void args_list_free(struct args_list *list);

/* While a sink is set, args_begin parses nothing: it hands the verb's table over and returns false
 * with code 0. So who writes manuals and completions asks each verb by running it. NULL ends that. */
struct args_sink {
    void (*take)(struct args_sink *sink, const struct args *args);
};
void args_describe(struct args_sink *sink);

/* args_parse as a verb uses it: prints help or the fault. True: go on; false: return *code. */
bool args_begin(const struct args *args, int argc, char **argv, unsigned *n_operands, int *code);

#endif
