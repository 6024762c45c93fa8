/* SPDX-License-Identifier: Apache-2.0 */
/* redact: what of the settings is secret, and how they look without it. Pure. */
#ifndef PACTOLUS_CONFIG_REDACT_H
#define PACTOLUS_CONFIG_REDACT_H

#include "base/buf.h"

#include <stdbool.h>

#define REDACTED "[redacted]"

/* conninfo (key=value pairs or a URI) with every password in it replaced; appended. */
void redact_conninfo(const char *conninfo, struct buf *out);

#endif
