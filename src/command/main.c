/* SPDX-License-Identifier: Apache-2.0 */
/* main: a table of verbs and what stands before them. */
#include "base/buf.h"
#include "base/err.h"
#include "command/generate.h"
#include "command/verb.h"
#include "config/config.h"
#include "kafka/conf.h"
#include "postgres/conn.h"
#include "version.h"

#include <json-c/json.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    int width = 0;
    for (const struct verb *verb = verbs_table(); verb->name; verb++)
        if ((int)strlen(verb->name) > width)
            width = (int)strlen(verb->name);
    printf("pactolus – Kafka topics of contract-typed Protobuf into PostgreSQL tables\n"
           "\n"
           "Usage\n"
           "  pactolus VERB [OPTION…]\n"
           "\n"
           "Verbs\n");
    for (const struct verb *verb = verbs_table(); verb->name; verb++)
        printf("  %-*s  %s\n", width, verb->name, verb->summary);
    printf("\n"
           "Options\n"
           "  -h, --help       this text; pactolus VERB --help has the verb's\n"
           "  -V, --version    versions of this program and of the libraries in use\n"
           "  --help-settings  all settings of the configuration, as Markdown\n"
           "\n"
           "First steps\n"
           "  pactolus init payment.proto payments.payment.captured\n"
           "  pactolus check --connect\n"
           "  pactolus migrate --dry-run\n"
           "  pactolus run\n"
           "\n"
           "Exit codes\n"
           "  0 done, 64 usage, 65 findings in the data, 69 broker or database out of reach,\n"
           "  70 a bug, 75 try again, 77 not permitted, 78 configuration or contract\n");
}

/* Libraries as they are at run time, not as they were when this was built. */
static void print_version(void)
{
    int libpq = conn_library_version();
    printf("pactolus %s (%s, %s)\n", PACTOLUS_VERSION, PACTOLUS_COMMIT, PACTOLUS_BUILD_TYPE);
    printf("  librdkafka  %s\n", kafka_library_version());
    printf("  libpq       %d.%d\n", libpq / 10000, libpq % 10000);
    printf("  protobuf-c  %s\n", protobuf_c_version());
    printf("  json-c      %s\n", json_c_version());
}

static void print_settings(void)
{
    struct buf out = BUF_INIT;
    config_reference(&out);
    fputs(out.data, stdout);
    buf_free(&out);
}

static int unknown_verb(const char *name)
{
    const char *nearest = verbs_nearest(name);
    fprintf(stderr, "error: unknown verb %s\n       hint: ", name);
    if (nearest)
        fprintf(stderr, "did you mean %s?\n", nearest);
    else
        fprintf(stderr, "pactolus --help lists them\n");
    return ERR_EXIT_USAGE;
}

static bool is(const char *word, const char *letter, const char *name)
{
    return strcmp(word, letter) == 0 || strcmp(word, name) == 0;
}

/* "help VERB" is "VERB --help". */
static int help_of(const char *name)
{
    const struct verb *verb = verbs_find(name);
    char own[32], help[] = "--help";
    char *argv[] = {own, help, NULL};
    if (!verb)
        return unknown_verb(name);
    snprintf(own, sizeof own, "%s", name);
    return verb->run(2, argv);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return ERR_EXIT_USAGE;
    }
    const struct verb *verb = verbs_find(argv[1]);
    if (verb)
        return verb->run(argc - 1, argv + 1);
    if (is(argv[1], "-V", "--version"))
        print_version();
    else if (strcmp(argv[1], "--help-settings") == 0)
        print_settings();
    else if (strcmp(argv[1], "--generate") == 0)
        return generate(argc - 2, argv + 2); /* the build's: not in the help */
    else if (strcmp(argv[1], "help") == 0 && argc > 2)
        return help_of(argv[2]);
    else if (is(argv[1], "-h", "--help") || strcmp(argv[1], "help") == 0)
        print_help();
    else
        return unknown_verb(argv[1]);
    return ERR_EXIT_OK;
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    /* A full disk behind `pactolus cat > file` must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == ERR_EXIT_OK) {
        fprintf(stderr, "error: standard output: write failed\n");
        code = ERR_EXIT_UNAVAILABLE;
    }
    return code;
}
