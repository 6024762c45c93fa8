/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/classification.h"

#include <string.h>

static const char *const names[CLASSIFICATION_COUNT] = {
    [CLASSIFICATION_NONE] = "",
    [CLASSIFICATION_PUBLIC] = "public",
    [CLASSIFICATION_INTERNAL] = "internal",
    [CLASSIFICATION_PERSONAL] = "personal",
    [CLASSIFICATION_SECRET] = "secret",
};

bool classification_parse(const char *text, enum classification *out)
{
    for (int i = 0; i < CLASSIFICATION_COUNT; i++) {
        if (strcmp(text ? text : "", names[i]) == 0) {
            *out = (enum classification)i;
            return true;
        }
    }
    return false;
}

const char *classification_name(enum classification classification)
{
    return names[classification];
}
