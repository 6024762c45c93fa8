/* SPDX-License-Identifier: Apache-2.0 */
/* A byte that chooses a message, and a document. What can be read and written can be read again,
 * and is written the same. */
#include "fuzz/fuzz.h"
#include "record/json.h"

#include <string.h>

static const char *const stems[] = {"all_types", "mapped_types", "record_types", NULL};

static bool write(const ProtobufCMessage *message, struct buf *out)
{
    static const struct json_style style = {0};
    struct err err = ERR_INIT;
    bool good = json_write_message(out, message, &style, &err);
    fuzz_expect(good || *err.text, "a refusal says why");
    return good;
}

static void read_again(const struct message_type *type, const struct buf *first,
                       struct arena *arena)
{
    struct err err = ERR_INIT;
    struct buf second = BUF_INIT;
    const ProtobufCMessage *message =
        json_read_message(type, (struct span){first->data, first->length}, arena, &err);
    fuzz_expect(message != NULL, "what was written can be read");
    fuzz_expect(write(message, &second), "what was read again can be written");
    fuzz_expect(second.length == first->length &&
                    memcmp(second.data, first->data, first->length) == 0,
                "it is written the same");
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_type *types;
    static unsigned n;
    struct arena arena;
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    if (!types)
        types = fuzz_types(stems, &n);
    const struct message_type *type = types[fuzz_byte(&data, &size) % n].type;
    arena_init(&arena, 4096);
    const ProtobufCMessage *message =
        json_read_message(type, (struct span){(const char *)data, size}, &arena, &err);
    fuzz_expect(message || *err.text, "a refusal says why");
    if (message && write(message, &text))
        read_again(type, &text, &arena);
    buf_free(&text);
    arena_free(&arena);
    return 0;
}
