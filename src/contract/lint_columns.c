/* SPDX-License-Identifier: Apache-2.0 */
/* What of the columns somebody will regret. */
#include "contract/lint.h"

#include <string.h>
#include <strings.h>

/* Words that PostgreSQL takes for a column only in quotes (its documentation, appendix C:
 * reserved), of those that fields are named by. */
static const char *const words[] = {
    "all",     "analyse",    "analyze",   "any",     "array",   "as",        "asc",
    "both",    "case",       "cast",      "check",   "collate", "column",    "create",
    "default", "desc",       "distinct",  "do",      "else",    "end",       "except",
    "false",   "fetch",      "for",       "from",    "grant",   "group",     "having",
    "in",      "initially",  "into",      "lateral", "leading", "limit",     "not",
    "null",    "offset",     "on",        "only",    "or",      "order",     "placing",
    "primary", "references", "returning", "select",  "some",    "symmetric", "table",
    "then",    "to",         "trailing",  "true",    "union",   "unique",    "user",
    "using",   "variadic",   "when",      "where",   "window",  "with",
};

static bool is_word(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

/* What a name may be made of to need no quotes. */
static bool is_plain(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) &&
           !strchr("0123456789", name[0]);
}

static void lint_name(const struct linting *linting, unsigned at)
{
    const struct column *column = &linting->contract->columns[at];
    const char *path = lint_column_path(linting, column);
    const char *place = lint_column_place(linting, column);
    if (!is_plain(column->name) || is_word(column->name))
        findings_add(linting->findings, LAYER_LINT, "COLUMN_QUOTED", path, place,
                     "column %s has to be written \"%s\" in every query", column->name,
                     column->name);
    for (unsigned i = 0; i < at; i++) {
        const struct column *other = &linting->contract->columns[i];
        if (strcasecmp(other->name, column->name) == 0)
            findings_add(linting->findings, LAYER_LINT, "COLUMN_CASE", path, place,
                         "columns %s and %s differ only in case", other->name, column->name);
    }
}

static void lint_form(const struct linting *linting, const struct column *column)
{
    enum type_id id = column->type->id;
    bool form = id == TYPE_UUID || id == TYPE_INET || id == TYPE_CIDR || id == TYPE_NUMERIC;
    if (form && column->field->pb->type == PROTOBUF_C_TYPE_STRING && !column->array &&
        !column->nullable && column->key_position < 0)
        findings_add(linting->findings, LAYER_LINT, "TYPE_WITHOUT_PRESENCE",
                     lint_column_path(linting, column), lint_column_place(linting, column),
                     "a record without %s is a dead letter, since \"\" is no %s",
                     column->field->name, column->type->sql);
}

static void lint_version(const struct linting *linting)
{
    const struct contract *contract = linting->contract;
    if (contract->version < 0)
        return;
    const struct column *column = &contract->columns[contract->version];
    if (!column->field->presence)
        findings_add(linting->findings, LAYER_LINT, "VERSION_WITHOUT_PRESENCE",
                     lint_column_path(linting, column), lint_column_place(linting, column),
                     "a record without %s counts as version 0", column->field->name);
}

void lint_columns(const struct linting *linting)
{
    for (unsigned i = 0; i < linting->contract->n_columns; i++) {
        lint_name(linting, i);
        lint_form(linting, &linting->contract->columns[i]);
    }
    lint_version(linting);
}
