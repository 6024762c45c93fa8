/* SPDX-License-Identifier: Apache-2.0 */
/* A byte that chooses a contract, and a record's value: guard, message, rules, row. */
#include "fuzz/fuzz.h"
#include "record/pipeline.h"

static const char *const stems[] = {"all_types",    "mapped_types", "proto2_types",
                                    "record_types", "validated",    NULL};
static const struct place place = {.order_ts = 5, .log = 6, .offset = 7};
static const struct pipeline_topic topics[] = {{"t", 0}};

static void run(const struct fuzz_type *chosen, struct span value)
{
    static struct drift drift;
    struct pipeline pipeline = {
        .layout = chosen->layout, .set = chosen->set, .topics = topics, .n_topics = 1};
    const struct record record = {.topic = "t", .timestamp = 5, .value = value};
    struct arena arena;
    struct parsed parsed = {0};
    guard_init(&pipeline.guard, &drift);
    pipeline.guard.limits.fields_max = 10000;
    arena_init(&arena, 4096);
    enum verdict verdict = pipeline_run(&pipeline, &record, &place, 0, &arena, &parsed);
    if (verdict == VERDICT_REJECT) {
        fuzz_expect(*parsed.err.text && parsed.err.class == ERR_REJECT, "a refusal says why");
        fuzz_expect(arena.used == 0, "nothing is left of a refused record");
    } else if (verdict == VERDICT_ROW) {
        size_t bytes = 0;
        for (unsigned i = 0; i < chosen->layout->n_data; i++)
            for (int32_t at = 0; at < parsed.row.cells[i].length; at++)
                bytes += (unsigned char)parsed.row.cells[i].data[at] != 0;
        fuzz_expect(bytes < SIZE_MAX, "every byte of every cell can be read");
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_type *types;
    static unsigned n;
    if (!types)
        types = fuzz_types(stems, &n);
    unsigned at = fuzz_byte(&data, &size);
    at = (at << 8 | fuzz_byte(&data, &size)) % n;
    if (types[at].layout)
        run(&types[at], (struct span){(const char *)data, size});
    return 0;
}
