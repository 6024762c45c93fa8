/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/commits.h"

#include "base/log.h"
#include "engine/origin.h"

#include <stdlib.h>
#include <string.h>

bool commits_send(struct membership *membership, struct cursor *const *cursors, unsigned n)
{
    struct topic_partition *list = mem_zero(n, sizeof(*list));
    char(*texts)[COMMIT_NOTE] = mem_zero(n, sizeof(*texts));
    const char **notes = mem_zero(n, sizeof(*notes));
    for (unsigned i = 0; i < n; i++) {
        const struct cursor *cursor = cursors[i];
        struct origin origin = {membership->engine->database, cursor->log, cursor->fence};
        origin_write(&origin, texts[i]);
        notes[i] = texts[i];
        list[i] = (struct topic_partition){cursor->topic, cursor->partition, cursor->next_offset};
    }
    membership->committing = consumer_commit(membership->engine->consumer, list, notes, n);
    free(notes);
    free(texts);
    free(list);
    return membership->committing;
}

void commits_all(struct membership *membership)
{
    unsigned n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next)
        n++;
    if (n == 0 || membership->committing)
        return;
    struct cursor **moved = mem_zero(n, sizeof(struct cursor *));
    n = 0;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (cursor->state != CURSOR_RUNNING || cursor->kafka_offset == cursor->next_offset)
            continue;
        moved[n++] = cursor;
        cursor->kafka_offset = cursor->next_offset;
    }
    if (n)
        commits_send(membership, moved, n);
    free(moved);
}

void commits_answered(struct membership *membership, const struct consumer_event *event, usec_t now)
{
    (void)now;
    struct cursor *probed = membership->probed;
    bool ok = event->err.class == ERR_NONE;
    membership->committing = false;
    membership->probed = NULL;
    membership->restless |= probed != NULL;
    if (probed && ok && probed->state == CURSOR_FENCED) {
        log_notice("%s[%d]: the group says it is ours; claiming it again", probed->topic,
                   (int)probed->partition);
        cursor_fire(probed, CURSOR_RECLAIM);
        membership->claim_at = 0;
    } else if (!ok && !probed) {
        log_debug("advisory commit failed: %s", event->err.text);
    }
}
