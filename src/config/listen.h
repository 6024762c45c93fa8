/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen: where the daemon answers HTTP, as `metrics.listen` says it: "127.0.0.1:9464",
 * "[::1]:9464", ":9464" for every address of the host, or "systemd" for a socket that systemd has
 * opened. Addresses are numbers: a name would have to be looked up, which blocks. Pure; borrows the
 * text.
 */
#ifndef PACTOLUS_CONFIG_LISTEN_H
#define PACTOLUS_CONFIG_LISTEN_H

#include "base/err.h"

#include <sys/socket.h>

struct listen_address {
    bool systemd; /* the socket is handed over; the rest is not set */
    struct sockaddr_storage address;
    socklen_t length;
};

/* False with err (halt, 78; the hint shows the forms). */
bool listen_parse(const char *text, struct listen_address *listen, struct err *err) MUST_CHECK;

#endif
