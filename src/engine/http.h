/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: a small HTTP server on the event loop, by libmicrohttpd, whose epoll descriptor nests in
 * the loop: no thread of its own. For a few readers on a trusted network; everything that comes in
 * is bounded all the same:
 *
 *   connections     HTTP_CONNECTIONS at a time; the others wait in the kernel's queue
 *   a request       HTTP_REQUEST bytes of head; a body is never read
 *   a connection    HTTP_PATIENCE in all, from accept to the last byte, and one request; when all
 *                   are taken, whoever has had one longest gives way after HTTP_CROWDED
 *   an answer       one that is dear to make is kept for a moment and given to all who ask
 *
 * So whoever sends garbage, sends slowly, or does not read, costs a connection for some seconds.
 */
#ifndef PACTOLUS_ENGINE_HTTP_H
#define PACTOLUS_ENGINE_HTTP_H

#include "base/buf.h"
#include "config/listen.h"
#include "engine/loop.h"

enum { HTTP_CONNECTIONS = 32, HTTP_REQUEST = 8 * 1024 };
#define HTTP_PATIENCE (10 * USEC_PER_SEC)
#define HTTP_CROWDED  (1 * USEC_PER_SEC)

struct http;

struct http_answer {
    unsigned status; /* 200, 503, …; 404 when it is left at 0 */
    const char *type;
    struct buf body;  /* taken over */
    usec_t keep_for;  /* it may be given again for so long; 0 = once */
};
/* GET or HEAD of `path`, without its query. In the event loop's thread; must not block. */
typedef void http_handler(void *context, const char *path, struct http_answer *answer);

/* Answered so far; read by metrics. */
struct http_counts {
    uint64_t ok, unavailable, not_found, bad_method;
    uint64_t cut; /* connections ended for being slow */
};

/* A listening socket, not blocking, with SO_REUSEADDR. -1 with err (retry/69: it is taken, or the
 * address is not the host's). */
int http_listen(const struct listen_address *at, struct err *err);
/* Takes the listening socket over. NULL with err. */
struct http *http_open(struct loop *loop, int socket, http_handler *handler, void *context,
                       struct err *err);
/* Accept, read, answer. Returns when to come again. */
usec_t http_turn(struct http *http, usec_t now);
const struct http_counts *http_counts(const struct http *http);
/* NULL is allowed. */
void http_close(struct http *http);

#endif
