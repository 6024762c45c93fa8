/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate: man pages and completions, made from the tables that drive the program itself, so that
 * they cannot lag behind: `pactolus --generate man DIR | bash | zsh`, which the build runs.
 */
#ifndef PACTOLUS_COMMAND_GENERATE_H
#define PACTOLUS_COMMAND_GENERATE_H

#include "base/buf.h"
#include "command/args.h"
#include "command/verb.h"

/* A verb with all that it says of itself, or a family with its verbs. */
struct described {
    const struct verb *verb;
    char name[64];                 /* "contract lint" */
    bool family;                   /* it has verbs of its own, told after it; then no options */
    char *usage, *summary;         /* summary: of its help, which may say more than the verb's */
    char *examples, *exits, *text; /* NULL = none; text: a family's */
    struct described_option {
        char letter;
        char *name, *value, *text; /* value NULL: a flag */
    } *options;
    unsigned n_options;
};

/* All verbs in the order of --help, each family before its verbs. To be given to described_free. */
struct described *describe_all(unsigned *n);
void described_free(struct described *all, unsigned n);

/* The pages of section 1 and pactolus.conf(5) into a folder that exists. */
bool manual_write(const char *folder, struct err *err) MUST_CHECK;
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);

/* What follows --generate; the exit status. */
int generate(int argc, char **argv);

#endif
