/* SPDX-License-Identifier: Apache-2.0 */
/* folder: a directory of configuration files that lasts for one test, and what loading it says. */
#ifndef PACTOLUS_TESTS_CONFIG_FOLDER_H
#define PACTOLUS_TESTS_CONFIG_FOLDER_H

#include "base/memory.h"
#include "config/config.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
    struct config *config;
    struct errs errs;
};

static inline void folder_open(struct folder *folder)
{
    char *made;
    *folder = (struct folder){0};
    snprintf(folder->path, sizeof folder->path, "/tmp/pactolus-config-XXXXXX");
    made = mkdtemp(folder->path);
    assert_non_null(made);
}

static inline int folder_remove_one(const char *path, const struct stat *found, int flag,
                                    struct FTW *walk)
{
    (void)found;
    (void)flag;
    (void)walk;
    return remove(path);
}

static inline void folder_close(struct folder *folder)
{
    config_free(folder->config);
    errs_free(&folder->errs);
    assert_int_equal(nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void folder_put(struct folder *folder, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", folder->path, name);
    char *directory = mem_format("%s/conf.d", folder->path);
    if (strncmp(name, "conf.d/", 7) == 0)
        (void)!mkdir(directory, 0700);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(directory);
    free(path);
}

/* Loads main.conf; a second call replaces what the first one gave. */
static inline struct config *folder_load_set(struct folder *folder, const char *const *set,
                                             unsigned n)
{
    char *path = mem_format("%s/main.conf", folder->path);
    struct config_overrides overrides = {set, n};
    config_free(folder->config);
    errs_free(&folder->errs);
    folder->errs = (struct errs){0};
    folder->config = config_load(path, &overrides, &folder->errs);
    assert_int_equal(folder->config == NULL, folder->errs.count > 0);
    free(path);
    return folder->config;
}

static inline struct config *folder_load(struct folder *folder)
{
    return folder_load_set(folder, NULL, 0);
}

/* The configuration as it must load. */
static inline struct config *folder_load_well(struct folder *folder)
{
    folder_load(folder);
    for (unsigned i = 0; i < folder->errs.count; i++)
        print_error("%s: %s\n", folder->errs.items[i].place, folder->errs.items[i].text);
    assert_non_null(folder->config);
    return folder->config;
}

/* The fault whose text holds `text`, at a place that ends with `place`, whose hint holds `hint`. */
static inline void folder_expect(const struct folder *folder, const char *place, const char *text,
                                 const char *hint)
{
    for (unsigned i = 0; i < folder->errs.count; i++) {
        const struct err *err = &folder->errs.items[i];
        size_t length = strlen(err->place), tail = strlen(place);
        if (strstr(err->text, text) && strstr(err->hint, hint) && length >= tail &&
            strcmp(err->place + length - tail, place) == 0) {
            assert_int_equal(err->class, ERR_HALT);
            assert_int_equal(err->exit, ERR_EXIT_CONFIG);
            return;
        }
    }
    for (unsigned i = 0; i < folder->errs.count; i++)
        print_error("%s: %s (hint: %s)\n", folder->errs.items[i].place, folder->errs.items[i].text,
                    folder->errs.items[i].hint);
    fail_msg("no fault says \"%s\" at %s with hint \"%s\"", text, place, hint);
}

#endif
