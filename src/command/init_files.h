/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_files: the files that `init` makes: never over one that is there, all of them or none.
 * Internal to that verb.
 */
#ifndef PACTOLUS_COMMAND_INIT_FILES_H
#define PACTOLUS_COMMAND_INIT_FILES_H

#include "base/err.h"

#include <stdbool.h>

enum { INIT_FILES_MAX = 4 };

/* What was written so far. */
struct init_files {
    char *paths[INIT_FILES_MAX];
    unsigned count;
};

bool init_exists(const char *path);
/* False with err when the file is there. */
bool init_refuse_existing(const char *path, struct err *err) MUST_CHECK;
/* Makes `parent` or parent/name unless it is there. */
bool init_directory(const char *parent, const char *name, struct err *err) MUST_CHECK;
/* A new file with this text, or with the bytes of another; false with err when it is there. */
bool init_write(struct init_files *files, const char *path, const char *text,
                struct err *err) MUST_CHECK;
bool init_copy(struct init_files *files, const char *from, const char *to,
               struct err *err) MUST_CHECK;
/* One line on stdout for each file. */
void init_told(const struct init_files *files);
/* Remove what was written. */
void init_undo(struct init_files *files);
void init_files_free(struct init_files *files);

void init_remove(const char *path);

#endif
