/* SPDX-License-Identifier: Apache-2.0 */
/* Opening connections, what their failures say, migrations, and the rows of streams. */
#include "postgres/apply.h"
#include "postgres/conn.h"
#include "postgres/streams.h"
#include "support/live.h"
#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static PGconn *conn;

static int make(void **state)
{
    (void)state;
    live_create("conn");
    conn = live_open();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    conn_close(conn);
    return 0;
}

static void refused(const char *conninfo, enum err_class class, enum err_exit exit,
                    const char *sqlstate)
{
    struct err err = ERR_INIT;
    struct conn_options options = {.conninfo = conninfo, .connect_timeout_s = 5};
    PGconn *opened = conn_open(&options, &err);
    conn_close(opened);
    assert_null(opened);
    assert_true(err.text[0] && err.hint[0]);
    assert_null(strstr(err.text, "hunter2"));
    assert_null(strstr(err.text, "LOCATION"));
    if (err.class != class || err.exit != exit || strcmp(err.sqlstate, sqlstate) != 0)
        fail_msg("%s: %s, exit %d, [%s] %s", conninfo, err_class_name(err.class), err.exit,
                 err.sqlstate, err.text);
}

static void refusals_are_told_apart(void **state)
{
    (void)state;
    char info[3000];
    refused("postgresql://host:port:what", ERR_HALT, ERR_EXIT_CONFIG, "");
    refused("password=hunter2 nonsense", ERR_HALT, ERR_EXIT_CONFIG, "");
    refused("hunter2", ERR_HALT, ERR_EXIT_CONFIG, "");
    refused("host=/nonexistent", ERR_RETRY, ERR_EXIT_UNAVAILABLE, "");
    refused("host=127.0.0.1 port=1", ERR_RETRY, ERR_EXIT_UNAVAILABLE, "");
    refused("host=127.0.0.1 port=1 password=hunter2", ERR_HALT, ERR_EXIT_CONFIG, "");
    refused("postgresql://u:hunter2@127.0.0.1:1/d", ERR_HALT, ERR_EXIT_CONFIG, "");
    refused("host=127.0.0.1 sslmode=hunter3", ERR_HALT, ERR_EXIT_CONFIG, "");
    snprintf(info, sizeof info, "%s dbname=pactolus_absent", live_conninfo());
    refused(info, ERR_HALT, ERR_EXIT_CONFIG, "3D000");
    snprintf(info, sizeof info, "%s user=pactolus_nobody", live_conninfo());
    refused(info, ERR_HALT, ERR_EXIT_PERMISSION, "28000");
}

static void sessions_are_prepared(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct conn_options options = {.conninfo = live_conninfo(),
                                   .application_name = "pactolus g",
                                   .statement_timeout_ms = 1234,
                                   .lock_timeout_ms = 567,
                                   .idle_in_transaction_timeout_ms = 8901};
    PGconn *own = conn_open(&options, &err);
    assert_non_null(own);
    assert_string_equal(live_value(own, "SHOW search_path"), "\"\"");
    assert_string_equal(live_value(own, "SHOW statement_timeout"), "1234ms");
    assert_string_equal(live_value(own, "SHOW lock_timeout"), "567ms");
    assert_string_equal(live_value(own, "SHOW idle_in_transaction_session_timeout"), "8901ms");
    assert_string_equal(live_value(own, "SHOW TimeZone"), "UTC");
    assert_string_equal(live_value(own, "SHOW client_encoding"), "UTF8");
    assert_string_equal(live_value(own, "SHOW application_name"), "pactolus g");
    assert_string_equal(live_value(own, "SHOW transaction_isolation"), "read committed");
    conn_close(own);
}

static const char *keyword_of(PGconn *own, const char *keyword, char value[64])
{
    PQconninfoOption *options = PQconninfo(own);
    value[0] = '\0';
    for (PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && strcmp(option->keyword, keyword) == 0)
            snprintf(value, 64, "%s", option->val);
    PQconninfoFree(options);
    return value;
}

static void lost_hosts_are_noticed_by_default(void **state)
{
    (void)state;
    char info[3000], value[64];
    struct err err = ERR_INIT;
    struct conn_options options = {.conninfo = live_conninfo(), .connect_timeout_s = 7};
    PGconn *own = conn_open(&options, &err);
    assert_non_null(own);
    assert_string_equal(keyword_of(own, "keepalives_idle", value), "10");
    assert_string_equal(keyword_of(own, "keepalives_interval", value), "5");
    assert_string_equal(keyword_of(own, "keepalives_count", value), "3");
    assert_string_equal(keyword_of(own, "tcp_user_timeout", value), "25000");
    assert_string_equal(keyword_of(own, "connect_timeout", value), "7");
    conn_close(own);
    /* What the conninfo says wins. */
    snprintf(info, sizeof info, "%s keepalives_idle=99 tcp_user_timeout=1234 connect_timeout=3",
             live_conninfo());
    options.conninfo = info;
    own = conn_open(&options, &err);
    assert_non_null(own);
    assert_string_equal(keyword_of(own, "keepalives_idle", value), "99");
    assert_string_equal(keyword_of(own, "tcp_user_timeout", value), "1234");
    assert_string_equal(keyword_of(own, "connect_timeout", value), "3");
    conn_close(own);
}

static void a_silent_server_is_taken_for_lost(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    PGconn *own = live_open();
    conn_set_patience(own, 5000);
    live_exec(own, "SELECT pg_sleep(0.01); SELECT 1");
    conn_set_patience(own, 100);
    assert_false(conn_exec(own, "SELECT pg_sleep(60)", &err));
    assert_int_equal(err.class, ERR_RETRY);
    assert_int_equal(err.exit, ERR_EXIT_UNAVAILABLE);
    assert_int_equal(PQstatus(own), CONNECTION_BAD);
    conn_close(own);
}

static void password_files_are_read_to_the_line_end(void **state)
{
    (void)state;
    char path[] = "/tmp/pactolus-password-XXXXXX";
    struct err err = ERR_INIT;
    struct conn_options options = {.conninfo = live_conninfo(), .password_file = path};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_null(conn_open(&options, &err));
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(write(fd, "hunter2\nmore\n", 13), 13);
    close(fd);
    PGconn *own = conn_open(&options, &err);
    assert_non_null(own);
    assert_string_equal(PQpass(own), "hunter2");
    conn_close(own);
    unlink(path);
    assert_null(conn_open(&options, &err));
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
}

static void errors_carry_place_but_no_values(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_false(conn_exec(conn, "SELECT 'hunter2'::uuid", &err));
    assert_string_equal(err.sqlstate, "22P02");
    assert_int_equal(err.class, ERR_REJECT);
    assert_null(strstr(err.text, "hunter2"));
    live_exec(conn, "CREATE TABLE public.pairs (a int CONSTRAINT small CHECK (a < 9) NOT NULL)");
    assert_false(conn_exec(conn, "INSERT INTO public.pairs VALUES (77)", &err));
    assert_string_equal(err.place, "small");
    assert_null(strstr(err.text, "77"));
    assert_false(conn_exec(conn, "INSERT INTO public.pairs VALUES (NULL)", &err));
    assert_string_equal(err.place, "public.pairs.a");
    PGconn *ended = live_open();
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(ended));
    live_exec(conn, sql);
    assert_false(conn_exec(ended, "SELECT 1", &err));
    assert_int_equal(err.class, ERR_RETRY);
    assert_int_equal(err.exit, ERR_EXIT_UNAVAILABLE);
    conn_close(ended);
}

static void text_arrays_survive_the_server(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct buf array = BUF_INIT;
    const char *items[] = {"a\"b\\c", NULL, "", "NULL", "x,y{}"};
    conn_text_array(&array, items, 5);
    const char *params[] = {array.data};
    PGresult *result = conn_query(conn, "SELECT unnest($1::text[])", 1, params, &err);
    assert_int_equal(PQntuples(result), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(PQgetisnull(result, i, 0), items[i] == NULL);
        if (items[i])
            assert_string_equal(PQgetvalue(result, i, 0), items[i]);
    }
    PQclear(result);
    buf_free(&array);
}

static unsigned told_count;
static void told(const struct migration *migration)
{
    (void)migration;
    told_count++;
}

static void migrations_run_once_and_are_recognised(void **state)
{
    (void)state;
    static const struct patience patience = {200, 2};
    unsigned count;
    int version;
    struct err err = ERR_INIT;
    migrations_all(&count);
    assert_true(migrations_version(conn, &version, &err));
    assert_int_equal(version, count);
    /* As if another migrate had been faster: nothing is run twice. */
    assert_true(migrations_apply(conn, 0, &patience, told, &err));
    assert_int_equal(told_count, 0);
    live_exec(conn, "BEGIN; UPDATE pactolus.migrations SET checksum = 'x' WHERE version = 2");
    assert_false(migrations_version(conn, &version, &err));
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    /* A newer program's: this one goes on, unless that says that it must not. */
    live_exec(conn, "ROLLBACK; BEGIN; INSERT INTO pactolus.migrations VALUES (9999, 'later', 'x')");
    assert_true(migrations_version(conn, &version, &err));
    assert_int_equal(version, 9999);
    live_exec(conn, "CREATE OR REPLACE FUNCTION pactolus.oldest_program() RETURNS integer"
                    "  LANGUAGE sql IMMUTABLE AS 'SELECT 9998'");
    assert_false(migrations_version(conn, &version, &err));
    assert_int_equal(err.exit, ERR_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "9999"));
    assert_non_null(strstr(err.text, "9998"));
    live_exec(conn, "ROLLBACK; DROP SCHEMA pactolus CASCADE");
    assert_true(migrations_version(conn, &version, &err));
    assert_int_equal(version, 0);
    /* A lock that somebody holds is given up in time. */
    PGconn *other = live_open();
    live_exec(other, "SELECT pg_advisory_lock(8097857763303683443)");
    assert_false(migrations_apply(conn, 0, &patience, told, &err));
    assert_string_equal(err.sqlstate, "55P03");
    assert_int_equal(err.exit, ERR_EXIT_TEMPORARY);
    assert_true(err.hint[0]);
    live_exec(other, "SELECT pg_advisory_unlock(8097857763303683443)");
    conn_close(other);
    assert_true(migrations_apply(conn, 0, &patience, told, &err));
    assert_int_equal(told_count, count);
}

static void streams_keep_state_and_reason(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct stream_row row;
    struct resumed resumed;
    struct layout *layout = sample_layout(true, false);
    struct contract contract = {.name = "sample.v1.Sample", .fingerprint = "abc"};
    const struct contract *contracts[] = {&contract};
    layout->contracts = contracts;
    layout->n_contracts = 1;
    assert_true(streams_find(conn, "g", "one", &row, &err));
    assert_int_equal(row.stream_id, 0);
    assert_true(streams_upsert(conn, "g", "one", layout, (struct span){"\0\1", 2}, &err));
    assert_true(streams_find(conn, "g", "one", &row, &err));
    assert_int_not_equal(row.stream_id, 0);
    assert_int_equal(row.state, STREAM_RUNNING);
    assert_string_equal(row.fingerprint, "abc");
    assert_string_equal(live_value(conn, "SELECT descriptors FROM pactolus.contracts"), "\\x0001");

    unsigned id = row.stream_id;
    struct err why = ERR_INIT;
    err_set(&why, ERR_HALT, ERR_EXIT_DATA, "too many");
    err_hint(&why, "look");
    assert_true(streams_halt(conn, id, HALT_DAEMON, &why, -1, &err));
    /* A migration of the stream ends no halt. */
    memcpy(contract.fingerprint, "abd", 4);
    assert_true(streams_upsert(conn, "g", "one", layout, (struct span){"\0\2", 2}, &err));
    assert_true(streams_find(conn, "g", "one", &row, &err));
    assert_int_equal(row.stream_id, id);
    assert_int_equal(row.state, STREAM_HALTED);
    assert_string_equal(row.reason, "too many");
    assert_string_equal(row.hint, "look");
    assert_string_equal(row.fingerprint, "abd");
    assert_int_equal(live_int(conn, "SELECT count(*) FROM pactolus.contracts"), 2);
    /* What it had from when on; the same again is no news. */
    assert_true(streams_upsert(conn, "g", "one", layout, (struct span){"\0\2", 2}, &err));
    assert_string_equal(live_value(conn,
                                   "SELECT string_agg(concat_ws(' ', fingerprint, contracts), ';'"
                                   "                  ORDER BY since)"
                                   "  FROM pactolus.stream_contracts"
                                   " WHERE changed_by LIKE current_user || ' (%)'"),
                        "abc {abc};abd {abd}");
    static const struct {
        const char *fingerprint;
        bool had;
    } prints[] = {{"abc", true}, {"abd", true}, {"abe", false}};
    for (unsigned i = 0; i < 3; i++) {
        bool had = !prints[i].had;
        assert_true(streams_had(conn, id, prints[i].fingerprint, &had, &err));
        assert_int_equal(had, prints[i].had);
    }
    assert_true(live_int(conn, "SELECT (changed_by LIKE current_user || ' (%)')::int"
                               "  FROM pactolus.streams"));
    assert_true(streams_resume(conn, id, "", false, &resumed, &err));
    assert_true(streams_find(conn, "g", "one", &row, &err));
    assert_int_equal(row.state, STREAM_RUNNING);
    assert_string_equal(row.reason, "");
    sample_free(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_told_apart),
        cmocka_unit_test(sessions_are_prepared),
        cmocka_unit_test(lost_hosts_are_noticed_by_default),
        cmocka_unit_test(a_silent_server_is_taken_for_lost),
        cmocka_unit_test(password_files_are_read_to_the_line_end),
        cmocka_unit_test(errors_carry_place_but_no_values),
        cmocka_unit_test(text_arrays_survive_the_server),
        cmocka_unit_test(migrations_run_once_and_are_recognised),
        cmocka_unit_test(streams_keep_state_and_reason),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
