/* SPDX-License-Identifier: Apache-2.0 */
/* Tables partitioned in every way, and the range that is known of each. */
#include "postgres/partitions.h"
#include "support/live.h"
#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NONE INT64_MIN
#define DAY  INT64_C(86400000000)

static PGconn *conn;
static struct layout *layout;

static int make(void **state)
{
    (void)state;
    live_create("partitions");
    conn = live_open();
    layout = sample_layout(false, false);
    sample_add(layout, "at", TYPE_TIMESTAMPTZ, false, true, "");
    sample_add(layout, "number", TYPE_INTEGER, false, true, "");
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    sample_free(layout);
    conn_close(conn);
    return 0;
}

/* Each in a transaction of its own that is rolled back. */
static const struct {
    const char *by, *partitions; /* FOR VALUES …, each ended by a semicolon */
    const char *column;          /* NULL: no range */
    int64_t low, high;
} cases[] = {
    {"RANGE (amount)", "FROM (0) TO (100);FROM (200) TO (300);FROM (-7) TO (-5);", "amount", -7,
     300},
    {"RANGE (amount)", "FROM (MINVALUE) TO (100);FROM (200) TO (300);", "amount", NONE, 300},
    {"RANGE (amount)", "FROM (0) TO (100);FROM (200) TO (MAXVALUE);", "amount", 0, NONE},
    {"RANGE (amount)", "FROM (MINVALUE) TO (MAXVALUE);", NULL, NONE, NONE},
    {"RANGE (amount)", "", NULL, NONE, NONE},
    {"RANGE (amount)", "FROM (0) TO (100);DEFAULT;", NULL, NONE, NONE},
    {"RANGE (number)", "FROM (-5) TO (7);FROM (8) TO (9);", "number", -5, 9},
    {"RANGE (at)", "FROM ('2000-01-01 00:00+00') TO ('2000-01-02 02:00+02');", "at", 0, DAY},
    {"RANGE (at)", "FROM ('1999-12-31') TO ('2000-01-01');FROM ('2000-01-02') TO ('infinity');",
     "at", -DAY, NONE},
    {"RANGE (at)", "FROM ('-infinity') TO ('2000-01-01 00:00:00.000001');", "at", NONE, 1},
    {"RANGE (id)", "FROM ('a') TO ('b');", NULL, NONE, NONE},
    {"RANGE (amount, number)", "FROM (0, 0) TO (1, 1);", NULL, NONE, NONE},
    {"RANGE ((amount + 1))", "FROM (0) TO (100);", NULL, NONE, NONE},
    {"RANGE (_offset)", "FROM (0) TO (100);", NULL, NONE, NONE},
    {"LIST (amount)", "IN (1, 2);IN (3);", NULL, NONE, NONE},
    {"HASH (amount)", "WITH (MODULUS 2, REMAINDER 0);", NULL, NONE, NONE},
};

static void make_partitions(const char *list)
{
    char sql[512], bound[128];
    unsigned n = 0;
    for (const char *end; (end = strchr(list, ';')); list = end + 1) {
        bool rest = strncmp(list, "DEFAULT", 7) == 0;
        snprintf(bound, sizeof bound, "%s%.*s", rest ? "" : "FOR VALUES ", (int)(end - list), list);
        snprintf(sql, sizeof sql, "CREATE TABLE data.p%u PARTITION OF data.sample %s", n++, bound);
        live_exec(conn, sql);
    }
}

static struct partitions read_one(void)
{
    struct err err = ERR_INIT;
    struct partitions found;
    const struct layout *layouts[] = {layout};
    if (!partitions_read(conn, layouts, 1, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static void every_way_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "BEGIN; CREATE SCHEMA data; CREATE TABLE data.sample (id text, amount bigint,"
                 " note text, tags text[], at timestamptz, number integer, _offset bigint)"
                 " PARTITION BY %s",
                 cases[i].by);
        live_exec(conn, sql);
        make_partitions(cases[i].partitions);
        struct partitions found = read_one();
        const struct range *range = &found.range;
        int64_t low = range->has_low ? range->low : NONE,
                high = range->has_high ? range->high : NONE;
        if (!found.partitioned || low != cases[i].low || high != cases[i].high)
            fail_msg("%s %s: %lld to %lld", cases[i].by, cases[i].partitions, (long long)low,
                     (long long)high);
        if (cases[i].column)
            assert_string_equal(layout->columns[range->column].name, cases[i].column);
        live_exec(conn, "ROLLBACK");
    }
}

static void only_the_top_level_counts(void **state)
{
    (void)state;
    live_exec(conn,
              "BEGIN; CREATE SCHEMA data; CREATE TABLE data.sample (amount bigint, number integer)"
              " PARTITION BY RANGE (amount);"
              "CREATE TABLE data.p0 PARTITION OF data.sample FOR VALUES FROM (0) TO (100)"
              " PARTITION BY RANGE (amount);"
              "CREATE TABLE data.p00 PARTITION OF data.p0 FOR VALUES FROM (10) TO (20)");
    struct partitions found = read_one();
    assert_int_equal(found.range.low, 0);
    assert_int_equal(found.range.high, 100);
    live_exec(conn, "ROLLBACK");
}

/* Several streams in one question: plain, missing and partitioned ones keep their places. */
static void each_table_gets_its_own_answer(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct layout plain = *layout, missing = *layout, other = *layout;
    struct partitions found[5];
    plain.table = "plain \"one\", {odd}";
    missing.table = "missing";
    other.schema = "elsewhere";
    const struct layout *layouts[] = {&plain, layout, &missing, &other, layout};
    live_exec(conn, "BEGIN; CREATE SCHEMA data; CREATE SCHEMA elsewhere;"
                    "CREATE TABLE data.\"plain \"\"one\"\", {odd}\" (amount bigint);"
                    "CREATE TABLE data.sample (amount bigint) PARTITION BY RANGE (amount);"
                    "CREATE TABLE data.p0 PARTITION OF data.sample FOR VALUES FROM (0) TO (100);"
                    "CREATE TABLE elsewhere.sample (amount bigint) PARTITION BY LIST (amount)");
    assert_true(partitions_read(conn, layouts, 5, found, &err));
    assert_false(found[0].partitioned);
    assert_true(found[1].partitioned && found[1].range.has_high);
    assert_false(found[2].partitioned);
    assert_true(found[3].partitioned && !found[3].range.has_high);
    assert_true(range_same(&found[4].range, &found[1].range));
    assert_true(partitions_read(conn, layouts, 0, found, &err));
    live_exec(conn, "ROLLBACK");
}

/* What the daemon makes of the refusals that partitions cause. */
static void a_missing_partition_is_no_violation(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    live_exec(conn,
              "CREATE SCHEMA data; CREATE TABLE data.sample (amount bigint CONSTRAINT odd CHECK"
              " (amount % 2 = 1)) PARTITION BY RANGE (amount);"
              "CREATE TABLE data.p0 PARTITION OF data.sample FOR VALUES FROM (0) TO (100)");
    assert_false(conn_exec(conn, "INSERT INTO data.sample VALUES (101)", &err));
    assert_string_equal(err.sqlstate, "23514");
    assert_int_equal(err.class, ERR_RETRY);
    assert_string_equal(err.place, "data.sample");
    assert_non_null(strstr(err.hint, "make the partition"));
    /* Straight into the wrong partition: the same. */
    assert_false(conn_exec(conn, "INSERT INTO data.p0 VALUES (101)", &err));
    assert_int_equal(err.class, ERR_RETRY);
    assert_false(conn_exec(conn, "INSERT INTO data.sample VALUES (2)", &err));
    assert_string_equal(err.sqlstate, "23514");
    assert_int_equal(err.class, ERR_REJECT);
    assert_string_equal(err.place, "odd");
    assert_string_equal(err.hint, "");
    live_exec(conn, "DROP SCHEMA data CASCADE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_is_read),
        cmocka_unit_test(only_the_top_level_counts),
        cmocka_unit_test(each_table_gets_its_own_answer),
        cmocka_unit_test(a_missing_partition_is_no_violation),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
