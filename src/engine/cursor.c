/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a cursor, as rows. */
#include "engine/live.h"
#include "engine/machine.h"
#include "engine/machines.h"

static const char *const states[] = {"claiming", "running", "rewinding", "stranded",
                                     "fenced",   "halted",  "released"};
static const char *const events[] = {"claimed",   "fence lost", "unsure", "rewound", "out of range",
                                     "recreated", "halt",       "resume", "reclaim", "give back"};

static const struct machine_row rows[] = {
    {CURSOR_CLAIMING, CURSOR_CLAIMED, CURSOR_RUNNING, NULL, "fence and start offset are known"},
    {CURSOR_CLAIMING, CURSOR_HALT, CURSOR_CLAIMING, NULL, "noticed when the claim is done"},
    {CURSOR_CLAIMING, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked before it was ours"},
    {CURSOR_RUNNING, CURSOR_FENCE_LOST, CURSOR_FENCED, NULL, "another owner holds the fence"},
    {CURSOR_RUNNING, CURSOR_UNSURE, CURSOR_REWINDING, NULL, "a batch of its lane was dropped"},
    {CURSOR_RUNNING, CURSOR_OUT_OF_RANGE, CURSOR_STRANDED, NULL, "Kafka lacks the next offset"},
    {CURSOR_RUNNING, CURSOR_RECREATED, CURSOR_CLAIMING, NULL, "the topic was made anew"},
    {CURSOR_RUNNING, CURSOR_HALT, CURSOR_HALTED, NULL, "the stream halts, is paused or held"},
    {CURSOR_RUNNING, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked"},
    {CURSOR_REWINDING, CURSOR_REWOUND, CURSOR_RUNNING, NULL,
     "fetching anew from PostgreSQL's offset"},
    {CURSOR_REWINDING, CURSOR_FENCE_LOST, CURSOR_FENCED, NULL, "another owner holds the fence"},
    {CURSOR_REWINDING, CURSOR_RECREATED, CURSOR_CLAIMING, NULL, "the topic was made anew"},
    {CURSOR_REWINDING, CURSOR_HALT, CURSOR_HALTED, NULL, "the stream halts"},
    {CURSOR_REWINDING, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked"},
    {CURSOR_STRANDED, CURSOR_UNSURE, CURSOR_REWINDING, NULL, "moved, back in range, or dropped"},
    {CURSOR_STRANDED, CURSOR_RECREATED, CURSOR_CLAIMING, NULL, "the topic was made anew"},
    {CURSOR_STRANDED, CURSOR_FENCE_LOST, CURSOR_FENCED, NULL, "another owner holds the fence"},
    {CURSOR_STRANDED, CURSOR_HALT, CURSOR_HALTED, NULL, "a person decides"},
    {CURSOR_STRANDED, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked"},
    {CURSOR_FENCED, CURSOR_RECLAIM, CURSOR_CLAIMING, NULL,
     "the group confirms that it is ours, or it was moved while it was"},
    {CURSOR_FENCED, CURSOR_HALT, CURSOR_HALTED, NULL, "the stream halts"},
    {CURSOR_FENCED, CURSOR_FENCE_LOST, CURSOR_FENCED, NULL, "known already"},
    {CURSOR_FENCED, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked, as expected"},
    {CURSOR_HALTED, CURSOR_HALT, CURSOR_HALTED, NULL, "known already"},
    {CURSOR_HALTED, CURSOR_RESUME, CURSOR_CLAIMING, NULL, "its stream goes on: claimed anew"},
    {CURSOR_HALTED, CURSOR_GIVE_BACK, CURSOR_RELEASED, NULL, "revoked"},
};

const struct machine cursor_machine = {
    .name = "cursor",
    .states = states,
    .events = events,
    .n_states = CURSOR_STATES,
    .n_events = CURSOR_EVENTS,
    .start = CURSOR_CLAIMING,
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(*rows),
};

void cursor_fire(struct cursor *cursor, enum cursor_event event)
{
    machine_fire(&cursor_machine, &cursor->state, (int)event, cursor);
}

struct log_about cursor_about(const struct cursor *cursor, enum log_event event,
                              const int64_t *offset)
{
    return (struct log_about){.event = event,
                              .stream = cursor->live->stream->config->name,
                              .topic = cursor->topic,
                              .partition = &cursor->partition,
                              .offset = offset};
}

const char *cursor_text(const struct cursor *cursor, int64_t offset, char out[CURSOR_TEXT])
{
    snprintf(out, CURSOR_TEXT, "%s[%d]@%lld", cursor->topic, (int)cursor->partition,
             (long long)offset);
    return out;
}
