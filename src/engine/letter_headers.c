/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/letter_headers.h"

#include "base/text.h"
#include "config/moment.h"
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

unsigned letter_headers(const struct letter *letter, const char *group, enum letter_extent extent,
                        struct arena *arena, struct header *out)
{
    struct adding adding = {.arena = arena, .out = out};
    for (unsigned i = 0; extent != LETTER_OURS && i < letter->n_headers; i++)
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
    add_number(&adding, "pactolus.letter", letter->id);
    add(&adding, "pactolus.cluster", letter->cluster);
    add(&adding, "pactolus.topic.id", letter->topic_id);
    add_number(&adding, "pactolus.attempts", letter->attempts);
    add_number(&adding, "pactolus.original.timestamp", letter->record_ts);
    add_number(&adding, "pactolus.order.timestamp", letter->order_ts);
    add(&adding, "pactolus.failed.first", letter->first_failed);
    add(&adding, "pactolus.failed.last", letter->last_failed);
    add(&adding, "pactolus.version", PACTOLUS_VERSION);
    if (extent != LETTER_WHOLE) {
        add(&adding, "pactolus.truncated", extent == LETTER_OURS ? "all" : "true");
        add_number(&adding, "pactolus.value.bytes",
                   letter->value.data ? (int64_t)letter->value.length : -1);
    }
    return adding.n;
}

/* ---- the way back ---- */

static const char *text_header(const struct letter *letter, const char *name, struct arena *arena)
{
    for (unsigned i = letter->n_headers; i-- > 0;) {
        const struct header *header = &letter->headers[i];
        if (strcmp(header->name, name) == 0 && header->value.data &&
            text_utf8_valid(header->value.data, header->value.length) &&
            !memchr(header->value.data, 0, header->value.length))
            return arena_string(arena, header->value.data, header->value.length);
    }
    return NULL;
}

/* Leaves *value as it is unless the header is such a number. */
static bool number_header(const struct letter *letter, const char *name, struct arena *arena,
                          int64_t low, int64_t high, int64_t *value)
{
    int64_t number;
    const char *text = text_header(letter, name, arena);
    if (!text || !text_parse_int(text, &number) || number < low || number > high)
        return false;
    *value = number;
    return true;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Only the record's own stay. */
static void drop_ours(struct letter *letter)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < letter->n_headers; i++)
        if (!is_ours(letter->headers[i].name))
            letter->headers[kept++] = letter->headers[i];
    letter->n_headers = kept;
}

/* A moment as we write it, else "": it goes to PostgreSQL as a timestamp. */
static const char *moment_header(const struct letter *letter, const char *name, struct arena *arena)
{
    usec_t wall;
    const char *text = text_header(letter, name, arena);
    return text && moment_parse(text, &wall) ? text : "";
}

static void read_words(struct topic_letter *out, struct arena *arena)
{
    struct letter *letter = &out->letter;
    letter->detail = or_empty(text_header(letter, "__connect.errors.exception.message", arena));
    letter->reason = or_empty(text_header(letter, "pactolus.reason", arena));
    letter->sqlstate = or_empty(text_header(letter, "pactolus.sqlstate", arena));
    letter->contract = or_empty(text_header(letter, "pactolus.contract", arena));
    letter->cluster = or_empty(text_header(letter, "pactolus.cluster", arena));
    letter->topic_id = or_empty(text_header(letter, "pactolus.topic.id", arena));
    letter->first_failed = moment_header(letter, "pactolus.failed.first", arena);
    letter->last_failed = moment_header(letter, "pactolus.failed.last", arena);
    letter->truncated = text_header(letter, "pactolus.truncated", arena) != NULL;
    letter->state = "open";
    letter->outcome = "";
}

bool letter_from_record(const struct record *record, struct arena *arena, struct topic_letter *out)
{
    int64_t partition, attempts = 1;
    struct letter *letter = &out->letter;
    *out = (struct topic_letter){
        .letter = {.dlq_topic = record->topic, .key = record->key, .value = record->value}};
    /* At most what the relay sends: the record's own and ours. */
    enum { MOST = RECORD_HEADERS_MAX + LETTER_HEADERS };
    letter->headers = arena_alloc(arena, MOST * sizeof *letter->headers);
    unsigned n = record->headers ? record->headers(record->source, letter->headers, MOST) : 0;
    letter->n_headers = n < MOST ? n : MOST;
    letter->topic = text_header(letter, "__connect.errors.topic", arena);
    letter->stream = text_header(letter, "pactolus.stream", arena);
    out->group = text_header(letter, "pactolus.group", arena);
    if (!letter->topic || !letter->stream || !out->group ||
        !number_header(letter, "__connect.errors.partition", arena, 0, INT32_MAX, &partition) ||
        !number_header(letter, "__connect.errors.offset", arena, 0, INT64_MAX, &letter->offset) ||
        !number_header(letter, "pactolus.original.timestamp", arena, -1, INT64_MAX,
                       &letter->record_ts))
        return false;
    letter->partition = (int32_t)partition;
    (void)number_header(letter, "pactolus.attempts", arena, 1, INT32_MAX, &attempts);
    letter->attempts = (int32_t)attempts;
    if (!number_header(letter, "pactolus.letter", arena, 1, INT64_MAX, &out->ledger_id))
        out->ledger_id = 0;
    read_words(out, arena);
    out->placed = *letter->cluster && number_header(letter, "pactolus.order.timestamp", arena, -1,
                                                    INT64_MAX, &letter->order_ts);
    drop_ours(letter);
    return true;
}
