/* SPDX-License-Identifier: Apache-2.0 */
#include "config/given.h"

#include <stddef.h>
#include <string.h>

const char *given_kind_name(enum given_kind kind)
{
    static const char *const names[] = {
        [GIVEN_WORD] = "a word",     [GIVEN_TEXT] = "a text",           [GIVEN_NUMBER] = "a number",
        [GIVEN_REAL] = "a fraction", [GIVEN_SWITCH] = "true or false",  [GIVEN_LIST] = "a list",
        [GIVEN_BLOCK] = "a block",   [GIVEN_BROKEN] = "a broken value",
    };
    return names[kind];
}

const struct given *given_member(const struct given *block, const char *name)
{
    for (unsigned i = 0; i < block->n_items; i++)
        if (strcmp(block->items[i].name, name) == 0)
            return &block->items[i];
    return NULL;
}
