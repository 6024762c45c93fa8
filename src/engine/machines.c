/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/machines.h"

#include <stddef.h>

const struct machine *const machines_all[] = {&membership_machine, &cursor_machine, &lane_machine,
                                              NULL};
