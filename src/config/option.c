/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option.h"

#include "base/buf.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config.h"
#include "config/moment.h"
#include "record/number.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NEAREST_MAX = 64 };

static bool stands_in(const struct option *option, enum option_scope scope)
{
    return option->scope == scope || (scope == OPTION_PROCESS && option->everywhere);
}

const struct option *option_find(enum option_scope scope, const char *name)
{
    for (const struct option *option = option_table(); option->name; option++)
        if (stands_in(option, scope) && strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

bool option_is_block(enum option_scope scope, const char *name)
{
    size_t length = strlen(name);
    for (const struct option *option = option_table(); option->name; option++)
        if (stands_in(option, scope) && strncmp(option->name, name, length) == 0 &&
            option->name[length] == '.')
            return true;
    return false;
}

const char *option_nearest(enum option_scope scope, const char *block, const char *name)
{
    /* Names of blocks are cut out of the rows' names; they live as long as anybody may need them.
     */
    static char blocks[NEAREST_MAX][32];
    const char *names[NEAREST_MAX + 1];
    unsigned used = 0;
    size_t length = strlen(block);
    for (const struct option *option = option_table(); option->name; option++) {
        const char *dot = strchr(option->name, '.');
        assert(used < NEAREST_MAX);
        if (!stands_in(option, scope))
            continue;
        if (length) {
            if (dot && (size_t)(dot - option->name) == length &&
                strncmp(option->name, block, length) == 0)
                names[used++] = dot + 1;
        } else if (dot) {
            snprintf(blocks[used], sizeof blocks[used], "%.*s", (int)(dot - option->name),
                     option->name);
            names[used] = blocks[used];
            used++;
        } else {
            names[used++] = option->name;
        }
    }
    names[used] = NULL;
    return text_nearest(name, names);
}

static bool refuse(const struct option *option, const struct given *given, struct err *err,
                   const char *problem)
{
    struct buf kind = BUF_INIT;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s: %s", option->name, problem);
    option_kind_text(option, &kind);
    err_place(err, "%s", given->place);
    err_hint(err, "%s", kind.data);
    buf_free(&kind);
    return false;
}

static bool refuse_kind(const struct option *option, const struct given *given, struct err *err)
{
    char problem[64];
    snprintf(problem, sizeof problem, "%s cannot stand here", given_kind_name(given->kind));
    return refuse(option, given, err, problem);
}

static bool in_bounds(const struct option *option, int64_t value)
{
    return !option_bounded(option) || (value >= option->min && value <= option->max);
}

static bool is_text(const struct given *given)
{
    return given->kind == GIVEN_TEXT || given->kind == GIVEN_WORD;
}

/* ------------------------------------------------------------------ one function per kind */

static bool put_number(const struct option *option, void *member, const struct given *given,
                       struct err *err)
{
    int64_t value = given->number;
    if (given->kind == GIVEN_WORD) {
        if (!text_parse_int(given->text, &value))
            return refuse(option, given, err, "not a whole number");
    } else if (given->kind != GIVEN_NUMBER) {
        return refuse_kind(option, given, err);
    }
    if (!in_bounds(option, value))
        return refuse(option, given, err, "out of range");
    assert(option->width == sizeof(unsigned));
    *(unsigned *)member = (unsigned)value;
    return true;
}

/* Sizes and durations: a text with a unit, because a bare 60 leaves open of what. */
static bool put_measure(const struct option *option, void *member, const struct given *given,
                        struct err *err)
{
    int64_t value;
    bool (*parse)(const char *, int64_t *) =
        option->kind == OPTION_SIZE ? text_parse_size : text_parse_duration;
    if (given->kind == GIVEN_NUMBER && given->number == 0 && option->kind == OPTION_DURATION)
        value = 0;
    else if (given->kind == GIVEN_NUMBER)
        return refuse(option, given, err, "a text with a unit is wanted, not a bare number");
    else if (!is_text(given))
        return refuse_kind(option, given, err);
    else if (!parse(given->text, &value))
        return refuse(option, given, err, "not a number with a unit");
    if (!in_bounds(option, value))
        return refuse(option, given, err, "out of range");
    assert(option->width == sizeof value);
    memcpy(member, &value, sizeof value);
    return true;
}

/* "0.05" or "5%". */
static bool parse_share(const char *text, double *share)
{
    struct span span = {.data = text, .length = strlen(text)};
    bool percent = span.length && text[span.length - 1] == '%';
    span.length -= percent;
    if (!number_parse_double(span, share))
        return false;
    if (percent)
        *share /= 100;
    return true;
}

static bool put_share(const struct option *option, void *member, const struct given *given,
                      struct err *err)
{
    double share = given->real;
    if (given->kind == GIVEN_NUMBER) {
        share = (double)given->number;
    } else if (is_text(given)) {
        if (!parse_share(given->text, &share))
            return refuse(option, given, err, "not a share");
    } else if (given->kind != GIVEN_REAL) {
        return refuse_kind(option, given, err);
    }
    if (!(share >= 0 && share <= 1)) /* NaN neither */
        return refuse(option, given, err, "out of range");
    assert(option->width == sizeof share);
    memcpy(member, &share, sizeof share);
    return true;
}

static bool put_switch(const struct option *option, void *member, const struct given *given,
                       struct err *err)
{
    bool on = given->on;
    if (given->kind == GIVEN_WORD && strcmp(given->text, "true") == 0)
        on = true;
    else if (given->kind == GIVEN_WORD && strcmp(given->text, "false") == 0)
        on = false;
    else if (given->kind != GIVEN_SWITCH)
        return refuse_kind(option, given, err);
    *(bool *)member = on;
    return true;
}

static const struct option_choice *find_choice(const struct option *option, const char *name)
{
    for (const struct option_choice *choice = option->choices; choice->name; choice++)
        if (strcmp(choice->name, name) == 0)
            return choice;
    return NULL;
}

static bool put_choice(const struct option *option, void *member, const struct given *given,
                       struct err *err)
{
    if (!is_text(given))
        return refuse_kind(option, given, err);
    const struct option_choice *choice = find_choice(option, given->text);
    if (!choice)
        return refuse(option, given, err, "not one of its values");
    if (option->width == sizeof(bool)) {
        *(bool *)member = choice->value;
    } else {
        assert(option->width == sizeof choice->value);
        memcpy(member, &choice->value, sizeof choice->value);
    }
    return true;
}

static bool check_text(const struct option *option, const struct given *given, const char *text,
                       struct err *err)
{
    if (option->choices && !find_choice(option, text))
        return refuse(option, given, err, "not one of its values");
    if (!text_utf8_valid(text, strlen(text)))
        return refuse(option, given, err, "not UTF-8");
    if (option->max && strlen(text) > (size_t)option->max)
        return refuse(option, given, err, "too long");
    if (option->min && !*text)
        return refuse(option, given, err, "empty");
    return true;
}

static bool put_text(const struct option *option, void *member, const struct given *given,
                     struct arena *arena, struct err *err)
{
    if (!is_text(given))
        return refuse_kind(option, given, err);
    if (!check_text(option, given, given->text, err))
        return false;
    bool relative = option->kind == OPTION_PATH && given->text[0] != '/' && given->directory &&
                    !secret_place(given->text);
    char *copy = arena_format(arena, "%s%s", relative ? given->directory : "", given->text);
    memcpy(member, &copy, sizeof copy);
    return true;
}

/* "a,b" in a word; a text or a list of texts in a file. */
static bool put_names(const struct option *option, char *base, const struct given *given,
                      struct arena *arena, struct err *err)
{
    struct given *items = given->items, single = *given;
    unsigned n = given->n_items;
    if (given->kind == GIVEN_WORD) {
        char *copy = arena_string(arena, given->text, strlen(given->text)), *save, *part;
        items = arena_alloc(arena, (strlen(copy) + 1) * sizeof *items);
        n = 0;
        for (part = strtok_r(copy, ", ", &save); part; part = strtok_r(NULL, ", ", &save))
            items[n++] = (struct given){.kind = GIVEN_WORD, .text = part, .place = given->place};
    } else if (given->kind == GIVEN_TEXT) {
        items = &single;
        n = 1;
    } else if (given->kind != GIVEN_LIST) {
        return refuse_kind(option, given, err);
    }
    if (n == 0)
        return refuse(option, given, err, "empty");
    const char **names = arena_alloc(arena, n * sizeof *names);
    for (unsigned i = 0; i < n; i++) {
        if (!is_text(&items[i]))
            return refuse_kind(option, &items[i], err);
        if (!check_text(option, &items[i], items[i].text, err))
            return false;
        names[i] = arena_string(arena, items[i].text, strlen(items[i].text));
    }
    memcpy(base + option->offset, &names, sizeof names);
    memcpy(base + option->companion, &n, sizeof n);
    return true;
}

static bool put_start(const struct option *option, struct stream_config *stream,
                      const struct given *given, struct err *err)
{
    if (!is_text(given))
        return refuse_kind(option, given, err);
    if (strcmp(given->text, "earliest") == 0)
        stream->start = START_EARLIEST;
    else if (strcmp(given->text, "latest") == 0)
        stream->start = START_LATEST;
    else if (moment_parse(given->text, &stream->start_time))
        stream->start = START_TIME;
    else
        return refuse(option, given, err, "neither a known word nor a time");
    return true;
}

static bool put_deletes(const struct option *option, struct stream_config *stream,
                        const struct given *given, struct arena *arena, struct err *err)
{
    const char *header = NULL;
    if (!is_text(given))
        return refuse_kind(option, given, err);
    if (!deletes_parse(given->text, &stream->deletes, &header))
        return refuse(option, given, err, "not one of its values");
    stream->deletes_header = header ? arena_string(arena, header, strlen(header)) : NULL;
    return true;
}

bool option_put(const struct option *option, void *base, const struct given *given,
                struct arena *arena, struct err *err)
{
    char *member = (char *)base + option->offset;
    bool good = false;
    if (given->kind == GIVEN_BROKEN)
        return true;
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH:
        return put_text(option, member, given, arena, err);
    case OPTION_NUMBER:
        return put_number(option, member, given, err);
    case OPTION_SIZE:
    case OPTION_DURATION:
        return put_measure(option, member, given, err);
    case OPTION_SHARE:
        return put_share(option, member, given, err);
    case OPTION_NAMES:
        return put_names(option, base, given, arena, err);
    case OPTION_START:
        return put_start(option, base, given, err);
    case OPTION_SWITCH:
        good = put_switch(option, member, given, err);
        break;
    case OPTION_CHOICE:
        good = put_choice(option, member, given, err);
        break;
    case OPTION_DELETES:
        good = put_deletes(option, base, given, arena, err);
        break;
    default:
        assert(false && "a setting with a form of its own");
    }
    if (good && option->companion)
        *(bool *)((char *)base + option->companion) = true;
    return good;
}

void option_defaults(enum option_scope scope, void *base, struct arena *arena)
{
    for (const struct option *option = option_table(); option->name; option++) {
        if (option->scope != scope || !option->fallback)
            continue;
        struct err err = ERR_INIT;
        struct given given = {.kind = GIVEN_WORD, .text = option->fallback, .place = "default"};
        bool good = option_put(option, base, &given, arena, &err);
        assert(good);
        (void)good;
    }
}
