/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/descriptor.h"

#include "contract/descriptor_internal.h"
#include "contract/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_CHUNK = 64 * 1024,
    /* File, message and field descriptors and their options stand around the nested types. */
    WIRE_DEPTH_MAX = DESCRIPTOR_DEPTH_MAX + 8,
    /* Source info has several fields for each element. Bounds the unpacked form at some 300 MB. */
    WIRE_FIELDS_MAX = 2 * 1000 * 1000,
};

bool descriptor_fault(struct err *err, const char *file, int line, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "%s", text);
    return line > 0 ? err_place(err, "%s:%d", file, line) : err_place(err, "%s", file);
}

bool descriptor_identifier(const char *name, const char *what, const char *file, struct err *err)
{
    bool good = name && *name && !(*name >= '0' && *name <= '9');
    for (const char *at = name; good && *at; at++)
        good = *at == '_' || (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
               (*at >= 'A' && *at <= 'Z');
    if (good && strlen(name) <= DESCRIPTOR_NAME_MAX)
        return true;
    if (!name || !*name)
        return descriptor_fault(err, file, 0, "%s without a name", what);
    return descriptor_fault(err, file, 0, "\"%.60s\" is not the name of a %s", name, what);
}

bool descriptor_count(struct descriptor_set *set, size_t more, struct err *err)
{
    if (more <= DESCRIPTOR_ELEMENTS_MAX - set->elements) {
        set->elements += (unsigned)more;
        return true;
    }
    return descriptor_fault(err, set->name, 0,
                            "more than %d messages, fields, enums and enum values",
                            (int)DESCRIPTOR_ELEMENTS_MAX);
}

const char *descriptor_string(struct descriptor_set *set, const char *text)
{
    return text && *text ? arena_string(&set->arena, text, strlen(text)) : "";
}

struct span descriptor_options(struct descriptor_set *set, const ProtobufCMessage *options)
{
    struct span span = {NULL, 0};
    if (!options)
        return span;
    size_t length = protobuf_c_message_get_packed_size(options);
    char *bytes = arena_alloc(&set->arena, length + 1);
    protobuf_c_message_pack(options, (unsigned char *)bytes);
    span.data = bytes;
    span.length = length;
    return span;
}

static set_proto *unpack_set(const void *bytes, size_t length, const char *name, struct err *err)
{
    if (length == 0 || length > DESCRIPTOR_SET_MAX) {
        descriptor_fault(err, name, 0, "a descriptor set has 1 to %d bytes, not %zu",
                         (int)DESCRIPTOR_SET_MAX, length);
        return NULL;
    }
    struct wire_walk walk = {.fault = WIRE_OK};
    struct wire_limits limits = {.depth_max = WIRE_DEPTH_MAX, .fields_max = WIRE_FIELDS_MAX};
    struct span span = {.data = bytes, .length = length};
    const ProtobufCMessageDescriptor *type = &google__protobuf__file_descriptor_set__descriptor;
    if (!wire_check(&walk, type, span, &limits)) {
        descriptor_fault(err, name, 0, "not a descriptor set: %s at byte %zu",
                         wire_fault_text(walk.fault), walk.offset);
        err_hint(err, "make it with: protoc --include_imports --include_source_info -o x.binpb");
        return NULL;
    }
    set_proto *source = google__protobuf__file_descriptor_set__unpack(NULL, length, bytes);
    if (!source)
        descriptor_fault(err, name, 0, "not a descriptor set: a required part is missing");
    return source;
}

/* Once loaded nothing refers to the unpacked form, which is released. */
static void forget_sources(struct descriptor_set *set)
{
    for (unsigned i = 0; i < set->n_files; i++) {
        comments_free(&set->files[i].comments);
        set->files[i].source = NULL;
    }
    for (unsigned i = 0; i < set->n_messages; i++)
        set->messages[i]->source = NULL;
}

struct descriptor_set *descriptor_set_parse(const void *bytes, size_t length, const char *name,
                                            struct err *err)
{
    set_proto *source = unpack_set(bytes, length, name, err);
    if (!source)
        return NULL;
    struct descriptor_set *set = mem_zero(1, sizeof *set);
    arena_init(&set->arena, ARENA_CHUNK);
    set->name = descriptor_string(set, name);
    bool loaded = descriptor_register(set, source, err) && descriptor_link(set, err);
    forget_sources(set);
    google__protobuf__file_descriptor_set__free_unpacked(source, NULL);
    if (loaded)
        return set;
    descriptor_set_free(set);
    return NULL;
}

struct descriptor_set *descriptor_set_load(const char *path, struct err *err)
{
    struct descriptor_set *set = NULL;
    char *bytes = NULL;
    FILE *file = fopen(path, "rbe");
    if (!file) {
        descriptor_fault(err, path, 0, "cannot open the descriptor set: %s", strerror(errno));
        if (errno == ENOENT)
            err_hint(err, "make it with: protoc --include_imports --include_source_info -o %s",
                     path);
        return NULL;
    }
    /* Read one byte more than allowed rather than trust a size that may change or be a pipe's. */
    size_t room = (size_t)64 * 1024, length = 0;
    bytes = mem_alloc(room);
    for (;;) {
        length += fread(bytes + length, 1, room - length, file);
        if (length < room || length > DESCRIPTOR_SET_MAX)
            break;
        room *= 2;
        bytes = mem_grow(bytes, room, 1);
    }
    if (ferror(file)) {
        descriptor_fault(err, path, 0, "cannot read the descriptor set: %s", strerror(errno));
        goto cleanup;
    }
    set = descriptor_set_parse(bytes, length, path, err);
cleanup:
    free(bytes);
    fclose(file);
    return set;
}

void descriptor_set_free(struct descriptor_set *set)
{
    if (!set)
        return;
    free(set->messages);
    free(set->symbols);
    arena_free(&set->arena);
    free(set);
}
