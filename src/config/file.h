/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: one configuration file read into a tree of given values. The only user of libconfig. The
 * tree lives in the caller's arena; the file is closed again. Faults are collected in errs.
 */
#ifndef PACTOLUS_CONFIG_FILE_H
#define PACTOLUS_CONFIG_FILE_H

#include "base/err.h"
#include "base/memory.h"
#include "config/given.h"

enum { FILE_BYTES_MAX = 1024 * 1024, FILE_COUNT_MAX = 1000 };

/* Reads `path` into `root` (a block), everything allocated in `arena`. False with what is wrong in
 * errs (halt, 78): unreadable, syntax, UTF-8, integers that libconfig would misread. A tree with
 * such integers is still filled, so that the rest of the file is judged too; `root` is empty
 * otherwise. */
bool file_read(const char *path, struct arena *arena, struct given *root,
               struct errs *errs) MUST_CHECK;

/* The *.conf files of `directory` in the order of their names, as full paths in `arena`; hidden
 * ones are left out. A missing directory holds none. Returns how many; an unreadable one is an
 * error in errs. */
unsigned file_list(const char *directory, struct arena *arena, char ***paths, struct errs *errs);

/* The directory of `path`: "" without one, else with its closing slash. */
char *file_directory(const char *path, struct arena *arena);

#endif
