/* SPDX-License-Identifier: Apache-2.0 */
/* A byte that chooses the framing, and a value, key or header that is framed so. What can be taken
 * off in front of a value can be put there again, and means the same. */
#include "fuzz/fuzz.h"
#include "record/framing.h"

#include <string.h>

static struct span header_value;

static unsigned headers(const void *source, struct header *out, unsigned max)
{
    (void)source;
    const struct header all[] = {{"__value_schema_id", header_value},
                                 {"__key_schema_id", header_value}};
    for (unsigned i = 0; i < 2 && i < max; i++)
        out[i] = all[i];
    return 2;
}

static void check_frame(const struct frame *frame, struct span whole)
{
    fuzz_expect(frame->path_length <= FRAMING_PATH_MAX, "a path is bounded");
    fuzz_expect(frame->payload.length <= whole.length, "a payload is part of its value");
    fuzz_expect(frame->payload.length == 0 ||
                    frame->payload.data + frame->payload.length == whole.data + whole.length,
                "a payload ends where its value does");
}

static void put_back(const struct frame *frame)
{
    struct buf again = BUF_INIT;
    struct frame second;
    struct err err;
    framing_put_prefix(&again, (int32_t)frame->schema_id, frame->path, frame->path_length);
    buf_put(&again, frame->payload.data, frame->payload.length);
    const struct record record = {.value = {again.data, again.length}};
    fuzz_expect(framing_strip(FRAMING_CONFLUENT, &record, &second, &err), "a prefix can be read");
    fuzz_expect(second.schema_id == frame->schema_id && second.path_length == frame->path_length &&
                    memcmp(second.path, frame->path, frame->path_length * sizeof *frame->path) ==
                        0 &&
                    second.payload.length == frame->payload.length,
                "it means the same");
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice = fuzz_byte(&data, &size);
    enum framing framing = choice % 3;
    bool header = choice & 4, key = choice & 8;
    const struct span input = {(const char *)data, size}, rest = {"abc", 3};
    struct frame frame = {0};
    struct err err = ERR_INIT;
    header_value = input;
    const struct record record = {.key = header ? rest : input,
                                  .value = header ? rest : input,
                                  .headers = header ? headers : NULL};
    bool good = key ? framing_strip_key(framing, &record, &frame, &err)
                    : framing_strip(framing, &record, &frame, &err);
    fuzz_expect(good || *err.text, "a refusal says why");
    if (good)
        check_frame(&frame, record.value);
    if (good && framing == FRAMING_CONFLUENT && !frame.has_guid && frame.path_length)
        put_back(&frame);
    return 0;
}
