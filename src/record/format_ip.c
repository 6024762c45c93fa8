/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 in dotted decimals, IPv6 after RFC 4291 with an RFC 4007 zone, and prefixes of both. */
#include "record/format.h"

#include <string.h>

enum { GROUPS = 8 }; /* of 16 bits in an IPv6 address */

struct address {
    unsigned char bytes[16];
    unsigned width; /* in bits: 32 or 128 */
    bool zone;
};

/* A decimal number without leading zeros, at most `max` (three digits). Moves `at` past it. */
static bool read_decimal(const char **at, const char *end, unsigned max, unsigned *value)
{
    const char *begin = *at;

    *value = 0;
    while (*at < end && format_is_digit(**at)) {
        if (*at - begin == 3)
            return false;
        *value = *value * 10 + (unsigned)(*(*at)++ - '0');
    }
    return *at > begin && (*at - begin == 1 || *begin != '0') && *value <= max;
}

static bool read_ipv4(const char **at, const char *end, unsigned char octets[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned value;
        if (i && (*at == end || *(*at)++ != '.'))
            return false;
        if (!read_decimal(at, end, 255, &value))
            return false;
        octets[i] = (unsigned char)value;
    }
    return true;
}

/* One to four hexadecimal digits; zero digits are no group (0), more than four an error (-1). */
static int read_group(const char **at, const char *end, unsigned *value)
{
    int digits = 0;

    *value = 0;
    for (; *at < end && format_is_hex(**at); (*at)++) {
        char c = **at;
        unsigned digit =
            format_is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        *value = *value << 4 | digit;
        if (++digits > 4)
            return -1;
    }
    return digits;
}

/* Is the next group the dotted form of the last 32 bits? */
static bool dotted_ahead(const char *at, const char *end)
{
    while (at < end && format_is_digit(*at))
        at++;
    return at < end && *at == '.';
}

/* Groups up to the end, a slash or a zone; `gap` is where "::" was found, or -1. */
static bool read_groups(const char **at, const char *end, unsigned char *bytes, size_t *count,
                        int *gap)
{
    if (end - *at >= 2 && (*at)[0] == ':' && (*at)[1] == ':') {
        *gap = 0;
        *at += 2;
    }
    while (*at < end && format_is_hex(**at)) {
        unsigned value;
        if (*count >= GROUPS)
            return false;
        if (dotted_ahead(*at, end)) {
            if (*count > GROUPS - 2 || !read_ipv4(at, end, bytes + *count * 2))
                return false;
            *count += 2;
            return true;
        }
        if (read_group(at, end, &value) <= 0)
            return false;
        be16_store(bytes + *count * 2, (uint16_t)value);
        (*count)++;
        if (*at == end || **at != ':')
            return true;
        (*at)++;
        if (*at < end && **at == ':') {
            if (*gap >= 0)
                return false;
            *gap = (int)*count;
            (*at)++;
        } else if (*at == end || !format_is_hex(**at)) {
            return false; /* a lone colon at the end */
        }
    }
    return true;
}

static bool read_ipv6(const char **at, const char *end, struct address *address)
{
    unsigned char bytes[16] = {0};
    size_t count = 0;
    int gap = -1;

    if (!read_groups(at, end, bytes, &count, &gap))
        return false;
    if (gap < 0 ? count != GROUPS : count >= GROUPS)
        return false;
    memset(address->bytes, 0, sizeof address->bytes);
    size_t head = gap < 0 ? 16 : (size_t)gap * 2, tail = count * 2 - head * (gap >= 0);
    memcpy(address->bytes, bytes, head);
    if (gap >= 0)
        memcpy(address->bytes + 16 - tail, bytes + head, tail);
    if (*at < end && **at == '%') { /* a zone may be any text that is not empty */
        if (*at + 1 == end)
            return false;
        address->zone = true;
        *at = end;
    }
    return true;
}

static bool read_address(const char **at, const char *end, int version, struct address *address)
{
    *address = (struct address){.width = version == 4 ? 32 : 128};
    return version == 4 ? read_ipv4(at, end, address->bytes) : read_ipv6(at, end, address);
}

bool format_ip(struct span text, int version)
{
    const char *at = text.data, *end = at + text.length;
    struct address address;

    if (version == 0)
        return format_ip(text, 4) || format_ip(text, 6);
    return read_address(&at, end, version, &address) && at == end;
}

static bool rest_is_zero(const struct address *address, unsigned prefix)
{
    for (unsigned bit = prefix; bit < address->width; bit++)
        if (address->bytes[bit / 8] & (0x80u >> bit % 8))
            return false;
    return true;
}

bool format_ip_prefix(struct span text, int version, bool network)
{
    const char *at = text.data, *end = at + text.length;
    struct address address;
    unsigned prefix;

    if (version == 0)
        return format_ip_prefix(text, 4, network) || format_ip_prefix(text, 6, network);
    if (!read_address(&at, end, version, &address) || address.zone || at == end || *at++ != '/')
        return false;
    return read_decimal(&at, end, address.width, &prefix) && at == end &&
           (!network || rest_is_zero(&address, prefix));
}
