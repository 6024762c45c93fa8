/* SPDX-License-Identifier: Apache-2.0 */
#include "record/format.h"

#include <assert.h>
#include <string.h>

enum { LABEL_MAX = 63, HOSTNAME_MAX = 253, PORT_MAX = 65535 };

static bool is_alnum(char c)
{
    return format_is_alpha(c) || format_is_digit(c);
}

static struct span part_of(struct span text, size_t from, size_t to)
{
    return (struct span){text.data + from, to - from};
}

/* Letters, digits and inner hyphens, 1 to 63 of them. */
static bool is_label(struct span label)
{
    if (label.length == 0 || label.length > LABEL_MAX)
        return false;
    for (size_t i = 0; i < label.length; i++)
        if (!is_alnum(label.data[i]) && label.data[i] != '-')
            return false;
    return label.data[0] != '-' && label.data[label.length - 1] != '-';
}

static bool all_digits(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!format_is_digit(text.data[i]))
            return false;
    return text.length > 0;
}

/* Labels between dots; `last` is the right-most one. */
static bool is_labels(struct span text, struct span *last)
{
    size_t from = 0;

    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && text.data[i] != '.')
            continue;
        *last = part_of(text, from, i);
        if (!is_label(*last))
            return false;
        from = i + 1;
    }
    return true;
}

bool format_hostname(struct span text)
{
    struct span last;

    if (text.length == 0 || text.length > HOSTNAME_MAX)
        return false;
    if (text.data[text.length - 1] == '.')
        text.length--;
    return is_labels(text, &last) && !all_digits(last);
}

/* https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address */
static bool is_email(struct span text)
{
    static const char OTHERS[] = ".!#$%&'*+/=?^_`{|}~-";
    struct span last;
    size_t at = 0;

    while (at < text.length &&
           (is_alnum(text.data[at]) || memchr(OTHERS, text.data[at], sizeof OTHERS - 1)))
        at++;
    if (at == 0 || at == text.length || text.data[at] != '@')
        return false;
    return is_labels(part_of(text, at + 1, text.length), &last);
}

static bool is_port(struct span text)
{
    unsigned port = 0;

    if (!all_digits(text) || text.length > 5 || (text.length > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++)
        port = port * 10 + (unsigned)(text.data[i] - '0');
    return port <= PORT_MAX;
}

static bool is_host_and_port(struct span text)
{
    size_t colon = text.length;

    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct span host = part_of(text, 0, colon - 1), port = part_of(text, colon, text.length);
    if (!is_port(port) || host.length == 0)
        return false;
    if (host.data[0] == '[')
        return host.data[host.length - 1] == ']' && host.length > 2 &&
               format_ip(part_of(host, 1, host.length - 1), 6);
    return format_hostname(host) || format_ip(host, 4);
}

static bool all_hex(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!format_is_hex(text.data[i]))
            return false;
    return true;
}

/* 8-4-4-4-12 hexadecimal digits; of any version and variant. */
static bool is_uuid(struct span text)
{
    if (text.length != 36)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text.data[i] != '-' : !format_is_hex(text.data[i]))
            return false;
    }
    return true;
}

/* 26 digits of Crockford's base 32, the first at most 7 (48 + 80 bits). */
static bool is_ulid(struct span text)
{
    if (text.length != 26 || text.data[0] < '0' || text.data[0] > '7')
        return false;
    for (size_t i = 1; i < text.length; i++)
        if (!is_alnum(text.data[i]) || strchr("ILOUilou", text.data[i]))
            return false;
    return true;
}

/* Identifiers between dots. */
static bool is_protobuf_name(struct span text)
{
    bool first = true;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '.' && !first) {
            first = true;
            continue;
        }
        if (c != '_' && !format_is_alpha(c) && (first || !format_is_digit(c)))
            return false;
        first = false;
    }
    return !first;
}

/* An optional colon (pseudo-headers), then RFC 9110 token characters. */
static bool is_header_name(struct span text)
{
    static const char OTHERS[] = "!#$%&'*+,-.^_|~`";
    size_t at = text.length && text.data[0] == ':';

    if (at == text.length)
        return false;
    for (; at < text.length; at++)
        if (!is_alnum(text.data[at]) && !memchr(OTHERS, text.data[at], sizeof OTHERS - 1))
            return false;
    return true;
}

/* No control characters but the tab; loosely, only no NUL and no end of line. */
static bool is_header_value(struct span text, bool loose)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (loose ? c == 0 || c == '\n' || c == '\r' : (c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool format_matches(enum text_format format, struct span text)
{
    switch (format) {
    case FORMAT_EMAIL:
        return is_email(text);
    case FORMAT_HOSTNAME:
        return format_hostname(text);
    case FORMAT_IP:
        return format_ip(text, 0);
    case FORMAT_IPV4:
        return format_ip(text, 4);
    case FORMAT_IPV6:
        return format_ip(text, 6);
    case FORMAT_URI:
        return format_uri(text, false);
    case FORMAT_URI_REF:
        return format_uri(text, true);
    case FORMAT_ADDRESS:
        return format_hostname(text) || format_ip(text, 0);
    case FORMAT_UUID:
        return is_uuid(text);
    case FORMAT_TUUID:
        return text.length == 32 && all_hex(text);
    case FORMAT_ULID:
        return is_ulid(text);
    case FORMAT_IP_WITH_PREFIXLEN:
        return format_ip_prefix(text, 0, false);
    case FORMAT_IPV4_WITH_PREFIXLEN:
        return format_ip_prefix(text, 4, false);
    case FORMAT_IPV6_WITH_PREFIXLEN:
        return format_ip_prefix(text, 6, false);
    case FORMAT_IP_PREFIX:
        return format_ip_prefix(text, 0, true);
    case FORMAT_IPV4_PREFIX:
        return format_ip_prefix(text, 4, true);
    case FORMAT_IPV6_PREFIX:
        return format_ip_prefix(text, 6, true);
    case FORMAT_HOST_AND_PORT:
        return is_host_and_port(text);
    case FORMAT_PROTOBUF_FQN:
        return is_protobuf_name(text);
    case FORMAT_PROTOBUF_DOT_FQN:
        return text.length && text.data[0] == '.' &&
               is_protobuf_name(part_of(text, 1, text.length));
    case FORMAT_HEADER_NAME:
        return is_header_name(text);
    case FORMAT_HEADER_NAME_LOOSE:
        return text.length && is_header_value(text, true);
    case FORMAT_HEADER_VALUE:
        return is_header_value(text, false);
    case FORMAT_HEADER_VALUE_LOOSE:
        return is_header_value(text, true);
    case FORMAT_BYTES_IP:
        return text.length == 4 || text.length == 16;
    case FORMAT_BYTES_IPV4:
        return text.length == 4;
    case FORMAT_BYTES_IPV6:
    case FORMAT_BYTES_UUID:
        return text.length == 16;
    case FORMAT_NONE:
    case FORMAT_COUNT:
        break;
    }
    assert(false && "a format without a function");
    return false;
}
