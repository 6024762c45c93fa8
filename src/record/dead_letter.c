/* SPDX-License-Identifier: Apache-2.0 */
#include "record/dead_letter.h"

#include "base/text.h"

#include <assert.h>

static const struct {
    const char *name, *text;
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {"none", "nothing is wrong"},
    [REASON_FRAMING] = {"framing", "the prefix or schema header is malformed"},
    [REASON_SCHEMA] = {"schema", "the record is framed as another message than the contract's"},
    [REASON_TOO_LARGE] = {"too_large", "the record is past a size limit"},
    [REASON_MALFORMED] = {"malformed", "the bytes are not Protobuf, or not this message"},
    [REASON_TOO_DEEP] = {"too_deep", "messages are nested past the limit"},
    [REASON_TEXT] = {"text", "text is not UTF-8 or holds a NUL"},
    [REASON_RULE] = {"rule", "the record breaks a validation rule of its contract"},
    [REASON_VALUE] = {"value", "no column can hold one of the values"},
    [REASON_KEY] = {"key", "the key is null, malformed or unset"},
    [REASON_KEY_MISMATCH] = {"key_mismatch", "the record's key and the row's key differ"},
    [REASON_VERSION] = {"version", "the version field is unset"},
    [REASON_TOMBSTONE] = {"tombstone", "a null value that the stream cannot apply"},
    [REASON_DATABASE] = {"database", "PostgreSQL refuses the row"},
};

const char *reason_name(enum reason reason)
{
    assert(reason >= 0 && reason < REASON_COUNT);
    return reasons[reason].name;
}

const char *reason_text(enum reason reason)
{
    assert(reason >= 0 && reason < REASON_COUNT);
    return reasons[reason].text;
}

static struct span copy_span(struct span span, struct arena *arena)
{
    if (!span.data)
        return span;
    /* The NUL after the bytes keeps an empty value apart from a null one. */
    return (struct span){arena_string(arena, span.data, span.length), span.length};
}

static const char *copy_text(const char *text, struct arena *arena)
{
    return text ? arena_string(arena, text, __builtin_strlen(text)) : "";
}

/* An error text may quote bytes of the record, and be cut in the middle of a character: PostgreSQL
 * would refuse the dead letter itself. */
static const char *copy_detail(const struct err *err, struct arena *arena)
{
    if (!err)
        return "";
    size_t length = __builtin_strlen(err->text);
    char *copy = arena_string(arena, err->text, length);
    text_utf8_mend(copy, length);
    return copy;
}

/* Most records have none: their number is asked for before there is room for any. */
static void keep_headers(struct kept_record *kept, const struct record *record, struct arena *arena)
{
    unsigned count = record->headers ? record->headers(record->source, NULL, 0) : 0;
    if (count == 0)
        return;
    if (count > RECORD_HEADERS_MAX)
        count = RECORD_HEADERS_MAX;
    kept->headers = arena_alloc(arena, count * sizeof *kept->headers);
    kept->n_headers = count;
    (void)record->headers(record->source, kept->headers, count);
    for (unsigned i = 0; i < count; i++) {
        kept->headers[i].name = copy_text(kept->headers[i].name, arena);
        kept->headers[i].value = copy_span(kept->headers[i].value, arena);
    }
}

/* The copy of `span` at `*to`, which moves on. */
static struct span put_span(struct span span, char **to)
{
    if (!span.data)
        return span;
    char *copy = *to;
    if (span.length)
        __builtin_memcpy(copy, span.data, span.length);
    *to += span.length + 1; /* an empty value has an address of its own */
    return (struct span){copy, span.length};
}

/* Done for each record, so one piece of the arena holds it all. */
const struct kept_record *record_keep(const struct record *record, const char *topic,
                                      const char *contract, struct arena *arena)
{
    struct kept_record *kept =
        arena_alloc(arena, sizeof *kept + record->key.length + record->value.length + 2);
    char *bytes = (char *)(kept + 1);
    *kept = (struct kept_record){
        .topic = topic,
        .contract = contract ? contract : "",
        .partition = record->partition,
        .timestamp = record->timestamp,
        .key = put_span(record->key, &bytes),
        .value = put_span(record->value, &bytes),
    };
    keep_headers(kept, record, arena);
    return kept;
}

void dead_letter_make(struct dead_letter *letter, const struct kept_record *record,
                      const struct place *place, enum reason reason, const struct err *err,
                      struct arena *arena)
{
    *letter = (struct dead_letter){
        .record = record,
        .place = *place,
        .reason = reason,
        .detail = copy_detail(err, arena),
        .sqlstate = copy_text(err ? err->sqlstate : NULL, arena),
        .attempts = 1,
    };
}
