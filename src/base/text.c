/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------ UTF-8 */

/* Length of the well-formed sequence at `s` (table 3-7 of the Unicode standard), 0 if none is. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    unsigned char lead = s[0], low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t length;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        if (lead == 0xe0)
            low = 0xa0; /* overlong */
        else if (lead == 0xed)
            high = 0x9f; /* surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        if (lead == 0xf0)
            low = 0x90; /* overlong */
        else if (lead == 0xf4)
            high = 0x8f; /* past U+10FFFF */
    } else {
        return 0;
    }
    if (left < length || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool text_utf8_valid(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;
    while (at < length) {
        uint64_t word = 0;
        size_t left = length - at, bytes = left < sizeof word ? left : sizeof word;
        memcpy(&word, s + at, bytes);
        if (!(word & 0x8080808080808080u)) {
            at += bytes;
            continue;
        }
        size_t step = utf8_sequence(s + at, length - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

void text_utf8_mend(char *text, size_t length)
{
    enum { BYTES_MAX = 4 };
    for (size_t at = 0; at < length;) {
        size_t bytes = 1;
        while (bytes <= BYTES_MAX && at + bytes <= length && !text_utf8_valid(text + at, bytes))
            bytes++;
        if (bytes > BYTES_MAX || at + bytes > length) {
            text[at] = '?';
            bytes = 1;
        }
        at += bytes;
    }
}

size_t text_utf8_count(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* ------------------------------------------------------------------ numbers with units */

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", (int64_t)1 << 10},
    {"MiB", (int64_t)1 << 20},
    {"GiB", (int64_t)1 << 30},
    {"TiB", (int64_t)1 << 40},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", 60 * (int64_t)1000000},
    {"h", 3600 * (int64_t)1000000},
    {"d", 86400 * (int64_t)1000000},
    {NULL, 0},
};

/* The digits at `text` as a number; `end` is what follows them. False without digits or past int64.
 */
static bool parse_digits(const char *text, int64_t *value, const char **end)
{
    *value = 0;
    for (*end = text; **end >= '0' && **end <= '9'; ++*end) {
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, **end - '0', value))
            return false;
    }
    return *end != text;
}

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *out)
{
    int64_t value;
    const char *rest;
    if (!parse_digits(text, &value, &rest))
        return false;
    for (; units->name; units++)
        if (strcmp(units->name, rest) == 0)
            return !__builtin_mul_overflow(value, units->factor, out);
    return false;
}

bool text_parse_size(const char *text, int64_t *bytes)
{
    return parse_with_unit(text, size_units, bytes);
}

bool text_parse_duration(const char *text, int64_t *microseconds)
{
    if (strcmp(text, "0") == 0) {
        *microseconds = 0;
        return true;
    }
    return parse_with_unit(text, duration_units, microseconds);
}

bool text_parse_int(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    int64_t sum = 0;
    text += negative;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        int digit = *text - '0';
        /* Downwards for negatives: INT64_MIN has no positive twin. */
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, negative ? -digit : digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

/* ------------------------------------------------------------------------------ names */

#define NAME_MAX_BYTES 64

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) from one name to the other, case aside. */
static unsigned edit_distance(const char *a, size_t m, const char *b, size_t n)
{
    unsigned rows[3][NAME_MAX_BYTES + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= n; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        now[0] = (unsigned)i;
        int ai = tolower((unsigned char)a[i - 1]);
        for (size_t j = 1; j <= n; j++) {
            int bj = tolower((unsigned char)b[j - 1]);
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (ai != bj));
            if (i > 1 && j > 1 && ai == tolower((unsigned char)b[j - 2]) &&
                bj == tolower((unsigned char)a[i - 2]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[n];
}

const char *text_nearest(const char *name, const char *const *names)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_BYTES)
        return NULL;
    unsigned limit = length < 6 ? 1 : (unsigned)length / 3;
    const char *nearest = NULL;
    for (; *names; names++) {
        size_t other = strlen(*names);
        if (other > NAME_MAX_BYTES)
            continue;
        unsigned distance = edit_distance(name, length, *names, other);
        if (distance < limit || (distance == limit && !nearest)) {
            nearest = *names;
            limit = distance;
        }
    }
    return nearest;
}

/* Plain ASCII whatever the locale: these become SQL names. */
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t text_snake(const char *name, char *out, size_t size)
{
    size_t wanted = 0;
    for (size_t i = 0; name[i]; i++) {
        char c = name[i], before = i ? name[i - 1] : '_';
        /* A word begins after a small letter or digit, and at the last capital of an acronym. */
        bool begins = is_upper(c) && (is_lower(before) || is_digit(before) ||
                                      (is_upper(before) && is_lower(name[i + 1])));
        if (begins) {
            if (wanted + 1 < size)
                out[wanted] = '_';
            wanted++;
        }
        if (wanted + 1 < size)
            out[wanted] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
        wanted++;
    }
    if (size)
        out[wanted < size ? wanted : size - 1] = '\0';
    return wanted;
}

/* -------------------------------------------------------------------- numbers for people */

/* The absolute value, INT64_MIN included. */
static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

char *text_thousands(int64_t value, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, magnitude(value));
    char *at = out;
    if (value < 0)
        *at++ = '-';
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

char *text_duration(int64_t microseconds, char out[32])
{
    uint64_t us = magnitude(microseconds), s = us / 1000000;
    const char *sign = microseconds < 0 ? "-" : "";
    /* Cut, not rounded: 59.97 s must not read "60.0 s". */
    if (us < 1000)
        snprintf(out, 32, "%s%" PRIu64 " us", sign, us);
    else if (us < 1000000)
        snprintf(out, 32, "%s%" PRIu64 " ms", sign, us / 1000);
    else if (s < 60)
        snprintf(out, 32, "%s%" PRIu64 ".%" PRIu64 " s", sign, s, us / 100000 % 10);
    else if (s < 3600)
        snprintf(out, 32, "%s%" PRIu64 " min %" PRIu64 " s", sign, s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%s%" PRIu64 " h %" PRIu64 " min", sign, s / 3600, s / 60 % 60);
    else
        snprintf(out, 32, "%s%" PRIu64 " d %" PRIu64 " h", sign, s / 86400, s / 3600 % 24);
    return out;
}

char *text_bytes(int64_t bytes, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    uint64_t whole = magnitude(bytes), below = 0;
    unsigned unit = 0;
    const char *sign = bytes < 0 ? "-" : "";
    for (; whole >= 1024; unit++) {
        below = whole % 1024;
        whole /= 1024;
    }
    if (unit == 0)
        snprintf(out, 32, "%s%" PRIu64 " B", sign, whole);
    else
        snprintf(out, 32, "%s%" PRIu64 ".%" PRIu64 " %s", sign, whole, below * 10 / 1024,
                 units[unit]);
    return out;
}
