/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/field_path.h"

#include <stdio.h>
#include <string.h>

/* The field, group, extension or oneof of that name in `type`. */
static bool find_name(const struct message_type *type, const char *name, struct field_path *found)
{
    found->field = message_type_field(type, name);
    for (unsigned i = 0; !found->field && i < type->n_unsupported; i++) {
        if (strcmp(type->unsupported[i].name, name) == 0)
            found->field = &type->unsupported[i];
    }
    for (unsigned i = 0; !found->field && i < type->n_oneofs; i++) {
        if (strcmp(type->oneofs[i].name, name) == 0)
            found->oneof = &type->oneofs[i];
    }
    return found->field || found->oneof;
}

bool field_path_find(const struct message_type *type, const char *text, struct field_path *found)
{
    memset(found, 0, sizeof *found);
    found->at = type;
    for (;;) {
        size_t length = strcspn(text, ".-");
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        if (length >= sizeof name || !find_name(found->at, name, found)) {
            snprintf(found->missing, sizeof found->missing, "%.*s", (int)length, text);
            return false;
        }
        if (!text[length])
            return true;
        text += length + 1;
        const struct field_type *field = found->field;
        if (!field || !field->message || field->unsupported || field->repeated || field->map ||
            found->depth == FIELD_PATH_MAX) {
            snprintf(found->missing, sizeof found->missing, "%s", text);
            return false;
        }
        found->path[found->depth++] = field;
        found->at = field->message;
    }
}

static bool same_char(char a, char b)
{
    return a == b || ((a == '.' || a == '-') && (b == '.' || b == '-'));
}

bool field_path_within(const char *inner, const char *outer)
{
    while (*outer && same_char(*inner, *outer)) {
        inner++;
        outer++;
    }
    return !*outer && (!*inner || same_char(*inner, '.'));
}

bool field_path_same(const char *a, const char *b)
{
    return field_path_within(a, b) && field_path_within(b, a);
}
