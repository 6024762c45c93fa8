/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 65536 };
static const char credential[] = "credential:";

/* ---- names ---- */

static bool ends(const char *name, const char *end)
{
    size_t have = strlen(name), wanted = strlen(end);
    return have >= wanted && strcasecmp(name + have - wanted, end) == 0;
}

bool secret_named(const char *name)
{
    static const char *const parts[] = {"password",
                                        "passphrase",
                                        "secret",
                                        "token",
                                        "credential",
                                        ".key",
                                        "_key",
                                        ".pem",
                                        "_pem",
                                        "oauthbearer.config",
                                        "oauthbearer_config",
                                        "userinfo",
                                        "user.info",
                                        NULL};
    static const char *const harmless[] = {"location", "keytab", "file", "url", "id", "ms", NULL};
    for (const char *const *end = harmless; *end; end++)
        if (ends(name, *end))
            return false;
    for (const char *const *part = parts; *part; part++)
        if (strcasestr(name, *part))
            return true;
    return false;
}

const char *secret_place(const char *value)
{
    if (strncmp(value, "file:", 5) == 0)
        return value + 5;
    return strncmp(value, credential, sizeof credential - 1) == 0 ? value : NULL;
}

/* ---- files ---- */

/* The path of a place. *given: systemd made the file, with whatever mode it takes to let us in. */
static bool path_of(const char *place, char path[PATH_MAX], bool *given, struct err *err)
{
    size_t prefix = sizeof credential - 1;
    *given = strncmp(place, credential, prefix) == 0;
    if (!*given) {
        snprintf(path, PATH_MAX, "%s", place);
        return true;
    }
    const char *name = place + prefix, *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!*name || strchr(name, '/') || name[0] == '.') {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s: a credential has a plain name", place);
        return false;
    }
    if (!directory || !*directory) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s: nobody passes credentials to this process",
                place);
        return err_hint(err,
                        "systemd does: LoadCredential=%s:/etc/pactolus/credentials/%s in the unit; "
                        "by hand: CREDENTIALS_DIRECTORY=/etc/pactolus/credentials pactolus …",
                        name, name);
    }
    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return true;
}

bool secret_kept(mode_t mode, uid_t owner, uid_t reader)
{
    if (mode & (S_IRWXO | S_IWGRP | S_IXGRP))
        return false;
    return owner == 0 || (owner == reader && !(mode & S_IRGRP));
}

static bool judge_mode(FILE *file, const char *path, struct err *err)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0 || secret_kept(status.st_mode, status.st_uid, geteuid()))
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the secret's file %s may be read or written by others",
            path);
    return err_hint(err, "chmod 600 %s; or root's, 0640, for a group", path);
}

static FILE *open_place(const char *place, char path[PATH_MAX], struct err *err)
{
    bool given;
    if (!path_of(place, path, &given, err))
        return NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot read the secret's file %s: %s", path,
                strerror(errno));
        err_hint(err, "under systemd, LoadCredential= gives the daemon a file that it can read");
        return NULL;
    }
    if (!given && !judge_mode(file, path, err)) {
        fclose(file);
        return NULL;
    }
    return file;
}

char *secret_read(const char *place, enum secret_part part, struct err *err)
{
    char path[PATH_MAX];
    FILE *file = open_place(place, path, err);
    if (!file)
        return NULL;
    setvbuf(file, NULL, _IONBF, 0); /* no copy in a buffer that is freed as it is */
    char *text = mem_zero(SECRET_MAX + 1, 1);
    size_t length = fread(text, 1, SECRET_MAX, file);
    bool failed = ferror(file) != 0;
    bool more = !failed && length == SECRET_MAX && fgetc(file) != EOF;
    fclose(file);
    if (part == SECRET_LINE)
        text[strcspn(text, "\r\n")] = '\0';
    if (!failed && !more && length > 0 && text[0])
        return text;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "the secret's file %s %s", path,
            failed                 ? "cannot be read"
            : more                 ? "is too long"
            : part == SECRET_WHOLE ? "is empty"
                                   : "has an empty first line");
    explicit_bzero(text, SECRET_MAX);
    free(text);
    return NULL;
}

void secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void secret_sign(const char *place, char sign[SECRET_SIGN])
{
    char path[PATH_MAX];
    bool given;
    struct stat status;
    sign[0] = '\0';
    if (path_of(place, path, &given, NULL) && stat(path, &status) == 0)
        snprintf(sign, SECRET_SIGN, "%llx.%llx.%llx.%llx", (unsigned long long)status.st_ino,
                 (unsigned long long)status.st_size, (unsigned long long)status.st_mtim.tv_sec,
                 (unsigned long long)status.st_mtim.tv_nsec);
}
