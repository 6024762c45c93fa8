/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/verify.h"

#include "engine/lane.h"
#include "engine/pool.h"
#include "postgres/claim.h"

#include <stdlib.h>

static const usec_t look_again = 2 * USEC_PER_SEC;

struct verify {
    struct task task; /* first */
    struct membership *membership;
    unsigned long sequence;
    struct cursor_position *before; /* as we knew them to be committed when this was asked */
    struct cursor_position *now;
    unsigned n;
};

static bool read_positions(struct task *task, struct service_sessions *sessions)
{
    struct verify *verify = (struct verify *)task;
    return cursor_positions(sessions->conn, verify->now, verify->n, &task->err);
}

static void judge(struct cursor *cursor, const struct cursor_position *before,
                  const struct cursor_position *at, struct membership *membership, usec_t now)
{
    /* One that was claimed anew since is not judged by what was before. */
    if (cursor->state != CURSOR_RUNNING || cursor->fence != before->fence ||
        cursor->token != before->token)
        return;
    if (at->fence != cursor->fence || at->token != cursor->token) {
        membership_fenced(membership, cursor, at, now);
        return;
    }
    if (at->next_offset < before->next_offset && cursor->lane)
        lane_drop(cursor->lane, now); /* engine/rewind says so */
}

/* Within one assignment the cursors keep their order. */
static void compare(const struct verify *verify, usec_t now)
{
    unsigned i = 0;
    for (struct cursor *cursor = verify->membership->cursors; cursor && i < verify->n;
         cursor = cursor->next)
        if (verify->before[i].cursor_id == cursor->cursor_id) {
            judge(cursor, &verify->before[i], &verify->now[i], verify->membership, now);
            i++;
        }
}

static void verified(struct task *task, usec_t now)
{
    struct verify *verify = (struct verify *)task;
    struct membership *membership = verify->membership;
    membership->verifying = false;
    membership->verify_at = now + look_again;
    if (task->ok && !task->cancelled && verify->sequence == atomic_load(&membership->sequence) &&
        membership->state == MEMBER_OWNING)
        compare(verify, now);
    membership->restless = true;
    free(verify->before);
    free(verify->now);
    free(verify);
}

static void ask(struct membership *membership, unsigned n)
{
    struct verify *verify = mem_zero(1, sizeof(*verify));
    verify->task = (struct task){.work = read_positions, .done = verified};
    verify->membership = membership;
    verify->sequence = atomic_load(&membership->sequence);
    verify->before = mem_zero(n, sizeof(*verify->before));
    verify->now = mem_zero(n, sizeof(*verify->now));
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->state != CURSOR_RUNNING)
            continue;
        verify->now[verify->n].cursor_id = cursor->cursor_id;
        verify->before[verify->n++] = (struct cursor_position){.cursor_id = cursor->cursor_id,
                                                               .next_offset = cursor->next_offset,
                                                               .fence = cursor->fence,
                                                               .token = cursor->token};
    }
    membership->verifying = true;
    service_submit(membership->engine->service, &verify->task);
}

usec_t verify_cursors(struct membership *membership, usec_t now)
{
    unsigned long losses = pool_losses(membership->engine->pool);
    if (losses != membership->losses_seen) {
        membership->losses_seen = losses;
        membership->verify_at = now;
    }
    if (membership->verifying)
        return USEC_NEVER;
    if (now < membership->verify_at)
        return membership->verify_at;
    membership->verify_at = now + look_again;
    unsigned n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        n += cursor->state == CURSOR_RUNNING;
    if (n > 0)
        ask(membership, n);
    return membership->verify_at;
}
