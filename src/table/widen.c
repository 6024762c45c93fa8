/* SPDX-License-Identifier: Apache-2.0 */
#include "table/widen.h"

#include "contract/type.h"

#include <string.h>

/* A type with its modifier left out: "character varying(20)" is one of "character varying". */
struct way {
    const char *have, *want;
    enum widening cost;
};

static const struct way ways[] = {
    {"character varying", "text", WIDEN_FREE},
    {"cidr", "inet", WIDEN_FREE},
    {"numeric", "numeric", WIDEN_FREE}, /* see numeric() */
    {"smallint", "integer", WIDEN_REWRITE},
    {"smallint", "bigint", WIDEN_REWRITE},
    {"integer", "bigint", WIDEN_REWRITE},
    {"real", "double precision", WIDEN_REWRITE},
    {"integer", "double precision", WIDEN_REWRITE},
    {"smallint", "numeric", WIDEN_REWRITE}, /* if there is room for the digits */
    {"integer", "numeric", WIDEN_REWRITE},
    {"bigint", "numeric", WIDEN_REWRITE},
};

/* Digits before the point that an integer type can have; 0 for other types. */
static unsigned digits_of(const char *type)
{
    static const struct {
        const char *name;
        unsigned digits;
    } widths[] = {{"smallint", 5}, {"integer", 10}, {"bigint", 19}};
    for (unsigned i = 0; i < sizeof widths / sizeof *widths; i++)
        if (strcmp(type, widths[i].name) == 0)
            return widths[i].digits;
    return 0;
}

/* numeric without a modifier holds any number as it is. A scale that grows pads every value that is
 * there, which PostgreSQL takes for a change of all rows. */
static enum widening numeric(const char *have, const char *want)
{
    unsigned short had_digits, had_scale, digits, scale;
    if (strcmp(want, "numeric") == 0)
        return digits_of(have) ? WIDEN_REWRITE : WIDEN_FREE;
    if (!type_numeric_parse(want, strlen(want), &digits, &scale))
        return WIDEN_NOT;
    if (digits_of(have))
        return digits - scale >= (int)digits_of(have) ? WIDEN_REWRITE : WIDEN_NOT;
    if (!type_numeric_parse(have, strlen(have), &had_digits, &had_scale))
        return WIDEN_NOT;
    if (scale < had_scale || digits - scale < had_digits - had_scale)
        return WIDEN_NOT;
    return scale == had_scale ? WIDEN_FREE : WIDEN_REWRITE;
}

/* Is `type` one of `kind`, with a modifier or without? Arrays are none: each would be written anew.
 */
static bool is_kind(const char *type, const char *kind)
{
    size_t length = strlen(kind), whole = strlen(type);
    return strncmp(type, kind, length) == 0 &&
           (type[length] == '\0' || (type[length] == '(' && type[whole - 1] == ')'));
}

enum widening widen(const char *have, const char *want)
{
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!is_kind(have, ways[i].have) || !is_kind(want, ways[i].want))
            continue;
        return strcmp(ways[i].want, "numeric") == 0 ? numeric(have, want) : ways[i].cost;
    }
    return WIDEN_NOT;
}
