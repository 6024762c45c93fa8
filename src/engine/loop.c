/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/loop.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* Sources dispatched in one wait: a level-triggered socket stays ready until the engine reads it,
 * so the collection of what is ready must end by itself. */
enum { LOOP_GATHER = 8 };

struct loop {
    sd_event *event;
    unsigned stops, reloads;
    uint64_t watchdog;
};

/* The public part first, so that both are one allocation. */
struct source {
    struct watch watch;
    sd_event_source *source;
    bool drain;
};

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    (void)source;
    struct loop *loop = data;
    if (info->ssi_signo == SIGHUP)
        loop->reloads++;
    else
        loop->stops++;
    return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    (void)source;
    struct source *self = data;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        self->watch.readable = true;
    if (events & EPOLLOUT)
        self->watch.writable = true;
    if (self->drain) {
        uint64_t count;
        while (read(fd, &count, sizeof(count)) > 0)
            ;
    }
    return 0;
}

static bool failed(struct err *err, const char *what, int code)
{
    return err_set(err, ERR_HALT, ERR_EXIT_SOFTWARE, "%s: %s", what, strerror(-code));
}

struct loop *loop_open(struct err *err)
{
    struct loop *loop = mem_zero(1, sizeof(*loop));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int code = sd_event_new(&loop->event);
    if (code >= 0)
        code = sd_event_add_signal(loop->event, NULL, SIGTERM, on_signal, loop);
    if (code >= 0)
        code = sd_event_add_signal(loop->event, NULL, SIGINT, on_signal, loop);
    if (code >= 0)
        code = sd_event_add_signal(loop->event, NULL, SIGHUP, on_signal, loop);
    /* Not by sd-event itself, which would ping whatever the rest of the process does. */
    if (code >= 0)
        code = sd_event_set_watchdog(loop->event, false);
    if (sd_watchdog_enabled(0, &loop->watchdog) <= 0)
        loop->watchdog = 0;
    if (code < 0) {
        failed(err, "cannot make the event loop", code);
        loop_close(loop);
        return NULL;
    }
    return loop;
}

void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    sd_event_unref(loop->event);
    free(loop);
}

static struct watch *watch_fd(struct loop *loop, int fd, bool drain)
{
    struct source *self = mem_zero(1, sizeof(*self));
    self->drain = drain;
    /* A descriptor of our own: libpq closes a broken socket by itself, and another connection may
     * get its number before it is unwatched here. */
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int code = own < 0 ? -errno
                       : sd_event_add_io(loop->event, &self->source, own, EPOLLIN, on_ready, self);
    if (code >= 0)
        code = sd_event_source_set_io_fd_own(self->source, true);
    if (code < 0) {
        fprintf(stderr, "cannot watch descriptor %d: %s\n", fd, strerror(-code));
        abort(); /* a descriptor that is closed or watched twice: our bug */
    }
    return &self->watch;
}

struct watch *loop_watch_socket(struct loop *loop, int fd)
{
    return watch_fd(loop, fd, false);
}

struct watch *loop_watch_event(struct loop *loop, int fd)
{
    return watch_fd(loop, fd, true);
}

void loop_want_write(struct loop *loop, struct watch *watch, bool wanted)
{
    (void)loop;
    struct source *self = (struct source *)watch;
    uint32_t events = 0;
    sd_event_source_get_io_events(self->source, &events);
    uint32_t wished = EPOLLIN | (wanted ? EPOLLOUT : 0U);
    if (events != wished)
        sd_event_source_set_io_events(self->source, wished);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    (void)loop;
    if (!watch)
        return;
    struct source *self = (struct source *)watch;
    sd_event_source_disable_unref(self->source);
    free(self);
}

void loop_wait(struct loop *loop, usec_t now, usec_t deadline)
{
    uint64_t patience = deadline == USEC_NEVER ? UINT64_MAX
                        : deadline <= now      ? 0
                                               : (uint64_t)(deadline - now);
    int code = sd_event_run(loop->event, patience);
    for (int i = 0; code > 0 && i < LOOP_GATHER; i++)
        code = sd_event_run(loop->event, 0);
}

unsigned loop_stops(const struct loop *loop)
{
    return loop->stops;
}

unsigned loop_reloads(const struct loop *loop)
{
    return loop->reloads;
}

usec_t loop_watchdog(const struct loop *loop)
{
    return (usec_t)loop->watchdog;
}

bool loop_notified(const struct loop *loop)
{
    (void)loop;
    const char *socket = getenv("NOTIFY_SOCKET");
    return socket && *socket;
}

int loop_passed_socket(const char *name)
{
    char **names = NULL;
    int found = -1, n = sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < n; i++)
        if (n == 1 || strcmp(names[i], name) == 0)
            found = SD_LISTEN_FDS_START + i;
    for (int i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
    if (found < 0 || sd_is_socket(found, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        return -1;
    return fcntl(found, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START);
}

void loop_notify(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) >= 0)
        sd_notify(0, text);
    free(text);
    va_end(args);
}
