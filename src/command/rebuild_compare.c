/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_compare: both tables at the same offsets. The live stream is held only until a snapshot
 * of that moment is taken; the comparison itself reads the snapshot, and takes as long as it takes.
 */
#include "base/clock.h"
#include "base/text.h"
#include "command/rebuilding.h"
#include "postgres/rebuild_exchange.h"
#include "postgres/rebuild_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE = 10, CURSORS_PATIENCE_MS = 2000 };
static const usec_t patience = 2 * USEC_PER_SEC;

static bool roll_back(PGconn *conn, struct err *err)
{
    return conn_exec(conn, "ROLLBACK", err);
}

/* A snapshot of a moment at which both stand at the same offsets. */
static bool take_snapshot(struct rebuilding *r, PGconn *reader, bool *taken, struct err *err)
{
    struct err ignored;
    bool aligned = false;
    bool good = conn_exec(r->conn, "BEGIN", err) &&
                rebuild_exchange_lock(r->conn, r->row.id, CURSORS_PATIENCE_MS, err) &&
                rebuild_align(r, patience, &aligned, err);
    if (good && aligned)
        good = rebuild_tables_freeze(reader, err);
    *taken = good && aligned;
    return good ? roll_back(r->conn, err) : roll_back(r->conn, &ignored) && false;
}

static void print_sums(const char *what, unsigned differ, unsigned ranges, const char *more)
{
    if (differ)
        printf("  %-8s differ in %u of %u ranges of keys%s\n", what, differ, ranges, more);
    else
        printf("  %-8s equal%s\n", what, more);
}

static void print_found(const struct rebuilding *r, const struct rebuild_comparison *found,
                        const struct shadow_columns *columns)
{
    char live[32], shadow[32], sums[64];
    const int64_t mask = 0xffffffff;
    printf("%s.%s beside %s\n", r->want->schema, r->want_shadow->table, r->want->table);
    printf("  rows     %s there, %s in the live table\n",
           text_thousands(found->shadow_rows, shadow), text_thousands(found->live_rows, live));
    snprintf(sums, sizeof sums, " (checksums %08" PRIx64 ", %08" PRIx64 ")",
             (uint64_t)(found->shadow_sum & mask), (uint64_t)(found->live_sum & mask));
    print_sums("values", found->values, found->ranges, sums);
    print_sums("places", found->places, found->ranges, "");
    for (unsigned i = 0; i < columns->n_other; i++)
        printf("  not compared: %s\n", columns->other[i]);
}

/* Keys and where their rows come from. */
static bool print_sample(struct rebuilding *r, PGconn *reader,
                         const struct rebuild_comparison *found,
                         const struct shadow_columns *columns, struct err *err)
{
    struct rebuild_difference *list;
    unsigned n;
    if (!rebuild_tables_differing(reader, r->have, r->want_shadow, columns, found, SAMPLE,
                                  &r->arena, &list, &n, err))
        return false;
    for (unsigned i = 0; i < n; i++) {
        bool both = *list[i].live && *list[i].shadow;
        printf("  key %s: live %s, rebuilt %s%s%s\n", list[i].key,
               *list[i].live ? list[i].live : "none", *list[i].shadow ? list[i].shadow : "none",
               both ? "; differs: " : "", both ? list[i].columns : "");
    }
    return true;
}

static bool compare(struct rebuilding *r, PGconn *reader, bool *equal, struct err *err)
{
    struct rebuild_comparison found;
    struct shadow_columns columns;
    shadow_columns(r->have, r->want_shadow, &columns);
    bool good = rebuild_tables_compare(reader, r->have, r->want_shadow, &columns, &found, err);
    if (good) {
        print_found(r, &found, &columns);
        good = found.values == 0 || print_sample(r, reader, &found, &columns, err);
    }
    *equal = found.values == 0 && columns.n_other == 0;
    shadow_columns_free(&columns);
    return good;
}

bool rebuild_compare(struct rebuilding *r, bool *equal, struct err *err)
{
    bool taken = false, good = true;
    PGconn *reader = setup_connect(r->config, err);
    if (!reader)
        return false;
    while (good && !taken) {
        good = take_snapshot(r, reader, &taken, err);
        if (good && !taken)
            good = rebuild_read_on(r, USEC_PER_SEC, err);
    }
    good = good && compare(r, reader, equal, err);
    fflush(stdout);
    conn_close(reader);
    return good;
}
