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

static void keep_headers(struct kept_record *kept, const struct record *record, struct arena *arena)
{
    struct header headers[RECORD_HEADERS_MAX];
    if (!record->headers)
        return;
    unsigned count = record->headers(record->source, headers, RECORD_HEADERS_MAX);
    if (count > RECORD_HEADERS_MAX)
        count = RECORD_HEADERS_MAX;
    if (count == 0)
        return;
    kept->headers = arena_alloc(arena, count * sizeof *kept->headers);
    kept->n_headers = count;
    for (unsigned i = 0; i < count; i++) {
        kept->headers[i].name = copy_text(headers[i].name, arena);
        kept->headers[i].value = copy_span(headers[i].value, arena);
    }
}

const struct kept_record *record_keep(const struct record *record, const char *topic,
                                      const char *contract, struct arena *arena)
{
    struct kept_record *kept = arena_alloc(arena, sizeof *kept);
    *kept = (struct kept_record){
        .topic = topic,
        .contract = contract ? contract : "",
        .partition = record->partition,
        .timestamp = record->timestamp,
        .key = copy_span(record->key, arena),
        .value = copy_span(record->value, arena),
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
