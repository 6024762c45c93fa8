/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "command/verb.h"

#include <stdio.h>

int command_cat(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "error: %s: not built\n", argv[0]);
    return ERR_EXIT_SOFTWARE;
}
