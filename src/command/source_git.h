/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_git: the .proto files of a repository as they were at some ref, in a temporary folder, for
 * command/source. Nothing of the repository is changed.
 */
#ifndef PACTOLUS_COMMAND_SOURCE_GIT_H
#define PACTOLUS_COMMAND_SOURCE_GIT_H

#include "base/err.h"

struct source_git {
    char *folder;   /* temporary */
    char *path;     /* the file in it */
    char **imports; /* import folders: those of the repository as they were, others as they are */
    unsigned n_imports;
};

/* Does the repository around the file `near` know that ref? */
bool source_git_knows(const char *ref, const char *near);
/* Take the .proto files at `ref` out of the repository around `near`. `path`: the file's in the
 * repository, NULL = that of `near`. Close it whatever the result. */
bool source_git_open(struct source_git *git, const char *ref, const char *path, const char *near,
                     const char *const *imports, unsigned n_imports, struct err *err) MUST_CHECK;
void source_git_close(struct source_git *git);

#endif
