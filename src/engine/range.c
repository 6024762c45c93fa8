/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/range.h"

#include "base/log.h"
#include "engine/cursors.h"
#include "engine/lane.h"
#include "engine/recheck.h"
#include "postgres/losses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };
static const usec_t try_again = 1 * USEC_PER_SEC;

struct question {
    struct task task; /* first */
    struct membership *membership;
    rd_kafka_t *client;
    struct topic_identity identity;
    int32_t partition;
    enum out_of_range policy;
    struct cursor_position at;
    int64_t from;      /* where the cursor was */
    int64_t low, high; /* answers: what the log holds */
    int64_t target;
    bool recreated, moved;
    char topic_id[TOPIC_ID_TEXT];
};

static bool in_range(const struct question *question)
{
    return question->from >= question->low && question->from <= question->high;
}

static bool look(struct question *question, struct err *err)
{
    struct topic_identity *identity = &question->identity;
    if (!admin_topic_ids(question->client, identity, 1, BROKER_PATIENCE_MS, err))
        return false;
    question->recreated =
        question->topic_id[0] && identity->id[0] && strcmp(question->topic_id, identity->id) != 0;
    return question->recreated ||
           admin_watermarks(question->client, identity->topic, question->partition,
                            BROKER_PATIENCE_MS, &question->low, &question->high, err);
}

static bool ask(struct task *task, struct service_sessions *sessions)
{
    struct question *question = (struct question *)task;
    bool from_start = question->policy == OUT_OF_RANGE_EARLIEST;
    if (!look(question, &task->err))
        return false;
    if (question->recreated || in_range(question) || question->policy == OUT_OF_RANGE_HALT)
        return true;
    question->target = from_start ? question->low : question->high;
    question->moved = losses_move(sessions->conn, &question->at, question->low, question->target,
                                  from_start, &task->err);
    return question->moved;
}

/* What is wrong, for the stream's reason and the log. */
static void describe(const struct question *question, const struct live_stream *live,
                     struct err *err)
{
    long long at = question->from, low = question->low, high = question->high;
    if (at < low)
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "offsets %lld to %lld are no longer in the log: retention passed them", at,
                low - 1);
    else
        err_set(err, ERR_HALT, ERR_EXIT_DATA,
                "the log ends at %lld, before the next offset %lld: it was cut short", high, at);
    err_place(err, "%s[%d]", question->identity.topic, (int)question->partition);
    err_hint(err,
             "say where to go on: out_of_range = \"earliest\" or \"latest\" for stream %s, then "
             "start the daemons anew",
             live->stream->config->name);
}

static void follow(struct membership *membership, struct cursor *cursor, struct question *question,
                   usec_t now)
{
    struct err err;
    if (question->recreated) {
        recheck_recreated(membership, &question->identity, now);
        return;
    }
    describe(question, cursor->live, &err);
    struct log_about about = cursor_about(cursor, LOG_EVENT_LOST, &question->target);
    if (question->moved)
        log_about(LOG_LEVEL_WARNING, &about,
                  "%s: %s; going on at %lld, as out_of_range says; the loss is booked in "
                  "pactolus.losses",
                  err.place, err.text, (long long)question->target);
    else if (!in_range(question))
        engine_halt(membership->engine, cursor->live, &err, now);
    if (question->moved)
        cursor->fence = question->at.fence;
    /* A replica that lagged can make an offset seem gone. */
    if (question->moved || in_range(question))
        cursor_fire(cursor, CURSOR_UNSURE);
}

/* The cursor is somebody else's, or elsewhere: reading its row again tells. */
static bool misjudged(const struct err *err)
{
    return strcmp(err->sqlstate, "PA001") == 0 || strcmp(err->sqlstate, "PA002") == 0;
}

static void asked(struct task *task, usec_t now)
{
    struct question *question = (struct question *)task;
    struct membership *membership = question->membership;
    struct cursor *cursor =
        task->cancelled ? NULL
                        : cursors_find(membership, question->identity.topic, question->partition);
    membership->restless = true;
    if (!cursor || cursor->cursor_id != question->at.cursor_id || cursor->state != CURSOR_STRANDED)
        goto cleanup;
    cursor->asked = false;
    if (task->ok) {
        follow(membership, cursor, question, now);
    } else if (misjudged(&task->err)) {
        cursor_fire(cursor, CURSOR_UNSURE);
    } else {
        log_err(LOG_LEVEL_WARNING, cursor->topic, &task->err);
        cursor->probe_at = now + try_again;
    }
cleanup:
    free(question);
}

/* What was read before it must be written: the range begins behind it. */
static bool ready(const struct cursor *cursor)
{
    return cursor->state == CURSOR_STRANDED && !cursor->asked && cursor->lane &&
           lane_drained(cursor);
}

static void question_start(struct membership *membership, struct cursor *cursor)
{
    struct question *question = mem_zero(1, sizeof(*question));
    *question = (struct question){.task = {.work = ask, .done = asked},
                                  .membership = membership,
                                  .client = consumer_client(membership->engine->consumer),
                                  .identity = {.topic = cursor->topic},
                                  .partition = cursor->partition,
                                  .policy = cursor->live->stream->config->out_of_range,
                                  .from = cursor->next_offset,
                                  .at = {.cursor_id = cursor->cursor_id,
                                         .next_offset = cursor->next_offset,
                                         .fence = cursor->fence,
                                         .token = cursor->token}};
    snprintf(question->topic_id, sizeof(question->topic_id), "%s", cursor->topic_id);
    cursor->asked = true;
    service_submit(membership->engine->service, &question->task);
}

usec_t range_turn(struct membership *membership, usec_t now)
{
    usec_t again = USEC_NEVER;
    for (struct cursor *cursor = membership->cursors; cursor; cursor = cursor->next) {
        if (!ready(cursor))
            continue;
        if (now >= cursor->probe_at)
            question_start(membership, cursor);
        else if (cursor->probe_at < again)
            again = cursor->probe_at;
    }
    return again;
}

void membership_out_of_range(struct membership *membership, struct cursor *cursor)
{
    if (cursor->state != CURSOR_RUNNING)
        return; /* known already, or it is about to be fetched from elsewhere */
    cursor_fire(cursor, CURSOR_OUT_OF_RANGE);
    cursor->asked = false;
    cursor->probe_at = 0;
    membership->restless = true;
}
