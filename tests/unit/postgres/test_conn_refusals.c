/* SPDX-License-Identifier: Apache-2.0 */
/* What libpq and servers say of connections that they do not open, and what follows. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "postgres/conn_refusals.h"

#include <string.h>

#define TO "connection to server at \"db\" (10.0.0.1), port 5432 failed: "

static const struct {
    const char *sqlstate, *message;
    enum err_class class;
    enum err_exit exit;
} cases[] = {
    {"28P01", TO "FATAL: password authentication failed for user \"p\"", ERR_HALT,
     ERR_EXIT_PERMISSION},
    {"28000", TO "FATAL: no pg_hba.conf entry for host", ERR_HALT, ERR_EXIT_PERMISSION},
    {"42501", TO "FATAL: permission denied for database \"p\"", ERR_HALT, ERR_EXIT_PERMISSION},
    {"3D000", TO "FATAL: database \"p\" does not exist", ERR_HALT, ERR_EXIT_CONFIG},
    {"55000", TO "FATAL: database \"p\" is not currently accepting connections", ERR_RETRY,
     ERR_EXIT_TEMPORARY},
    {"08P01", TO "FATAL: unsupported startup parameter: options", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "fe_sendauth: no password supplied", ERR_HALT, ERR_EXIT_PERMISSION},
    {"", TO "session is read-only", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "server is in hot standby mode", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "SSL error: certificate verify failed", ERR_HALT, ERR_EXIT_PERMISSION},
    {"", TO "server certificate for \"a\" does not match host name \"b\"", ERR_HALT,
     ERR_EXIT_PERMISSION},
    {"", TO "root certificate file \"/x\" does not exist", ERR_HALT, ERR_EXIT_CONFIG},
    {"", TO "could not open certificate file \"/x\": Permission denied", ERR_HALT, ERR_EXIT_CONFIG},
    {"", TO "private key file \"/x\" has group or world access", ERR_HALT, ERR_EXIT_CONFIG},
    {"", TO "server does not support SSL, but SSL was required", ERR_HALT, ERR_EXIT_CONFIG},
    {"", "invalid port number: \"x\"", ERR_HALT, ERR_EXIT_CONFIG},
    {"", "invalid connection option \"x\"", ERR_HALT, ERR_EXIT_CONFIG},
    {"", "invalid integer value \"x\" for connection option \"keepalives\"", ERR_HALT,
     ERR_EXIT_CONFIG},
    {"", "could not match 3 port numbers to 2 hosts", ERR_HALT, ERR_EXIT_CONFIG},
    {"", "invalid sslmode value: \"x\"", ERR_HALT, ERR_EXIT_CONFIG},
    /* outages, whatever they look like */
    {"", TO "Connection refused", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "timeout expired", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "server closed the connection unexpectedly", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", TO "received invalid response to SSL negotiation: H", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", "could not translate host name \"db\" to address", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
    {"", "", ERR_RETRY, ERR_EXIT_UNAVAILABLE},
};

static void refusals_mean_what_they_must(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct conn_refusal *row = conn_refusal_find(cases[i].sqlstate, cases[i].message);
        assert_non_null(row);
        if (row->class != cases[i].class || row->exit != cases[i].exit)
            fail_msg("%s: %s/%d", cases[i].message, err_class_name(row->class), row->exit);
    }
}

/* A server that starts, stops or is full: postgres/sqlstate tells. */
static void other_codes_are_left_to_their_table(void **state)
{
    (void)state;
    assert_null(conn_refusal_find("57P03", TO "FATAL: the database system is starting up"));
    assert_null(conn_refusal_find("53300", TO "FATAL: sorry, too many clients already"));
    assert_null(conn_refusal_find("08P01", TO "FATAL: server login failed"));
}

static void every_row_has_a_reason_and_is_held_by_a_case(void **state)
{
    (void)state;
    for (const struct conn_refusal *row = conn_refusal_table();; row++) {
        bool held = false;
        assert_true(strlen(row->reason) > 10 && strlen(row->hint) > 10);
        for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
            held |= conn_refusal_find(cases[i].sqlstate, cases[i].message) == row;
        if (!held)
            fail_msg("no case for %s \"%s\"", row->sqlstate, row->words);
        if (!*row->sqlstate && !*row->words)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_mean_what_they_must),
        cmocka_unit_test(other_codes_are_left_to_their_table),
        cmocka_unit_test(every_row_has_a_reason_and_is_held_by_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
