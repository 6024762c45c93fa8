/* SPDX-License-Identifier: Apache-2.0 */
#include "config/guess.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool is_candidate(const struct message_type *type)
{
    static const char *const others[] = {"google.protobuf", "buf.validate", "pactolus", NULL};
    size_t package = strlen(type->package);
    const char *own = type->full_name + package + (package > 0);
    for (const char *const *other = others; *other; other++)
        if (strcmp(type->package, *other) == 0)
            return false;
    return !type->map_entry && !strchr(own, '.');
}

unsigned guess_candidates(const struct descriptor_set *set, const struct message_type **out)
{
    const struct message_type *type;
    unsigned n = 0;
    for (unsigned i = 0; n < GUESS_MAX && (type = descriptor_set_message_at(set, i)); i++)
        if (is_candidate(type))
            out[n++] = type;
    return n;
}

/* How loudly a message's options say that it is the one. */
enum loudness { SILENT = 0, SPEAKS_OF_A_TABLE, NAMES_THE_TOPIC };

static enum loudness loudness(const struct message_type *type, const char *topic)
{
    struct options_memory *memory = options_open();
    struct contract_options options = {0};
    struct err err = ERR_INIT;
    enum loudness loud = SILENT;
    if (options_of_message(memory, type, &options, &err)) {
        if (options.n_key || options.mode_said || options.table)
            loud = SPEAKS_OF_A_TABLE;
        for (unsigned i = 0; i < options.n_topics; i++)
            if (strcmp(options.topics[i], topic) == 0)
                loud = NAMES_THE_TOPIC;
    }
    options_close(memory);
    return loud;
}

const struct message_type *guess_message(const struct descriptor_set *set, const char *topic)
{
    const struct message_type **types = mem_zero(GUESS_MAX, sizeof *types), *best = NULL;
    unsigned n = guess_candidates(set, types), equals = 0;
    enum loudness most = SILENT;
    for (unsigned i = 0; i < n; i++) {
        enum loudness loud = loudness(types[i], topic);
        if (!best || loud > most) {
            best = types[i];
            most = loud;
            equals = 0;
        }
        equals += loud == most;
    }
    free(types);
    return equals == 1 ? best : NULL;
}
