/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/machine.h"

#include <stdlib.h>

const struct machine_row *machine_find(const struct machine *machine, int state, int event)
{
    for (int i = 0; i < machine->n_rows; i++)
        if (machine->rows[i].state == state && machine->rows[i].event == event)
            return &machine->rows[i];
    return NULL;
}

void machine_fire(const struct machine *machine, int *state, int event, void *self)
{
    const struct machine_row *row = machine_find(machine, *state, event);
    if (!row) {
        fprintf(stderr, "%s: event %s in state %s has no row\n", machine->name,
                machine->events[event], machine->states[*state]);
        abort();
    }
    *state = row->next;
    if (row->action)
        row->action(self);
}

void machine_draw(const struct machine *machine, FILE *out)
{
    fprintf(out, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", machine->states[machine->start]);
    for (int i = 0; i < machine->n_rows; i++) {
        const struct machine_row *row = &machine->rows[i];
        if (row->state != row->next)
            fprintf(out, "    %s --> %s: %s\n", machine->states[row->state],
                    machine->states[row->next], machine->events[row->event]);
    }
    fprintf(out, "```\n\n| in | on | to | |\n| --- | --- | --- | --- |\n");
    for (int i = 0; i < machine->n_rows; i++) {
        const struct machine_row *row = &machine->rows[i];
        fprintf(out, "| %s | %s | %s | %s |\n", machine->states[row->state],
                machine->events[row->event], machine->states[row->next], row->comment);
    }
}
