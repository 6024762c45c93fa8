/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line per event on stderr, lower case, no full stop.
 *
 * A line is `level: text` on a terminal, `<3>text` (the sd-daemon prefixes) when journald listens
 * (JOURNAL_STREAM is set), and `timestamp level text` otherwise. A hint follows on the same line as
 * ` (hint: …)`. Repetition is grouped: log_every tells whether a message of this kind is due.
 * Safe to call from worker threads: each line is one write(2).
 */
#ifndef PACTOLUS_BASE_LOG_H
#define PACTOLUS_BASE_LOG_H

#include "base/clock.h"
#include "base/err.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *level); /* "error" … "debug" */

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_notice(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* `prefix: place: text [sqlstate] (hint: …)`; prefix may be NULL. */
void log_err(enum log_level level, const char *prefix, const struct err *err);

/* Grouping: true when `period` has passed since this gate last opened; counts what it held back in
 * `suppressed`, which the caller may print and which is reset when the gate opens. */
struct log_gate {
    usec_t last;
    unsigned long suppressed;
};
bool log_gate_open(struct log_gate *gate, usec_t now, usec_t period, unsigned long *suppressed);

#endif
