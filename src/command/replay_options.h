/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_options: the command line of a replay, by the names that kafka-consumer-groups.sh
 * --reset-offsets has, as a request (engine/replay). `replay` and `run --reset-offsets` share it.
 */
#ifndef PACTOLUS_COMMAND_REPLAY_OPTIONS_H
#define PACTOLUS_COMMAND_REPLAY_OPTIONS_H

#include "command/args.h"
#include "engine/replay.h"

/* What the options fill; begin with zeros, end with replay_options_free. */
struct replay_options {
    struct args_list streams, topics;
    bool all_topics, to_earliest, to_latest, to_current;
    const char *to_datetime, *by_duration, *shift_by, *to_offset, *from_file;
    const char *reason, *group;
    /* made by replay_options_read */
    struct replay_place *places;
    unsigned n_places;
    char **names; /* of the places, owned */
    unsigned n_names;
    char text[200];
};

/* Rows for the table of options of a verb: the scope, and the scenarios. */
#define REPLAY_SCOPE_OPTIONS(o)                                                                    \
    {'S', "stream", "NAME", ARGS_MANY, &(o)->streams, "all topics of this stream; repeatable"},    \
    {'t', "topic", "TOPIC[:0,1,…]", ARGS_MANY, &(o)->topics,                                       \
     "this topic, or these of its partitions; repeatable"},                                        \
    {                                                                                              \
        0, "all-topics", NULL, ARGS_FLAG, &(o)->all_topics, "every topic of every stream"          \
    }
#define REPLAY_SCENARIO_OPTIONS(o)                                                                 \
    {0, "to-datetime", "TIME", ARGS_TEXT, &(o)->to_datetime,                                       \
     "to the first record of this time or later; UTC without a zone"},                             \
    {0, "by-duration", "DURATION", ARGS_TEXT, &(o)->by_duration,                                   \
     "to this long ago: PT2H30M, P1DT12H, or 90m"},                                                \
    {0, "to-earliest", NULL, ARGS_FLAG, &(o)->to_earliest, "to the first offset of the log"},      \
    {0, "to-latest", NULL, ARGS_FLAG, &(o)->to_latest, "to the end of the log: pass over"},        \
    {0, "shift-by", "N", ARGS_TEXT, &(o)->shift_by, "forward by N offsets, or back by -N"},        \
    {0, "to-offset", "OFFSET", ARGS_TEXT, &(o)->to_offset, "to this offset"},                      \
    {0, "to-current", NULL, ARGS_FLAG, &(o)->to_current, "stay; with --export: where it is"},      \
    {                                                                                              \
        0, "from-file", "FILE", ARGS_TEXT, &(o)->from_file,                                        \
            "to what this file says: lines of topic,partition,offset"                              \
    }

/* True when any of the scenarios was given. */
bool replay_options_given(const struct replay_options *options);
/* Judge and parse everything that needs no server; `now` is the wall clock, for --by-duration. The
 * request borrows from the options. False with err (64, and 65 for what a file holds). */
bool replay_options_read(struct replay_options *options, usec_t now, struct replay_request *request,
                         struct err *err) MUST_CHECK;
void replay_options_free(struct replay_options *options);

#endif
