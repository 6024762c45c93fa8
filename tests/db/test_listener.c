/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's session that listens: what it hears, what it does not, and when it is lost. */
#include "engine/listener.h"

#include "postgres/claim.h"
#include "support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct {
    struct loop *loop;
    struct listener *listener;
    PGconn *conn;
    char owner[OWNER_TEXT];
} ears;

/* Turns until it hears something. */
static bool listen_until_heard(void)
{
    const usec_t deadline = clock_monotonic() + 30 * USEC_PER_SEC;
    bool heard = false;
    while (!heard) {
        usec_t now = clock_monotonic();
        if (now > deadline)
            fail_msg("nothing was heard within 30 s");
        usec_t again = listener_turn(ears.listener, now, &heard);
        usec_t soon = now + 50 * USEC_PER_MS;
        loop_wait(ears.loop, now, again < soon ? again : soon);
    }
    return heard;
}

static int begin(void **state)
{
    (void)state;
    struct err err;
    static struct conn_options conn;
    conn = (struct conn_options){.conninfo = live_conninfo(), .application_name = "ears"};
    ears.conn = live_open();
    live_stream(ears.conn);
    owner_new(ears.owner);
    ears.loop = loop_open(&err);
    assert_non_null(ears.loop);
    const struct service_options options = {.conn = conn, .owner = ears.owner, .group = "g"};
    ears.listener = listener_open(ears.loop, &options, &err);
    assert_non_null(ears.listener);
    /* A session that is new has missed what was said before: that is worth a look. */
    assert_true(listen_until_heard());
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_true(listener_close(ears.listener, 10 * USEC_PER_SEC));
    loop_close(ears.loop);
    conn_close(ears.conn);
    return 0;
}

static void its_group_is_heard(void **state)
{
    (void)state;
    live_exec(ears.conn, "SELECT pg_notify('pactolus', 'g')");
    assert_true(listen_until_heard());
}

/* What is said to another group comes first; it is what is said to ours that ends the wait. */
static void other_groups_are_not(void **state)
{
    (void)state;
    bool heard;
    live_exec(ears.conn, "SELECT pg_notify('pactolus', 'gg'); SELECT pg_notify('other', 'g')");
    for (int i = 0; i < 5; i++) {
        listener_turn(ears.listener, clock_monotonic(), &heard);
        assert_false(heard);
        loop_wait(ears.loop, clock_monotonic(), clock_monotonic() + 20 * USEC_PER_MS);
    }
    live_exec(ears.conn, "SELECT pg_notify('pactolus', 'g')");
    assert_true(listen_until_heard());
}

/* A pause, a resume and a replay say so; a change that no daemon waits for does not. */
static void changes_of_a_stream_are_told(void **state)
{
    (void)state;
    live_exec(ears.conn, "SELECT pactolus.pause(stream_id, 'a test', 'x') FROM pactolus.streams");
    assert_true(listen_until_heard());
    live_exec(ears.conn, "UPDATE pactolus.streams SET hint = 'x'");
    live_exec(ears.conn, "SELECT pactolus.resume(stream_id, 'x', 'x', true) FROM pactolus.streams");
    assert_true(listen_until_heard());
    live_exec(ears.conn, "SELECT pactolus.replay('g', NULL, 'x', 'x', 'x', '{}', '{}', '{}', '{}',"
                         " '{}')");
    assert_true(listen_until_heard());
}

static void a_lost_session_is_opened_again(void **state)
{
    (void)state;
    live_exec(ears.conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE application_name = 'ears'");
    assert_true(listen_until_heard()); /* a new session, as at the beginning */
    its_group_is_heard(state);
    assert_int_equal(live_int(ears.conn, "SELECT count(*) FROM pg_stat_activity"
                                         " WHERE application_name = 'ears'"),
                     1);
}

int main(void)
{
    live_create("listener");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_group_is_heard, begin, end),
        cmocka_unit_test_setup_teardown(other_groups_are_not, begin, end),
        cmocka_unit_test_setup_teardown(changes_of_a_stream_are_told, begin, end),
        cmocka_unit_test_setup_teardown(a_lost_session_is_opened_again, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
