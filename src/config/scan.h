/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: what libconfig 1.5 does not tell. It reads 4294967296 as 0 and 3000000000 as a negative
 * number when there is no L behind them, and takes @include without globs. Both are found in the
 * source text, before libconfig sees it. Pure.
 */
#ifndef PACTOLUS_CONFIG_SCAN_H
#define PACTOLUS_CONFIG_SCAN_H

#include <stddef.h>

enum scan_fault {
    SCAN_END = 0,
    SCAN_WIDE,    /* an integer past 32 bits without L */
    SCAN_HUGE,    /* an integer past 64 bits */
    SCAN_INCLUDE, /* an @include directive */
};

struct scan {
    const char *at, *end;
    unsigned line;
};

void scan_init(struct scan *scan, const char *text, size_t length);
/* The next fault; its line and the token's text (at most `size` bytes with the NUL). SCAN_END when
 * the text is through. Comments and strings are passed over. */
enum scan_fault scan_next(struct scan *scan, unsigned *line, char *token, size_t size);

#endif
