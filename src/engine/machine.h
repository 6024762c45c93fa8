/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: states as rows {state, event, next, action, comment}. A machine is a table
 * and its names; machine_fire finds the row of (state, event), moves, then runs the action. A pair
 * without a row is our bug and asserts, so tables say what is ignored. Tests prove each state
 * reached and left; scripts/states draws the diagrams of docs/states.md from the same tables.
 */
#ifndef PACTOLUS_ENGINE_MACHINE_H
#define PACTOLUS_ENGINE_MACHINE_H

#include <stdbool.h>
#include <stdio.h>

typedef void machine_action(void *self);

struct machine_row {
    int state, event, next;
    machine_action *action; /* may be NULL */
    const char *comment;
};

struct machine {
    const char *name;
    const char *const *states, *const *events; /* names by number */
    int n_states, n_events;
    int start;
    const struct machine_row *rows;
    int n_rows;
};

/* Move *state and run the action with `self`. */
void machine_fire(const struct machine *machine, int *state, int event, void *self);
/* The row, or NULL. */
const struct machine_row *machine_find(const struct machine *machine, int state, int event);
/* Mermaid text of the diagram. */
void machine_draw(const struct machine *machine, FILE *out);

/* Every machine of the engine; ends with NULL. */
extern const struct machine *const machines_all[];

#endif
