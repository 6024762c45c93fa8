/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: small pure helpers over text: UTF-8, sizes and durations with units, nearest names, names
 * in other casings. Texts are borrowed for the call and nothing is allocated. Parsers return false
 * for what is malformed and leave the result as it was.
 */
#ifndef PACTOLUS_BASE_TEXT_H
#define PACTOLUS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF). Fast on ASCII: eight bytes a step. */
bool text_utf8_valid(const char *text, size_t length);

/* Replace, in place, each byte that is no part of well-formed UTF-8 by '?'. */
void text_utf8_mend(char *text, size_t length);

/* Number of code points in valid UTF-8. */
size_t text_utf8_count(const char *text, size_t length);

/* "10", "64KiB", "8MiB", "1GiB", "10kB", "5MB" → bytes. False if malformed or past int64. */
bool text_parse_size(const char *text, int64_t *bytes);

/* "250us", "5ms", "60s", "5m", "1h", "7d" → microseconds. A bare number is refused (no unit),
 * except 0. */
bool text_parse_duration(const char *text, int64_t *microseconds);

/* The decimal integer that is the whole text; false if malformed or past int64. */
bool text_parse_int(const char *text, int64_t *value);

/* The entry of `names` (NULL-terminated) nearest to `name` by edit distance, or NULL when none is
 * near enough to be a likely misspelling (distance at most a third of the length, at least 1). */
const char *text_nearest(const char *name, const char *const *names);

/* "PaymentCaptured" → "payment_captured", "HTTPServer2" → "http_server2". Writes at most `size`
 * bytes with the NUL; returns the length it wanted, like snprintf. */
size_t text_snake(const char *name, char *out, size_t size);

/* Hexadecimal SHA-256 is not here: contract/fingerprint owns it. */

/* "1,234,567": `out` needs 32 bytes. Returns out. */
char *text_thousands(int64_t value, char out[32]);
/* "1.2 s", "340 ms", "3 min 20 s": a duration a person reads; `out` needs 32 bytes. */
char *text_duration(int64_t microseconds, char out[32]);
/* "12.5 MiB": `out` needs 32 bytes. */
char *text_bytes(int64_t bytes, char out[32]);

#endif
