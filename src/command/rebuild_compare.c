/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild_compare: both tables at the same offsets. The live stream is held only until a snapshot
 * of that moment is taken; the comparison itself reads the snapshot, and takes as long as it takes.
 */
#include "base/clock.h"
#include "base/text.h"
#include "command/rebuilding.h"
#include "table/shadow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 10, SAMPLE_RANGES = 8 };
static const usec_t patience = 2 * USEC_PER_SEC;

struct comparison {
    int64_t live_rows, shadow_rows, live_sum, shadow_sum;
    unsigned ranges, values, places; /* of keys; that differ */
    char sample[128];                /* the first that differ in values */
};

static bool roll_back(PGconn *conn, struct err *err)
{
    return conn_exec(conn, "ROLLBACK", err);
}

/* A snapshot of a moment at which both stand at the same offsets. */
static bool take_snapshot(struct rebuilding *r, PGconn *reader, bool *taken, struct err *err)
{
    struct err ignored;
    bool aligned = false;
    bool good = conn_exec(r->conn, "BEGIN; SET LOCAL lock_timeout = '2s'", err) &&
                rebuilds_call(r->conn, "rebuild_lock", r->row.id, NULL, false, err) &&
                rebuild_align(r, patience, &aligned, err);
    if (good && aligned)
        good = conn_exec(reader,
                         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                         " SELECT count(*) FROM pactolus.rebuilds",
                         err);
    *taken = good && aligned;
    return good ? roll_back(r->conn, err) : roll_back(r->conn, &ignored) && false;
}

static int64_t number(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static void add_range(struct comparison *found, const PGresult *result, int row)
{
    char range[16];
    found->ranges++;
    found->live_rows += number(result, row, 1);
    found->shadow_rows += number(result, row, 2);
    found->live_sum += number(result, row, 5);
    found->shadow_sum += number(result, row, 6);
    found->places += *PQgetvalue(result, row, 4) == 'f';
    if (*PQgetvalue(result, row, 3) == 't')
        return;
    snprintf(range, sizeof range, "%s%s", found->values ? "," : "", PQgetvalue(result, row, 0));
    if (found->values++ < SAMPLE_RANGES)
        strncat(found->sample, range, sizeof found->sample - strlen(found->sample) - 1);
}

static void print_sums(const char *what, unsigned differ, unsigned ranges, const char *more)
{
    if (differ)
        printf("  %-8s differ in %u of %u ranges of keys%s\n", what, differ, ranges, more);
    else
        printf("  %-8s equal%s\n", what, more);
}

static void print_found(const struct rebuilding *r, const struct comparison *found,
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

/* Keys and where their rows come from; values stay in the database. */
static bool print_sample(struct rebuilding *r, PGconn *reader, const struct comparison *found,
                         const struct shadow_columns *columns, struct err *err)
{
    struct buf sql = BUF_INIT;
    shadow_differing(&sql, r->have, r->want_shadow, columns, found->sample, SAMPLE);
    PGresult *result = conn_query(reader, sql.data, 0, NULL, err);
    buf_free(&sql);
    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++) {
        const char *live = PQgetvalue(result, i, 1), *shadow = PQgetvalue(result, i, 2);
        printf("  key %s: live %s, rebuilt %s%s%s\n", PQgetvalue(result, i, 0),
               *live ? live : "none", *shadow ? shadow : "none",
               *live && *shadow ? "; differs: " : "",
               *live && *shadow ? PQgetvalue(result, i, 3) : "");
    }
    PQclear(result);
    return true;
}

static bool compare(struct rebuilding *r, PGconn *reader, bool *equal, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct comparison found = {0};
    struct shadow_columns columns;
    bool good = false;
    shadow_columns(r->have, r->want_shadow, &columns);
    shadow_compare(&sql, r->have, r->want_shadow, &columns);
    PGresult *result = conn_query(reader, sql.data, 0, NULL, err);
    if (result) {
        for (int i = 0; i < PQntuples(result); i++)
            add_range(&found, result, i);
        print_found(r, &found, &columns);
        good = found.values == 0 || print_sample(r, reader, &found, &columns, err);
    }
    *equal = found.values == 0 && columns.n_other == 0;
    PQclear(result);
    shadow_columns_free(&columns);
    buf_free(&sql);
    return good;
}

bool rebuild_compare(struct rebuilding *r, bool *equal, struct err *err)
{
    bool taken = false, good = true;
    PGconn *reader = setup_connect(r->config, err);
    if (!reader)
        return false;
    good = conn_exec(reader, "SET statement_timeout = 0", err);
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
