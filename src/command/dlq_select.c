/* SPDX-License-Identifier: Apache-2.0 */
/* Which dead letters are meant: words of the command line → a filter. */
#include "base/text.h"
#include "command/dlq.h"
#include "config/moment.h"
#include "record/dead_letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wrong(struct err *err, const char *option, const char *what, const char *hint)
{
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--%s: %s", option, what);
    return err_hint(err, "%s", hint);
}

/* "2h" is two hours ago. */
static bool take_time(const char *option, const char *text, usec_t now, usec_t *wall,
                      struct err *err)
{
    int64_t ago;
    *wall = -1;
    if (!text || moment_parse(text, wall))
        return true;
    if (text_parse_duration(text, &ago) && ago >= 0 && ago <= now) {
        *wall = now - ago;
        return true;
    }
    return wrong(err, option, "neither a moment nor a duration",
                 "2026-11-21T08:00 (UTC unless it has a zone), or 90m for ninety minutes ago");
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool take_hex(const char *text, struct arena *arena, struct span *bytes)
{
    if (strncmp(text, "\\x", 2) == 0) /* as psql shows it */
        text += 2;
    size_t length = strlen(text);
    char *out = arena_alloc(arena, length / 2 + 1);
    for (size_t i = 0; i + 1 < length; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    *bytes = (struct span){out, length / 2};
    return length % 2 == 0;
}

/* The first line, without its end. */
static bool read_key(const char *path, struct arena *arena, struct span *key, struct err *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t length = file ? getline(&line, &room, file) : -1;
    if (file && file != stdin)
        fclose(file);
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    if (length > 0)
        *key = (struct span){arena_string(arena, line, (size_t)length), (size_t)length};
    free(line);
    if (length > 0)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--key-file: no key can be read");
    err_place(err, "%s", path);
    return err_hint(err, "its first line is the key");
}

static bool take_key(const struct dlq_words *words, struct arena *arena, struct span *key,
                     struct err *err)
{
    if ((words->key != NULL) + (words->key_hex != NULL) + (words->key_file != NULL) > 1)
        return wrong(err, "key", "said twice", "one of --key, --key-hex and --key-file");
    if (words->key)
        *key = (struct span){words->key, strlen(words->key)};
    if (words->key_hex && !take_hex(words->key_hex, arena, key))
        return wrong(err, "key-hex", "not hexadecimal", "two digits for each byte: 00ff");
    return !words->key_file || read_key(words->key_file, arena, key, err);
}

static bool take_reasons(const struct dlq_words *words, struct letters_filter *filter,
                         struct err *err)
{
    const char *names[REASON_COUNT];
    for (int i = 1; i < REASON_COUNT; i++)
        names[i - 1] = reason_name((enum reason)i);
    names[REASON_COUNT - 1] = NULL;
    for (unsigned i = 0; i < words->reasons.count; i++) {
        int k = 0;
        while (names[k] && strcmp(names[k], words->reasons.items[i]) != 0)
            k++;
        if (names[k])
            continue;
        const char *nearest = text_nearest(words->reasons.items[i], names);
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "--reason: there is no reason %s",
                words->reasons.items[i]);
        return nearest ? err_hint(err, "did you mean %s?", nearest)
                       : err_hint(err, "pactolus dlq list shows those that there are");
    }
    filter->reasons = words->reasons.items;
    filter->n_reasons = words->reasons.count;
    return true;
}

static bool take_state(const struct dlq_words *words, struct letters_filter *filter,
                       struct err *err)
{
    static const char *const states[] = {"open", "redriven", "discarded", NULL};
    filter->state = words->state;
    for (int i = 0; words->state && states[i]; i++)
        if (strcmp(states[i], words->state) == 0)
            return true;
    if (words->state && strcmp(words->state, "any") != 0)
        return wrong(err, "state", "there is no such state", "open, redriven, discarded or any");
    filter->state = NULL;
    return true;
}

/* "topic[3]@17" */
static bool take_place(const char *text, struct arena *arena, struct letter_place *place)
{
    const char *at = strrchr(text, '@'), *open = strrchr(text, '[');
    if (!at || !open || open == text || at < open + 3 || at[-1] != ']')
        return false;
    const char *partition = arena_string(arena, open + 1, (size_t)(at - open) - 2);
    place->topic = arena_string(arena, text, (size_t)(open - text));
    return text_parse_int(partition, &place->partition) && place->partition >= 0 &&
           place->partition <= INT32_MAX && text_parse_int(at + 1, &place->offset) &&
           place->offset >= 0;
}

static bool take_operands(const struct dlq_words *words, struct arena *arena,
                          struct letters_filter *filter, struct err *err)
{
    int64_t *ids = arena_alloc(arena, (words->n_operands + 1) * sizeof *ids);
    struct letter_place *places = arena_alloc(arena, (words->n_operands + 1) * sizeof *places);
    filter->ids = ids;
    filter->places = places;
    for (unsigned i = 0; i < words->n_operands; i++) {
        const char *text = words->operands[i];
        if (text_parse_int(text, &ids[filter->n_ids]) && ids[filter->n_ids] > 0) {
            filter->n_ids++;
        } else if (take_place(text, arena, &places[filter->n_places])) {
            filter->n_places++;
        } else {
            err_set(err, ERR_HALT, ERR_EXIT_USAGE, "not a letter: %s", text);
            return err_hint(err, "its number in the ledger, or its place: topic[3]@17");
        }
    }
    if (words->from_topic && filter->n_ids) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "letters of a topic have no number of the ledger");
        return err_hint(err, "name them by their place: topic[3]@17");
    }
    return true;
}

bool dlq_select(const struct dlq_words *words, const char *group, usec_t now, struct arena *arena,
                struct letters_filter *filter, struct err *err)
{
    *filter = (struct letters_filter){
        .group = group,
        .streams = words->streams.items,
        .n_streams = words->streams.count,
        .topic = words->topic,
    };
    return take_reasons(words, filter, err) && take_state(words, filter, err) &&
           take_time("since", words->since, now, &filter->since, err) &&
           take_time("until", words->until, now, &filter->until, err) &&
           take_key(words, arena, &filter->key, err) && take_operands(words, arena, filter, err);
}

bool dlq_said(const struct dlq_words *words, const char *verb, struct err *err)
{
    bool some = words->n_operands || words->streams.count || words->reasons.count || words->topic ||
                words->since || words->until || words->key || words->key_hex || words->key_file;
    if (some != words->all)
        return true;
    if (some)
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "dlq %s: --all, or some of them?", verb);
    else
        err_set(err, ERR_HALT, ERR_EXIT_USAGE, "dlq %s wants to know which letters", verb);
    return err_hint(err, "their numbers, --stream, --reason, … or --all; pactolus dlq list shows "
                         "what there is");
}

static bool among(const char *text, const char *const *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return n == 0;
}

static bool at_place(const struct letters_filter *filter, const struct letter *letter)
{
    for (unsigned i = 0; i < filter->n_places; i++)
        if (filter->places[i].partition == letter->partition &&
            filter->places[i].offset == letter->offset &&
            strcmp(filter->places[i].topic, letter->topic) == 0)
            return true;
    return filter->n_places == 0;
}

bool dlq_selects(const struct letters_filter *filter, const struct letter *letter)
{
    usec_t failed = -1;
    if (*letter->first_failed && !moment_parse(letter->first_failed, &failed))
        failed = -1;
    return among(letter->stream, filter->streams, filter->n_streams) &&
           among(letter->reason, filter->reasons, filter->n_reasons) &&
           (!filter->topic || strcmp(filter->topic, letter->topic) == 0) &&
           (filter->since < 0 || failed >= filter->since) &&
           (filter->until < 0 || (failed >= 0 && failed < filter->until)) &&
           (!filter->key.data ||
            (letter->key.data && letter->key.length == filter->key.length &&
             memcmp(letter->key.data, filter->key.data, filter->key.length) == 0)) &&
           at_place(filter, letter);
}

void dlq_words_free(struct dlq_words *words)
{
    args_list_free(&words->streams);
    args_list_free(&words->reasons);
}
