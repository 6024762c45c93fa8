/* SPDX-License-Identifier: Apache-2.0 */
/* URIs and URI references after RFC 3986, with the zone identifiers of RFC 6874. */
#include "base/text.h"
#include "record/format.h"

#include <string.h>

enum { HOST_MAX = 1024 }; /* decoded bytes of a host with percent-encoding; DNS ends at 253 */

static bool is_unreserved(char c)
{
    return format_is_alpha(c) || format_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_sub_delim(char c)
{
    return c && strchr("!$&'()*+,;=", c);
}

/* Length of the character at `at` if it is unreserved, a sub-delimiter, percent-encoded or one of
 * `others`; 0 if it is none of these. */
static size_t character(const char *at, const char *end, const char *others)
{
    if (at == end)
        return 0;
    if (*at == '%')
        return end - at >= 3 && format_is_hex(at[1]) && format_is_hex(at[2]) ? 3 : 0;
    return is_unreserved(*at) || is_sub_delim(*at) || (*at && strchr(others, *at));
}

static const char *skip(const char *at, const char *end, const char *others)
{
    size_t length;

    while ((length = character(at, end, others)))
        at += length;
    return at;
}

static bool all_of(const char *at, const char *end, const char *others)
{
    return skip(at, end, others) == end;
}

static unsigned char hex_value(char c)
{
    return (unsigned char)(format_is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* RFC 3986 §3.2.2: percent-encoded octets of a host must be UTF-8. */
static bool decodes_to_utf8(const char *at, const char *end)
{
    char decoded[HOST_MAX];
    size_t length = 0;

    if (!memchr(at, '%', (size_t)(end - at)))
        return true;
    while (at < end) {
        if (length == sizeof decoded)
            return false;
        if (*at == '%') {
            decoded[length++] = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            at += 3;
        } else {
            decoded[length++] = *at++;
        }
    }
    return text_utf8_valid(decoded, length);
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_ip_future(const char *at, const char *end)
{
    if (at == end || *at++ != 'v')
        return false;
    const char *digits = at;
    while (at < end && format_is_hex(*at))
        at++;
    if (at == digits || at == end || *at++ != '.')
        return false;
    return at < end && !memchr(at, '%', (size_t)(end - at)) && all_of(at, end, ":");
}

/* What stands between brackets: IPv6address [ "%25" ZoneID ] / IPvFuture. */
static bool is_ip_literal(const char *at, const char *end)
{
    const char *zone = memchr(at, '%', (size_t)(end - at));

    if (is_ip_future(at, end))
        return true;
    if (!zone)
        return format_ip((struct span){at, (size_t)(end - at)}, 6);
    if (end - zone < 4 || memcmp(zone, "%25", 3) != 0)
        return false;
    for (const char *c = zone + 3; c < end; c++)
        if (is_sub_delim(*c))
            return false;
    return all_of(zone + 3, end, "") && decodes_to_utf8(zone + 3, end) &&
           format_ip((struct span){at, (size_t)(zone - at)}, 6);
}

static bool is_host(const char *at, const char *end)
{
    if (at < end && *at == '[')
        return end[-1] == ']' && end - at > 2 && is_ip_literal(at + 1, end - 1);
    return all_of(at, end, "") && decodes_to_utf8(at, end);
}

/* authority = [ userinfo "@" ] host [ ":" port ] */
static bool is_authority(const char *at, const char *end)
{
    const char *user = memchr(at, '@', (size_t)(end - at));
    const char *port = end;

    if (user) {
        if (!all_of(at, user, ":"))
            return false;
        at = user + 1;
    }
    while (port > at && format_is_digit(port[-1]))
        port--;
    if (port > at && port[-1] == ':')
        return is_host(at, port - 1);
    return is_host(at, end);
}

/* hier-part and relative-part. `rootless`: the first segment may hold a colon. */
static bool is_hierarchy(const char *at, const char *end, bool rootless)
{
    if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
        const char *path = memchr(at + 2, '/', (size_t)(end - at - 2));
        if (!path)
            path = end;
        return is_authority(at + 2, path) && all_of(path, end, ":@/");
    }
    if (!rootless) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (memchr(at, ':', (size_t)((slash ? slash : end) - at)))
            return false;
    }
    return all_of(at, end, ":@/");
}

static const char *scheme_end(const char *at, const char *end)
{
    if (at == end || !format_is_alpha(*at))
        return NULL;
    while (at < end &&
           (format_is_alpha(*at) || format_is_digit(*at) || *at == '+' || *at == '-' || *at == '.'))
        at++;
    return at < end && *at == ':' ? at : NULL;
}

bool format_uri(struct span text, bool reference)
{
    const char *at = text.data, *end = at + text.length;
    const char *fragment = memchr(at, '#', text.length);

    if (fragment) {
        if (!all_of(fragment + 1, end, ":@/?"))
            return false;
        end = fragment;
    }
    const char *query = memchr(at, '?', (size_t)(end - at));
    if (query) {
        if (!all_of(query + 1, end, ":@/?"))
            return false;
        end = query;
    }
    const char *scheme = scheme_end(at, end);
    if (scheme && is_hierarchy(scheme + 1, end, true))
        return true;
    return reference && is_hierarchy(at, end, false);
}
