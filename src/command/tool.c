/* SPDX-License-Identifier: Apache-2.0 */
#include "command/tool.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024 * 1024, OPEN_FOLDERS = 16 };

void tool_add(struct tool *tool, const char *format, ...)
{
    struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    tool->argv = mem_grow(tool->argv, tool->count + 2, sizeof *tool->argv);
    tool->argv[tool->count++] = text.data ? text.data : mem_string("");
    tool->argv[tool->count] = NULL;
}

void tool_free(struct tool *tool)
{
    for (unsigned i = 0; i < tool->count; i++)
        free(tool->argv[i]);
    free(tool->argv);
    *tool = (struct tool){0};
}

static void read_all(int file, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, 65536);
        ssize_t got = room ? read(file, room, 65536) : 0;
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        if (got > 0)
            out->data[out->length += (size_t)got] = '\0';
    }
}

static bool spawn(const struct tool *tool, const int *pipe_ends, bool quiet, pid_t *child,
                  struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (pipe_ends)
        posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int code = posix_spawnp(child, tool->argv[0], &actions, NULL, tool->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code == 0)
        return true;
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s cannot be run: %s", tool->argv[0],
                   strerror(code));
}

bool tool_run(const struct tool *tool, struct buf *out, bool quiet, int *code, struct err *err)
{
    int ends[2] = {-1, -1}, state = 0;
    pid_t child;
    if (code)
        *code = -1;
    if (out && pipe2(ends, O_CLOEXEC) != 0)
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "no pipe to %s: %s", tool->argv[0],
                       strerror(errno));
    fflush(stdout);
    bool runs = spawn(tool, out ? ends : NULL, quiet, &child, err);
    if (out) {
        close(ends[1]);
        out->limit = OUTPUT_MAX;
        if (runs)
            read_all(ends[0], out);
        close(ends[0]);
    }
    if (!runs)
        return false;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        ;
    int status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (code)
        *code = status;
    if (out && out->failed)
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s says more than %d bytes", tool->argv[0],
                       (int)OUTPUT_MAX);
    if (status == 0)
        return true;
    return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s ended with status %d", tool->argv[0],
                   status);
}

char *tool_folder(struct err *err)
{
    const char *temporary = getenv("TMPDIR");
    char *folder = mem_format("%s/pactolus-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (mkdtemp(folder))
        return folder;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot be made: %s", strerror(errno));
    err_place(err, "%s", folder);
    free(folder);
    return NULL;
}

static int take_away(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found;
    (void)kind;
    (void)at;
    if (remove(path) != 0)
        fprintf(stderr, "warning: %s: cannot be removed: %s\n", path, strerror(errno));
    return 0;
}

void tool_folder_remove(char *folder)
{
    if (!folder)
        return;
    if (nftw(folder, take_away, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "warning: %s: cannot be removed: %s\n", folder, strerror(errno));
    free(folder);
}
