/* SPDX-License-Identifier: Apache-2.0 */
/* value_net: IP addresses and networks in the binary form of PostgreSQL's inet and cidr. */
#include "record/value_forms.h"

#include <arpa/inet.h>
#include <string.h>

enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 3, ADDRESS_TEXT_MAX = 45 };

/* "/24" up to the end: digits without a leading zero. */
static bool take_bits(const char *at, const char *end, unsigned most, unsigned *bits)
{
    const char *begin = at;
    *bits = 0;
    for (; at < end && *at >= '0' && *at <= '9' && at - begin < 3; at++)
        *bits = *bits * 10 + (unsigned)(*at - '0');
    return at == end && at > begin && (*begin != '0' || at - begin == 1) && *bits <= most;
}

/* Are all bits past the first `bits` zero? */
static bool is_network(const unsigned char *address, unsigned width, unsigned bits)
{
    for (unsigned bit = bits; bit < width; bit++) {
        if (address[bit / 8] & (0x80 >> bit % 8))
            return false;
    }
    return true;
}

size_t value_parse_net(struct span text, bool network, char out[VALUE_NET_MAX])
{
    char copy[ADDRESS_TEXT_MAX + 1];
    const char *slash = memchr(text.data, '/', text.length);
    size_t length = slash ? (size_t)(slash - text.data) : text.length;
    if (length > ADDRESS_TEXT_MAX || memchr(text.data, 0, length))
        return 0;
    memcpy(copy, text.data, length);
    copy[length] = '\0';
    bool six = strchr(copy, ':') != NULL;
    unsigned width = six ? 128 : 32, bits = width;
    if (inet_pton(six ? AF_INET6 : AF_INET, copy, out + 4) != 1)
        return 0;
    if (slash && !take_bits(slash + 1, text.data + text.length, width, &bits))
        return 0;
    if (network && !is_network((const unsigned char *)out + 4, width, bits))
        return 0;
    out[0] = six ? FAMILY_IPV6 : FAMILY_IPV4;
    out[1] = (char)bits;
    out[2] = network;
    out[3] = (char)(width / 8);
    return 4 + width / 8;
}
