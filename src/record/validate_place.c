/* SPDX-License-Identifier: Apache-2.0 */
#include "record/validate_place.h"

#include "record/validate_value.h"

#include <stdio.h>
#include <string.h>

struct line {
    char *at;
    size_t left; /* bytes that still fit, the NUL apart */
    bool full;
};

/* All of `text` or, at the end of the room, as many whole code points as fit. */
static void put(struct line *line, const char *text, size_t length)
{
    if (line->full)
        return;
    if (length > line->left) {
        length = line->left;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
        line->full = true;
    }
    memcpy(line->at, text, length);
    line->at += length;
    line->left -= length;
    *line->at = '\0';
}

/* One character that would end the quotes or confuse a terminal. */
static void put_escape(struct line *line, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\\nn\rr\tt"; /* pairs: the character, its letter */
    char escape[8];

    for (const char *pair = SHORT; *pair; pair += 2) {
        if ((unsigned char)*pair == c) {
            put(line, (char[]){'\\', pair[1]}, 2);
            return;
        }
    }
    put(line, escape, (size_t)snprintf(escape, sizeof escape, "\\x%02x", c));
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

static void put_text(struct line *line, struct span text)
{
    size_t from = 0;

    put(line, "\"", 1);
    for (size_t i = 0; i < text.length; i++) {
        if (is_plain((unsigned char)text.data[i]))
            continue;
        put(line, text.data + from, i - from);
        put_escape(line, (unsigned char)text.data[i]);
        from = i + 1;
    }
    put(line, text.data + from, text.length - from);
    put(line, "\"", 1);
}

static void put_key(struct line *line, enum load load, const void *key)
{
    const struct value_rules rules = {.load = load};
    struct value value = {.text = {"", 0}};
    char digits[24];

    value_load(&value, &rules, key);
    if (load == LOAD_STRING) {
        put_text(line, value.text);
    } else if (load == LOAD_BOOL) {
        put(line, value.whole ? "true" : "false", value.whole ? 4 : 5);
    } else if (value.whole < 0) {
        put(line, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value.whole));
    } else {
        put(line, digits,
            (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value.whole));
    }
}

static void put_place(struct line *line, const struct place *place)
{
    char digits[24];

    if (place->parent) {
        put_place(line, place->parent);
        put(line, ".", 1);
    }
    put(line, place->name, strlen(place->name));
    if (place->subscript == SUBSCRIPT_NONE)
        return;
    put(line, "[", 1);
    if (place->subscript == SUBSCRIPT_INDEX)
        put(line, digits, (size_t)snprintf(digits, sizeof digits, "%zu", place->index));
    else
        put_key(line, place->key_load, place->key);
    put(line, "]", 1);
}

void place_print(const struct place *place, char *out, size_t size)
{
    struct line line = {out, size - 1, false};

    *out = '\0';
    if (place)
        put_place(&line, place);
}

void place_copy(const char *text, char *out, size_t size)
{
    struct line line = {out, size - 1, false};

    *out = '\0';
    put(&line, text, strlen(text));
}
