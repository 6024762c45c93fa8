/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: one entry for systemd's journal with fields of its own, in the journal's native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram of NAME=value lines. Written here, not through
 * libsystemd: base links nothing. Nothing waits for an answer; safe from any thread.
 */
#ifndef PACTOLUS_BASE_JOURNAL_H
#define PACTOLUS_BASE_JOURNAL_H

#include "base/buf.h"

#include <stdbool.h>

/* Where journald listens. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Append one field. `name` is of capitals, digits and underscores; a value with line ends goes as a
 * length and bytes. */
void journal_field(struct buf *entry, const char *name, const char *value);
void journal_number(struct buf *entry, const char *name, long long value);

/* Send it to the socket at `path`; false when nobody takes it (the caller has another way). */
bool journal_send(const char *path, const struct buf *entry);

#endif
