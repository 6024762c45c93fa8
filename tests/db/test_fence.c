/* SPDX-License-Identifier: Apache-2.0 */
/* pactolus.advance, the fence: what does not match writes nothing. */
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static PGconn *conn;
static unsigned stream;

static int make(void **state)
{
    (void)state;
    live_create("fence");
    conn = live_open();
    stream = live_stream(conn);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    return 0;
}

/* Two cursors at offset 100 with fence 1; their tokens are 7 and 8. */
static int claimed(void **state)
{
    char sql[512];
    (void)state;
    live_exec(conn, "TRUNCATE pactolus.cursors CASCADE");
    live_exec(conn, "ALTER TABLE pactolus.cursors ALTER COLUMN cursor_id RESTART WITH 1");
    snprintf(sql, sizeof sql,
             "SELECT pactolus.claim(%u, 'c', '{t,t}', '{1,1}', '{0,1}', '{100,100}',"
             "                      gen_random_uuid(), '{7,8}')",
             stream);
    live_exec(conn, sql);
    return 0;
}

/* The SQLSTATE of an advance, "" when it passed. The statement after it shares its transaction. */
static const char *advance(const char *arguments)
{
    static struct err err;
    char sql[512];
    err = (struct err)ERR_INIT;
    snprintf(sql, sizeof sql,
             "SELECT pactolus.advance(%s); UPDATE pactolus.streams SET hint = hint || '!'",
             arguments);
    return conn_exec(conn, sql, &err) ? "" : err.sqlstate;
}

static void assert_nothing_moved(void)
{
    assert_string_equal(live_value(conn, "SELECT string_agg(next_offset || ':' || consumed, ' ')"
                                         "  FROM pactolus.cursors"),
                        "100:0 100:0");
}

#define SOUND "'{1,1}','{7,8}','{100,100}','{110,120}','{5,6}','{8,20}','{2,0}','{0,0}'"

static void sound_batches_advance_and_account(void **state)
{
    (void)state;
    assert_string_equal(advance("'{2,1}','{1,1}','{8,7}','{100,100}','{120,110}','{6,5}',"
                                "'{20,8}','{0,2}','{0,0}'"),
                        "");
    assert_string_equal(live_value(conn, "SELECT string_agg(concat_ws(':', next_offset, order_ts,"
                                         " consumed, gaps), ' ' ORDER BY cursor_id)"
                                         " FROM pactolus.cursors"),
                        "110:5:8:2 120:6:20:0");
    /* The same batch again: its offset has passed. */
    assert_string_equal(advance("'{1,2}'," SOUND), "PA002");
}

static void a_wrong_fence_writes_nothing(void **state)
{
    (void)state;
    int64_t marks = live_int(conn, "SELECT length(hint) FROM pactolus.streams");
    assert_string_equal(advance("'{1,2}','{1,0}','{7,8}','{100,100}','{110,120}','{5,6}','{8,20}',"
                                "'{2,0}','{0,0}'"),
                        "PA001");
    assert_nothing_moved();
    assert_int_equal(live_int(conn, "SELECT length(hint) FROM pactolus.streams"), marks);
}

static void a_wrong_token_writes_nothing(void **state)
{
    (void)state;
    assert_string_equal(advance("'{1,2}','{1,1}','{7,9}','{100,100}','{110,120}','{5,6}','{8,20}',"
                                "'{2,0}','{0,0}'"),
                        "PA001");
    assert_nothing_moved();
}

static void an_unknown_cursor_writes_nothing(void **state)
{
    (void)state;
    assert_string_equal(advance("'{1,3}'," SOUND), "PA001");
    assert_nothing_moved();
}

static void a_wrong_offset_writes_nothing(void **state)
{
    (void)state;
    assert_string_equal(advance("'{1,2}','{1,1}','{7,8}','{100,101}','{110,120}','{5,6}','{8,20}',"
                                "'{2,0}','{0,0}'"),
                        "PA002");
    assert_nothing_moved();
}

static void other_isolation_levels_are_refused(void **state)
{
    (void)state;
    live_exec(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_string_equal(advance("'{1,2}'," SOUND), "PA003");
    live_exec(conn, "ROLLBACK");
    assert_nothing_moved();
}

static void unequal_lengths_are_refused(void **state)
{
    (void)state;
    assert_string_equal(advance("'{1,2}','{1,1}','{7,8}','{100,100}','{110,120}','{5,6}','{8,20}',"
                                "'{2,0}','{0}'"),
                        "PA004");
    assert_nothing_moved();
}

static void a_later_failure_takes_the_advance_back(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_false(conn_exec(conn, "SELECT pactolus.advance('{1,2}'," SOUND "); SELECT 1 / 0", &err));
    assert_string_equal(err.sqlstate, "22012");
    assert_nothing_moved();
}

#define TEST(name) cmocka_unit_test_setup(name, claimed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sound_batches_advance_and_account), TEST(a_wrong_fence_writes_nothing),
        TEST(a_wrong_token_writes_nothing),      TEST(an_unknown_cursor_writes_nothing),
        TEST(a_wrong_offset_writes_nothing),     TEST(other_isolation_levels_are_refused),
        TEST(unequal_lengths_are_refused),       TEST(a_later_failure_takes_the_advance_back),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
