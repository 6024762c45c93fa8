/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given: a value as somebody gave it, with its place, before it is judged. A file becomes a tree of
 * these; the environment and the command line give words. Everything lives in the arena of whoever
 * read it.
 */
#ifndef PACTOLUS_CONFIG_GIVEN_H
#define PACTOLUS_CONFIG_GIVEN_H

#include <stdbool.h>
#include <stdint.h>

enum given_kind {
    GIVEN_WORD = 0, /* from environment or command line: text that may stand for any kind */
    GIVEN_TEXT,
    GIVEN_NUMBER,
    GIVEN_REAL,
    GIVEN_SWITCH,
    GIVEN_LIST,   /* ( … ) or [ … ] */
    GIVEN_BLOCK,  /* { … } */
    GIVEN_BROKEN, /* reported already (an integer past its width): take no notice of it */
};

struct given {
    enum given_kind kind;
    const char *name; /* "" for items of a list */
    const char *text; /* GIVEN_WORD, GIVEN_TEXT */
    int64_t number;
    double real;
    bool on;
    struct given *items; /* GIVEN_LIST, GIVEN_BLOCK */
    unsigned n_items;
    const char *place; /* "file:line", "environment", "--set" */
    const char
        *directory; /* what relative paths are resolved against; "" = the working directory */
};

/* "text", "a whole number", "a block": what was given, for messages. Static. */
const char *given_kind_name(enum given_kind kind);

/* The member `name` of a block, or NULL. */
const struct given *given_member(const struct given *block, const char *name);

#endif
