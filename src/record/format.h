/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format: the formats that protovalidate's string rules name, as its library defines them: the
 * HTML standard's e-mail address, RFC 1034 host names, RFC 3986 and 6874 URIs, RFC 4291 addresses
 * with RFC 4007 zones, and so on. No name is looked up; nothing allocates; time is linear.
 */
#ifndef PACTOLUS_RECORD_FORMAT_H
#define PACTOLUS_RECORD_FORMAT_H

#include "contract/rules_table.h"

/* Is the whole of `text` of that format? Formats of bytes judge the length alone. */
bool format_matches(enum text_format format, struct span text);

/* Internal to format_*.c. Version 4 or 6; 0 = either. */
bool format_ip(struct span text, int version);
/* An address with its prefix length; `network`: all bits past the prefix must be zero. */
bool format_ip_prefix(struct span text, int version, bool network);
bool format_hostname(struct span text);
/* `reference`: a relative reference will do. */
bool format_uri(struct span text, bool reference);

static inline bool format_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool format_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool format_is_hex(char c)
{
    return format_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

#endif
