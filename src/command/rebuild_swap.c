/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_swap: the exchange of the tables, and the way back. One transaction each:
 *
 *   views     against everybody, for a tenth of a second at most: whoever has read them in an open
 *             transaction makes this give way and try again, and nobody queues up behind
 *   cursors   of the live stream, which waits for batches in flight; from here on daemons wait
 *   the log   read to exactly where the live stream stands
 *   tables    renamed, views pointed to them, the contract noted, dead letters moved, cursors
 * fenced
 */
#include "base/backoff.h"
#include "base/clock.h"
#include "base/text.h"
#include "command/rebuilding.h"
#include "kafka/admin.h"
#include "postgres/rebuild_exchange.h"
#include "postgres/sqlstate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Autovacuum gives a table up after deadlock_timeout, a second by default. */
enum { BROKER_PATIENCE_MS = 10000, CURSORS_PATIENCE_MS = 3000 };
static const usec_t align_patience = 2 * USEC_PER_SEC;
static const usec_t settling = 100 * USEC_PER_MS;
static const usec_t tell_interval = 10 * USEC_PER_SEC;

static bool roll_back(struct rebuilding *r, struct err *err)
{
    return conn_exec(r->conn, "ROLLBACK", err);
}

/* Does this failure end with a try again? Somebody held what was wanted. */
static bool is_busy(const struct err *failure)
{
    return sqlstate_is_lock(failure);
}

static void put_swap(const struct rebuilding *r, struct buf *sql)
{
    const struct stream_config *config = r->stream_config;
    const struct rebuild_exchange exchange = {
        .row = &r->row,
        .want = r->want,
        .have = r->have,
        .plan = &r->plan,
        .group = r->config->group,
        .stream = config->name,
        .dlq_topic = config->dlq_topic,
        .layout = r->live.layout,
        .descriptors = r->live.descriptors,
    };
    rebuild_exchange_text(r->conn, &exchange, sql);
}

/* ---- tries ---- */

enum tried { TRIED_DONE, TRIED_BUSY, TRIED_FAILED };

struct times {
    usec_t views, cursors, done; /* locked, locked, committed */
};

/* The plan is of now: rights, options and columns may have changed since it was judged. */
static bool judge_again(struct rebuilding *r, struct err *err)
{
    struct errs errs = {0};
    bool good = rebuild_judge(r, &errs);
    if (!good)
        *err = errs.items[0];
    errs_free(&errs);
    return good;
}

static enum tried end_try(struct rebuilding *r, bool good, bool done, struct err *err)
{
    struct err ignored;
    if (done)
        return TRIED_DONE;
    bool busy = good || is_busy(err);
    if (!roll_back(r, &ignored))
        return TRIED_FAILED;
    return busy ? TRIED_BUSY : TRIED_FAILED;
}

static enum tried try_swap(struct rebuilding *r, struct times *times, struct err *err)
{
    bool aligned = false, done = false;
    struct buf sql = BUF_INIT;
    if (!judge_again(r, err))
        return is_busy(err) ? TRIED_BUSY : TRIED_FAILED;
    put_swap(r, &sql);
    /* What came while that was asked is read before anybody waits for it. */
    r->look_at = 0;
    bool good = rebuild_read_on(r, settling, err) && rebuild_exchange_begin(r->conn, r->want, err);
    times->views = clock_monotonic();
    good = good && rebuild_exchange_lock(r->conn, r->row.id, CURSORS_PATIENCE_MS, err);
    times->cursors = clock_monotonic();
    good = good && rebuild_align(r, align_patience, &aligned, err);
    if (good && aligned)
        good = done = conn_exec(r->conn, sql.data, err);
    times->done = clock_monotonic();
    buf_free(&sql);
    return end_try(r, good, done, err);
}

static void tell_waiting(struct rebuilding *r, usec_t *told)
{
    char holder[256];
    if (clock_monotonic() < *told)
        return;
    rebuilds_holder(r->conn, r->want, holder);
    if (*holder)
        printf("waiting for the views: %s\n", holder);
    else
        printf("waiting for the moment to exchange the tables\n");
    fflush(stdout);
    *told = clock_monotonic() + tell_interval;
}

static bool give_up(struct rebuilding *r, const char *again, struct err *err)
{
    char holder[256];
    rebuilds_holder(r->conn, r->want, holder);
    err_set(err, ERR_RETRY, ERR_EXIT_TEMPORARY, "the views could not be had%s%s",
            *holder ? ": " : "", holder);
    return err_hint(err, "when nobody keeps them open: pactolus rebuild --%s %u", again, r->row.id);
}

bool rebuild_swap(struct rebuilding *r, struct err *err)
{
    const usec_t deadline = clock_monotonic() + r->options->patience;
    usec_t told = clock_monotonic() + USEC_PER_SEC;
    struct backoff backoff = {
        .base = 100 * USEC_PER_MS, .cap = 2 * USEC_PER_SEC, .seed = r->row.id};
    struct times times = {0};
    for (;;) {
        enum tried tried = r->kept_up ? try_swap(r, &times, err) : TRIED_BUSY;
        if (tried == TRIED_FAILED)
            return false;
        if (tried == TRIED_DONE)
            break;
        tell_waiting(r, &told);
        if (clock_monotonic() > deadline)
            return give_up(r, "swap", err);
        if (!rebuild_read_on(r, backoff_next(&backoff), err))
            return false;
    }
    printf(
        "swapped: %s.%s is the rebuilt table, %s the one before; readers waited %.0f ms at most, "
        "the live stream %.0f ms\n",
        r->want->schema, r->row.table, r->row.old,
        (double)(times.done - times.views) / (double)USEC_PER_MS,
        (double)(times.done - times.cursors) / (double)USEC_PER_MS);
    printf("pactolus rebuild --rollback %u goes back to it, --drop-old %u drops it\n", r->row.id,
           r->row.id);
    return true;
}

/* ---- back ---- */

static bool refuse_back(const struct rebuilding *r, struct err *err, const char *why,
                        const char *hint)
{
    err_set(err, ERR_HALT, ERR_EXIT_DATA, "%s", why);
    err_place(err, "%s", r->row.stream);
    return err_hint(err, "%s", hint);
}

/* Only the last swap can be undone, and only to the contract that it took the place of. */
static bool judge_back(struct rebuilding *r, struct err *err)
{
    struct rebuild *list;
    unsigned n;
    if (strcmp(r->row.state, "swapped") != 0 || r->row.old_dropped)
        return refuse_back(r, err,
                           r->row.old_dropped ? "the old table was dropped"
                                              : "the rebuild is not in the live table's place",
                           "pactolus rebuild --list");
    if (strcmp(r->row.fingerprint, r->row.stream_fingerprint) != 0)
        return refuse_back(r, err, "the stream has taken another contract since the swap",
                           "begin a new rebuild with the contract that is wanted");
    if (!rebuilds_read(r->conn, r->config->group, 0, NULL, &r->arena, &list, &n, err))
        return false;
    for (unsigned i = 0; i < n; i++) {
        bool stands =
            strcmp(list[i].state, "aborted") != 0 && strcmp(list[i].state, "rolled_back") != 0;
        if (list[i].stream_id == r->row.stream_id && list[i].id > r->row.id && stands)
            return refuse_back(r, err, "another rebuild of the stream came after it",
                               "abort that one, or roll it back, first");
    }
    return true;
}

/* What came since the swap is to be read again: it must be there. */
static bool judge_log(struct rebuilding *r, int64_t *again, struct err *err)
{
    struct rebuild_position *list;
    unsigned n;
    int64_t low, high;
    *again = 0;
    if (!rebuilds_way_back(r->conn, r->row.id, &r->arena, &list, &n, err))
        return false;
    for (unsigned i = 0; i < n; i++) {
        bool gone = !list[i].current;
        if (list[i].live == list[i].first)
            continue;
        *again += list[i].live - list[i].first;
        if (!gone && !admin_watermarks(r->client, list[i].topic, list[i].partition,
                                       BROKER_PATIENCE_MS, &low, &high, err))
            return false;
        if (!gone && low <= list[i].first)
            continue;
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "what came since the swap is no longer in the log, and the old table lacks it");
        err_place(err, "%s[%d]@%" PRId64, list[i].topic, (int)list[i].partition, list[i].first);
        return err_hint(err, "begin a new rebuild with --seed-from-live");
    }
    return true;
}

static enum tried try_back(struct rebuilding *r, struct times *times, struct err *err)
{
    struct buf sql = BUF_INIT;
    rebuild_exchange_back_text(r->conn, &r->row, r->want, &sql);
    bool good = rebuild_exchange_begin(r->conn, r->want, err);
    times->views = clock_monotonic();
    good = good && rebuild_exchange_lock(r->conn, r->row.id, CURSORS_PATIENCE_MS, err) &&
           conn_exec(r->conn, sql.data, err);
    times->done = clock_monotonic();
    buf_free(&sql);
    return end_try(r, good, good, err);
}

bool rebuild_rollback(struct rebuilding *r, struct err *err)
{
    const usec_t deadline = clock_monotonic() + r->options->patience;
    struct backoff backoff = {
        .base = 100 * USEC_PER_MS, .cap = 2 * USEC_PER_SEC, .seed = r->row.id};
    usec_t told = clock_monotonic() + USEC_PER_SEC;
    struct times times = {0};
    int64_t again;
    char number[32];
    if (!judge_back(r, err) || !judge_log(r, &again, err))
        return false;
    printf("%s: %s.%s gets its place back; %s offsets since the swap are read again\n",
           r->row.stream, r->row.schema, r->row.old, text_thousands(again, number));
    if (r->options->dry_run) {
        printf("nothing was changed; --execute does it\n");
        return true;
    }
    for (;;) {
        enum tried tried = try_back(r, &times, err);
        if (tried == TRIED_FAILED)
            return false;
        if (tried == TRIED_DONE)
            break;
        tell_waiting(r, &told);
        if (clock_monotonic() > deadline)
            return give_up(r, "rollback", err);
        clock_pause(backoff_next(&backoff));
    }
    printf("rolled back; readers waited %.0f ms at most. The rebuilt table is %s.%s again\n",
           (double)(times.done - times.views) / (double)USEC_PER_MS, r->row.schema, r->row.shadow);
    if (strcmp(r->row.fingerprint, r->row.old_fingerprint) != 0)
        printf("daemons go on when the descriptor set of the old contract is in its place\n");
    return true;
}
