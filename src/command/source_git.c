/* SPDX-License-Identifier: Apache-2.0 */
#include "command/source_git.h"

#include "base/memory.h"
#include "command/compile.h"
#include "command/tool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of a file. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_string(".");
    return slash == path ? mem_string("/") : mem_format("%.*s", (int)(slash - path), path);
}

/* The top of the repository around `near`, NULL when there is none. */
static char *top_of(const char *near, struct err *err)
{
    struct tool tool = {0};
    struct buf out = BUF_INIT;
    char *folder = folder_of(near), *top = NULL;
    tool_add(&tool, "git");
    tool_add(&tool, "-C");
    tool_add(&tool, "%s", folder);
    tool_add(&tool, "rev-parse");
    tool_add(&tool, "--show-toplevel");
    if (tool_run(&tool, &out, true, NULL, err) && out.length > 1)
        top = mem_format("%.*s", (int)out.length - 1, out.data); /* without the newline */
    tool_free(&tool);
    buf_free(&out);
    free(folder);
    return top;
}

/* A name that begins with a dash would be an option. */
static bool ref_exists(const char *ref, const char *top, struct err *err)
{
    struct tool tool = {0};
    struct buf out = BUF_INIT;
    if (*ref == '-' || !*ref)
        return err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "not the name of a git ref");
    tool_add(&tool, "git");
    tool_add(&tool, "-C");
    tool_add(&tool, "%s", top);
    tool_add(&tool, "rev-parse");
    tool_add(&tool, "--verify");
    tool_add(&tool, "--quiet");
    tool_add(&tool, "%s^{tree}", ref);
    bool good = tool_run(&tool, &out, true, NULL, err);
    tool_free(&tool);
    buf_free(&out);
    return good;
}

bool source_git_knows(const char *ref, const char *near)
{
    struct err err = ERR_INIT;
    char *top = top_of(near, &err);
    bool known = top && ref_exists(ref, top, &err);
    free(top);
    return known;
}

/* `path` behind the top of the repository; NULL when it lies elsewhere. "" is the top itself. */
static char *within(const char *top, const char *path)
{
    char real[PATH_MAX];
    size_t length = strlen(top);
    if (!realpath(path, real) || strncmp(real, top, length) != 0)
        return NULL;
    if (real[length] != '/' && real[length] != '\0')
        return NULL;
    return mem_string(real[length] ? real + length + 1 : "");
}

static bool unpack(const struct source_git *git, const char *ref, const char *top, const char *path,
                   struct err *err)
{
    char *archive = mem_format("%s/.archive.tar", git->folder);
    struct tool take = {0}, open = {0};
    tool_add(&take, "git");
    tool_add(&take, "-C");
    tool_add(&take, "%s", top);
    tool_add(&take, "archive");
    tool_add(&take, "--format=tar");
    tool_add(&take, "--output=%s", archive);
    tool_add(&take, "%s", ref);
    tool_add(&take, "--");
    if (compile_wanted(path))
        tool_add(&take, "*.proto"); /* what it imports, too */
    else
        tool_add(&take, ":(literal)%s", path);
    tool_add(&open, "tar");
    tool_add(&open, "-xf");
    tool_add(&open, "%s", archive);
    tool_add(&open, "-C");
    tool_add(&open, "%s", git->folder);
    bool good = tool_run(&take, NULL, true, NULL, err) && tool_run(&open, NULL, false, NULL, err);
    if (good && unlink(archive) != 0)
        good = err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s cannot be removed", archive);
    tool_free(&take);
    tool_free(&open);
    free(archive);
    return good;
}

static void map_imports(struct source_git *git, const char *top, const char *const *imports,
                        unsigned n_imports)
{
    git->imports = mem_zero(n_imports + 1, sizeof *git->imports);
    for (unsigned i = 0; i < n_imports; i++) {
        char *inside = within(top, imports[i]);
        git->imports[git->n_imports] =
            inside ? mem_format("%s%s%s", git->folder, *inside ? "/" : "", inside)
                   : mem_string(imports[i]);
        /* A folder that was not there yet has nothing to import from. */
        if (access(git->imports[git->n_imports], F_OK) == 0)
            git->n_imports++;
        else
            free(git->imports[git->n_imports]);
        free(inside);
    }
}

static bool open_at(struct source_git *git, const char *ref, const char *path, const char *top,
                    struct err *err)
{
    if (!ref_exists(ref, top, err)) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "git does not know this state");
        return err_place(err, "%s", ref);
    }
    git->folder = tool_folder(err);
    git->path = mem_format("%s/%s", git->folder ? git->folder : "", path);
    if (!git->folder)
        return false;
    if (!unpack(git, ref, top, path, err) || access(git->path, F_OK) != 0) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the file is not there at %s", ref);
        err_place(err, "%s", path);
        return err_hint(err, "git:REF:PATH names it by the path it had");
    }
    return true;
}

bool source_git_open(struct source_git *git, const char *ref, const char *path, const char *near,
                     const char *const *imports, unsigned n_imports, struct err *err)
{
    *git = (struct source_git){0};
    char *top = top_of(near, err);
    if (!top) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "no git repository is around it");
        return err_place(err, "%s", near);
    }
    char *own = path ? mem_string(path) : within(top, near);
    bool good = own && open_at(git, ref, own, top, err);
    if (!own) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "it does not lie in the repository %s", top);
        err_place(err, "%s", near);
    }
    if (good)
        map_imports(git, top, imports, n_imports);
    free(own);
    free(top);
    return good;
}

void source_git_close(struct source_git *git)
{
    for (unsigned i = 0; i < git->n_imports; i++)
        free(git->imports[i]);
    free(git->imports);
    free(git->path);
    tool_folder_remove(git->folder);
    *git = (struct source_git){0};
}
