/* SPDX-License-Identifier: Apache-2.0 */
/* Where a contract's rows go: schema and name of table and view, said or made from the package. */
#include "base/text.h"
#include "contract/contract_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAJOR_DIGITS_MAX = 6 };

/* The digits of a package part "v12", NULL for any other. */
static const char *version_digits(const char *part)
{
    if (part[0] != 'v' || !part[1] || strlen(part) > 1 + MAJOR_DIGITS_MAX)
        return NULL;
    return part[1 + strspn(part + 1, "0123456789")] == '\0' ? part + 1 : NULL;
}

void contract_domain(const char *package, char *domain, unsigned *major)
{
    const char *dot = strrchr(package, '.'), *last = dot ? dot + 1 : package;
    const char *digits = version_digits(last);
    size_t length = strlen(package);
    *major = 1;
    if (digits) {
        *major = (unsigned)strtoul(digits, NULL, 10);
        length = dot ? (size_t)(dot - package) : 0;
    }
    if (length > CONTRACT_NAME_MAX)
        length = CONTRACT_NAME_MAX;
    for (size_t i = 0; i < length; i++)
        domain[i] = package[i] == '.' ? '_' : package[i];
    domain[length] = '\0';
}

bool making_name(struct making *making, const char *place, const char *what, const char *name)
{
    size_t length = strlen(name);
    const char *of = making->type->full_name;
    if (length == 0) {
        making_fault(making, place, "", "%s of %s has an empty name", what, of);
        return false;
    }
    if (length > CONTRACT_NAME_MAX) {
        making_fault(making, place, "PostgreSQL would cut it: give a shorter name in an option",
                     "%s of %s: the name %.80s is %zu bytes long, at most %d are allowed", what, of,
                     name, length, (int)CONTRACT_NAME_MAX);
        return false;
    }
    bool good = text_utf8_valid(name, length);
    for (size_t i = 0; good && i < length; i++)
        good = (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
    if (!good)
        making_fault(making, place, "",
                     "%s of %s: the name holds control characters or is not UTF-8", what, of);
    return good;
}

/* Schemas that are PostgreSQL's or hold our own bookkeeping. */
static void check_schema(struct making *making, const char *what, const char *schema)
{
    if (!making_name(making, making->place, what, schema))
        return;
    if (strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "information_schema") == 0 ||
        strcmp(schema, "pactolus") == 0)
        making_fault(making, making->place, "", "%s of %s: the schema %s is reserved", what,
                     making->type->full_name, schema);
}

/* The message's name within its package in snake case: Order.Line → order_line. */
static const char *message_snake(struct making *making)
{
    const struct message_type *type = making->type;
    const char *name = type->full_name + (*type->package ? strlen(type->package) + 1 : 0);
    struct arena *arena = &making->owned->arena;
    size_t room = 2 * strlen(name) + 1;
    char *words = arena_string(arena, name, strlen(name)), *snake = arena_alloc(arena, room);
    char *out = snake;
    for (char *part = words, *dot; part; part = dot) {
        dot = strchr(part, '.');
        if (dot)
            *dot++ = '\0';
        out += text_snake(part, out, room - (size_t)(out - snake));
        if (dot)
            *out++ = '_';
    }
    return snake;
}

void contract_place_table(struct making *making)
{
    struct contract *contract = &making->owned->contract;
    struct arena *arena = &making->owned->arena;
    const struct contract_options *options = &making->options;
    char domain[CONTRACT_NAME_MAX + 1];
    unsigned major = 1;
    contract_domain(making->type->package, domain, &major);
    const char *snake = message_snake(making);
    /* a cut domain is not silently another one: the uncut package shows in the table's name */
    const char *whole = strlen(domain) < CONTRACT_NAME_MAX ? domain : making->type->package;
    contract->schema = options->schema ? options->schema : "data";
    contract->table = options->table ? options->table
                      : *domain      ? arena_format(arena, "%s_%s_v%u", whole, snake, major)
                                     : arena_format(arena, "%s_v%u", snake, major);
    contract->view_schema = *domain ? arena_string(arena, whole, strlen(whole)) : "public";
    contract->view = options->view ? options->view : arena_format(arena, "%s_v%u", snake, major);

    check_schema(making, "schema", contract->schema);
    check_schema(making, "view schema", contract->view_schema);
    making_name(making, making->place, "table", contract->table);
    /* the twin <view>_all must fit too */
    if (making_name(making, making->place, "view", contract->view))
        making_name(making, making->place, "view (with its twin)",
                    arena_format(arena, "%s_all", contract->view));
    if (strcmp(contract->schema, contract->view_schema) == 0 &&
        (strcmp(contract->table, contract->view) == 0 ||
         strcmp(contract->table, arena_format(arena, "%s_all", contract->view)) == 0))
        making_fault(making, making->place, "give one of them another name",
                     "table and view of %s would both be %s.%s", making->type->full_name,
                     contract->schema, contract->table);
}
