/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/membership.h"

#include "base/log.h"
#include "engine/commits.h"
#include "engine/cursors.h"
#include "engine/lane.h"
#include "engine/machines.h"
#include "engine/membership_internal.h"
#include "engine/rebalance.h"
#include "engine/verify.h"

#include <stdlib.h>
#include <string.h>

/* ---- leaving ---- */

static void begin_leaving(void *self)
{
    struct membership *membership = self;
    rebalance_cancel_claim(membership);
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        cursor->draining = true;
    membership->deadline = membership->now + membership->engine->config->drain_timeout;
}

/* Nothing depends on a proper leave: the group notices a member that is gone. */
static const usec_t leave_patience = 5 * USEC_PER_SEC;

static void leave(void *self)
{
    struct membership *membership = self;
    if (membership->leaving)
        return;
    if (membership->revoke.n)
        rebalance_answer_revoke(membership);
    else
        commits_all(membership);
    membership->leaving = true;
    membership->deadline = membership->now + leave_patience;
    consumer_close_begin(membership->engine->consumer);
}

static void leave_late(void *self)
{
    log_warning("batches did not end within the drain timeout; stopping all the same");
    leave(self);
}

static void revoke_while_leaving(void *self)
{
    struct membership *membership = self;
    owed_join(&membership->revoke, &membership->incoming);
    if (membership->leaving)
        rebalance_answer_revoke(membership);
}

static void ignore_assign(void *self)
{
    struct membership *membership = self;
    owed_clear(&membership->incoming);
}

static const char *const states[] = {"idle", "claiming", "owning", "draining", "lost", "closing"};
static const char *const events[] = {"assign",  "claimed", "revoke", "revoke lost",
                                     "drained", "expired", "stop"};

static const struct machine_row rows[] = {
    {MEMBER_IDLE, MEMBER_ASSIGN, MEMBER_CLAIMING, rebalance_take_assign, "the first assignment"},
    {MEMBER_IDLE, MEMBER_REVOKE, MEMBER_IDLE, rebalance_take_lost, "there is nothing to drain"},
    {MEMBER_IDLE, MEMBER_REVOKE_LOST, MEMBER_IDLE, rebalance_take_lost, "there is nothing to drop"},
    {MEMBER_IDLE, MEMBER_STOP, MEMBER_CLOSING, begin_leaving, "stopped before it had anything"},
    {MEMBER_CLAIMING, MEMBER_ASSIGN, MEMBER_CLAIMING, rebalance_take_assign, "a newer assignment"},
    {MEMBER_CLAIMING, MEMBER_CLAIMED, MEMBER_OWNING, rebalance_answer_assign,
     "every fence is ours"},
    {MEMBER_CLAIMING, MEMBER_REVOKE, MEMBER_DRAINING, rebalance_take_revoke,
     "revoked while claiming"},
    {MEMBER_CLAIMING, MEMBER_REVOKE_LOST, MEMBER_LOST, rebalance_take_lost, "lost while claiming"},
    {MEMBER_CLAIMING, MEMBER_STOP, MEMBER_CLOSING, begin_leaving, "the claim is of no use now"},
    {MEMBER_OWNING, MEMBER_ASSIGN, MEMBER_CLAIMING, rebalance_take_assign, "more partitions"},
    {MEMBER_OWNING, MEMBER_REVOKE, MEMBER_DRAINING, rebalance_take_revoke, "batches end first"},
    {MEMBER_OWNING, MEMBER_REVOKE_LOST, MEMBER_LOST, rebalance_take_lost,
     "the group went on without us"},
    {MEMBER_OWNING, MEMBER_STOP, MEMBER_CLOSING, begin_leaving, "batches end first"},
    {MEMBER_DRAINING, MEMBER_ASSIGN, MEMBER_CLAIMING, rebalance_supersede_revoke,
     "a superseded rebalance"},
    {MEMBER_DRAINING, MEMBER_REVOKE, MEMBER_DRAINING, rebalance_take_revoke, "more to give back"},
    {MEMBER_DRAINING, MEMBER_REVOKE_LOST, MEMBER_LOST, rebalance_take_lost, "too late to drain"},
    {MEMBER_DRAINING, MEMBER_DRAINED, MEMBER_OWNING, rebalance_answer_revoke,
     "what is left stays ours"},
    {MEMBER_DRAINING, MEMBER_EXPIRED, MEMBER_OWNING, rebalance_expire_drain,
     "the group waits no longer"},
    {MEMBER_DRAINING, MEMBER_STOP, MEMBER_CLOSING, begin_leaving, "the revoke is answered then"},
    {MEMBER_LOST, MEMBER_ASSIGN, MEMBER_CLAIMING, rebalance_take_assign, "the group took us back"},
    {MEMBER_LOST, MEMBER_REVOKE, MEMBER_LOST, rebalance_take_lost, "nothing is left to drain"},
    {MEMBER_LOST, MEMBER_REVOKE_LOST, MEMBER_LOST, rebalance_take_lost, "nothing is left to drop"},
    {MEMBER_LOST, MEMBER_STOP, MEMBER_CLOSING, begin_leaving, "stopped before it came back"},
    {MEMBER_CLOSING, MEMBER_ASSIGN, MEMBER_CLOSING, ignore_assign, "never answered"},
    {MEMBER_CLOSING, MEMBER_REVOKE, MEMBER_CLOSING, revoke_while_leaving, "part of leaving"},
    {MEMBER_CLOSING, MEMBER_REVOKE_LOST, MEMBER_CLOSING, revoke_while_leaving, "part of leaving"},
    {MEMBER_CLOSING, MEMBER_DRAINED, MEMBER_CLOSING, leave, "everything is committed"},
    {MEMBER_CLOSING, MEMBER_EXPIRED, MEMBER_CLOSING, leave_late, "stop within a bounded time"},
    {MEMBER_CLOSING, MEMBER_STOP, MEMBER_CLOSING, NULL, "known already"},
};

const struct machine membership_machine = {
    .name = "membership",
    .states = states,
    .events = events,
    .n_states = MEMBER_STATES,
    .n_events = MEMBER_EVENTS,
    .start = MEMBER_IDLE,
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(*rows),
};

static void fire(struct membership *membership, enum membership_event event, usec_t now)
{
    membership->restless = true;
    membership->now = now;
    machine_fire(&membership_machine, &membership->state, (int)event, membership);
}

/* ---- the outside ---- */

struct membership *membership_open(struct engine *engine)
{
    struct membership *membership = mem_zero(1, sizeof(*membership));
    membership->engine = engine;
    membership->state = MEMBER_IDLE;
    membership->backoff = (struct backoff){.base = engine->config->retry_base,
                                           .cap = engine->config->retry_cap,
                                           .seed = (uint64_t)(uintptr_t)membership};
    return membership;
}

void membership_free(struct membership *membership)
{
    if (!membership)
        return;
    while (membership->cursors)
        cursors_remove(membership, membership->cursors, membership->now);
    owed_clear(&membership->assign);
    owed_clear(&membership->revoke);
    owed_clear(&membership->incoming);
    free(membership);
}

void membership_event(struct membership *membership, const struct consumer_event *event, usec_t now)
{
    switch (event->kind) {
    case CONSUMER_ASSIGN:
    case CONSUMER_REVOKE:
        owed_clear(&membership->incoming);
        owed_copy(&membership->incoming, membership, event);
        fire(membership,
             event->kind == CONSUMER_ASSIGN ? MEMBER_ASSIGN
             : event->lost                  ? MEMBER_REVOKE_LOST
                                            : MEMBER_REVOKE,
             now);
        return;
    case CONSUMER_COMMITTED:
        commits_answered(membership, event, now);
        return;
    default:
        return;
    }
}

/* What a halted, fenced or rewinding cursor has read is dropped already: only what was sent counts.
 */
static bool on_its_way(const struct cursor *cursor)
{
    return cursor->state == CURSOR_RUNNING ? !lane_drained(cursor) : cursor->lane->n_sent > 0;
}

static bool drained(const struct membership *membership)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->draining && cursor->lane && on_its_way(cursor))
            return false;
    return true;
}

static bool claimed(const struct membership *membership)
{
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        if (cursor->state == CURSOR_CLAIMING)
            return false;
    return true;
}

usec_t membership_turn(struct membership *membership, usec_t now)
{
    usec_t again = USEC_NEVER;
    membership->now = now;
    switch (membership->state) {
    case MEMBER_CLAIMING:
        if (claimed(membership))
            fire(membership, MEMBER_CLAIMED, now);
        else
            again = cursors_claim(membership, now);
        break;
    case MEMBER_OWNING:
        /* A thousand cursors are not looked at in every turn. */
        if (membership->restless || now >= membership->look_at)
            membership->look_at = cursors_turn(membership, now);
        again = verify_cursors(membership, now);
        if (membership->look_at < again)
            again = membership->look_at;
        break;
    case MEMBER_CLOSING:
        if (membership->leaving) {
            membership->gone |= consumer_closed(membership->engine->consumer);
            if (now >= membership->deadline && !membership->gone)
                log_warning("the brokers do not answer; leaving the group without a word");
            membership->gone |= now >= membership->deadline;
            again = membership->deadline;
            break;
        }
        /* fall through */
    case MEMBER_DRAINING:
        if (drained(membership))
            fire(membership, MEMBER_DRAINED, now);
        else if (now >= membership->deadline)
            fire(membership, MEMBER_EXPIRED, now);
        else
            again = membership->deadline;
        break;
    default:
        break;
    }
    return again;
}

void membership_stop(struct membership *membership, usec_t now)
{
    fire(membership, MEMBER_STOP, now);
}

void membership_look(struct membership *membership, usec_t now)
{
    membership->verify_at = now;
}

void membership_abandon(struct membership *membership, usec_t now)
{
    if (membership->state != MEMBER_CLOSING)
        return;
    if (membership->leaving)
        membership->gone = true;
    else
        fire(membership, MEMBER_EXPIRED, now);
}

bool membership_left(const struct membership *membership)
{
    return membership->gone ||
           (membership->leaving && consumer_closed(membership->engine->consumer));
}

unsigned membership_claims(const struct membership *membership)
{
    return membership->claims;
}

bool membership_at_end(const struct membership *membership)
{
    if (membership->state != MEMBER_OWNING || !membership->answered)
        return false;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->state == CURSOR_HALTED)
            continue;
        bool read = cursor->at_end || cursor->read_offset >= cursor->until.offset;
        if (cursor->state != CURSOR_RUNNING || !read || !lane_drained(cursor))
            return false;
    }
    return true;
}

bool membership_joined(const struct membership *membership)
{
    return membership->answered;
}

bool membership_owns(const struct membership *membership)
{
    return membership->state == MEMBER_OWNING;
}

bool membership_steady(const struct membership *membership)
{
    return membership_owns(membership) && !membership->restless;
}

struct cursor *membership_cursors(const struct membership *membership)
{
    return membership->cursors;
}

const char *membership_state(const struct membership *membership)
{
    return states[membership->state];
}
