/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool: programs of others that verbs run (protoc, git, tar): by their arguments, never through a
 * shell. Blocks until the program has ended. Also the temporary folder in which they work.
 */
#ifndef PACTOLUS_COMMAND_TOOL_H
#define PACTOLUS_COMMAND_TOOL_H

#include "base/buf.h"
#include "base/err.h"

/* Arguments of a program; owns them. The first is the program's name. */
struct tool {
    char **argv; /* NULL-terminated */
    unsigned count;
};

void tool_add(struct tool *tool, const char *format, ...) PRINTF_LIKE(2, 3);
void tool_free(struct tool *tool);

/* Run it. `out` takes its stdout (NULL: where ours goes); its stderr is shown unless `quiet`. True
 * when it ended with 0. False with err: it cannot be run, or said no; *code (may be NULL) is its
 * exit status then, -1 when it did not run. */
bool tool_run(const struct tool *tool, struct buf *out, bool quiet, int *code,
              struct err *err) MUST_CHECK;

/* A new folder under TMPDIR, to be freed; NULL with err. tool_folder_remove takes it away with all
 * that is in it; the text is freed too. NULL is allowed. */
char *tool_folder(struct err *err);
void tool_folder_remove(char *folder);

#endif
