/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/http.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 64, PATH_KEPT = 32 };

struct client {
    struct MHD_Connection *connection; /* NULL = free */
    int fd;                            /* libmicrohttpd's */
    usec_t since;                      /* USEC_NEVER: it was cut */
};

struct http {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    http_handler *handler;
    void *context;
    usec_t now, again;
    struct client clients[HTTP_CONNECTIONS];
    unsigned n_clients;
    struct http_counts counts;
    /* The last answer that may be given again. */
    struct MHD_Response *kept;
    char kept_path[PATH_KEPT];
    unsigned kept_status;
    usec_t kept_until;
};

/* ---- answers ---- */

static void count(struct http *http, unsigned status)
{
    http->counts.ok += status == MHD_HTTP_OK;
    http->counts.unavailable += status == MHD_HTTP_SERVICE_UNAVAILABLE;
    http->counts.not_found += status == MHD_HTTP_NOT_FOUND;
    http->counts.bad_method += status == MHD_HTTP_METHOD_NOT_ALLOWED;
}

/* Takes the body. NULL when there is no memory: libmicrohttpd then closes the connection. */
static struct MHD_Response *response_of(struct buf *body, const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        buf_free(body);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    /* One request to a connection: so the time that a connection has bounds all that it can do. */
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

static void drop_kept(struct http *http)
{
    if (http->kept)
        MHD_destroy_response(http->kept);
    http->kept = NULL;
}

static enum MHD_Result send_plain(struct http *http, struct MHD_Connection *connection,
                                  unsigned status, const char *text)
{
    struct buf body = BUF_INIT;
    buf_puts(&body, text);
    struct MHD_Response *response = response_of(&body, "text/plain; charset=utf-8");
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    count(http, status);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_kept(struct http *http, struct MHD_Connection *connection)
{
    count(http, http->kept_status);
    return MHD_queue_response(connection, http->kept_status, http->kept);
}

static enum MHD_Result ask_handler(struct http *http, struct MHD_Connection *connection,
                                   const char *path)
{
    struct http_answer answer = {.type = "text/plain; charset=utf-8"};
    http->handler(http->context, path, &answer);
    if (answer.status == 0) {
        buf_free(&answer.body);
        return send_plain(http, connection, MHD_HTTP_NOT_FOUND,
                          "there is /metrics, /healthz and /readyz\n");
    }
    struct MHD_Response *response = response_of(&answer.body, answer.type);
    if (!response)
        return MHD_NO;
    count(http, answer.status);
    enum MHD_Result result = MHD_queue_response(connection, answer.status, response);
    if (answer.keep_for == 0) {
        MHD_destroy_response(response);
        return result;
    }
    drop_kept(http);
    http->kept = response;
    http->kept_status = answer.status;
    http->kept_until = http->now + answer.keep_for;
    snprintf(http->kept_path, sizeof http->kept_path, "%s", path);
    return result;
}

/* Called when the head is read; whatever body was announced stays unread, since the answer is there
 * already. */
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct http *http = self;
    (void)version, (void)upload, (void)state;
    *upload_size = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_plain(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (http->kept && http->now < http->kept_until && strcmp(path, http->kept_path) == 0)
        return send_kept(http, connection);
    return ask_handler(http, connection, path);
}

/* ---- connections ---- */

static void on_connection(void *self, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = self;
    (void)socket_context;
    struct MHD_Connection *wanted = code == MHD_CONNECTION_NOTIFY_STARTED ? NULL : connection;
    for (unsigned i = 0; i < HTTP_CONNECTIONS; i++) {
        struct client *client = &http->clients[i];
        if (client->connection != wanted)
            continue;
        *client = (struct client){0};
        http->n_clients += wanted ? -1U : 1U;
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
            *client = (struct client){
                connection,
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                http->now};
        return;
    }
}

static void cut(struct http *http, struct client *client)
{
    client->since = USEC_NEVER;
    http->counts.cut++;
    shutdown(client->fd, SHUT_RDWR); /* libmicrohttpd finds it ended and closes it */
}

/* Ends those that had their time. Returns when the next one's is over. */
static usec_t cut_slow(struct http *http)
{
    struct client *oldest = NULL;
    for (unsigned i = 0; i < HTTP_CONNECTIONS; i++) {
        struct client *client = &http->clients[i];
        if (client->connection && client->since != USEC_NEVER &&
            (!oldest || client->since < oldest->since))
            oldest = client;
    }
    if (!oldest)
        return USEC_NEVER;
    usec_t due =
        oldest->since + (http->n_clients == HTTP_CONNECTIONS ? HTTP_CROWDED : HTTP_PATIENCE);
    if (http->now < due)
        return due;
    cut(http, oldest);
    return http->now;
}

static void on_log(void *self, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void on_log(void *self, const char *format, va_list args)
{
    char text[256];
    (void)self;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = 0;
    log_debug("http: %s", text);
}

/* ---- the server ---- */

static int listen_failed(int fd, struct err *err)
{
    int code = errno;
    if (fd >= 0)
        close(fd);
    err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "cannot listen: %s", strerror(code));
    return -1;
}

int http_listen(const struct listen_address *at, struct err *err)
{
    static const int on = 1, off = 0;
    int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return listen_failed(fd, err);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr *)&at->address, at->length) != 0 ||
        listen(fd, BACKLOG) != 0)
        return listen_failed(fd, err);
    return fd;
}

struct http *http_open(struct loop *loop, int socket, http_handler *handler, void *context,
                       struct err *err)
{
    struct http *http = mem_zero(1, sizeof *http);
    *http = (struct http){.loop = loop, .handler = handler, .context = context};
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, socket,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_REQUEST, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(HTTP_PATIENCE / USEC_PER_SEC), MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        err_set(err, ERR_RETRY, ERR_EXIT_UNAVAILABLE, "cannot start the http server");
        if (http->daemon)
            MHD_stop_daemon(http->daemon);
        else
            close(socket);
        free(http);
        return NULL;
    }
    http->watch = loop_watch_socket(loop, info->epoll_fd);
    return http;
}

/* With all connections taken libmicrohttpd does not listen, and begins again in the first run after
 * one has ended, for which nothing else would call. */
static void run(struct http *http)
{
    unsigned before;
    do {
        before = http->n_clients;
        MHD_run(http->daemon);
    } while (http->n_clients < before);
}

usec_t http_turn(struct http *http, usec_t now)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (!http->watch->readable && now < http->again)
        return http->again;
    http->watch->readable = false;
    http->now = now;
    run(http);
    http->again = cut_slow(http);
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES &&
        now + (usec_t)wait_ms * USEC_PER_MS < http->again)
        http->again = now + (usec_t)wait_ms * USEC_PER_MS;
    return http->again;
}

const struct http_counts *http_counts(const struct http *http)
{
    return &http->counts;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    loop_unwatch(http->loop, http->watch);
    MHD_stop_daemon(http->daemon); /* and closes the socket */
    drop_kept(http);
    free(http);
}
