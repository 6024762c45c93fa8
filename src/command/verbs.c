/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "command/verb.h"

#include <stddef.h>
#include <string.h>

static const struct verb table[] = {
    {"init", "FILE.proto TOPIC", "set a stream up: descriptor set, stream file, next commands",
     command_init},
    {"check", "[--connect]", "judge configuration and contracts, and with --connect the servers",
     command_check},
    {"migrate", "--dry-run | --execute", "plan or apply tables, views and the control schema",
     command_migrate},
    {"maintain", "--dry-run | --execute", "remove what was deleted long ago, blank personal data",
     command_maintain},
    {"run", "[--until end]", "the daemon: topics into tables", command_run},
    {"status", "[--json]", "state, position, lag and dead letters of every stream", command_status},
    {"pause", "STREAM… | --all", "stop streams until they are resumed, with a reason",
     command_pause},
    {"resume", "STREAM… | --all", "let paused or halted streams go on", command_resume},
    {"adopt", "--dry-run | --execute", "take this database, cluster and group as the right ones",
     command_adopt},
    {"replay", "SCOPE WHERE --dry-run | --execute", "read records again, or pass over them",
     command_replay},
    {"dlq", "list | show | redrive | …", "dead letters: look, apply again, discard, export, erase",
     command_dlq},
    {"contract", "lint | diff | readers", "judge and compare contracts", command_contract},
    {"produce", "TOPIC", "JSON lines into a topic, as the contract wants them", command_produce},
    {"cat", "TOPIC", "a topic's records as JSON lines", command_cat},
    {0},
};

const struct verb *verbs_table(void)
{
    return table;
}

const struct verb *verbs_find(const char *name)
{
    for (const struct verb *verb = table; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

const char *verbs_nearest(const char *name)
{
    const char *names[sizeof table / sizeof *table];
    unsigned used = 0;
    for (const struct verb *verb = table; verb->name; verb++)
        names[used++] = verb->name;
    names[used] = NULL;
    return text_nearest(name, names);
}
