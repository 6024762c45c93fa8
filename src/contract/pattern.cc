/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/pattern.h"

#include <re2/re2.h>

#include <cstdio>

struct pattern {
    re2::RE2 expression;

    pattern(const re2::StringPiece &source, const re2::RE2::Options &options)
        : expression(source, options)
    {
    }
};

/* C++ has only bytes that run to a length; an absent span is an empty one here. */
static re2::StringPiece piece_of(struct span text)
{
    return re2::StringPiece(text.data ? text.data : "", text.length);
}

struct pattern *pattern_open(struct span source, char *reason, size_t size)
{
    re2::RE2::Options options;
    options.set_max_mem(PATTERN_MEMORY);
    options.set_log_errors(false);
    struct pattern *pattern = new struct pattern(piece_of(source), options);
    if (pattern->expression.ok())
        return pattern;
    std::snprintf(reason, size, "%s", pattern->expression.error().c_str());
    delete pattern;
    return nullptr;
}

void pattern_close(struct pattern *pattern)
{
    delete pattern;
}

bool pattern_matches(const struct pattern *pattern, struct span text)
{
    return pattern->expression.Match(piece_of(text), 0, text.length, re2::RE2::UNANCHORED, nullptr,
                                     0);
}
