/* SPDX-License-Identifier: Apache-2.0 */
#include "command/init_files.h"

#include "base/memory.h"
#include "contract/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool system_fault(struct err *err, const char *path, const char *what)
{
    int code = errno;
    err_set(err, ERR_HALT,
            code == EACCES || code == EPERM || code == EROFS ? ERR_EXIT_PERMISSION
                                                             : ERR_EXIT_CONFIG,
            "%s: %s", what, strerror(code));
    err_place(err, "%s", path);
    if (code == EACCES || code == EPERM)
        err_hint(err, "as a user who may, or --directory somewhere else");
    return false;
}

bool init_exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

bool init_refuse_existing(const char *path, struct err *err)
{
    if (!init_exists(path))
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "is there already and is left as it is");
    err_place(err, "%s", path);
    return err_hint(err, "--name gives the stream another name");
}

bool init_directory(const char *parent, const char *name, struct err *err)
{
    char *path = name ? mem_format("%s/%s", parent, name) : mem_string(parent);
    bool good = mkdir(path, 0755) == 0 || errno == EEXIST;
    if (!good)
        system_fault(err, path, "cannot be made");
    free(path);
    return good;
}

static bool put_bytes(struct init_files *files, const char *path, const char *bytes, size_t length,
                      struct err *err)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return system_fault(err, path, "cannot be written");
    assert(files->count < INIT_FILES_MAX);
    files->paths[files->count++] = mem_string(path);
    bool good = true;
    while (good && length) {
        ssize_t wrote = write(file, bytes, length);
        good = wrote > 0;
        if (good) {
            bytes += wrote;
            length -= (size_t)wrote;
        }
    }
    if (!good)
        system_fault(err, path, "cannot be written");
    if (close(file) != 0 && good)
        return system_fault(err, path, "cannot be written");
    return good;
}

bool init_write(struct init_files *files, const char *path, const char *text, struct err *err)
{
    return put_bytes(files, path, text, strlen(text), err);
}

bool init_copy(struct init_files *files, const char *from, const char *to, struct err *err)
{
    FILE *file = fopen(from, "re");
    if (!file)
        return system_fault(err, from, "cannot be read");
    char *bytes = mem_alloc(DESCRIPTOR_SET_MAX);
    size_t length = fread(bytes, 1, DESCRIPTOR_SET_MAX, file);
    bool good = ferror(file) ? system_fault(err, from, "cannot be read")
                             : put_bytes(files, to, bytes, length, err);
    fclose(file);
    free(bytes);
    return good;
}

void init_told(const struct init_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        printf("wrote %s\n", files->paths[i]);
}

void init_undo(struct init_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        init_remove(files->paths[i]);
}

void init_files_free(struct init_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        free(files->paths[i]);
    files->count = 0;
}

void init_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        fprintf(stderr, "warning: %s: cannot be removed: %s\n", path, strerror(errno));
}

/* ---------------------------------------------------------------------------------- protoc */

/* "-I" paths: the given ones, else the file's directory; always where our own options lie. */
static char **protoc_arguments(const char *proto, const char *const *imports, unsigned n_imports,
                               const char *out)
{
    char **argv = mem_zero(n_imports + 8, sizeof *argv);
    const char *slash = strrchr(proto, '/');
    unsigned n = 0;
    argv[n++] = mem_string("protoc");
    argv[n++] = mem_string("--include_imports");
    argv[n++] = mem_string("--include_source_info");
    for (unsigned i = 0; i < n_imports; i++)
        argv[n++] = mem_format("-I%s", imports[i]);
    if (!n_imports)
        argv[n++] =
            slash ? mem_format("-I%.*s", (int)(slash - proto) + 1, proto) : mem_string("-I.");
    if (init_exists(PACTOLUS_DATADIR "/proto"))
        argv[n++] = mem_string("-I" PACTOLUS_DATADIR "/proto");
    argv[n++] = mem_format("--descriptor_set_out=%s", out);
    argv[n++] = mem_string(proto);
    return argv;
}

static bool run_protoc(char **argv, const char *proto, struct err *err)
{
    pid_t child;
    int state = 0;
    int code = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (code != 0) {
        errno = code;
        system_fault(err, proto, "protoc cannot be run");
        return err_hint(err, "install protobuf-compiler, or give a descriptor set (buf build -o "
                             "FILE.binpb)");
    }
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "protoc refuses it");
    err_place(err, "%s", proto);
    return err_hint(err, "its words are above; -I DIR names where imports are found");
}

char *init_compile(const char *proto, const char *const *imports, unsigned n_imports,
                   struct err *err)
{
    const char *temporary = getenv("TMPDIR");
    char *out = mem_format("%s/pactolus-init-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    int file = mkstemp(out);
    if (file < 0) {
        system_fault(err, out, "cannot be made");
        free(out);
        return NULL;
    }
    close(file);
    char **argv = protoc_arguments(proto, imports, n_imports, out);
    bool good = run_protoc(argv, proto, err);
    for (char **at = argv; *at; at++)
        free(*at);
    free(argv);
    if (good)
        return out;
    init_remove(out);
    free(out);
    return NULL;
}
