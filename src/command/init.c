/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: from a .proto (or a descriptor set) and a topic to a stream that can be checked: the
 * descriptor set, a commented stream file in conf.d, a main file if there is none, and the next
 * commands. Asks nothing, overwrites nothing.
 */
#include "base/memory.h"
#include "base/text.h"
#include "command/args.h"
#include "command/compile.h"
#include "command/init_files.h"
#include "command/report.h"
#include "command/setup.h"
#include "command/tool.h"
#include "command/verb.h"
#include "config/guess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *source, *topic;
    const char *directory, *name, *message;
    struct args_list imports;
};

struct finding {
    struct descriptor_set *set;
    const struct message_type *type;
    struct contract *contract;
    const char *key_guess; /* a field that the .proto does not call the key; NULL when it does */
    char name[CONTRACT_NAME_MAX + 1];
};

/* ------------------------------------------------------------------------ which message it is */

static void several(const struct message_type *const *types, unsigned n, struct err *err)
{
    struct buf names = BUF_INIT;
    for (unsigned i = 0; i < n; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", types[i]->full_name);
    err_set(err, ERR_HALT, ERR_EXIT_USAGE,
            n ? "the file holds several messages" : "the file holds no message");
    if (n)
        err_hint(err, "--message, one of: %s", names.data);
    buf_free(&names);
}

/* By its full name, or by its own name alone. */
static const struct message_type *named_message(const struct descriptor_set *set,
                                                const struct message_type *const *types, unsigned n,
                                                const char *name)
{
    const struct message_type *type = descriptor_set_message(set, name);
    for (unsigned i = 0; !type && i < n; i++) {
        const char *dot = strrchr(types[i]->full_name, '.');
        if (strcmp(dot ? dot + 1 : types[i]->full_name, name) == 0)
            type = types[i];
    }
    return type;
}

static const struct message_type *choose_message(const struct descriptor_set *set,
                                                 const struct options *options, struct err *err)
{
    const struct message_type *types[GUESS_MAX];
    unsigned n = guess_candidates(set, types);
    const struct message_type *type = options->message
                                          ? named_message(set, types, n, options->message)
                                          : guess_message(set, options->topic);
    if (type)
        return type;
    several(types, n, err);
    if (options->message)
        snprintf(err->text, sizeof err->text, "there is no message %s", options->message);
    return NULL;
}

/* ------------------------------------------------------------------------------ its contract */

/* "id", "<message>_id", or the first field that ends in "_id": what most people mean by a key. */
static const char *guess_key(const struct message_type *type, const char *snake)
{
    char own[CONTRACT_NAME_MAX + 4];
    const struct field_type *field = message_type_field(type, "id");
    snprintf(own, sizeof own, "%s_id", snake);
    if (!field)
        field = message_type_field(type, own);
    for (unsigned i = 0; !field && i < type->n_fields; i++) {
        size_t length = strlen(type->fields[i].name);
        if (length > 3 && strcmp(type->fields[i].name + length - 3, "_id") == 0)
            field = &type->fields[i];
    }
    return field ? field->name : NULL;
}

static bool make_contract(struct finding *finding, const char *snake, struct errs *errs)
{
    struct contract_overrides overrides = {0};
    finding->contract = contract_make(finding->type, &overrides, errs);
    if (finding->contract)
        return true;
    finding->key_guess = guess_key(finding->type, snake);
    if (!finding->key_guess)
        return false;
    struct errs again = {0};
    overrides.contract.key = &finding->key_guess;
    overrides.contract.n_key = 1;
    finding->contract = contract_make(finding->type, &overrides, &again);
    if (finding->contract) {
        errs_free(errs);
        *errs = (struct errs){0};
    }
    errs_free(&again);
    return finding->contract != NULL;
}

/* Letters, digits, _ and - only: libconfig takes no other names. */
static bool name_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strlen(name);
    return length && length <= CONTRACT_NAME_MAX && strchr(letters, name[0]) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               length;
}

static bool find(const struct options *options, const char *set_path, struct finding *finding,
                 struct errs *errs)
{
    struct err err = ERR_INIT;
    char snake[CONTRACT_NAME_MAX + 1];
    finding->set = descriptor_set_load(set_path, &err);
    if (finding->set)
        finding->type = choose_message(finding->set, options, &err);
    if (!finding->type) {
        if (!*err.place)
            err_place(&err, "%s", options->source);
        errs_add(errs, &err);
        return false;
    }
    const char *dot = strrchr(finding->type->full_name, '.');
    text_snake(dot ? dot + 1 : finding->type->full_name, snake, sizeof snake);
    snprintf(finding->name, sizeof finding->name, "%s", options->name ? options->name : snake);
    if (!make_contract(finding, snake, errs))
        return false;
    if (name_valid(finding->name))
        return true;
    err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "%s is no name for a stream", finding->name);
    err_hint(&err, "--name: letters, digits, underscores and dashes");
    errs_add(errs, &err);
    return false;
}

/* ---------------------------------------------------------------------------- what it writes */

static void put_key_part(const struct finding *finding, struct buf *out)
{
    const struct contract *contract = finding->contract;
    if (finding->key_guess)
        buf_printf(
            out,
            "    # The .proto does not say which fields are the key of the table: %s is a guess.\n"
            "    # For a table with one row per record: table : { mode = \"append\"; };\n"
            "    table : { key = ( \"%s\" ); };\n\n",
            finding->key_guess, finding->key_guess);
    else
        buf_puts(out,
                 "    # Key, version, names and more, over the .proto's options:\n"
                 "    # table : { key = ( \"…\" ); version = \"…\"; schema = \"data\"; };\n\n");
    if (contract->n_key == 1)
        buf_printf(
            out,
            "    # How a record's key names its row. With \"text\" the key is the text of %s,\n"
            "    # and a record without a value deletes that row; \"none\" does not look at it.\n"
            "    # key : { format = \"text\"; column = \"%s\"; };\n",
            contract->columns[contract->key[0]].name, contract->columns[contract->key[0]].name);
    else
        buf_puts(out,
                 "    # How a record's key names its row: \"none\", \"protobuf\" or \"json\".\n"
                 "    # key : { format = \"json\"; };\n");
    if (contract->version >= 0)
        buf_puts(out, "    # deletes = \"final\"; # or \"header:NAME\", \"reject\"\n\n");
    else
        buf_puts(out, "    # deletes = \"soft\"; # or \"hard\", \"reject\"\n\n");
}

static void stream_text(const struct finding *finding, const struct options *options,
                        struct buf *out)
{
    buf_printf(out,
               "# Stream %s: topic %s as %s.\n"
               "# All settings: pactolus --help-settings\n"
               "streams : {\n"
               "  %s : {\n"
               "    descriptors = \"../contracts/%s.binpb\";\n"
               "    topics = ( { name = \"%s\"; contract = \"%s\"; } );\n\n",
               finding->name, options->topic, finding->type->full_name, finding->name,
               finding->name, options->topic, finding->type->full_name);
    buf_puts(
        out,
        "    # What stands before the Protobuf bytes: \"raw\" is nothing, \"confluent\" what\n"
        "    # serializers with a schema registry write, \"confluent-header\" their header form.\n"
        "    framing = \"raw\";\n\n"
        "    # Where a partition begins that was never read: \"earliest\", \"latest\", a time.\n"
        "    start = \"earliest\";\n\n");
    put_key_part(finding, out);
    buf_printf(
        out,
        "    # Records that can never be applied stay in pactolus.dead_letters; with a topic they\n"
        "    # are relayed there too.\n"
        "    # dlq : { topic = \"%s.dlq\"; };\n\n"
        "    # What the .proto does not say about its fields.\n"
        "    # columns : { %s : { classification = \"personal\"; }; };\n"
        "  };\n"
        "};\n",
        options->topic, finding->type->n_fields ? finding->type->fields[0].name : "field");
}

static const char main_text[] =
    "# Pactolus. All settings: pactolus --help-settings; streams: conf.d/*.conf\n"
    "group = \"pactolus\";\n"
    "\n"
    "kafka : {\n"
    "  bootstrap_servers = \"localhost:9092\";\n"
    "};\n"
    "\n"
    "database : {\n"
    "  conninfo = \"dbname=analytics\"; # empty: PGHOST, PGDATABASE and their kin\n"
    "  # password_file = \"/etc/pactolus/password\";\n"
    "};\n";

static void print_next(const char *main_file)
{
    bool standard = strcmp(main_file, SETUP_DEFAULT_FILE) == 0;
    const char *config = standard ? "" : " --config ";
    const char *file = standard ? "" : main_file;
    printf("\nNext:\n"
           "  pactolus check%s%s --connect\n"
           "  pactolus migrate%s%s --dry-run   # then --execute\n"
           "  pactolus run%s%s\n",
           config, file, config, file, config, file);
}

static bool write_all(const struct options *options, struct finding *finding, const char *set_path,
                      struct errs *errs)
{
    struct init_files files = {0};
    struct buf stream = BUF_INIT;
    struct err err = ERR_INIT;
    char *main_file = mem_format("%s/pactolus.conf", options->directory);
    char *stream_file = mem_format("%s/conf.d/%s.conf", options->directory, finding->name);
    char *set_file = mem_format("%s/contracts/%s.binpb", options->directory, finding->name);
    bool new_main = !init_exists(main_file);
    stream_text(finding, options, &stream);
    bool good = init_refuse_existing(stream_file, &err) && init_refuse_existing(set_file, &err) &&
                init_directory(options->directory, NULL, &err) &&
                init_directory(options->directory, "conf.d", &err) &&
                init_directory(options->directory, "contracts", &err) &&
                init_copy(&files, set_path, set_file, &err) &&
                init_write(&files, stream_file, stream.data, &err) &&
                (!new_main || init_write(&files, main_file, main_text, &err));
    if (good) {
        init_told(&files);
        if (finding->key_guess)
            printf("the key is a guess: %s; look into %s\n", finding->key_guess, stream_file);
        if (new_main)
            printf("name your brokers and database in %s\n", main_file);
        print_next(main_file);
    } else {
        errs_add(errs, &err);
        init_undo(&files);
    }
    init_files_free(&files);
    buf_free(&stream);
    free(main_file);
    free(stream_file);
    free(set_file);
    return good;
}

static int init(const struct options *options)
{
    struct errs errs = {0};
    struct err err = ERR_INIT;
    struct finding finding = {0};
    char *folder = NULL, *made = NULL;
    const char *set_path = options->source;
    bool good = true;
    if (compile_wanted(options->source)) {
        folder = tool_folder(&err);
        made = mem_format("%s/set.binpb", folder ? folder : "");
        good = folder && compile_proto(options->source, options->imports.items,
                                       options->imports.count, made, &err);
        set_path = made;
    }
    if (!good)
        errs_add(&errs, &err);
    else if (find(options, set_path, &finding, &errs))
        (void)write_all(options, &finding, set_path, &errs); /* errs has it */
    int code = report_errs(&errs);
    tool_folder_remove(folder);
    free(made);
    contract_free(finding.contract);
    descriptor_set_free(finding.set);
    errs_free(&errs);
    return code;
}

int command_init(int argc, char **argv)
{
    struct options options = {.directory = "/etc/pactolus"};
    const struct args_option table[] = {
        {'d', "directory", "DIR", ARGS_TEXT, &options.directory,
         "where the configuration lives (/etc/pactolus)"},
        {'n', "name", "NAME", ARGS_TEXT, &options.name, "name of the stream (the message's)"},
        {'m', "message", "NAME", ARGS_TEXT, &options.message,
         "the message, when the file holds several"},
        {'I', "proto-path", "DIR", ARGS_MANY, &options.imports,
         "where protoc looks for imports (the file's directory)"},
        {0},
    };
    const struct args args = {
        .verb = "init",
        .usage = "FILE.proto|FILE.binpb TOPIC [OPTION…]",
        .summary = "set a stream up: descriptor set, stream file, next commands",
        .options = table,
        .examples = "pactolus init payment.proto payments.payment.captured\n"
                    "pactolus init -d ./conf -I proto proto/shop/v1/order.proto shop.orders\n"
                    "pactolus init --message shop.v1.Order shop.binpb shop.orders\n",
        .exits = "0   written\n"
                 "64  the file holds several messages and none is named\n"
                 "77  a file may not be written\n"
                 "78  protoc fails, the contract is wrong, or a file is there already\n",
        .operands_min = 2,
        .operands_max = 2,
    };
    unsigned n_operands;
    int code = ERR_EXIT_OK;
    if (args_begin(&args, argc, argv, &n_operands, &code)) {
        options.source = argv[0];
        options.topic = argv[1];
        code = init(&options);
    }
    args_list_free(&options.imports);
    return code;
}
