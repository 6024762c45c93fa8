/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/buf.h"
#include "base/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest line: above all parts of a struct err, below PIPE_BUF, so that a write to a pipe is
 * never split among those of other threads. */
#define LINE_MAX_BYTES 2048

static _Atomic int threshold = LOG_LEVEL_INFO;

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < COUNT(levels); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum log_level level)
{
    for (size_t i = 0; i < COUNT(levels); i++)
        if (levels[i].level == level)
            return levels[i].name;
    return "debug";
}

/* JOURNAL_STREAM names device and inode of journald's socket (systemd.exec(5)); stderr may have
 * been redirected since. Asked for each line: a stat is little beside the write, and no state is
 * kept. */
static bool journald_listens(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char ours[64];
    if (!stream || fstat(STDERR_FILENO, &status) != 0)
        return false;
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return strcmp(stream, ours) == 0;
}

/* Chosen at random once; scripts and people filter by them, so they never change. */
static const char *const event_ids[LOG_EVENTS] = {
    [LOG_EVENT_HALTED] = "856ed777410c469e8d129f56cb36f676",
    [LOG_EVENT_FLOODED] = "c4eb601226bd4dd3892fad0e23f8ce60",
    [LOG_EVENT_UNKNOWN] = "3784df6ba4b24982bf3de8eec3ebc981",
    [LOG_EVENT_RESUMED] = "d30b9f6a5d97428d885820cda26209af",
    [LOG_EVENT_FENCED] = "f336723b4f4a471e8d354d732a0821b5",
    [LOG_EVENT_RECREATED] = "bfd3633f41a6473ba2bb84dbba9f66e6",
    [LOG_EVENT_WENT_BACK] = "bf64010d67e64d76a9a4aaa94a870c99",
    [LOG_EVENT_LOST] = "45fe6183e9d64c8e9cee4b471c3afc4e",
    [LOG_EVENT_CONTRACT] = "13551c1a4cc94e28a859820194bce47b",
    [LOG_EVENT_SUNSET] = "6e5c733718ef4704beedc47e4538b652",
};

const char *log_event_id(enum log_event event)
{
    return event_ids[event];
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    char now[32];
    int length;
    if (journald_listens())
        length = snprintf(line, size, "<%d>", (int)level);
    else if (isatty(STDERR_FILENO))
        length = snprintf(line, size, "%s: ", level_name(level));
    else
        length = snprintf(line, size, "%s %s ", clock_text(clock_wall(), now), level_name(level));
    return length < 0 ? 0 : (size_t)length;
}

/* Bytes from outside end in messages: a newline must not forge a second line, nor an escape drive
 * somebody's terminal. */
static void neutralise(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
}

static void write_all(const char *line, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody is left to be told */
        line += written;
        length -= (size_t)written;
    }
}

/* The line's text as one entry with fields; false when journald does not take it. */
static bool tell_journal(enum log_level level, const struct log_about *about, const char *sqlstate,
                         const char *text)
{
    struct buf entry = BUF_INIT;
    journal_number(&entry, "PRIORITY", level);
    journal_field(&entry, "SYSLOG_IDENTIFIER", "pactolus");
    journal_field(&entry, "MESSAGE", text);
    if (about && about->event)
        journal_field(&entry, "MESSAGE_ID", event_ids[about->event]);
    if (about && about->stream)
        journal_field(&entry, "PACTOLUS_STREAM", about->stream);
    if (about && about->topic)
        journal_field(&entry, "PACTOLUS_TOPIC", about->topic);
    if (about && about->partition)
        journal_number(&entry, "PACTOLUS_PARTITION", *about->partition);
    if (about && about->offset)
        journal_number(&entry, "PACTOLUS_OFFSET", *about->offset);
    if (sqlstate && *sqlstate)
        journal_field(&entry, "PACTOLUS_SQLSTATE", sqlstate);
    bool told = journal_send(JOURNAL_SOCKET, &entry);
    buf_free(&entry);
    return told;
}

static void emit(enum log_level level, const struct log_about *about, const char *sqlstate,
                 const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void emit(enum log_level level, const struct log_about *about, const char *sqlstate,
                 const char *format, va_list args)
{
    if ((int)level > atomic_load(&threshold))
        return;
    int saved = errno; /* the caller may still want it, and %m in the format does */
    static const char cut[] = "...";
    char line[LINE_MAX_BYTES];
    size_t prefix = write_prefix(line, sizeof line, level);
    size_t room = sizeof line - prefix - 1; /* the newline */
    errno = saved;
    int wanted = vsnprintf(line + prefix, room, format, args);
    size_t length = wanted < 0 ? 0 : (size_t)wanted;
    if (length >= room) {
        length = room - 1;
        memcpy(line + prefix + length - (sizeof cut - 1), cut, sizeof cut - 1);
    }
    neutralise(line + prefix, length);
    line[prefix + length] = '\0';
    if (!journald_listens() || !tell_journal(level, about, sqlstate, line + prefix)) {
        line[prefix + length] = '\n';
        write_all(line, prefix + length + 1);
    }
    errno = saved;
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        emit(level, NULL, NULL, format, args);                                                     \
        va_end(args);                                                                              \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void log_about(enum log_level level, const struct log_about *about, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(level, about, NULL, format, args);
    va_end(args);
}

static void emit_text(enum log_level level, const struct log_about *about, const char *sqlstate,
                      const char *format, ...) PRINTF_LIKE(4, 5);

static void emit_text(enum log_level level, const struct log_about *about, const char *sqlstate,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(level, about, sqlstate, format, args);
    va_end(args);
}

void log_err_about(enum log_level level, const struct log_about *about, const char *prefix,
                   const struct err *err)
{
    struct buf text = BUF_INIT;
    if (prefix)
        buf_printf(&text, "%s: ", prefix);
    if (err->place[0])
        buf_printf(&text, "%s: ", err->place);
    buf_puts(&text, err->text);
    if (err->sqlstate[0])
        buf_printf(&text, " [%s]", err->sqlstate);
    if (err->hint[0])
        buf_printf(&text, " (hint: %s)", err->hint);
    emit_text(level, about, err->sqlstate, "%s", text.data);
    buf_free(&text);
}

void log_err(enum log_level level, const char *prefix, const struct err *err)
{
    log_err_about(level, NULL, prefix, err);
}

bool log_gate_open(struct log_gate *gate, usec_t now, usec_t period, unsigned long *suppressed)
{
    if (gate->last && now - gate->last < period) {
        gate->suppressed++;
        return false;
    }
    if (suppressed)
        *suppressed = gate->suppressed;
    gate->suppressed = 0;
    gate->last = now ? now : 1; /* 0 means: never opened */
    return true;
}
