/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample: a small layout made by hand, for tests of tables and statements that need no contract:
 *   id text (key) · amount bigint (required) · note text · tags text[] (required)
 * in data.sample, with the views sample_v1.sample and sample_all.
 */
#ifndef PACTOLUS_TESTS_SUPPORT_SAMPLE_H
#define PACTOLUS_TESTS_SUPPORT_SAMPLE_H

#include "contract/layout.h"

/* An append layout has the key (_log, _offset). The caller frees it with sample_free. */
struct layout *sample_layout(bool versioned, bool append);
/* Puts a data column after the last one. */
void sample_add(struct layout *layout, const char *name, enum type_id type, bool array,
                bool required, const char *comment);
void sample_free(struct layout *layout);

#endif
