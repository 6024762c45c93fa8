/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/letter_headers.h"

#include "version.h"

#include <assert.h>
#include <string.h>

struct adding {
    struct arena *arena;
    struct header *out;
    unsigned n, ours;
};

static void add(struct adding *adding, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    assert(adding->ours++ < LETTER_HEADERS);
    adding->out[adding->n++] = (struct header){.name = name, .value = {text, strlen(text)}};
}

static void add_number(struct adding *adding, const char *name, int64_t value)
{
    add(adding, name, arena_format(adding->arena, "%lld", (long long)value));
}

static bool is_ours(const char *name)
{
    return strncmp(name, "__connect.errors.", 17) == 0 || strncmp(name, "pactolus.", 9) == 0;
}

unsigned letter_headers(const struct letter *letter, const char *group, struct arena *arena,
                        struct header *out)
{
    struct adding adding = {.arena = arena, .out = out};
    for (unsigned i = 0; i < letter->n_headers; i++)
        if (!is_ours(letter->headers[i].name))
            out[adding.n++] = letter->headers[i];
    add(&adding, "__connect.errors.topic", letter->topic);
    add_number(&adding, "__connect.errors.partition", letter->partition);
    add_number(&adding, "__connect.errors.offset", letter->offset);
    add(&adding, "__connect.errors.connector.name", letter->stream);
    add(&adding, "__connect.errors.stage", "VALUE_CONVERTER");
    add(&adding, "__connect.errors.exception.message", letter->detail);
    add(&adding, "pactolus.reason", letter->reason);
    add(&adding, "pactolus.sqlstate", letter->sqlstate);
    add(&adding, "pactolus.contract", letter->contract);
    add(&adding, "pactolus.stream", letter->stream);
    add(&adding, "pactolus.group", group);
    add_number(&adding, "pactolus.attempts", letter->attempts);
    add_number(&adding, "pactolus.original.timestamp", letter->record_ts);
    add(&adding, "pactolus.failed.first", letter->first_failed);
    add(&adding, "pactolus.failed.last", letter->last_failed);
    add(&adding, "pactolus.version", PACTOLUS_VERSION);
    return adding.n;
}
