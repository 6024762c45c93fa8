/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "command/report.h"
#include "command/verb.h"

#include <stddef.h>
#include <stdio.h>
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
    {"rebuild", "STREAM --execute", "fill a table anew beside the live one, compare, exchange",
     command_rebuild},
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

static const char *nearest_in(const struct verb *verbs, const char *name)
{
    enum { VERBS_MAX = 64 };
    const char *names[VERBS_MAX + 1];
    unsigned used = 0;
    for (const struct verb *verb = verbs; verb->name && used < VERBS_MAX; verb++)
        names[used++] = verb->name;
    names[used] = NULL;
    return text_nearest(name, names);
}

const char *verbs_nearest(const char *name)
{
    return nearest_in(table, name);
}

/* ---- verbs below a verb ---- */

static struct verb_sink *describing;

void verbs_describe(struct verb_sink *sink)
{
    describing = sink;
}

static void family_help(const struct verb_family *family)
{
    int name = 0, usage = 0;
    for (const struct verb *verb = family->table; verb->name; verb++) {
        name = (int)strlen(verb->name) > name ? (int)strlen(verb->name) : name;
        usage = (int)strlen(verb->usage) > usage ? (int)strlen(verb->usage) : usage;
    }
    printf("Usage: pactolus %s VERB [OPTION…]\n\n%s\n\n", family->name, family->text);
    for (const struct verb *verb = family->table; verb->name; verb++)
        printf("  %-*s %-*s %s\n", name, verb->name, usage, verb->usage, verb->summary);
    printf("\npactolus %s VERB --help says more.\n", family->name);
}

static int family_unknown(const struct verb_family *family, const char *name)
{
    struct err err = ERR_INIT;
    const char *nearest = nearest_in(family->table, name);
    err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "there is no verb %s %s", family->name, name);
    if (nearest)
        err_hint(&err, "did you mean %s?", nearest);
    else
        err_hint(&err, "pactolus %s --help lists them", family->name);
    return report_err(&err);
}

int verbs_family(const struct verb_family *family, int argc, char **argv)
{
    if (describing) {
        describing->take(describing, family);
        return ERR_EXIT_OK;
    }
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc < 2 || help) {
        family_help(family);
        return help ? ERR_EXIT_OK : ERR_EXIT_USAGE;
    }
    for (const struct verb *verb = family->table; verb->name; verb++)
        if (strcmp(verb->name, argv[1]) == 0)
            return verb->run(argc - 1, argv + 1);
    return family_unknown(family, argv[1]);
}
