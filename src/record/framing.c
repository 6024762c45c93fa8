/* SPDX-License-Identifier: Apache-2.0 */
#include "record/framing.h"

#include <string.h>

enum {
    MAGIC_ID = 0,   /* then a 32-bit schema id */
    MAGIC_GUID = 1, /* then a 16-byte GUID */
};

static const char *const names[] = {
    [FRAMING_RAW] = "raw",
    [FRAMING_CONFLUENT] = "confluent",
    [FRAMING_CONFLUENT_HEADER] = "confluent-header",
};

bool framing_parse(const char *name, enum framing *framing)
{
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *framing = (enum framing)i;
            return true;
        }
    }
    return false;
}

const char *framing_name(enum framing framing)
{
    return names[framing];
}

/* Where we are in a prefix or header, and what to call it in messages. */
struct cursor {
    const unsigned char *at, *end;
    const char *what;
};

static bool refuse(struct err *err, const struct cursor *cursor, const char *fault)
{
    return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "%s: %s", cursor->what, fault);
}

/* A zigzag varint that must be a small natural number: a count or an index. */
static bool take_natural(struct cursor *cursor, int *value, struct err *err)
{
    uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (cursor->at == cursor->end)
            return refuse(err, cursor, "cut inside the message index path");
        if (shift > 28)
            return refuse(err, cursor, "over-long varint in the message index path");
        unsigned char byte = *cursor->at++;
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    if (bits > UINT32_MAX)
        return refuse(err, cursor, "over-long varint in the message index path");
    if (bits & 1)
        return refuse(err, cursor, "negative number in the message index path");
    *value = (int)(bits >> 1);
    return true;
}

static bool take_path(struct cursor *cursor, struct frame *frame, struct err *err)
{
    int count = 0;
    if (!take_natural(cursor, &count, err))
        return false;
    if (count > FRAMING_PATH_MAX)
        return refuse(err, cursor, "message index path longer than types can be nested");
    frame->path_length = (unsigned)count;
    for (int i = 0; i < count; i++) {
        if (!take_natural(cursor, &frame->path[i], err))
            return false;
    }
    if (count == 0) { /* the short form of the first message of the file */
        frame->path[0] = 0;
        frame->path_length = 1;
    }
    return true;
}

static bool take_schema(struct cursor *cursor, struct frame *frame, struct err *err)
{
    size_t left = (size_t)(cursor->end - cursor->at);
    if (left == 0)
        return refuse(err, cursor, "empty");
    unsigned char magic = *cursor->at++;
    left--;
    if (magic == MAGIC_ID) {
        if (left < 4)
            return refuse(err, cursor, "cut inside the schema id");
        frame->schema_id = be32_load(cursor->at);
        cursor->at += 4;
    } else if (magic == MAGIC_GUID) {
        if (left < sizeof frame->guid)
            return refuse(err, cursor, "cut inside the schema GUID");
        memcpy(frame->guid, cursor->at, sizeof frame->guid);
        frame->has_guid = true;
        cursor->at += sizeof frame->guid;
    } else {
        err_set(err, ERR_REJECT, ERR_EXIT_DATA, "%s: magic byte is 0x%02x, not 0 or 1",
                cursor->what, magic);
        return err_hint(err, "if producers write bare Protobuf, set framing = \"raw\"");
    }
    return take_path(cursor, frame, err);
}

/* The part of a record that is framed. */
struct part {
    struct span bytes;
    const char *header;      /* its schema header */
    const char *prefix_what; /* for messages */
};

static bool strip_header(struct span header, const struct part *part, struct frame *frame,
                         struct err *err)
{
    if (!header.data)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "header %s is null", part->header);
    const unsigned char *start = (const unsigned char *)header.data;
    struct cursor cursor = {start, start + header.length, part->header};
    if (!take_schema(&cursor, frame, err))
        return false;
    if (cursor.at != cursor.end)
        return refuse(err, &cursor, "bytes left over after the message index path");
    frame->payload = part->bytes;
    return true;
}

static bool strip_prefix(const struct part *part, struct frame *frame, struct err *err)
{
    const unsigned char *start = (const unsigned char *)part->bytes.data;
    struct cursor cursor = {start, start + part->bytes.length, part->prefix_what};
    if (!take_schema(&cursor, frame, err))
        return false;
    frame->payload.data = (const char *)cursor.at;
    frame->payload.length = (size_t)(cursor.end - cursor.at);
    return true;
}

static bool strip(enum framing framing, const struct record *record, const struct part *part,
                  struct frame *frame, struct err *err)
{
    struct span header;
    frame->schema_id = -1;
    frame->has_guid = false;
    frame->path_length = 0;
    frame->payload = part->bytes;
    if (framing == FRAMING_RAW || !part->bytes.data)
        return true;
    if (record_header(record, part->header, &header))
        return strip_header(header, part, frame, err);
    if (framing == FRAMING_CONFLUENT_HEADER)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "header %s is missing", part->header);
    return strip_prefix(part, frame, err);
}

bool framing_strip(enum framing framing, const struct record *record, struct frame *frame,
                   struct err *err)
{
    struct part part = {record->value, "__value_schema_id", "Confluent prefix of the value"};
    return strip(framing, record, &part, frame, err);
}

bool framing_strip_key(enum framing framing, const struct record *record, struct frame *frame,
                       struct err *err)
{
    struct part part = {record->key, "__key_schema_id", "Confluent prefix of the key"};
    return strip(framing, record, &part, frame, err);
}

bool framing_path_is(const struct frame *frame, const int *path, unsigned length)
{
    if (frame->path_length == 0)
        return true;
    return frame->path_length == length && memcmp(frame->path, path, length * sizeof *path) == 0;
}

static void put_zigzag(struct buf *out, int value)
{
    uint32_t bits = (uint32_t)value << 1 ^ (uint32_t)(value >> 31);
    for (; bits >= 0x80; bits >>= 7)
        buf_putc(out, (char)(bits | 0x80));
    buf_putc(out, (char)bits);
}

void framing_put_prefix(struct buf *out, int32_t schema_id, const int *path, unsigned length)
{
    buf_putc(out, MAGIC_ID);
    buf_put32(out, (uint32_t)schema_id);
    if (length == 0 || (length == 1 && path[0] == 0)) {
        buf_putc(out, 0);
        return;
    }
    put_zigzag(out, (int)length);
    for (unsigned i = 0; i < length; i++)
        put_zigzag(out, path[i]);
}
