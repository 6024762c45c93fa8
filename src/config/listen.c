/* SPDX-License-Identifier: Apache-2.0 */
#include "config/listen.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool refused(struct err *err, const char *text)
{
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "metrics.listen: \"%s\" is no address", text);
    return err_hint(err, "\"127.0.0.1:9464\", \"[::1]:9464\", \":9464\" for every address of the "
                         "host, or \"systemd\"");
}

static void take_v4(struct listen_address *listen, const struct in_addr *host, int64_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = *host};
    memcpy(&listen->address, &address, sizeof address);
    listen->length = sizeof address;
}

static void take_v6(struct listen_address *listen, const struct in6_addr *host, int64_t port)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = *host};
    memcpy(&listen->address, &address, sizeof address);
    listen->length = sizeof address;
}

bool listen_parse(const char *text, struct listen_address *listen, struct err *err)
{
    const char *colon = strrchr(text, ':');
    struct in_addr v4;
    struct in6_addr v6 = IN6ADDR_ANY_INIT; /* takes IPv4 too */
    char host[64];
    int64_t port;
    *listen = (struct listen_address){.systemd = strcmp(text, "systemd") == 0};
    if (listen->systemd)
        return true;
    if (!colon || (size_t)(colon - text) >= sizeof host || !text_parse_int(colon + 1, &port) ||
        port < 1 || port > 65535)
        return refused(err, text);
    size_t length = (size_t)(colon - text);
    memcpy(host, text, length);
    host[length] = 0;
    bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (bracketed) {
        memmove(host, host + 1, length - 2);
        host[length - 2] = 0;
    }
    if (length == 0 || (bracketed && inet_pton(AF_INET6, host, &v6) == 1))
        take_v6(listen, &v6, port);
    else if (!bracketed && inet_pton(AF_INET, host, &v4) == 1)
        take_v4(listen, &v4, port);
    else
        return refused(err, text);
    return true;
}
