/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: passwords and keys, which stand in files of their own: never in the configuration, on a
 * command line or in the environment, where others read them.
 *
 * A place is a path, or "credential:NAME": the file NAME in $CREDENTIALS_DIRECTORY, which systemd
 * makes for this service alone (LoadCredential=). A file at a path must not be open to others:
 * nobody but its owner may read it, or root owns it and a group may read it too (0640 root:pactolus).
 */
#ifndef PACTOLUS_BASE_SECRET_H
#define PACTOLUS_BASE_SECRET_H

#include "base/err.h"

#include <sys/types.h>

/* True when a setting of that name holds a secret; what ends in location, keytab, file,
 * url, id or ms names where it is, who wants it or how long. The one list: for redaction, for what may be read from a file,
 * and for what may not be said in the configuration itself. */
bool secret_named(const char *name);

/* "file:PATH" or "credential:NAME", as a secret is given for a setting of many kinds: the place in
 * it, or NULL when it is neither. */
const char *secret_place(const char *value);

enum secret_part {
    SECRET_LINE,  /* the first line: a password */
    SECRET_WHOLE, /* all of it: PEM */
};

/* NULL with err: halt/78, with the path and never the content. To be given to secret_free. */
char *secret_read(const char *place, enum secret_part part, struct err *err);
/* Cleared, then freed; NULL is allowed. */
void secret_free(char *secret);

/* A sign that changes when the file at the place is written anew; "" when it cannot be seen. */
enum { SECRET_SIGN = 64 };
void secret_sign(const char *place, char sign[SECRET_SIGN]);

/* May a secret have these owner and mode, read by `reader`? */
bool secret_kept(mode_t mode, uid_t owner, uid_t reader);

#endif
