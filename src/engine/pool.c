/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pool.h"

#include "base/log.h"
#include "engine/engine.h"
#include "postgres/claim.h"

#include <assert.h>
#include <stdlib.h>

struct opening {
    struct job job;
    struct pool *pool;
    struct pool_slot *slot;
    struct writer *writer;
    struct err err;
};

struct pool {
    struct loop *loop;
    struct pool_options options;
    struct worker *worker;
    struct watch *worker_watch;
    struct pool_slot *slots;
    struct lane *first, *last; /* who waits */
    struct backoff backoff;
    usec_t open_at; /* not before */
    unsigned long losses;
    struct err trouble;
    struct log_gate gate, silence;
};

/* In the worker thread. */
static void open_one(struct job *job)
{
    struct opening *opening = (struct opening *)job;
    const struct pool_options *options = &opening->pool->options;
    PGconn *conn = conn_open(&options->conn, &opening->err);
    if (conn && !owner_register(conn, options->owner, options->group, &opening->err)) {
        conn_close(conn);
        conn = NULL;
    }
    opening->writer = conn ? writer_open(conn, &opening->err) : NULL;
}

struct pool *pool_open(struct loop *loop, const struct pool_options *options, struct err *err)
{
    struct pool *pool = mem_zero(1, sizeof(*pool));
    pool->loop = loop;
    pool->options = *options;
    pool->backoff = (struct backoff){.base = options->retry_base,
                                     .cap = options->retry_cap,
                                     .seed = (uint64_t)clock_monotonic()};
    pool->worker = worker_open("pactolus-pool", err);
    if (!pool->worker) {
        free(pool);
        return NULL;
    }
    pool->worker_watch = loop_watch_socket(loop, worker_fd(pool->worker));
    pool->slots = mem_zero(options->size, sizeof(*pool->slots));
    for (unsigned i = 0; i < options->size; i++)
        pool->slots[i].pool = pool;
    return pool;
}

void pool_want(struct pool *pool, struct lane *lane)
{
    if (lane->queued || lane->slot)
        return;
    lane->queued = true;
    lane->next_waiting = NULL;
    if (pool->last)
        pool->last->next_waiting = lane;
    else
        pool->first = lane;
    pool->last = lane;
}

void pool_forget(struct pool *pool, struct lane *lane)
{
    if (!lane->queued)
        return;
    struct lane **at = &pool->first, *before = NULL;
    while (*at != lane) {
        before = *at;
        at = &(*at)->next_waiting;
    }
    *at = lane->next_waiting;
    if (pool->last == lane)
        pool->last = before;
    lane->queued = false;
}

bool pool_wanted(const struct pool *pool)
{
    return pool->first != NULL;
}

static void slot_down(struct pool_slot *slot)
{
    slot->pool->losses++;
    loop_unwatch(slot->pool->loop, slot->watch);
    writer_close(slot->writer);
    slot->watch = NULL;
    slot->writer = NULL;
}

void pool_give(struct pool *pool, struct lane *lane, bool broken, usec_t now)
{
    struct pool_slot *slot = lane->slot;
    if (!slot)
        return;
    assert(broken || writer_in_flight(slot->writer) == 0);
    lane->slot = NULL;
    lane->live->lent--;
    slot->lane = NULL;
    if (!broken)
        return;
    slot_down(slot);
    if (pool->open_at <= now)
        pool->open_at = now + backoff_next(&pool->backoff);
}

/* The server lets this role in no more, which does not mend by itself: those who wait are halted.
 * What else is wrong with a connection string while the daemon runs may be an outage's other face
 * (a database that is being restored, a pooler in its restart): that is tried again. */
static bool halts(const struct err *err)
{
    return err->class == ERR_HALT && err->exit == ERR_EXIT_PERMISSION && err->sqlstate[0];
}

static void halt_waiting(struct pool *pool, const struct err *err, usec_t now)
{
    while (pool->first) {
        struct lane *lane = pool->first;
        pool_forget(pool, lane);
        engine_halt(lane->engine, lane->live, err, now);
    }
}

static void opened(struct pool *pool, struct opening *opening, usec_t now)
{
    struct pool_slot *slot = opening->slot;
    slot->opening = false;
    if (opening->writer) {
        slot->writer = opening->writer;
        slot->watch = loop_watch_socket(pool->loop, writer_fd(slot->writer));
        if (pool->trouble.class != ERR_NONE)
            log_notice("postgresql is reachable again");
        err_clear(&pool->trouble);
        backoff_reset(&pool->backoff);
        return;
    }
    pool->open_at = now + backoff_next(&pool->backoff);
    pool->trouble = opening->err;
    unsigned long held;
    if (halts(&opening->err))
        halt_waiting(pool, &opening->err, now);
    else if (log_gate_open(&pool->gate, now, 30 * USEC_PER_SEC, &held))
        log_err(LOG_LEVEL_WARNING, "cannot connect to postgresql, retrying", &opening->err);
}

static bool lend(struct pool *pool, struct pool_slot *slot)
{
    /* One stream must not hold them all: the others would starve behind a slow table. */
    unsigned most = pool->options.size > 1 ? pool->options.size - 1 : 1;
    for (struct lane *lane = pool->first; lane; lane = lane->next_waiting) {
        if (lane->live->lent >= most)
            continue;
        pool_forget(pool, lane);
        lane->slot = slot;
        lane->lease = 0;
        lane->live->lent++;
        slot->lane = lane;
        return true;
    }
    return false;
}

/* A session that speaks while nothing is in flight has ended (or says something of no weight). It
 * must be read all the same: its socket stays ready until then, and the loop would turn without
 * end. */
static void hear(struct pool *pool, struct pool_slot *slot, usec_t now)
{
    struct err err;
    if (!slot->writer || !slot->watch->readable || writer_in_flight(slot->writer) > 0)
        return;
    slot->watch->readable = false;
    if (writer_turn(slot->writer, true, &err))
        return;
    if (slot->lane)
        pool_give(pool, slot->lane, true, now);
    else
        slot_down(slot);
}

/* Cut it when the server is silent for too long. Returns when that will be. */
static usec_t watch_silence(struct pool *pool, struct pool_slot *slot, usec_t now)
{
    unsigned in_flight = slot->writer ? writer_in_flight(slot->writer) : 0;
    if (in_flight != slot->in_flight || (slot->watch && slot->watch->readable))
        slot->heard_at = now;
    slot->in_flight = in_flight;
    if (in_flight == 0)
        return USEC_NEVER;
    if (now - slot->heard_at >= pool->options.answer_timeout) {
        slot->heard_at = now;
        unsigned long held;
        if (log_gate_open(&pool->silence, now, 30 * USEC_PER_SEC, &held))
            log_warning("postgresql does not answer; its connections are taken for lost");
        conn_cut(writer_fd(slot->writer));
    }
    return slot->heard_at + pool->options.answer_timeout;
}

usec_t pool_turn(struct pool *pool, usec_t now)
{
    if (pool->worker_watch->readable) {
        pool->worker_watch->readable = false;
        struct opening *opening;
        while ((opening = (struct opening *)worker_take(pool->worker))) {
            opened(pool, opening, now);
            free(opening);
        }
    }
    usec_t again = USEC_NEVER;
    for (unsigned i = 0; i < pool->options.size; i++) {
        usec_t silent = watch_silence(pool, &pool->slots[i], now);
        again = again < silent ? again : silent;
        hear(pool, &pool->slots[i], now);
    }
    for (unsigned i = 0; i < pool->options.size && pool->first; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (slot->lane && writer_in_flight(slot->writer) == 0)
            again = now; /* an idle lane gives it back in its next turn */
        if (slot->writer && !slot->lane && lend(pool, slot))
            again = now; /* the lane that got it has something to send */
    }
    unsigned wanted = 0, opening_now = 0;
    for (struct lane *lane = pool->first; lane; lane = lane->next_waiting)
        wanted++;
    for (unsigned i = 0; i < pool->options.size; i++)
        opening_now += pool->slots[i].opening;
    for (unsigned i = 0; i < pool->options.size && wanted > opening_now; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (slot->writer || slot->opening)
            continue;
        if (now < pool->open_at) {
            again = again < pool->open_at ? again : pool->open_at;
            break;
        }
        struct opening *opening = mem_zero(1, sizeof(*opening));
        *opening = (struct opening){.job.run = open_one, .pool = pool, .slot = slot};
        slot->opening = true;
        opening_now++;
        worker_submit(pool->worker, &opening->job);
    }
    return again;
}

struct pool_use pool_use(const struct pool *pool)
{
    struct pool_use use = {0};
    for (unsigned i = 0; i < pool->options.size; i++) {
        use.lent += pool->slots[i].lane != NULL;
        use.idle += pool->slots[i].writer && !pool->slots[i].lane;
        use.down += !pool->slots[i].writer;
    }
    for (const struct lane *lane = pool->first; lane; lane = lane->next_waiting)
        use.waiting++;
    return use;
}

unsigned long pool_losses(const struct pool *pool)
{
    return pool->losses;
}

const struct err *pool_trouble(const struct pool *pool)
{
    return pool->trouble.class == ERR_NONE ? NULL : &pool->trouble;
}

static void drop_opening(struct job *job)
{
    struct opening *opening = (struct opening *)job;
    writer_close(opening->writer);
    free(opening);
}

usec_t pool_busy(const struct pool *pool, usec_t now)
{
    return worker_busy(pool->worker, now);
}

bool pool_close(struct pool *pool, usec_t patience)
{
    if (!pool)
        return true;
    loop_unwatch(pool->loop, pool->worker_watch);
    bool ended = worker_close(pool->worker, patience, drop_opening);
    for (unsigned i = 0; i < pool->options.size; i++)
        if (pool->slots[i].writer)
            slot_down(&pool->slots[i]);
    if (!ended)
        return false; /* a stuck thread still looks at the pool; the process is about to end */
    free(pool->slots);
    free(pool);
    return true;
}
