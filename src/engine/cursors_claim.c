/* SPDX-License-Identifier: Apache-2.0 */
/* cursors_claim: claims asked for and answered; the work itself is in claiming.c. */
#include "base/log.h"
#include "engine/claiming.h"
#include "engine/cursors.h"
#include "engine/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned log_incarnation(log_id log)
{
    return (unsigned)(log >> 48) & 0xff; /* as record/record.h packs it */
}

/* Once for each topic of a claim. */
static void tell_recreated(const struct claiming *claiming)
{
    for (unsigned t = 0; t < claiming->n_topics; t++) {
        const struct claimed *made = NULL;
        for (unsigned i = 0; i < claiming->n && !made; i++)
            if (claiming->list[i].made && claiming->list[i].topic_id == claiming->topics[t].id)
                made = &claiming->list[i];
        unsigned incarnation = made ? log_incarnation(made->log) : 1;
        if (incarnation > 1 && made->topic_known)
            log_about(LOG_LEVEL_NOTICE,
                      &(struct log_about){.event = LOG_EVENT_RECREATED, .topic = made->topic},
                      "%s: the topic was made anew; reading its log number %u from the beginning",
                      made->topic, incarnation);
    }
}

/* A restored backup, or a standby that lagged when it was promoted. */
static void tell_behind(const struct cursor *cursor, const struct claimed *claimed)
{
    int64_t from = claimed->told, to = claimed->next_offset;
    if (from < 0)
        return;
    /* What was committed since the group was told last. */
    if (cursor->cursor_id == claimed->cursor_id && cursor->next_offset > from)
        from = cursor->next_offset;
    struct log_about about = cursor_about(cursor, LOG_EVENT_WENT_BACK, &to);
    log_about(LOG_LEVEL_NOTICE, &about,
              "%s[%d]: the database is behind what it had told the group; reading again: %lld → "
              "%lld, %lld offset%s back",
              cursor->topic, (int)cursor->partition, (long long)from, (long long)to,
              (long long)(from > to ? from - to : 0), from - to == 1 ? "" : "s");
}

static void take_claimed(struct membership *membership, const struct claimed *claimed)
{
    struct cursor *cursor = cursors_find(membership, claimed->topic, claimed->partition);
    if (!cursor || cursor->state != CURSOR_CLAIMING)
        return;
    tell_behind(cursor, claimed);
    if (cursor->cursor_id != claimed->cursor_id)
        cursor->known_end = cursor->input_end = -1; /* of this log nothing is known yet */
    cursor->cursor_id = claimed->cursor_id;
    cursor->fence = claimed->fence;
    cursor->token = claimed->token;
    if (cursor->log != claimed->log) {
        cursor->until = cursors_until(membership);
        cursor->beyond = false;
    }
    cursor->log = claimed->log;
    cursor->range_sure = cursor->range_asked = 0; /* see engine/table_range */
    snprintf(cursor->topic_id, sizeof(cursor->topic_id), "%s", claimed->topic_id);
    cursor->kafka_offset = -1;
    cursor->order_ts = cursor->applied_ts = claimed->order_ts;
    cursor->claimed_at = membership->engine->wall;
    cursor->next_offset = cursor->read_offset = claimed->next_offset;
    cursor_fire(cursor, CURSOR_CLAIMED);
    if (cursor->assigned) /* fenced before and confirmed since: fetch anew from there */
        cursor_fire(cursor, CURSOR_UNSURE);
    if (cursor->live->stopped) /* meanwhile */
        cursor_fire(cursor, CURSOR_HALT);
}

static void stop_claiming(struct membership *membership, struct live_stream *live)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->live == live && cursor->state == CURSOR_CLAIMING) {
            cursor_fire(cursor, CURSOR_CLAIMED);
            cursor_fire(cursor, CURSOR_HALT);
        }
}

static void claim_done(struct task *task, usec_t now)
{
    struct claiming *claiming = (struct claiming *)task;
    struct membership *membership = claiming->membership;
    struct live_stream *live = claiming->live;
    const char *name = live->stream->config->name;
    unsigned long held;
    membership->claims--;
    membership->restless = true;
    if (task->cancelled || claiming->sequence != membership->sequence)
        goto cleanup;
    membership->engine->counts.claims += task->ok;
    membership->engine->counts.failed_claims += !task->ok;
    if (task->ok) {
        for (unsigned lane = 0; lane < live->n_lanes; lane++)
            if (live->lanes[lane].target.account_id == 0)
                lane_account(&live->lanes[lane], claiming->accounts[lane]);
        tell_recreated(claiming);
        membership->engine->database = claiming->database;
        for (unsigned i = 0; i < claiming->n; i++)
            take_claimed(membership, &claiming->list[i]);
        backoff_reset(&membership->backoff);
    } else if (claiming->stopped) {
        stop_claiming(membership, live);
        engine_stopped(membership->engine, live, &task->err, now);
    } else if (task->err.class == ERR_RETRY) {
        membership->claim_at = now + backoff_next(&membership->backoff);
        if (claiming->outdated) /* the stream stands still for its file: that is looked at often */
            live->reload.again = 0;
        if (log_gate_open(&membership->gate, now, 30 * USEC_PER_SEC, &held))
            log_err(LOG_LEVEL_WARNING, name, &task->err);
    } else {
        stop_claiming(membership, live);
        engine_halt(membership->engine, live, &task->err, now);
    }
cleanup:
    claiming_free(claiming);
}

/* One task per stream that has cursors to claim. */
static void claim_stream(struct membership *membership, struct live_stream *live)
{
    unsigned n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        n += cursor->live == live && cursor->state == CURSOR_CLAIMING;
    if (n == 0)
        return;
    struct claimed *list = mem_zero(n, sizeof(*list));
    n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->live == live && cursor->state == CURSOR_CLAIMING)
            list[n++] = (struct claimed){.topic = cursor->topic,
                                         .topic_version = cursor->topic_version,
                                         .partition = cursor->partition};
    membership->claims++;
    claiming_start(membership, membership->engine, live, &membership->sequence, list, n,
                   claim_done);
}

usec_t cursors_claim(struct membership *membership, usec_t now)
{
    if (membership->claims)
        return USEC_NEVER;
    if (now < membership->claim_at)
        return membership->claim_at;
    for (unsigned i = 0; i < membership->engine->n_live; i++)
        claim_stream(membership, &membership->engine->live[i]);
    return USEC_NEVER;
}
