/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: one version of a contract, wherever it is: a .proto (by protoc), a descriptor set, a
 * state of the same file in git, or what the database has run. A source owns everything that it
 * hands out.
 */
#ifndef PACTOLUS_COMMAND_SOURCE_H
#define PACTOLUS_COMMAND_SOURCE_H

#include "command/setup.h"
#include "contract/schema.h"

struct source_options {
    struct setup setup;       /* for the database */
    struct args_list imports; /* -I */
    const char *file;         /* which file of a descriptor set of several; NULL = the only one */
};

struct source {
    char *label;                /* for people: "order.proto", "HEAD~1:order.proto", … */
    char *path;                 /* of a file, else NULL */
    char **roots;               /* folders under which the .proto files named in it may stand */
    unsigned n_roots;
    struct buf bytes;           /* the descriptor set */
    struct descriptor_set *set; /* the same, to be decoded by */
    struct schema *schema;      /* the same, as written */
    const struct schema_file *file; /* the file that the source is about */
};

struct sources {
    struct source *items; /* newest first */
    unsigned count;
};

/* A .proto or a descriptor set. False with err: 78, or 64 when it holds several files and none is
 * named. */
bool source_load(struct source *source, const char *path, const struct source_options *options,
                 struct err *err) MUST_CHECK;
/* What `spec` names, appended: a file; `git:REF`, `git:REF:PATH` or a bare ref, with the path of
 * `like` unless one is given; `database`: all versions of the contract `message`. */
bool source_load_old(struct sources *sources, const char *spec, const struct source *like,
                     const char *message, const struct source_options *options,
                     struct err *err) MUST_CHECK;
void source_free(struct source *source);
void sources_free(struct sources *sources);

/* "shop/v1/order.proto:3" → "proto/shop/v1/order.proto:3", if it stands there; into the arena. */
const char *source_place(const struct source *source, const char *place, struct arena *arena);

/* Rows for a verb's table of options. */
#define SOURCE_OPTIONS(options)                                                                    \
    {'I', "proto-path", "DIR", ARGS_MANY, &(options)->imports,                                     \
     "where protoc looks for imports (the file's directory)"},                                     \
    {                                                                                              \
        0, "file", "NAME", ARGS_TEXT, &(options)->file,                                            \
            "which file of a descriptor set, when it holds several"                                \
    }

#endif
