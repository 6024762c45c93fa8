/* SPDX-License-Identifier: Apache-2.0 */
#include "config/file.h"

#include "base/text.h"
#include "config/scan.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const char *path, *directory;
    struct arena *arena;
    struct errs *errs;
    unsigned *bad_lines; /* lines with integers that libconfig would misread */
    unsigned n_bad_lines;
    bool included; /* an @include was met */
};

static bool fault(struct errs *errs, const char *place, const char *text, const char *hint)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "%s", text);
    err_place(&err, "%s", place);
    if (hint)
        err_hint(&err, "%s", hint);
    errs_add(errs, &err);
    return false;
}

static bool file_fault(struct reading *reading, const char *what, const char *hint)
{
    return fault(reading->errs, reading->path, what, hint);
}

/* The whole file as text, NUL-terminated, to be freed. NULL with the fault told. */
static char *slurp(struct reading *reading, size_t *length)
{
    FILE *file = fopen(reading->path, "re");
    if (!file) {
        file_fault(reading, arena_format(reading->arena, "cannot be opened: %s", strerror(errno)),
                   "name the configuration file with --config");
        return NULL;
    }
    char *bytes = mem_alloc(FILE_BYTES_MAX + 1);
    bool good = false;
    *length = fread(bytes, 1, FILE_BYTES_MAX + 1, file);
    if (ferror(file))
        file_fault(reading, arena_format(reading->arena, "cannot be read: %s", strerror(errno)),
                   NULL);
    else if (*length > FILE_BYTES_MAX)
        file_fault(reading, "is larger than 1 MiB", NULL);
    else if (memchr(bytes, '\0', *length))
        file_fault(reading, "holds a NUL byte", "a configuration file is text");
    else if (!text_utf8_valid(bytes, *length))
        file_fault(reading, "is not UTF-8", NULL);
    else
        good = true;
    fclose(file);
    if (!good) {
        free(bytes);
        return NULL;
    }
    bytes[*length] = '\0';
    return bytes;
}

static void scan_fault_told(struct reading *reading, enum scan_fault kind, unsigned line,
                            const char *token)
{
    const char *place = arena_format(reading->arena, "%s:%u", reading->path, line);
    if (kind == SCAN_INCLUDE)
        fault(reading->errs, place, "@include is not supported",
              "put the file into conf.d beside the main file: all of conf.d/*.conf is read");
    else if (kind == SCAN_WIDE)
        fault(reading->errs, place,
              arena_format(reading->arena, "%s is past 32 bits and would be misread", token),
              arena_format(reading->arena,
                           "write %sL, or a text with a unit (\"4GiB\") where a size is wanted",
                           token));
    else
        fault(reading->errs, place, arena_format(reading->arena, "%s is past 64 bits", token),
              NULL);
}

/* True when nothing was found. */
static bool scan_text(struct reading *reading, const char *text, size_t length)
{
    struct scan scan;
    unsigned line;
    char token[64];
    enum scan_fault kind;
    bool clean = true;
    scan_init(&scan, text, length);
    while ((kind = scan_next(&scan, &line, token, sizeof token)) != SCAN_END) {
        scan_fault_told(reading, kind, line, token);
        clean = false;
        if (kind == SCAN_INCLUDE) {
            reading->included = true;
            continue;
        }
        unsigned *grown =
            arena_alloc(reading->arena, (reading->n_bad_lines + 1) * sizeof *reading->bad_lines);
        if (reading->n_bad_lines)
            memcpy(grown, reading->bad_lines, reading->n_bad_lines * sizeof *grown);
        grown[reading->n_bad_lines++] = line;
        reading->bad_lines = grown;
    }
    return clean;
}

static bool misread(const struct reading *reading, unsigned line)
{
    for (unsigned i = 0; i < reading->n_bad_lines; i++)
        if (reading->bad_lines[i] == line)
            return true;
    return false;
}

static char *copied(struct reading *reading, const char *text)
{
    return arena_string(reading->arena, text, strlen(text));
}

static void convert(struct reading *reading, const config_setting_t *setting, struct given *given);

static void convert_items(struct reading *reading, const config_setting_t *setting,
                          struct given *given)
{
    given->n_items = (unsigned)config_setting_length(setting);
    given->items = arena_alloc(reading->arena, given->n_items * sizeof *given->items);
    for (unsigned i = 0; i < given->n_items; i++)
        convert(reading, config_setting_get_elem(setting, i), &given->items[i]);
}

static void convert_number(struct reading *reading, const config_setting_t *setting,
                           struct given *given)
{
    given->kind =
        misread(reading, config_setting_source_line(setting)) ? GIVEN_BROKEN : GIVEN_NUMBER;
    given->number = config_setting_type(setting) == CONFIG_TYPE_INT
                        ? config_setting_get_int(setting)
                        : config_setting_get_int64(setting);
}

static void convert(struct reading *reading, const config_setting_t *setting, struct given *given)
{
    const char *name = config_setting_name(setting);
    *given = (struct given){.name = name ? copied(reading, name) : "",
                            .place = arena_format(reading->arena, "%s:%u", reading->path,
                                                  config_setting_source_line(setting)),
                            .directory = reading->directory};
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        convert_number(reading, setting, given);
        break;
    case CONFIG_TYPE_FLOAT:
        given->kind = GIVEN_REAL;
        given->real = config_setting_get_float(setting);
        break;
    case CONFIG_TYPE_STRING:
        given->kind = GIVEN_TEXT;
        given->text = copied(reading, config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_BOOL:
        given->kind = GIVEN_SWITCH;
        given->on = config_setting_get_bool(setting);
        break;
    case CONFIG_TYPE_GROUP:
        given->kind = GIVEN_BLOCK;
        convert_items(reading, setting, given);
        break;
    default:
        given->kind = GIVEN_LIST;
        convert_items(reading, setting, given);
        break;
    }
}

/* The hint that fits libconfig's only two complaints. */
static const char *syntax_hint(const char *text)
{
    if (text && strstr(text, "duplicate"))
        return "a name stands once in a block; further values go into conf.d";
    return "here or on the line before: blocks are written name : { … }; values name = value; "
           "names have no dots, and the last item of a list no comma";
}

static void syntax_fault(struct reading *reading, const config_t *config)
{
    const char *said = config_error_text(config);
    fault(reading->errs,
          arena_format(reading->arena, "%s:%d", reading->path, config_error_line(config)),
          said ? said : "syntax error", syntax_hint(said));
}

bool file_read(const char *path, struct arena *arena, struct given *root, struct errs *errs)
{
    struct reading reading = {
        .path = path, .directory = file_directory(path, arena), .arena = arena, .errs = errs};
    *root = (struct given){.kind = GIVEN_BLOCK, .name = "", .place = path};
    size_t length;
    char *text = slurp(&reading, &length);
    if (!text)
        return false;
    bool clean = scan_text(&reading, text, length);
    /* libconfig would follow an @include, to a file that nothing was asked of. */
    bool parsed = !reading.included;
    if (parsed) {
        config_t config;
        config_init(&config);
        parsed = config_read_string(&config, text);
        if (parsed)
            convert(&reading, config_root_setting(&config), root);
        else
            syntax_fault(&reading, &config);
        config_destroy(&config);
    }
    free(text);
    return clean && parsed;
}

char *file_directory(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_string(arena, path, (size_t)(slash - path) + 1)
                 : arena_string(arena, "", 0);
}

static int wanted(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 &&
           strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* Byte order, whatever the locale: the order of files must not depend on who starts us. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

unsigned file_list(const char *directory, struct arena *arena, char ***paths, struct errs *errs)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, wanted, by_name);
    *paths = NULL;
    if (count < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            fault(errs, directory, arena_format(arena, "cannot be read: %s", strerror(errno)),
                  NULL);
        return 0;
    }
    if (count > FILE_COUNT_MAX)
        fault(errs, directory, arena_format(arena, "holds more than %d files", FILE_COUNT_MAX),
              NULL);
    unsigned used = 0;
    *paths = arena_alloc(arena, (size_t)count * sizeof **paths);
    for (int i = 0; i < count; i++) {
        if (used < FILE_COUNT_MAX)
            (*paths)[used++] = arena_format(arena, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return used;
}
