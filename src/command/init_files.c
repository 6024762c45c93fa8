/* SPDX-License-Identifier: Apache-2.0 */
#include "command/init_files.h"

#include "base/memory.h"
#include "contract/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
