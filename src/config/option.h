/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option: the one table of settings. It drives the files, the environment, --set, --print-config
 * and the reference page; whoever adds a setting adds a row here and a member in config/config.h.
 */
#ifndef PACTOLUS_CONFIG_OPTION_H
#define PACTOLUS_CONFIG_OPTION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"
#include "config/given.h"

#include <stddef.h>

enum option_kind {
    OPTION_TEXT,     /* char *; min and max are bytes */
    OPTION_PATH,     /* char *, resolved against the file that names it */
    OPTION_NUMBER,   /* unsigned */
    OPTION_SIZE,     /* int64_t bytes, "4MiB" */
    OPTION_DURATION, /* usec_t, "60s" */
    OPTION_SWITCH,   /* bool */
    OPTION_SHARE,    /* double from 0 to 1: 0.05, "0.05", "5%" */
    OPTION_CHOICE,   /* an enum or, with two choices 0 and 1, a bool */
    OPTION_NAMES,    /* list of texts; `companion` is their number */
    OPTION_START,    /* "earliest", "latest", a time */
    OPTION_DELETES,  /* "soft", …, "header:NAME" */
    /* What has a form of its own; config/parse reads it. */
    OPTION_KAFKA,
    OPTION_PROPERTIES,
    OPTION_STREAMS,
    OPTION_TOPICS,
    OPTION_COLUMNS,
};

/* Where a setting stands, and of which struct `offset` is a member. */
enum option_scope {
    OPTION_PROCESS, /* struct config */
    OPTION_STREAM,  /* struct stream_config */
    OPTION_TOPIC,   /* struct stream_topic */
    OPTION_COLUMN,  /* struct column_options */
    OPTION_SCOPES,
};

struct option_choice {
    const char *name; /* NULL ends the list */
    int value;
};

struct option {
    const char *name; /* with its block: "database.pool" */
    enum option_kind kind;
    enum option_scope scope;
    size_t offset, width; /* of the member */
    size_t companion;     /* offset of a second member: NAMES the count, CHOICE and SWITCH the bool
                             that keeps that it was said; 0 = none */
    const char *fallback; /* the default as it would be given; NULL = not set */
    int64_t min, max;     /* bytes, microseconds or plain; both 0 = no bounds */
    const struct option_choice *choices; /* CHOICE, and TEXT that takes only these */
    bool everywhere; /* a stream's setting that may stand outside: the default of all streams */
    bool required;
    bool secret;
    const char *text;
};

static inline bool option_bounded(const struct option *option)
{
    return option->min || option->max;
}

/* The table; a row without a name ends it. Rows of one block stand together. */
const struct option *option_table(void);

/* The row of that name; `everywhere` rows are found in OPTION_PROCESS too. NULL if there is none.
 */
const struct option *option_find(enum option_scope scope, const char *name);
/* True when some row's name begins with `name` and a dot. */
bool option_is_block(enum option_scope scope, const char *name);
/* The name in `block` ("" = outermost) nearest to `name`, without the block's; NULL if none is
 * near. */
const char *option_nearest(enum option_scope scope, const char *block, const char *name);

/* Put a given value into the member that `option` names of the struct at `base`. Strings are copied
 * into the arena. False with err (halt, 78; place and hint filled): wrong kind, out of range, not
 * one of the choices. A GIVEN_BROKEN is passed over with true. Only for kinds that have no form of
 * their own. */
bool option_put(const struct option *option, void *base, const struct given *given,
                struct arena *arena, struct err *err) MUST_CHECK;
/* Put every default of `scope` into `base`. */
void option_defaults(enum option_scope scope, void *base, struct arena *arena);

/* "whole number, 2 to 64": kind and bounds for people. */
void option_kind_text(const struct option *option, struct buf *out);
/* A size or duration in the greatest unit that divides it, so that nothing is rounded: "4MiB". */
void option_measure_text(const struct option *option, int64_t value, struct buf *out);

#endif
