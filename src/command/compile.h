/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile: a .proto becomes a descriptor set, by protoc. What init, lint and diff share.
 */
#ifndef PACTOLUS_COMMAND_COMPILE_H
#define PACTOLUS_COMMAND_COMPILE_H

#include "base/err.h"

/* Is it the name of a .proto? */
bool compile_wanted(const char *path);

/* protoc on `proto` with imports and source info into the file `out`. Imports are looked for in the
 * given folders, else in the .proto's own, and always where our own options lie. False with err:
 * protoc is not there, or says no (its words are on stderr). */
bool compile_proto(const char *proto, const char *const *imports, unsigned n_imports,
                   const char *out, struct err *err) MUST_CHECK;

#endif
