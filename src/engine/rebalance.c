/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rebalance.h"

#include "base/log.h"
#include "engine/cursors.h"

#include <string.h>

static void say(const char *what, const struct owed *owed)
{
    if (owed->n)
        log_info("%s %u partition%s (%s[%d]%s)", what, owed->n, owed->n == 1 ? "" : "s",
                 owed->list[0].topic, (int)owed->list[0].partition, owed->n > 1 ? ", …" : "");
}

void rebalance_answer_revoke(void *self)
{
    struct membership *membership = self;
    struct owed *owed = &membership->revoke;
    struct err err;
    say("giving back", owed);
    unsigned kept = 0;
    for (unsigned i = 0; i < owed->n; i++) {
        struct cursor *cursor =
            cursors_find(membership, owed->list[i].topic, owed->list[i].partition);
        /* What was never given to librdkafka must not be taken from it. */
        bool assigned = cursor && cursor->assigned;
        if (cursor)
            cursors_remove(membership, cursor, membership->now);
        if (assigned || !consumer_cooperative(membership->engine->consumer))
            owed->list[kept++] = owed->list[i];
    }
    if (!consumer_unassign(membership->engine->consumer, owed->list, kept, &err))
        log_err(LOG_LEVEL_WARNING, "giving back partitions", &err);
    owed_clear(owed);
}

static void begin_drain(struct membership *membership)
{
    for (unsigned i = 0; i < membership->revoke.n; i++) {
        struct cursor *cursor = cursors_find(membership, membership->revoke.list[i].topic,
                                             membership->revoke.list[i].partition);
        if (cursor)
            cursor->draining = true;
    }
    membership->deadline = membership->now + membership->engine->config->drain_timeout;
}

static void begin_claim(struct membership *membership)
{
    say("claiming", &membership->assign);
    membership->sequence++;
    for (unsigned i = 0; i < membership->assign.n; i++)
        cursors_add(membership, &membership->assign.list[i]);
    membership->claim_at = 0;
}

void rebalance_cancel_claim(struct membership *membership)
{
    for (unsigned i = 0; i < membership->assign.n; i++) {
        struct cursor *cursor = cursors_find(membership, membership->assign.list[i].topic,
                                             membership->assign.list[i].partition);
        if (cursor && !cursor->assigned)
            cursors_remove(membership, cursor, membership->now);
    }
    membership->sequence++;
    owed_clear(&membership->assign);
}

/* An eager assignment names everything: what came before it is over, whether it was revoked or not.
 * librdkafka does not revoke what it is waiting for an answer about when the group goes on
 * (rd_kafka_cgrp_revoke_all_rejoin), and takes the answer all the same. */
static void begin_anew(struct membership *membership)
{
    struct err err;
    while (membership->cursors)
        cursors_remove(membership, membership->cursors, membership->now);
    owed_clear(&membership->assign);
    owed_clear(&membership->revoke);
    if (!consumer_unassign(membership->engine->consumer, NULL, 0, &err))
        log_err(LOG_LEVEL_WARNING, "giving back partitions", &err);
}

void rebalance_answer_assign(void *self)
{
    struct membership *membership = self;
    membership->answered = true;
    cursors_start(membership, &membership->assign, membership->now);
    owed_clear(&membership->assign);
}

/* Beside what is owed already: that of an earlier cooperative assignment. One that comes before the
 * last was answered names what is new: librdkafka counts partitions as ours when it hands them out,
 * not when they are answered (rd_kafka_rebalance_op_incr), and will never name those again. */
void rebalance_take_assign(void *self)
{
    struct membership *membership = self;
    if (!consumer_cooperative(membership->engine->consumer))
        begin_anew(membership);
    owed_join(&membership->assign, &membership->incoming);
    begin_claim(membership);
}

static bool owed_has(const struct owed *owed, const struct topic_partition *at)
{
    for (unsigned i = 0; i < owed->n; i++)
        if (owed->list[i].partition == at->partition && strcmp(owed->list[i].topic, at->topic) == 0)
            return true;
    return false;
}

/* What is revoked is claimed no more. What else is owed stays so, for the same reason. */
static void withdraw(struct membership *membership)
{
    struct owed *assign = &membership->assign;
    unsigned kept = 0;
    if (assign->n)
        membership->sequence++;
    for (unsigned i = 0; i < assign->n; i++) {
        struct cursor *cursor =
            cursors_find(membership, assign->list[i].topic, assign->list[i].partition);
        if (!owed_has(&membership->incoming, &assign->list[i]))
            assign->list[kept++] = assign->list[i];
        else if (cursor && !cursor->assigned)
            cursors_remove(membership, cursor, membership->now);
    }
    assign->n = kept;
}

/* An ASSIGN while a revoke is unanswered: an eager one replaces everything, so the revoke is void;
 * before a cooperative one everything owed is given back. */
void rebalance_supersede_revoke(void *self)
{
    struct membership *membership = self;
    log_notice("a new assignment came before the last one was given back");
    if (consumer_cooperative(membership->engine->consumer))
        rebalance_answer_revoke(membership);
    rebalance_take_assign(membership);
}

static void stop_claim(struct membership *membership)
{
    if (consumer_cooperative(membership->engine->consumer))
        withdraw(membership);
    else
        rebalance_cancel_claim(membership);
}

void rebalance_take_revoke(void *self)
{
    struct membership *membership = self;
    stop_claim(membership);
    owed_join(&membership->revoke, &membership->incoming);
    begin_drain(membership);
}

/* Already given away: drop what was read, start nothing, answer at once. Of a cooperative member a
 * part may be lost: a topic that is gone. */
void rebalance_take_lost(void *self)
{
    struct membership *membership = self;
    stop_claim(membership);
    log_warning("partitions were lost to the group; what was in flight ends under its fence");
    owed_join(&membership->revoke, &membership->incoming);
    rebalance_answer_revoke(membership);
}

void rebalance_expire_drain(void *self)
{
    log_warning(
        "batches did not end within the drain timeout; giving partitions back all the same");
    rebalance_answer_revoke(self);
}
