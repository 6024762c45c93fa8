/* SPDX-License-Identifier: Apache-2.0 */
/*
 * widen: which types a column can be given without losing a value, and what that costs. Types are
 * those that format_type() prints. PostgreSQL writes a table anew, under a lock that stops readers
 * and writers, unless the old bytes are good as they are (ATColumnChangeRequiresRewrite in its
 * src/backend/commands/tablecmds.c); tests/db/test_catalog.c shows which are.
 */
#ifndef PACTOLUS_TABLE_WIDEN_H
#define PACTOLUS_TABLE_WIDEN_H

enum widening {
    WIDEN_NOT,     /* something could be lost, or it is another kind of thing */
    WIDEN_REWRITE, /* nothing is lost, but every row is written again */
    WIDEN_FREE,    /* nothing is lost, and no row is touched */
};

enum widening widen(const char *have, const char *want);

#endif
