/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machines: the state tables, for machines_all, the diagrams and the tests. All of it is static.
 */
#ifndef PACTOLUS_ENGINE_MACHINES_H
#define PACTOLUS_ENGINE_MACHINES_H

#include "engine/machine.h"

extern const struct machine cursor_machine;
extern const struct machine lane_machine;
extern const struct machine membership_machine;

/* docs/states.md: a diagram and a table of each machine, as Markdown. */
void machines_page(FILE *out);

#endif
