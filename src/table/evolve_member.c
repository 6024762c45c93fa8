/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in columns by name: an enum's values as text, the members of jsonb. */
#include "table/evolve.h"

#include <stdlib.h>
#include <string.h>

void evolve_enum(const struct enum_type *old, const struct enum_type *new, const char *path,
                 const char *place, struct findings *findings)
{
    for (unsigned i = 0; i < old->n_by_number; i++) {
        const struct enum_value *value = &old->by_number[i];
        const char *is = enum_type_name(new, value->number);
        if (!is)
            findings_add(findings, LAYER_TABLE, "ENUM_TEXT_REMOVED", path, place,
                         "number %d was stored as %s and has no name now", value->number,
                         value->name);
        else if (strcmp(is, value->name) != 0)
            findings_add(findings, LAYER_TABLE, "ENUM_TEXT_CHANGED", path, place,
                         "number %d was stored as %s and is stored as %s", value->number,
                         value->name, is);
    }
    for (unsigned i = 0; i < new->n_by_number; i++) {
        if (!enum_type_name(old, new->by_number[i].number))
            findings_add(findings, LAYER_TABLE, "ENUM_TEXT_ADDED", path, place, "%s",
                         new->by_number[i].name);
    }
}

/* Messages refer to one another in circles and in long chains: a queue rather than recursion. A
 * pair is compared once, under the first path that leads to it. */
struct pair {
    const struct message_type *old, *new;
    const char *path;
};

struct members {
    struct findings *findings;
    struct pair *queue;
    unsigned n_queue;
};

static void enqueue(struct members *members, const struct message_type *old,
                    const struct message_type *new, const char *path)
{
    if (old->well_known != WELL_KNOWN_NONE && old->well_known == new->well_known)
        return;
    for (unsigned i = 0; i < members->n_queue; i++)
        if (members->queue[i].old == old && members->queue[i].new == new)
            return;
    members->queue = mem_grow(members->queue, members->n_queue + 1, sizeof *members->queue);
    members->queue[members->n_queue++] = (struct pair){old, new, path};
}

/* What JSON writes for one value. */
static const char *form_of(const struct field_type *field)
{
    if (field->map)
        return "object by key";
    switch (field->pb->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return "boolean";
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return "whole number";
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return "whole number in quotes";
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return "number";
    case PROTOBUF_C_TYPE_STRING:
        return "text";
    case PROTOBUF_C_TYPE_BYTES:
        return "base64";
    case PROTOBUF_C_TYPE_ENUM:
        return "name of an enum";
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return field->message->well_known != WELL_KNOWN_NONE ? field->message->full_name : "object";
}

static void compare_member(struct members *members, const struct message_type *type,
                           const struct field_type *old, const struct field_type *new,
                           const char *path)
{
    struct findings *findings = members->findings;
    const char *place = arena_format(&findings->arena, "%s:%d", type->file, new->line);
    if (strcmp(old->name, new->name) != 0 && !type->map_entry)
        findings_add(findings, LAYER_TABLE, "MEMBER_RENAMED", path, place, "member %s is now %s",
                     old->name, new->name);
    const char *was = form_of(old), *is = form_of(new);
    if (strcmp(was, is) != 0 || old->repeated != new->repeated)
        findings_add(findings, LAYER_TABLE, "MEMBER_RETYPED", path, place,
                     "it was %s%s and is %s%s", old->repeated ? "a list of " : "", was,
                     new->repeated ? "a list of " : "", is);
    else if (old->message)
        enqueue(members, old->message, new->message, path);
    else if (old->enumeration && new->enumeration)
        evolve_enum(old->enumeration, new->enumeration, path, place, findings);
}

static void compare_messages(struct members *members, const struct pair *pair)
{
    const struct message_type *old = pair->old, *new = pair->new;
    struct arena *arena = &members->findings->arena;
    for (unsigned i = 0; i < old->n_fields; i++) {
        const struct field_type *field = &old->fields[i];
        const struct field_type *twin = message_type_field_number(new, field->pb->id);
        const char *own = arena_format(arena, "%s.%s", pair->path, twin ? twin->name : field->name);
        if (twin)
            compare_member(members, new, field, twin, new->map_entry ? pair->path : own);
        else
            findings_add(members->findings, LAYER_TABLE, "MEMBER_REMOVED", own,
                         arena_format(arena, "%s:%d", new->file, new->line), "member %s is gone",
                         field->name);
    }
    for (unsigned i = 0; i < new->n_fields; i++) {
        const struct field_type *field = &new->fields[i];
        if (!message_type_field_number(old, field->pb->id))
            findings_add(members->findings, LAYER_TABLE, "MEMBER_ADDED",
                         arena_format(arena, "%s.%s", pair->path, field->name),
                         arena_format(arena, "%s:%d", new->file, field->line),
                         "member %s was added", field->name);
    }
}

void evolve_members(const struct message_type *old, const struct message_type *new,
                    const char *path, struct findings *findings)
{
    struct members members = {.findings = findings};
    enqueue(&members, old, new, path);
    for (unsigned i = 0; i < members.n_queue; i++) {
        struct pair pair = members.queue[i]; /* the queue moves as it grows */
        compare_messages(&members, &pair);
    }
    free(members.queue);
}
