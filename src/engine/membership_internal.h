/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership_internal: what membership.c and rebalance.c (the group) and cursors.c share. Membership
 * owns all of it; nobody else includes it.
 */
#ifndef PACTOLUS_ENGINE_MEMBERSHIP_INTERNAL_H
#define PACTOLUS_ENGINE_MEMBERSHIP_INTERNAL_H

#include "engine/membership.h"

#include <stdatomic.h>

/* Partitions that the group waits for an answer about; topic names are the configuration's. */
struct owed {
    struct topic_partition *list;
    unsigned n;
};

struct membership {
    struct engine *engine;
    int state;  /* enum membership_state */
    usec_t now; /* of the event or turn under way */
    struct cursor *cursors;
    struct owed assign, revoke; /* unanswered */
    struct owed incoming;       /* of the event under way */
    atomic_ulong sequence; /* of assignments: a claim for an older one is void; claims look at it */
    unsigned claims;       /* tasks under way */
    usec_t claim_at;       /* not before */
    usec_t deadline;       /* of a drain */
    usec_t rewind_at;      /* not before */
    usec_t verify_at;      /* when PostgreSQL's cursors are read next; verify.c */
    bool verifying;
    unsigned long losses_seen; /* sessions that were lost before the cursors were read last */
    usec_t recheck_at;     /* when to ask next whether everything still is what it was */
    usec_t commit_at;      /* next advisory commit */
    usec_t look_at;        /* when the cursors are looked at again; sooner when restless */
    bool restless;         /* some cursor is not simply running */
    bool committing, rewinding, rechecking, listening;
    struct cursor *probed; /* the fenced cursor that the commit under way asks about */
    bool answered;         /* an assignment was answered once */
    bool leaving;          /* the consumer is closing; `deadline` bounds it */
    bool gone;             /* the group was left, or we wait no longer for it */
    struct backoff backoff;
    struct log_gate gate;
};

void owed_clear(struct owed *owed);
/* Append `from` and empty it. */
void owed_join(struct owed *owed, struct owed *from);
/* Copy the event's partitions that belong to a stream of ours. */
void owed_copy(struct owed *owed, const struct membership *membership,
               const struct consumer_event *event);

#endif
