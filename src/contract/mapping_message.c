/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping_message: messages with columns of their own, and the case columns of oneofs.
 *
 * The columns of a message begin with its name: address → address_present, address_street, … A
 * message within itself, and one with CONTRACT_DEPTH_MAX others around it, is one jsonb column.
 */
#include "contract/contract_internal.h"

#include <string.h>

/* Does that message stand somewhere around itself? */
static bool is_recursive(const struct making *making, const struct standing *standing,
                         const struct message_type *type)
{
    if (making->type == type)
        return true;
    for (unsigned i = 0; i < standing->depth; i++) {
        if (standing->path[i]->message == type)
            return true;
    }
    return false;
}

bool mapping_opens(const struct making *making, const struct standing *standing,
                   const struct field_type *field, const struct said *said)
{
    const char *type = said->options.type;
    if (!field->message || field->repeated || field->map || field->unsupported)
        return false;
    switch (field->message->well_known) {
    case WELL_KNOWN_NONE:
        return !type && standing->depth < CONTRACT_DEPTH_MAX &&
               !is_recursive(making, standing, field->message);
    case WELL_KNOWN_MONEY:
    case WELL_KNOWN_LAT_LNG:
        return !type;
    case WELL_KNOWN_FIELD_MASK:
        return !type || strcmp(type, "text[]") == 0;
    case WELL_KNOWN_EMPTY:
        return !type || strcmp(type, "boolean") == 0;
    default:
        return false;
    }
}

static struct standing below(struct making *making, const struct standing *standing,
                             const struct field_type *field, const char *name,
                             const struct said *said)
{
    struct arena *arena = &making->owned->arena;
    const struct field_type **path = arena_alloc(arena, (standing->depth + 1) * sizeof *path);
    for (unsigned i = 0; i < standing->depth; i++)
        path[i] = standing->path[i];
    path[standing->depth] = field;
    return (struct standing){
        .type = field->message,
        .path = path,
        .depth = standing->depth + 1,
        .prefix = arena_format(arena, "%s_", name),
        .origin = arena_format(arena, "%s.", said->origin),
        .classification =
            said->options.classification ? said->options.classification : standing->classification,
        .can_be_unset = standing->can_be_unset || !field->proto2_required,
    };
}

static void add_presence(struct making *making, const struct standing *standing,
                         const struct field_type *field, const char *name, const char *comment,
                         const struct said *said)
{
    struct said of_flag = *said;
    of_flag.options.unit = of_flag.options.null_means = NULL;
    struct column column = {.name = name,
                            .type = type_of(TYPE_BOOLEAN),
                            .field = field,
                            .part = PART_PRESENCE,
                            .comment = comment};
    mapping_add(making, standing, &of_flag, &column);
}

/* One field of a message whose columns are not simply those of its fields. */
static void add_part(struct making *making, const struct standing *standing, unsigned index,
                     const char *name, enum column_part part, const char *comment)
{
    const struct field_type *field = &standing->type->fields[index];
    struct err err = ERR_INIT;
    struct said said = {.place = ""};
    if (!mapping_options(making, standing, field, &said) || said.options.skip)
        return;
    if (said.options.name)
        name = said.options.name;
    const struct type *type =
        said.options.type ? type_override(field, said.options.type, &making->owned->arena, &err)
                          : type_for_field(field, &err);
    if (!type) {
        making_err(making, said.place, &err);
        return;
    }
    struct column column = {
        .name = arena_format(&making->owned->arena, "%s%s", standing->prefix, name),
        .type = type,
        .array = field->repeated,
        .field = field,
        .part = part,
        .comment = comment,
    };
    mapping_add(making, standing, &said, &column);
}

static void open_money(struct making *making, const struct standing *standing,
                       const struct field_type *field, const char *name, const struct said *said)
{
    struct column amount = {
        .name = name,
        .type = type_of_money(),
        .nullable = !field->proto2_required,
        .field = field,
        .comment = field->comment,
    };
    mapping_add(making, standing, said, &amount);
    struct standing inside = below(making, standing, field, name, said);
    add_part(making, &inside, 0, "currency", PART_VALUE,
             arena_format(&making->owned->arena, "currency of %s", name));
}

static void open_position(struct making *making, const struct standing *standing,
                          const struct field_type *field, const char *name, const struct said *said)
{
    struct standing inside = below(making, standing, field, name, said);
    add_part(making, &inside, 0, "latitude", PART_LATITUDE, field->comment);
    add_part(making, &inside, 1, "longitude", PART_LONGITUDE, field->comment);
}

static void open_mask(struct making *making, const struct standing *standing,
                      const struct field_type *field, const char *name, const struct said *said)
{
    struct standing inside = below(making, standing, field, name, said);
    struct column column = {
        .name = name,
        .type = type_of(TYPE_TEXT),
        .array = true,
        .field = &field->message->fields[0],
        .comment = field->comment,
    };
    mapping_add(making, &inside, said, &column);
}

/* A oneof's case column says already which of its messages is set. */
static void open_plain(struct making *making, const struct standing *standing,
                       const struct field_type *field, const char *name, const struct said *said)
{
    struct standing inside = below(making, standing, field, name, said);
    struct arena *arena = &making->owned->arena;
    if (!field->proto2_required && field->oneof_index < 0)
        add_presence(making, standing, field, arena_format(arena, "%s_present", name),
                     *field->comment ? arena_format(arena, "is it set? %s", field->comment)
                                     : arena_format(arena, "is %s set?", said->origin),
                     said);
    mapping_fields(making, &inside);
}

void mapping_open(struct making *making, const struct standing *standing,
                  const struct field_type *field, const struct said *said)
{
    const char *own = said->options.name ? said->options.name : field->name;
    const char *name = arena_format(&making->owned->arena, "%s%s", standing->prefix, own);
    switch (field->message->well_known) {
    case WELL_KNOWN_MONEY:
        open_money(making, standing, field, name, said);
        return;
    case WELL_KNOWN_LAT_LNG:
        open_position(making, standing, field, name, said);
        return;
    case WELL_KNOWN_FIELD_MASK:
        open_mask(making, standing, field, name, said);
        return;
    case WELL_KNOWN_EMPTY:
        add_presence(making, standing, field, name, field->comment, said);
        return;
    default:
        open_plain(making, standing, field, name, said);
    }
}

void mapping_case(struct making *making, const struct standing *standing,
                  const struct field_type *field)
{
    struct arena *arena = &making->owned->arena;
    struct said said = {.place = ""};
    if (!mapping_case_options(making, standing, field, &said) || said.options.skip)
        return;
    if (said.options.type && strcmp(said.options.type, "text") != 0) {
        making_fault(making, said.place, "it may be text",
                     "oneof %s cannot be a column of type %.60s", said.origin, said.options.type);
        return;
    }
    const char *name = said.options.name ? said.options.name : field->oneof;
    struct column column = {
        .name = arena_format(arena, "%s%s", standing->prefix, name),
        .type = type_of(TYPE_TEXT),
        .nullable = true,
        .field = field,
        .part = PART_CASE,
        .comment = arena_format(arena, "which field of oneof %s is set", field->oneof),
    };
    mapping_add(making, standing, &said, &column);
}
