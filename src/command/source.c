/* SPDX-License-Identifier: Apache-2.0 */
#include "command/source.h"

#include "base/memory.h"
#include "command/compile.h"
#include "command/source_git.h"
#include "command/tool.h"
#include "postgres/contracts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void source_free(struct source *source)
{
    for (unsigned i = 0; i < source->n_roots; i++)
        free(source->roots[i]);
    free(source->roots);
    free(source->label);
    free(source->path);
    schema_free(source->schema);
    descriptor_set_free(source->set);
    buf_free(&source->bytes);
    *source = (struct source){0};
}

void sources_free(struct sources *sources)
{
    for (unsigned i = 0; i < sources->count; i++)
        source_free(&sources->items[i]);
    free(sources->items);
    *sources = (struct sources){0};
}

static struct source *sources_add(struct sources *sources)
{
    sources->items = mem_grow(sources->items, sources->count + 1, sizeof *sources->items);
    struct source *source = &sources->items[sources->count++];
    *source = (struct source){0};
    return source;
}

/* ---------------------------------------------------------------------------- from its bytes */

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot be opened: %s", strerror(errno));
        return err_place(err, "%s", path);
    }
    char *room = buf_reserve(out, DESCRIPTOR_SET_MAX + 1);
    out->length = fread(room, 1, DESCRIPTOR_SET_MAX + 1, file);
    bool good = !ferror(file);
    fclose(file);
    if (good)
        return true;
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "cannot be read");
    return err_place(err, "%s", path);
}

static bool fits(const char *file, const char *wanted)
{
    size_t length = strlen(file), end = strlen(wanted);
    return strcmp(file, wanted) == 0 || (length > end && file[length - end - 1] == '/' &&
                                         strcmp(file + length - end, wanted) == 0);
}

/* The file that the set is about: the named one, else the only one that no other imports. */
static bool choose_file(struct source *source, const char *wanted, struct err *err)
{
    struct buf names = BUF_INIT;
    unsigned found = 0;
    for (unsigned i = 0; i < source->schema->n_files; i++) {
        const struct schema_file *file = &source->schema->files[i];
        if (wanted ? !fits(file->name, wanted) : file->imported)
            continue;
        source->file = file;
        buf_printf(&names, "%s%s", found++ ? ", " : "", file->name);
    }
    if (found != 1) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE,
                found    ? "the set holds several files"
                : wanted ? "the set does not hold the file %s"
                         : "the set holds no file",
                wanted);
        err_place(err, "%s", source->label);
        if (found)
            err_hint(err, "--file, one of: %s", names.data);
    }
    buf_free(&names);
    return found == 1;
}

static bool open_bytes(struct source *source, const char *file, struct err *err)
{
    struct span bytes = {source->bytes.data, source->bytes.length};
    source->set = descriptor_set_parse(bytes.data, bytes.length, source->label, err);
    if (source->set)
        source->schema = schema_open(bytes, err);
    return source->schema && choose_file(source, file, err);
}

static void add_root(struct source *source, const char *root, size_t length)
{
    source->roots = mem_grow(source->roots, source->n_roots + 1, sizeof *source->roots);
    source->roots[source->n_roots++] = mem_format("%.*s", (int)length, root);
}

/* The name of the .proto in its set: its path behind the import folder that leads to it. Other
 * files of the set may stand unimported too, so the last file, which is protoc's argument, is it.
 */
static bool compile(struct source *source, const char *path, const char *const *imports,
                    unsigned n_imports, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = tool_folder(err), *out = mem_format("%s/set.binpb", folder ? folder : "");
    bool good = folder && compile_proto(path, imports, n_imports, out, err) &&
                read_file(out, &source->bytes, err);
    tool_folder_remove(folder);
    free(out);
    for (unsigned i = 0; i < n_imports; i++)
        add_root(source, imports[i], strlen(imports[i]));
    if (!n_imports)
        add_root(source, slash ? path : ".", slash ? (size_t)(slash - path) : 1);
    return good && open_bytes(source, NULL, err);
}

static bool load(struct source *source, const char *path, const char *const *imports,
                 unsigned n_imports, const char *file, struct err *err)
{
    if (compile_wanted(path))
        return compile(source, path, imports, n_imports, err);
    return read_file(path, &source->bytes, err) && open_bytes(source, file, err);
}

bool source_load(struct source *source, const char *path, const struct source_options *options,
                 struct err *err)
{
    source->label = mem_string(path);
    source->path = mem_string(path);
    return load(source, path, options->imports.items, options->imports.count, options->file, err);
}

/* --------------------------------------------------------------------------------- old states */

static bool load_git(struct source *source, const char *ref, const char *path,
                     const struct source *like, const struct source_options *options,
                     struct err *err)
{
    struct source_git git;
    const char *start = like->path ? like->path : ".";
    source->label = mem_format("%s:%s", ref, path ? path : start);
    bool good =
        source_git_open(&git, ref, path, start, options->imports.items, options->imports.count,
                        err) &&
        load(source, git.path, (const char *const *)git.imports, git.n_imports, options->file, err);
    source_git_close(&git);
    return good;
}

static bool load_versions(struct sources *sources, PGconn *conn, const char *message,
                          const char *file, struct err *err)
{
    struct contracts_version *versions;
    struct arena arena;
    unsigned count = 0;
    arena_init(&arena, 65536);
    bool good = contracts_history(conn, message, &arena, &versions, &count, err);
    for (unsigned i = 0; good && i < count; i++) {
        struct source *source = sources_add(sources);
        source->label =
            mem_format("database:%.12s (%s UTC)", versions[i].fingerprint, versions[i].added_at);
        buf_put(&source->bytes, versions[i].descriptors.data, versions[i].descriptors.length);
        good = open_bytes(source, file, err);
    }
    arena_free(&arena);
    if (good && !count) {
        good = err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "no version of %s ever ran here", message);
        err_place(err, "database %s", conn_database(conn));
    }
    return good;
}

static bool load_database(struct sources *sources, const struct source *like, const char *message,
                          const struct source_options *options, struct err *err)
{
    struct errs errs = {0};
    struct config *config = setup_config(&options->setup, &errs);
    if (!config) {
        *err = errs.items[0];
        errs_free(&errs);
        return false;
    }
    setup_quiet(config);
    PGconn *conn = setup_connect(config, err);
    bool good = conn && load_versions(sources, conn, message, like->file->name, err);
    if (conn)
        conn_close(conn);
    config_free(config);
    errs_free(&errs);
    return good;
}

static bool load_file(struct sources *sources, const char *path,
                      const struct source_options *options, struct err *err)
{
    return source_load(sources_add(sources), path, options, err);
}

bool source_load_old(struct sources *sources, const char *spec, const struct source *like,
                     const char *message, const struct source_options *options, struct err *err)
{
    if (strcmp(spec, "database") == 0 && message)
        return load_database(sources, like, message, options, err);
    if (strcmp(spec, "database") == 0) {
        err_set(err, ERR_HALT, ERR_EXIT_USAGE,
                "the file holds no contract to ask the database for");
        return err_hint(err, "--message names one");
    }
    if (strncmp(spec, "git:", 4) == 0) {
        const char *ref = spec + 4, *path = strchr(ref, ':');
        char *name = mem_format("%.*s", path ? (int)(path - ref) : (int)strlen(ref), ref);
        bool good =
            load_git(sources_add(sources), name, path ? path + 1 : NULL, like, options, err);
        free(name);
        return good;
    }
    if (access(spec, F_OK) == 0 || compile_wanted(spec) || strstr(spec, ".binpb"))
        return load_file(sources, spec, options, err);
    if (like->path && source_git_knows(spec, like->path))
        return load_git(sources_add(sources), spec, NULL, like, options, err);
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "neither a file nor a state that git knows");
    err_place(err, "%s", spec);
    return err_hint(err, "OLD is a .proto, a descriptor set, a git ref, git:REF:PATH or database");
}

const char *source_place(const struct source *source, const char *place, struct arena *arena)
{
    const char *colon = strrchr(place, ':');
    size_t length = colon ? (size_t)(colon - place) : strlen(place);
    for (unsigned i = 0; i < source->n_roots; i++) {
        const char *root = source->roots[i];
        bool here = strcmp(root, ".") == 0;
        char *path = here ? mem_format("%.*s", (int)length, place)
                          : mem_format("%s/%.*s", root, (int)length, place);
        bool found = access(path, F_OK) == 0;
        const char *whole = arena_format(arena, "%s%s", path, colon ? colon : "");
        free(path);
        if (found)
            return whole;
    }
    return place;
}
