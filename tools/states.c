/* SPDX-License-Identifier: Apache-2.0 */
/* pactolus-states: prints docs/states.md from the state tables. For scripts/states. */
#include "base/err.h"
#include "engine/machines.h"

int main(void)
{
    machines_page(stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? ERR_EXIT_OK : ERR_EXIT_UNAVAILABLE;
}
