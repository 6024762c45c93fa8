/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the one event loop, and the only file that knows sd-event. Sources only set flags
 * (`struct watch`); what they mean is decided in the engine's step, which is given the time, so
 * that tests drive it without this file.
 */
#ifndef PACTOLUS_ENGINE_LOOP_H
#define PACTOLUS_ENGINE_LOOP_H

#include "base/clock.h"
#include "base/err.h"

struct loop;

/* A socket or an eventfd that the loop looks at. Owned by the loop, lent to whoever asked. */
struct watch {
    bool readable; /* set by the loop, cleared by the user */
    bool writable;
};

struct loop *loop_open(struct err *err);
void loop_close(struct loop *loop);

/* Watch a socket for reading. */
struct watch *loop_watch_socket(struct loop *loop, int fd);
/* Watch an eventfd; the loop itself reads it empty, so that a consumer who is not ready to act does
 * not turn the loop into a spin: `readable` stays set until the user clears it. */
struct watch *loop_watch_event(struct loop *loop, int fd);
void loop_want_write(struct loop *loop, struct watch *watch, bool wanted);
/* Before the descriptor is closed. NULL is allowed. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Sleep until something is ready, a signal came, or `deadline` (monotonic) has passed. */
void loop_wait(struct loop *loop, usec_t now, usec_t deadline);

/* SIGTERM or SIGINT came; how many so far. */
unsigned loop_stops(const struct loop *loop);

/* SIGHUP came: read again what can be; how often so far. */
unsigned loop_reloads(const struct loop *loop);

/* How often systemd wants to hear that this process is alive (WATCHDOG_USEC, if it is meant for
 * this process); 0 = not at all. */
usec_t loop_watchdog(const struct loop *loop);
/* True when loop_notify is heard (NOTIFY_SOCKET). */
bool loop_notified(const struct loop *loop);

/* The socket that systemd has opened for us under this name, or the only one; -1 = there is none. A
 * copy, which is the caller's: an engine that begins anew in this process wants it again. */
int loop_passed_socket(const char *name);

/* Tell systemd: "READY=1", "STATUS=…", "WATCHDOG=1", "STOPPING=1". Does nothing without
 * NOTIFY_SOCKET. */
void loop_notify(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
