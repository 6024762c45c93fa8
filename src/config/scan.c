/* SPDX-License-Identifier: Apache-2.0 */
#include "config/scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scan_init(struct scan *scan, const char *text, size_t length)
{
    *scan = (struct scan){.at = text, .end = text + length, .line = 1};
}

static char peek(const struct scan *scan, size_t ahead)
{
    return (size_t)(scan->end - scan->at) > ahead ? scan->at[ahead] : '\0';
}

static void step(struct scan *scan)
{
    if (*scan->at++ == '\n')
        scan->line++;
}

static void skip_line(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        step(scan);
}

static void skip_block_comment(struct scan *scan)
{
    scan->at += 2;
    while (scan->at < scan->end && !(peek(scan, 0) == '*' && peek(scan, 1) == '/'))
        step(scan);
    if (scan->at < scan->end)
        scan->at += 2;
}

static void skip_string(struct scan *scan)
{
    step(scan);
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\\' && scan->end - scan->at > 1)
            step(scan);
        step(scan);
    }
    if (scan->at < scan->end)
        step(scan);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*' || c == '.' || c == '+';
}

/* Judges a token that begins like a number. Fractions and whatever libconfig itself refuses pass.
 */
static enum scan_fault judge(const char *token)
{
    bool hex = token[0] == '0' && (token[1] == 'x' || token[1] == 'X');
    char *end;
    errno = 0;
    uint64_t hex_value = hex ? strtoull(token, &end, 16) : 0;
    int64_t value = hex ? 0 : strtoll(token, &end, 10);
    bool too_large = errno == ERANGE;
    bool wide = *end == 'L';
    end += strspn(end, "L");
    if (*end != '\0')
        return SCAN_END;
    if (too_large || hex_value > INT64_MAX)
        return SCAN_HUGE;
    if (!wide && (value > INT32_MAX || value < INT32_MIN || hex_value > INT32_MAX))
        return SCAN_WIDE;
    return SCAN_END;
}

/* Takes a word (a name, a number, a truth value) and judges it if it is a number. */
static enum scan_fault take_word(struct scan *scan, char *token, size_t size)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && in_word(*scan->at))
        step(scan);
    snprintf(token, size, "%.*s", (int)(scan->at - begin), begin);
    const char *digits = token + (token[0] == '-' || token[0] == '+');
    return isdigit((unsigned char)*digits) ? judge(token) : SCAN_END;
}

enum scan_fault scan_next(struct scan *scan, unsigned *line, char *token, size_t size)
{
    while (scan->at < scan->end) {
        char c = *scan->at;
        *line = scan->line;
        if (c == '#' || (c == '/' && peek(scan, 1) == '/')) {
            skip_line(scan);
        } else if (c == '/' && peek(scan, 1) == '*') {
            skip_block_comment(scan);
        } else if (c == '"') {
            skip_string(scan);
        } else if (c == '@') {
            snprintf(token, size, "@include");
            skip_line(scan);
            return SCAN_INCLUDE;
        } else if (in_word(c)) {
            enum scan_fault fault = take_word(scan, token, size);
            if (fault)
                return fault;
        } else {
            step(scan);
        }
    }
    return SCAN_END;
}
