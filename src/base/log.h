/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line per event on stderr, lower case, no full stop.
 *
 * A line is `level: text` on a terminal, `<3>text` (the sd-daemon prefixes) when journald listens
 * (JOURNAL_STREAM is set) but its own socket cannot be had, and `timestamp level text` otherwise.
 * A hint follows on the same line as ` (hint: …)`. Repetition is grouped: log_gate_open tells
 * whether a message of this kind is due. Safe to call from worker threads: each line is one write.
 *
 * To journald a line goes as an entry with fields: PRIORITY, MESSAGE, SYSLOG_IDENTIFIER, what it is
 * about (PACTOLUS_STREAM, _TOPIC, _PARTITION, _OFFSET, _SQLSTATE), and for events that somebody may
 * wait for a MESSAGE_ID, which systemd/pactolus.catalog explains (journalctl --catalog).
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

/* What has a MESSAGE_ID. */
enum log_event {
    LOG_EVENT_NONE = 0,
    LOG_EVENT_HALTED,    /* a stream stands still until somebody resumes it */
    LOG_EVENT_FLOODED,   /* the same, since its dead letters are a flood */
    LOG_EVENT_UNKNOWN,   /* the same, since this database, cluster or group is another: adopt */
    LOG_EVENT_RESUMED,   /* it goes on */
    LOG_EVENT_FENCED,    /* another owner has a partition */
    LOG_EVENT_RECREATED, /* a topic was made anew */
    LOG_EVENT_WENT_BACK, /* the database has lost what it had committed */
    LOG_EVENT_LOST,      /* records were gone before they were read, and the loss is booked */
    LOG_EVENT_CONTRACT,  /* a stream has taken a new contract */
    LOG_EVENT_SUNSET,    /* records come after their contract's sunset */
    LOG_EVENTS,
};

/* What a line is about; all borrowed for the call. */
struct log_about {
    enum log_event event;
    const char *stream, *topic;     /* NULL = none in particular */
    const int32_t *partition;       /* of the topic; NULL = none in particular */
    const int64_t *offset;          /* likewise */
};
void log_about(enum log_level level, const struct log_about *about, const char *format, ...)
    PRINTF_LIKE(3, 4);
void log_err_about(enum log_level level, const struct log_about *about, const char *prefix,
                   const struct err *err);
/* The MESSAGE_ID of an event, 32 hexadecimal digits; NULL for NONE. */
const char *log_event_id(enum log_event event);

/* Grouping: true when `period` has passed since this gate last opened; counts what it held back in
 * `suppressed`, which the caller may print and which is reset when the gate opens. */
struct log_gate {
    usec_t last;
    unsigned long suppressed;
};
bool log_gate_open(struct log_gate *gate, usec_t now, usec_t period, unsigned long *suppressed);

#endif
