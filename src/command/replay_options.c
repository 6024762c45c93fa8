/* SPDX-License-Identifier: Apache-2.0 */
#include "command/replay_options.h"

#include "base/memory.h"
#include "base/text.h"
#include "config/moment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool usage(struct err *err, const char *hint, const char *format, ...) PRINTF_LIKE(3, 4);
static bool usage(struct err *err, const char *hint, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "%s", text);
    return err_hint(err, "%s", hint);
}

/* ---- places ---- */

static const char *keep_name(struct replay_options *options, const char *name, size_t length)
{
    options->names = mem_grow(options->names, options->n_names + 1, sizeof *options->names);
    char *copy = mem_format("%.*s", (int)length, name);
    options->names[options->n_names++] = copy;
    return copy;
}

static struct replay_place *add_place(struct replay_options *options, const char *topic,
                                      int32_t partition)
{
    options->places = mem_grow(options->places, options->n_places + 1, sizeof *options->places);
    options->places[options->n_places] =
        (struct replay_place){.topic = topic, .partition = partition, .offset = -1};
    return &options->places[options->n_places++];
}

/* One number up to the comma; moves `at` behind it. */
static bool take_partition(const char **at, int32_t *partition)
{
    int64_t value;
    char text[16];
    size_t length = strcspn(*at, ",");
    if (length == 0 || length >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)length, *at);
    if (!text_parse_int(text, &value) || value < 0 || value > INT32_MAX)
        return false;
    *partition = (int32_t)value;
    *at += length + ((*at)[length] == ',');
    return true;
}

/* "payments" or "payments:0,1,2"; a topic's name holds no colon. */
static bool read_topic(struct replay_options *options, const char *said, struct err *err)
{
    const char *colon = strchr(said, ':');
    size_t length = colon ? (size_t)(colon - said) : strlen(said);
    const char *topic = keep_name(options, said, length);
    int32_t partition;
    if (!colon && length > 0) {
        add_place(options, topic, -1);
        return true;
    }
    const char *at = colon ? colon + 1 : "";
    if (length == 0 || !*at)
        return usage(err, "for example --topic payments:0,1", "--topic: %s names nothing", said);
    while (*at) {
        if (!take_partition(&at, &partition))
            return usage(err, "for example --topic payments:0,1",
                         "--topic: %s has something that is no partition", said);
        add_place(options, topic, partition);
    }
    return true;
}

/* ---- a file ---- */

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && strchr(" \t\r\n", text[length - 1]))
        text[--length] = 0;
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text[length - 1] = 0;
        text++;
    }
    return text;
}

/* topic,partition,offset; Kafka's own files of several groups have the group before it. */
static bool read_line(struct replay_options *options, char *line, const char *where,
                      struct err *err)
{
    enum { FIELDS = 4 };
    char *fields[FIELDS], *rest = line;
    unsigned n = 0;
    int64_t partition, offset;
    for (char *field; n < FIELDS && (field = strsep(&rest, ","));)
        fields[n++] = trim(field);
    char **last = fields + n - 3;
    if (n < 3 || rest || !*last[0] || !text_parse_int(last[1], &partition) || partition < 0 ||
        partition > INT32_MAX || !text_parse_int(last[2], &offset) || offset < 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "this line is not topic,partition,offset");
        err_hint(err, "pactolus replay --to-current --all-topics --export writes such a file");
        return err_place(err, "%s", where);
    }
    if (n == FIELDS && (!options->group || strcmp(fields[0], options->group) != 0)) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "this line is about group %s", fields[0]);
        err_hint(err, "a file for one group, or with its name as the configuration has it");
        return err_place(err, "%s", where);
    }
    for (unsigned i = 0; i < options->n_places; i++)
        if (options->places[i].partition == partition &&
            strcmp(options->places[i].topic, last[0]) == 0) {
            err_set(err, ERR_HALT, ERR_EXIT_DATA, "%s[%d] stands here twice", last[0],
                    (int)partition);
            err_hint(err, "its other line is %s", options->places[i].where);
            return err_place(err, "%s", where);
        }
    const char *topic = keep_name(options, last[0], strlen(last[0]));
    struct replay_place *place = add_place(options, topic, (int32_t)partition);
    place->offset = offset;
    snprintf(place->where, sizeof place->where, "%s", where);
    return true;
}

static bool read_file(struct replay_options *options, struct err *err)
{
    char *line = NULL, where[64];
    size_t room = 0;
    bool good = true;
    const char *name = options->from_file;
    FILE *file = fopen(name, "re");
    if (!file) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot open it: %s", strerror(errno));
        return err_place(err, "%s", name);
    }
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    for (unsigned number = 1; good && getline(&line, &room, file) >= 0; number++) {
        snprintf(where, sizeof where, "%.40s:%u", base, number);
        if (line[strspn(line, " \t\r\n")])
            good = read_line(options, line, where, err);
    }
    if (good && ferror(file)) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot read it: %s", strerror(errno));
        good = err_place(err, "%s", name);
    } else if (good && options->n_places == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_DATA, "the file names no partition");
        good = err_place(err, "%s", name);
    }
    free(line);
    fclose(file);
    return good;
}

/* ---- the scenario ---- */

struct said {
    enum replay_scenario scenario;
    const char *name, *value; /* value NULL: a flag */
    bool given;
};

enum { SCENARIOS = 8 };

static void list(const struct replay_options *o, struct said out[SCENARIOS])
{
    const struct said all[SCENARIOS] = {
        {REPLAY_TO_DATETIME, "--to-datetime", o->to_datetime, o->to_datetime != NULL},
        {REPLAY_BY_DURATION, "--by-duration", o->by_duration, o->by_duration != NULL},
        {REPLAY_TO_EARLIEST, "--to-earliest", NULL, o->to_earliest},
        {REPLAY_TO_LATEST, "--to-latest", NULL, o->to_latest},
        {REPLAY_SHIFT_BY, "--shift-by", o->shift_by, o->shift_by != NULL},
        {REPLAY_TO_OFFSET, "--to-offset", o->to_offset, o->to_offset != NULL},
        {REPLAY_TO_CURRENT, "--to-current", NULL, o->to_current},
        {REPLAY_FROM_FILE, "--from-file", o->from_file, o->from_file != NULL},
    };
    memcpy(out, all, sizeof all);
}

bool replay_options_given(const struct replay_options *options)
{
    struct said said[SCENARIOS];
    bool given = false;
    list(options, said);
    for (unsigned i = 0; i < SCENARIOS; i++)
        given |= said[i].given;
    return given;
}

static bool choose(const struct replay_options *options, struct said *chosen, struct err *err)
{
    struct said said[SCENARIOS];
    list(options, said);
    *chosen = (struct said){0};
    for (unsigned i = 0; i < SCENARIOS; i++) {
        if (said[i].given && chosen->given)
            return usage(err, "one of them says where reading begins",
                         "%s cannot stand beside another such option", said[i].name);
        if (said[i].given)
            *chosen = said[i];
    }
    if (chosen->given)
        return true;
    return usage(err,
                 "one of --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, "
                 "--to-offset, --to-current and --from-file",
                 "%s", "where is reading to begin?");
}

static bool read_value(const struct said *said, usec_t now, struct replay_request *request,
                       struct err *err)
{
    usec_t duration;
    switch (said->scenario) {
    case REPLAY_TO_DATETIME:
        return moment_parse(said->value, &request->wall) ||
               usage(err, "for example 2026-11-21T08:00:00.000 (UTC), or with +02:00",
                     "--to-datetime: %s is no time", said->value);
    case REPLAY_BY_DURATION:
        if (!moment_duration(said->value, &duration))
            return usage(err, "for example PT2H30M, P1DT12H, or 90m",
                         "--by-duration: %s is no duration", said->value);
        request->wall = duration < now ? now - duration : 0;
        return true;
    case REPLAY_SHIFT_BY:
        return text_parse_int(said->value, &request->number) ||
               usage(err, "for example --shift-by -1000", "--shift-by: %s is no number",
                     said->value);
    case REPLAY_TO_OFFSET:
        return (text_parse_int(said->value, &request->number) && request->number >= 0) ||
               usage(err, "a number from 0 on", "--to-offset: %s is no offset", said->value);
    default:
        return true;
    }
}

static bool read_scope(struct replay_options *options, const struct said *said, struct err *err)
{
    bool named = options->streams.count || options->topics.count;
    if (said->scenario == REPLAY_FROM_FILE)
        return (named || options->all_topics)
                   ? usage(err, "the file is the scope", "%s names its partitions itself",
                           "--from-file")
                   : read_file(options, err);
    if (named == options->all_topics)
        return usage(err, "--stream NAME, --topic NAME[:PARTITION,…] or --all-topics", "%s",
                     named ? "--all-topics cannot stand beside --stream or --topic"
                           : "what is to be read again?");
    for (unsigned i = 0; i < options->topics.count; i++)
        if (!read_topic(options, options->topics.items[i], err))
            return false;
    return true;
}

bool replay_options_read(struct replay_options *options, usec_t now, struct replay_request *request,
                         struct err *err)
{
    struct said said;
    *request = (struct replay_request){0};
    if (!choose(options, &said, err) || !read_value(&said, now, request, err) ||
        !read_scope(options, &said, err))
        return false;
    snprintf(options->text, sizeof options->text, "%s%s%s", said.name, said.value ? " " : "",
             said.value ? said.value : "");
    request->scenario = said.scenario;
    request->streams = options->streams.items;
    request->n_streams = options->streams.count;
    request->places = options->places;
    request->n_places = options->n_places;
    request->text = options->text;
    request->reason = options->reason ? options->reason : "";
    return true;
}

void replay_options_free(struct replay_options *options)
{
    for (unsigned i = 0; i < options->n_names; i++)
        free(options->names[i]);
    free(options->names);
    free(options->places);
    args_list_free(&options->streams);
    args_list_free(&options->topics);
}
