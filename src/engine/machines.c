/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/machines.h"

#include <stddef.h>

const struct machine *const machines_all[] = {&membership_machine, &cursor_machine, &lane_machine,
                                              NULL};

static const char page_head[] =
    "# States\n\n"
    "The daemon's state machines, drawn by `scripts/states` from the tables that it runs:\n"
    "`membership` is its part in the consumer group, a `cursor` is one assigned partition, a\n"
    "`lane` writes batches of a share of them. An event that a state does not list is a bug of\n"
    "ours and ends the process.\n";

void machines_page(FILE *out)
{
    fputs(page_head, out);
    for (unsigned i = 0; machines_all[i]; i++) {
        fprintf(out, "\n## %s\n\n", machines_all[i]->name);
        machine_draw(machines_all[i], out);
    }
}
