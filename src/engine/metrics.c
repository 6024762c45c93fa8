/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/metrics.h"

#include "base/log.h"
#include "engine/membership.h"
#include "engine/metrics_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const usec_t listen_again = 5 * USEC_PER_SEC;
/* A page costs some milliseconds when there are a thousand partitions: whoever asks all the time
 * gets the same one for a while. */
static const usec_t page_keeps = 250 * USEC_PER_MS;

/* ---- answers ---- */

static void amiss(struct http_answer *answer, const char *what)
{
    answer->status = 503;
    buf_puts(&answer->body, what);
    buf_putc(&answer->body, '\n');
}

/* It does its work: the group's answer is settled, the database answers, some stream runs or is
 * paused, which somebody wants. */
static void ready(const struct metrics *metrics, struct http_answer *answer)
{
    const struct engine *engine = metrics->engine;
    unsigned halted = 0;
    answer->status = 200;
    for (unsigned i = 0; i < engine->n_live; i++) {
        const struct live_stream *live = &engine->live[i];
        const ptrdiff_t number = live->stream->config - engine->config->streams;
        halted += engine_halted(live) && metrics->gauges[number].state != STREAM_PAUSED;
    }
    if (engine->stops)
        amiss(answer, "it is stopping");
    if (!membership_owns(engine->membership)) {
        amiss(answer, "the consumer group has not settled:");
        answer->body.length--; /* the state stands on the same line */
        buf_printf(&answer->body, " %s\n", membership_state(engine->membership));
    }
    if (!metrics_database_answers(metrics, clock_monotonic()))
        amiss(answer, "the database does not answer");
    if (halted == engine->n_live)
        amiss(answer, "every stream is halted");
    if (answer->status == 200)
        buf_puts(&answer->body, "ready\n");
}

static void answer(void *self, const char *path, struct http_answer *answer)
{
    struct metrics *metrics = self;
    if (strcmp(path, "/metrics") == 0) {
        answer->status = 200;
        answer->type = EXPOSITION_CONTENT_TYPE;
        answer->keep_for = page_keeps;
        metrics_write(metrics, &answer->body);
    } else if (strcmp(path, "/healthz") == 0) {
        answer->status = 200;
        buf_puts(&answer->body, "the loop turns\n");
    } else if (strcmp(path, "/readyz") == 0) {
        ready(metrics, answer);
    }
}

/* ---- listening ---- */

static int socket_of(const struct config *config, struct err *err)
{
    struct listen_address at;
    if (!listen_parse(config->metrics_listen, &at, err))
        return -1; /* judged with the configuration */
    if (!at.systemd)
        return http_listen(&at, err);
    int fd = loop_passed_socket("metrics");
    if (fd < 0) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "systemd hands no listening socket over");
        err_hint(err, "a .socket unit with FileDescriptorName=metrics, or an address in "
                      "metrics.listen");
    }
    return fd;
}

static void try_to_listen(struct metrics *metrics, usec_t now)
{
    struct engine *engine = metrics->engine;
    struct err err = ERR_INIT;
    int fd = socket_of(engine->config, &err);
    if (fd >= 0)
        metrics->http = http_open(engine->loop, fd, answer, metrics, &err);
    metrics->listen_at = err.class == ERR_HALT ? USEC_NEVER : now + listen_again;
    if (metrics->http) {
        log_notice("metrics: answering at %s", engine->config->metrics_listen);
    } else if (!metrics->told) {
        err_place(&err, "%s", engine->config->metrics_listen);
        log_err(LOG_LEVEL_WARNING, "no metrics", &err);
        metrics->told = true;
    }
}

/* ---- its life ---- */

struct metrics *metrics_open(struct engine *engine)
{
    if (!engine->config->metrics_listen)
        return NULL;
    struct metrics *metrics = mem_zero(1, sizeof(*metrics));
    static usec_t began; /* the process's: an engine may begin anew in it */
    if (began == 0)
        began = clock_wall();
    *metrics = (struct metrics){.engine = engine, .began = began};
    metrics->gauges = mem_zero(engine->config->n_streams + 1, sizeof(*metrics->gauges));
    return metrics;
}

usec_t metrics_turn(struct metrics *metrics, usec_t now)
{
    if (!metrics)
        return USEC_NEVER;
    if (!metrics->http && now >= metrics->listen_at)
        try_to_listen(metrics, now);
    usec_t again = metrics->http ? http_turn(metrics->http, now) : metrics->listen_at;
    usec_t look = metrics_look(metrics, now);
    return look < again ? look : again;
}

void metrics_close(struct metrics *metrics)
{
    if (!metrics)
        return;
    http_close(metrics->http);
    free(metrics->gauges);
    free(metrics);
}
