/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/relay.h"

#include "base/log.h"
#include "engine/letter_headers.h"
#include "kafka/producer.h"
#include "postgres/ledger.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_LETTERS = 500,
    ROUND_BYTES = 4 * 1024 * 1024,
    DELIVERY_MS = 30000,
    HOLDER_STALE_S = 90, /* a holder silent for longer than any round has lost the row */
};
static const usec_t look_again = 2 * USEC_PER_SEC;

struct relay {
    struct job job; /* first; under way while busy */
    struct engine *engine;
    struct worker *worker;
    struct watch *watch;
    bool busy, kicked;
    atomic_bool stopping;
    usec_t due;
    struct backoff backoff;
    struct log_gate gate;
    struct relay_counts counts;
    /* The worker thread's own while busy: */
    PGconn *conn;
    struct producer *producer;
    struct arena arena;
    bool giving_up; /* this job only lets go of the row */
    int64_t after;  /* where this round begins: letters that fail must not hide the others */
    struct letter *letters;      /* of this round */
    enum letter_extent *extents; /* by letter: what of it goes */
    bool *too_large;             /* by letter: it, or the batch that it went in */
    int64_t *delivered;          /* ids of this round's delivered letters */
    unsigned n_delivered;
    /* What the last round found: */
    bool ok, more, held;
    unsigned n_failed;
    struct err err, delivery;
};

static void fail(struct relay *relay, const struct letter *letter, const struct err *err)
{
    relay->n_failed++;
    relay->delivery = *err;
    err_place(&relay->delivery, "%s", letter->dlq_topic);
}

static void on_report(void *context, void *tag, rd_kafka_resp_err_t code, int32_t partition,
                      int64_t offset)
{
    (void)partition, (void)offset;
    struct relay *relay = context;
    const struct letter *letter = tag;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        relay->delivered[relay->n_delivered++] = letter->id;
        return;
    }
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
        code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE) {
        relay->too_large[letter - relay->letters] = true;
        return;
    }
    struct err err;
    kafka_error(&err, code, rd_kafka_err2str(code));
    fail(relay, letter, &err);
}

static bool open_clients(struct relay *relay)
{
    const struct engine *engine = relay->engine;
    if (relay->conn && conn_lost(relay->conn)) {
        conn_close(relay->conn);
        relay->conn = NULL;
    }
    if (!relay->conn)
        relay->conn = conn_open(&engine->conn_options, &relay->err);
    if (!relay->conn)
        return false;
    if (relay->producer && producer_fatal(relay->producer, &relay->err)) {
        producer_close(relay->producer);
        relay->producer = NULL;
    }
    if (relay->producer)
        producer_refresh(relay->producer);
    if (!relay->producer) {
        struct errs errs = {0};
        relay->producer = producer_open(&engine->kafka_options, on_report, relay, &errs);
        if (!relay->producer)
            relay->err = errs.items[0];
        errs_free(&errs);
    }
    return relay->producer != NULL;
}

/* What the DLQ topic does not take for its size goes without the value, or with our headers alone:
 * the ledger keeps it all. */
static void send_letter(struct relay *relay, struct letter *letter)
{
    size_t at = (size_t)(letter - relay->letters);
    enum letter_extent extent = relay->extents[at];
    struct header *headers =
        arena_alloc(&relay->arena, (letter->n_headers + LETTER_HEADERS) * sizeof(*headers));
    struct producer_message message = {
        .topic = letter->dlq_topic,
        .partition = -1,
        .headers = headers,
        .n_headers =
            letter_headers(letter, relay->engine->config->group, extent, &relay->arena, headers),
        /* Stamped now: the original time would let retention delete it at once. */
        .timestamp = 0,
        .tag = letter,
    };
    if (extent != LETTER_OURS)
        message.key = letter->key;
    if (extent == LETTER_WHOLE)
        message.value = letter->value;
    struct err err;
    relay->too_large[at] = false;
    if (producer_send(relay->producer, &message, DELIVERY_MS, &err))
        return;
    relay->too_large[at] = err.class == ERR_REJECT;
    if (!relay->too_large[at])
        fail(relay, letter, &err);
}

/* Await the reports, but not when the daemon is to end: what is not marked is sent again. */
static bool delivered_all(struct relay *relay)
{
    enum { SLICE_MS = 50 };
    unsigned out = 1;
    for (int waited = 0; out && waited < DELIVERY_MS; waited += SLICE_MS) {
        out = producer_drain(relay->producer, SLICE_MS);
        if (out && atomic_load(&relay->stopping))
            break;
    }
    return out == 0;
}

/* The broker refuses whole batches for their size: so a letter of one goes again, alone, and only
 * then with less and less of it. False when the reports did not come. */
static bool send_alone(struct relay *relay, struct letter *letter)
{
    size_t at = (size_t)(letter - relay->letters);
    struct err err;
    for (;;) {
        send_letter(relay, letter);
        if (!delivered_all(relay))
            return false;
        if (!relay->too_large[at])
            return true;
        if (relay->extents[at] + 1 == LETTER_EXTENTS)
            break;
        relay->extents[at]++;
    }
    kafka_error(&err, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "even its headers are too large");
    fail(relay, letter, &err);
    return true;
}

/* One round, in the worker thread: hold the row, fetch, produce, await, mark. */
static bool round_of(struct relay *relay)
{
    const char *group = relay->engine->config->group;
    int64_t fence;
    struct letter *letters;
    unsigned n;
    bool marked;
    relay->more = relay->held = false;
    relay->n_delivered = relay->n_failed = 0;
    arena_reset(&relay->arena, ROUND_BYTES);
    if (!open_clients(relay) || !ledger_hold(relay->conn, group, relay->engine->owner,
                                             HOLDER_STALE_S, &relay->held, &fence, &relay->err))
        return false;
    if (!relay->held)
        return true;
    if (!ledger_fetch(relay->conn, group, relay->after, ROUND_LETTERS, ROUND_BYTES, &relay->arena,
                      &letters, &n, &relay->err))
        return false;
    relay->letters = letters;
    memset(relay->extents, 0, ROUND_LETTERS * sizeof(*relay->extents));
    for (unsigned i = 0; i < n; i++)
        send_letter(relay, &letters[i]);
    bool all = delivered_all(relay);
    for (unsigned i = 0; all && i < n; i++)
        all = !relay->too_large[i] || send_alone(relay, &letters[i]);
    if (!all) {
        /* Reports that come later would speak of letters that are gone. */
        producer_close(relay->producer);
        relay->producer = NULL;
    }
    relay->more = n > 0 && relay->n_failed == 0;
    if (relay->n_failed > 0)
        relay->after = letters[n - 1].id;
    else if (n == 0)
        relay->after = 0; /* what failed is tried again from the oldest on */
    return ledger_mark(relay->conn, group, fence, relay->delivered, relay->n_delivered, &marked,
                       &relay->err);
}

/* At the end: so that another daemon need not wait until we are stale. */
static bool give_up(struct relay *relay)
{
    relay->held = relay->more = false;
    relay->n_delivered = relay->n_failed = 0;
    return !relay->conn || ledger_release(relay->conn, relay->engine->config->group,
                                          relay->engine->owner, &relay->err);
}

static void run(struct job *job)
{
    struct relay *relay = (struct relay *)job;
    err_clear(&relay->err);
    relay->ok = relay->giving_up ? give_up(relay) : round_of(relay);
    /* As engine/service: it may be on a server that is no longer the primary, so start afresh. */
    if (!relay->ok && relay->err.class == ERR_RETRY) {
        conn_close(relay->conn);
        relay->conn = NULL;
    }
}

struct relay *relay_open(struct engine *engine, struct err *err)
{
    struct relay *relay = mem_zero(1, sizeof(*relay));
    relay->engine = engine;
    relay->job.run = run;
    relay->kicked = true; /* letters of an earlier life may wait */
    relay->backoff = (struct backoff){.base = engine->config->retry_base,
                                      .cap = engine->config->retry_cap,
                                      .seed = (uint64_t)(uintptr_t)relay};
    relay->delivered = mem_zero(ROUND_LETTERS, sizeof(*relay->delivered));
    relay->extents = mem_zero(ROUND_LETTERS, sizeof(*relay->extents));
    relay->too_large = mem_zero(ROUND_LETTERS, sizeof(*relay->too_large));
    arena_init(&relay->arena, (size_t)256 * 1024);
    relay->worker = worker_open("pactolus-relay", err);
    if (!relay->worker) {
        free(relay->delivered);
        free(relay->extents);
        free(relay->too_large);
        free(relay);
        return NULL;
    }
    relay->watch = loop_watch_socket(engine->loop, worker_fd(relay->worker));
    return relay;
}

void relay_kick(struct relay *relay)
{
    relay->kicked = true;
}

static void complain(struct relay *relay, const struct err *err, const char *what, usec_t now)
{
    unsigned long held;
    if (log_gate_open(&relay->gate, now, 30 * USEC_PER_SEC, &held))
        log_err(LOG_LEVEL_WARNING, what, err);
}

static void finished(struct relay *relay, usec_t now)
{
    relay->busy = false;
    relay->counts.relayed += relay->n_delivered;
    relay->counts.failed += relay->n_failed;
    relay->counts.holding = relay->held;
    relay->due = now + look_again;
    if (!relay->ok || relay->n_failed) {
        complain(relay, relay->ok ? &relay->delivery : &relay->err,
                 "dead letters wait in the ledger", now);
        relay->due = now + backoff_next(&relay->backoff);
        return;
    }
    backoff_reset(&relay->backoff);
    if (relay->more)
        relay->due = now;
}

usec_t relay_turn(struct relay *relay, usec_t now)
{
    if (relay->watch->readable) {
        relay->watch->readable = false;
        if (worker_take(relay->worker))
            finished(relay, now);
    }
    if (relay->busy)
        return USEC_NEVER;
    if (relay->engine->stops > 0) {
        if (relay->counts.holding && !relay->giving_up) {
            relay->giving_up = relay->busy = true;
            worker_submit(relay->worker, &relay->job);
        }
        return USEC_NEVER;
    }
    if (relay->kicked && relay->backoff.attempts == 0)
        relay->due = now;
    if (now < relay->due)
        return relay->due;
    relay->kicked = false;
    relay->busy = true;
    worker_submit(relay->worker, &relay->job);
    return USEC_NEVER;
}

bool relay_idle(const struct relay *relay)
{
    return !relay->busy && !relay->kicked && !relay->more;
}

usec_t relay_busy(const struct relay *relay, usec_t now)
{
    return worker_busy(relay->worker, now);
}

const struct relay_counts *relay_counts(const struct relay *relay)
{
    return &relay->counts;
}

bool relay_close(struct relay *relay, usec_t patience)
{
    if (!relay)
        return true;
    atomic_store(&relay->stopping, true);
    loop_unwatch(relay->engine->loop, relay->watch);
    while (worker_take(relay->worker))
        relay->busy = false;
    if (!worker_close(relay->worker, patience, NULL))
        return false;
    conn_close(relay->conn);
    if (relay->producer)
        producer_close(relay->producer);
    arena_free(&relay->arena);
    free(relay->delivered);
    free(relay->extents);
    free(relay->too_large);
    free(relay);
    return true;
}
