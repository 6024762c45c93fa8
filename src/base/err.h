/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: errors are values.
 *
 * A function that can fail returns a must-check bool and fills the caller's `struct err`, which
 * lives on the caller's stack and owns nothing. It is filled where the fault is known (class,
 * what happened, where, the way out) and logged once, where it is handled: engine/outcome for the
 * daemon, command/main for the verbs.
 *
 * The class decides the action (docs/guarantees.md §6):
 *   retry   infrastructure; back off and try the identical thing again, for as long as it takes
 *   reject  this record; it becomes a dead letter and the stream goes on
 *   halt    contract or configuration; this stream stops loudly, the others go on
 */
#ifndef PACTOLUS_BASE_ERR_H
#define PACTOLUS_BASE_ERR_H

#include <stdbool.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_class { ERR_NONE = 0, ERR_RETRY, ERR_REJECT, ERR_HALT };

/* Exit codes of the verbs: sysexits(3) values, named here so that every verb uses the same. */
enum err_exit {
    ERR_EXIT_OK = 0,
    ERR_EXIT_USAGE = 64,       /* the command line is off */
    ERR_EXIT_DATA = 65,        /* findings: the input data is not as it must be */
    ERR_EXIT_UNAVAILABLE = 69, /* broker or database out of reach */
    ERR_EXIT_SOFTWARE = 70,    /* a bug of ours */
    ERR_EXIT_TEMPORARY = 75,   /* try again later */
    ERR_EXIT_PERMISSION = 77,  /* the server said no */
    ERR_EXIT_CONFIG = 78,      /* the configuration or a contract is wrong */
};

struct err {
    enum err_class class;
    enum err_exit exit; /* what a verb that ends on this error returns */
    char sqlstate[6];   /* "" unless PostgreSQL said it */
    char place[192];    /* file:line, topic[partition]@offset, or the object's name; "" if none */
    char text[512];     /* one sentence, lower case, no full stop */
    char hint[320];     /* what a person can do; "" if nothing */
    const char *rule;   /* id of the lint rule that it breaks, static; NULL if none */
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        .class = ERR_NONE                                                                          \
    }

/* Fill `err` (class, exit code, text), clearing whatever it held. Always returns false, so that a
 * function can end with `return err_set(...)`. A NULL `err` is allowed and ignored. */
bool err_set(struct err *err, enum err_class class, enum err_exit exit, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Add where and what to do to an error that is already set. Both return false, like err_set. */
bool err_place(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
bool err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *err);

/* "retry", "reject", "halt" or "none"; a static string. */
const char *err_class_name(enum err_class class);

/* A list of errors for work that reports everything wrong at once (check, config, contract).
 * The list owns its items; errs_free releases them. */
struct errs {
    struct err *items;
    unsigned count, capacity;
};

void errs_add(struct errs *errs, const struct err *err);
void errs_free(struct errs *errs);

#endif
