/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Everything that `talk` writes to stderr while it is a pipe. */
static void capture(void (*talk)(int fd), char *out, size_t size)
{
    int pipes[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    talk(pipes[1]);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(pipes[0], out + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    out[length] = '\0';
    close(pipes[0]);
}

static void say_hello(int fd)
{
    (void)fd;
    log_warning("hello %d", 7);
}

static void plain_lines_carry_time_and_level(void **state)
{
    (void)state;
    char out[4096];
    unsetenv("JOURNAL_STREAM");
    capture(say_hello, out, sizeof out);
    int year, at = 0;
    assert_int_equal(sscanf(out, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &year, &at), 1);
    assert_int_equal(at, 27);
    assert_string_equal(out + at, " warning hello 7\n");
}

static void say_to_the_journal(int fd)
{
    struct stat status;
    char stream[64];
    fstat(fd, &status);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_error("broken");
    unsetenv("JOURNAL_STREAM");
}

static void journald_gets_its_prefix(void **state)
{
    (void)state;
    char out[4096];
    capture(say_to_the_journal, out, sizeof out);
    assert_string_equal(out, "<3>broken\n");
}

static void a_foreign_journal_stream_is_not_ours(void **state)
{
    (void)state;
    char out[4096];
    setenv("JOURNAL_STREAM", "1:1", 1);
    capture(say_hello, out, sizeof out);
    unsetenv("JOURNAL_STREAM");
    assert_non_null(strstr(out, "Z warning hello 7\n"));
}

static void say_at_all_levels(int fd)
{
    (void)fd;
    log_error("e");
    log_warning("w");
    log_notice("n");
    log_info("i");
    log_debug("d");
}

static unsigned lines_at(enum log_level level)
{
    char out[4096];
    unsigned lines = 0;
    log_set_level(level);
    capture(say_at_all_levels, out, sizeof out);
    log_set_level(LOG_LEVEL_INFO);
    for (const char *at = out; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

static void the_level_holds_back(void **state)
{
    (void)state;
    assert_int_equal(lines_at(LOG_LEVEL_ERROR), 1);
    assert_int_equal(lines_at(LOG_LEVEL_NOTICE), 3);
    assert_int_equal(lines_at(LOG_LEVEL_INFO), 4);
    assert_int_equal(lines_at(LOG_LEVEL_DEBUG), 5);
}

static void say_something_hostile(int fd)
{
    (void)fd;
    log_error("%s", "name\n<3>forged \x1b[2J");
}

static void a_message_is_one_line(void **state)
{
    (void)state;
    char out[4096];
    capture(say_something_hostile, out, sizeof out);
    assert_non_null(strstr(out, "error name <3>forged  [2J\n"));
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void say_too_much(int fd)
{
    (void)fd;
    log_error("%05000d", 1);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    char out[8192];
    capture(say_too_much, out, sizeof out);
    size_t length = strlen(out);
    assert_in_range(length, 1024, 4096);
    assert_string_equal(out + length - 5, "0...\n");
}

static void say_errors(int fd)
{
    (void)fd;
    struct err err = ERR_INIT;
    err_set(&err, ERR_RETRY, ERR_EXIT_TEMPORARY, "deadlock");
    log_err(LOG_LEVEL_WARNING, NULL, &err);
    err_place(&err, "t[3]@99");
    err_hint(&err, "wait");
    strcpy(err.sqlstate, "40P01");
    log_err(LOG_LEVEL_WARNING, "payments", &err);
}

static void errors_say_all_they_know(void **state)
{
    (void)state;
    char out[4096];
    capture(say_errors, out, sizeof out);
    assert_non_null(strstr(out, "Z warning deadlock\n"));
    assert_non_null(strstr(out, "Z warning payments: t[3]@99: deadlock [40P01] (hint: wait)\n"));
}

static void say_with_errno(int fd)
{
    (void)fd;
    errno = ENOENT;
    log_error("open: %m");
    assert_int_equal(errno, ENOENT);
}

static void errno_survives(void **state)
{
    (void)state;
    char out[4096];
    capture(say_with_errno, out, sizeof out);
    assert_non_null(strstr(out, "open: No such file or directory\n"));
}

static void names_of_levels(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_INFO;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_false(log_level_parse("loud", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void the_gate_groups_and_counts(void **state)
{
    (void)state;
    struct log_gate gate = {0};
    unsigned long suppressed = 99;
    assert_true(log_gate_open(&gate, 5, 100, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(log_gate_open(&gate, 6, 100, &suppressed));
    assert_false(log_gate_open(&gate, 104, 100, &suppressed));
    assert_true(log_gate_open(&gate, 105, 100, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_true(log_gate_open(&gate, 300, 100, NULL));
    assert_false(log_gate_open(&gate, 301, 100, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_carry_time_and_level),
        cmocka_unit_test(journald_gets_its_prefix),
        cmocka_unit_test(a_foreign_journal_stream_is_not_ours),
        cmocka_unit_test(the_level_holds_back),
        cmocka_unit_test(a_message_is_one_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(errors_say_all_they_know),
        cmocka_unit_test(errno_survives),
        cmocka_unit_test(names_of_levels),
        cmocka_unit_test(the_gate_groups_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
