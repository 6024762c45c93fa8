/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: faults as a person reads them on stderr, and the exit code that they make. Borrows the
 * faults; cannot fail.
 */
#ifndef PACTOLUS_COMMAND_REPORT_H
#define PACTOLUS_COMMAND_REPORT_H

#include "base/buf.h"
#include "base/err.h"

/*
 *   error: pactolus.conf:12: unknown setting of a stream: framin
 *          hint: did you mean framing?
 */
void report_text(struct buf *out, const char *word, const struct err *err);

/* Print one or all, and return the exit code: of several the one that wants attention first
 * (configuration before permission, data, unavailable, temporary). 0 for an empty list. */
int report_err(const struct err *err);
int report_errs(const struct errs *errs);
void report_warnings(const struct errs *warnings);

/* True when stdout is a terminal that may be coloured (NO_COLOR is not set, TERM is not dumb). */
bool report_colour(void);

#endif
