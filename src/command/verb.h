/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb: what `pactolus VERB` can be. A verb is one file with one function: parse → struct → act. It
 * gets its own argc and argv (argv[0] is the verb's name), prints results to stdout and faults to
 * stderr, and returns the exit code (enum err_exit). Adding a verb is adding a row in verbs.c.
 */
#ifndef PACTOLUS_COMMAND_VERB_H
#define PACTOLUS_COMMAND_VERB_H

struct verb {
    const char *name;
    const char *usage;   /* what follows the name: "[STREAM…]" */
    const char *summary; /* one line, lower case */
    int (*run)(int argc, char **argv);
};

/* In the order of `--help`; a row without a name ends it. */
const struct verb *verbs_table(void);
/* NULL when there is none of that name. */
const struct verb *verbs_find(const char *name);
/* The name nearest to a misspelt one, or NULL. */
const char *verbs_nearest(const char *name);

/* A verb with verbs of its own: `pactolus contract lint`. */
struct verb_family {
    const char *name;         /* "contract" */
    const char *text;         /* what they have in common, a sentence */
    const struct verb *table; /* in the order of its help; a row without a name ends it */
};
/* What such a verb does: help, the verb below, or 64 with the nearest name. */
int verbs_family(const struct verb_family *family, int argc, char **argv);
/* While one is set, verbs_family hands the family over and returns 0; see args_describe. */
struct verb_sink {
    void (*take)(struct verb_sink *sink, const struct verb_family *family);
};
void verbs_describe(struct verb_sink *sink);

int command_init(int argc, char **argv);
int command_check(int argc, char **argv);
int command_migrate(int argc, char **argv);
int command_maintain(int argc, char **argv);
int command_run(int argc, char **argv);
int command_status(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_rebuild(int argc, char **argv);
int command_adopt(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_dlq(int argc, char **argv);
int command_contract(int argc, char **argv);
int command_produce(int argc, char **argv);
int command_cat(int argc, char **argv);

#endif
