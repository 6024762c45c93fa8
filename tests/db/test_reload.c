/* SPDX-License-Identifier: Apache-2.0 */
/* Whole engines that take a new contract while they run (engine/reload): the next one has a field
 * more, channel. */
#include "engine/lane.h"
#include "support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world world;

static int eager(void **state)
{
    (void)state;
    world_open(&world, "reload", "range");
    return 0;
}

static int cooperative(void **state)
{
    (void)state;
    world_open(&world, "reload", "cooperative-sticky");
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static struct live_stream *stream_of(struct daemon *daemon, unsigned i)
{
    return &daemon->engine.live[i];
}

static bool took(struct daemon *daemon)
{
    return stream_of(daemon, 0)->edition == 1 && stream_of(daemon, 1)->edition == 1;
}

static bool said(struct daemon *daemon, const char *what)
{
    return strstr(stream_of(daemon, 0)->reload.said, what) != NULL;
}

static bool is_draining(struct daemon *daemon)
{
    return strcmp(membership_state(daemon->engine.membership), "draining") == 0;
}

static unsigned reads(struct daemon *daemon)
{
    unsigned n = 0;
    for (struct cursor *cursor = membership_cursors(daemon->engine.membership); cursor;
         cursor = cursor->next)
        n += cursor->state == CURSOR_RUNNING && cursor->assigned;
    return n;
}

/* Turn until the daemon has looked at pactolus.streams as often as that. */
static void look(struct daemon *daemon, unsigned times)
{
    for (usec_t end = world_deadline(), seen = daemon->engine.states_at; times;
         world_turn(&world, 10 * USEC_PER_MS)) {
        assert_true(clock_monotonic() < end);
        times -= daemon->engine.states_at != seen;
        seen = daemon->engine.states_at;
    }
}

static void finish(void)
{
    world_until_consumed(&world);
    world_check(&world);
    assert_int_equal(live_int(world.conn, "SELECT count(*) FROM pactolus.dead_letters"), 0);
}

/* Records of the next contract, and that the column has what they say. */
static void finish_next(void)
{
    char sql[256];
    int64_t from = world.serial;
    world.next = true;
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
    for (int i = 0; i < WORLD_TOPICS; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM data.%s WHERE account_id > %lld"
                 " AND channel IS DISTINCT FROM 'c' || account_id",
                 i ? "two" : "one", (long long)from);
        assert_int_equal(live_int(world.conn, sql), 0);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM data.%s WHERE channel IS NOT NULL",
                 i ? "two" : "one");
        assert_true(live_int(world.conn, sql) >= 50);
    }
}

/* A daemon that has read something, and tables that have the column already. */
static struct daemon *begin(void)
{
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 20);
    world_produce(&world, 1, 20);
    world_until_consumed(&world);
    world_alter(&world, WORLD_CONTRACT_NEXT);
    return daemon;
}

static PGconn *lock_cursors(void)
{
    PGconn *other = live_open();
    live_exec(other, "BEGIN; SELECT 1 FROM pactolus.cursors JOIN pactolus.streams s"
                     " USING (stream_id) WHERE s.name = 'one' FOR UPDATE OF cursors");
    return other;
}

static void unlock(PGconn *other)
{
    live_exec(other, "ROLLBACK");
    conn_close(other);
}

/* Batches of stream "one" in flight that cannot end, and the stream waits for them with the new
 * contract in its hands. */
static PGconn *hold(struct daemon *daemon)
{
    PGconn *other = lock_cursors();
    world_produce(&world, 0, 20);
    WORLD_UNTIL(&world, stream_of(daemon, 0)->lanes[0].n_sent > 0)
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, stream_of(daemon, 0)->reload.holds)
    return other;
}

/* ---- it is taken ---- */

static void a_contract_is_taken_under_load(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    world.next = true;
    for (usec_t end = world_deadline(); !took(daemon);) {
        assert_true(clock_monotonic() < end);
        world_produce(&world, 0, 30);
        world_produce(&world, 1, 30);
        for (int i = 0; i < 5; i++)
            world_turn(&world, USEC_PER_MS);
    }
    finish_next();
    /* It is said once, and nothing is asked for again. */
    look(daemon, 2);
    assert_true(took(daemon));
    assert_int_equal(reads(daemon), 6);
    /* What came too early is no drift any more, and what was counted before is kept. */
    world_stop(&world, daemon);
    assert_int_equal(live_int(world.conn, "SELECT sum(records_day) FROM pactolus.traffic"),
                     live_int(world.conn, "SELECT sum(next_offset) FROM pactolus.cursors"));
}

static void what_is_in_flight_ends_first(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    PGconn *other = hold(daemon);
    const struct live_stream *live = stream_of(daemon, 0);
    /* The other stream changes over; this one waits as long as the server makes it wait. */
    while (live->lanes[0].n_sent || live->lanes[1].n_sent) {
        assert_int_equal(live->edition, 0);
        assert_true(live->reload.holds);
        world_turn(&world, USEC_PER_MS);
    }
    unlock(other);
    WORLD_UNTIL(&world, took(daemon))
    finish_next();
}

/* One that is being applied without a row that is refused waits in the other worker. */
static void an_isolated_batch_ends_first(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    live_exec(world.conn,
              "CREATE SEQUENCE data.tries;"
              "CREATE FUNCTION data.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              "  IF NEW.account_id = 777777 THEN"
              "    IF nextval('data.tries') > 1 THEN"
              "      PERFORM pg_advisory_xact_lock(7);"
              "    END IF;"
              "    RAISE 'no' USING ERRCODE = 'check_violation', CONSTRAINT = 'c';"
              "  END IF; RETURN NEW; END $$;"
              "CREATE TRIGGER refuse BEFORE INSERT ON data.one"
              "  FOR EACH ROW EXECUTE FUNCTION data.refuse()");
    live_exec(world.conn, "SELECT pg_advisory_lock(7)");
    int64_t before = world.models[0].last[0][777777 % WORLD_KEYS];
    world_put(&world, 0, 0, 777777);
    world.models[0].last[0][777777 % WORLD_KEYS] = before;
    world.models[0].broken++;
    const struct lane *lane = &stream_of(daemon, 0)->lanes[0];
    WORLD_UNTIL(&world, lane->state == LANE_ISOLATING)
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    daemon->engine.states_at = 0;
    WORLD_UNTIL(&world, stream_of(daemon, 0)->reload.holds)
    while (lane->n_sent && stream_of(daemon, 1)->edition == 0)
        world_turn(&world, 10 * USEC_PER_MS);
    assert_int_equal(stream_of(daemon, 0)->edition, 0);
    live_exec(world.conn, "SELECT pg_advisory_unlock(7)");
    WORLD_UNTIL(&world, took(daemon))
    world_until_consumed(&world);
    world_check(&world);
    assert_int_equal(live_int(world.conn, "SELECT count(*) FROM pactolus.dead_letters"
                                          " WHERE sqlstate = '23514'"),
                     1);
}

/* ---- it is not taken yet ---- */

static void a_file_that_is_not_in_place_is_waited_for(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, said(daemon, "not the contract that migrate noted"))
    world.next = true;
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
    assert_int_equal(
        live_int(world.conn, "SELECT count(*) FROM data.one WHERE channel IS NOT NULL"), 0);
    assert_false(took(daemon));
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(daemon))
    finish_next();
}

static void a_file_that_cannot_be_read_changes_nothing(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    char path[96];
    snprintf(path, sizeof path, "%s/0.binpb", world.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("half of a descriptor set", file) >= 0 && fclose(file) == 0);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, *stream_of(daemon, 0)->reload.said)
    world_produce(&world, 0, 50);
    finish();
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(daemon))
    finish_next();
}

static void a_file_ahead_of_migrate_is_left_alone(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    look(daemon, 2);
    world_produce(&world, 0, 50);
    finish();
    assert_int_equal(stream_of(daemon, 0)->edition + stream_of(daemon, 1)->edition, 0);
    assert_string_equal(stream_of(daemon, 0)->reload.said, "");
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(daemon))
    finish_next();
}

/* Somebody took the column away again. */
static void a_table_that_refuses_the_contract_keeps_the_old_one(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, said(daemon, "the table is not what the contract asks for"))
    assert_true(said(daemon, "channel"));
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
    assert_false(took(daemon));
    world_alter(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(daemon))
    finish_next();
}

/* ---- in the middle of something else ---- */

static void a_paused_stream_takes_it_and_stays_paused(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'paused' WHERE name = 'one'");
    WORLD_UNTIL(&world, engine_halted(stream_of(daemon, 0)))
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(daemon))
    look(daemon, 1);
    assert_true(engine_halted(stream_of(daemon, 0)));
    assert_false(engine_halted(stream_of(daemon, 1)));
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'running'");
    finish_next();
}

static void a_pause_while_it_changes_over_stays(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    PGconn *other = hold(daemon);
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'paused' WHERE name = 'one'");
    WORLD_UNTIL(&world, engine_halted(stream_of(daemon, 0)))
    unlock(other);
    WORLD_UNTIL(&world, took(daemon))
    assert_true(engine_halted(stream_of(daemon, 0)));
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'running'");
    finish_next();
}

/* Standing still for a contract would make a drain longer. */
static void a_rebalance_under_way_ends_first(void **state)
{
    (void)state;
    struct daemon *one = begin();
    PGconn *other = lock_cursors();
    world_produce(&world, 0, 20);
    WORLD_UNTIL(&world, stream_of(one, 0)->lanes[0].n_sent > 0)
    struct daemon *two = world_start(&world, 1);
    WORLD_UNTIL(&world, is_draining(one))
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_file(&world, 1, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, stream_of(one, 0)->reload.stream && stream_of(one, 1)->reload.stream)
    world_turn(&world, 0);
    assert_true(is_draining(one));
    assert_false(stream_of(one, 0)->reload.holds || stream_of(one, 1)->reload.holds);
    unlock(other);
    WORLD_UNTIL(&world, took(one) && took(two))
    WORLD_UNTIL(&world, reads(one) == 3 && reads(two) == 3)
    finish_next();
}

static void a_rebalance_while_it_changes_over(void **state)
{
    (void)state;
    struct daemon *one = begin();
    PGconn *other = hold(one);
    world_file(&world, 1, WORLD_CONTRACT_NEXT);
    struct daemon *two = world_start(&world, 1);
    unlock(other);
    WORLD_UNTIL(&world, took(one))
    WORLD_UNTIL(&world, reads(one) == 3 && reads(two) == 3)
    assert_int_equal(stream_of(two, 0)->edition, 0); /* it began with the new one */
    finish_next();
}

/* Two hosts get the file one after the other, and partitions move meanwhile. */
static void daemons_take_it_at_different_moments(void **state)
{
    (void)state;
    struct daemon *one = begin();
    struct daemon *two = world_start(&world, 1);
    WORLD_UNTIL(&world, reads(one) == 3 && reads(two) == 3)
    world_file(&world, 0, WORLD_CONTRACT_NEXT);
    world_note(&world, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(one) && *stream_of(two, 0)->reload.said)
    world_produce(&world, 0, 50);
    finish();
    world_file(&world, 1, WORLD_CONTRACT_NEXT);
    WORLD_UNTIL(&world, took(two))
    world_produce(&world, 1, 50);
    world_stop(&world, one);
    WORLD_UNTIL(&world, reads(two) == 6)
    finish_next();
}

static void a_daemon_that_stops_takes_none(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    PGconn *other = hold(daemon);
    engine_stop(&daemon->engine, clock_monotonic());
    daemon->stopping = true;
    world_turn(&world, 0);
    unlock(other);
    for (usec_t end = world_deadline(); daemon->open; world_turn(&world, 10 * USEC_PER_MS)) {
        assert_true(clock_monotonic() < end);
        assert_int_equal(stream_of(daemon, 0)->edition, 0);
    }
    world_start(&world, 0);
    finish_next();
}

/* A second change, back again, and the first once more: each is another edition. */
static void contracts_follow_one_another(void **state)
{
    (void)state;
    struct daemon *daemon = begin();
    const char *sets[] = {WORLD_CONTRACT_NEXT, WORLD_CONTRACT, WORLD_CONTRACT_NEXT};
    for (unsigned i = 0; i < 3; i++) {
        if (i) /* no view loses a column, so they are made anew */
            live_exec(world.conn, "DROP SCHEMA shop CASCADE");
        world_alter(&world, sets[i]);
        world_file(&world, 0, sets[i]);
        world_note(&world, sets[i]);
        world_produce(&world, 0, 30);
        WORLD_UNTIL(&world, stream_of(daemon, 0)->edition == i + 1 &&
                                stream_of(daemon, 1)->edition == i + 1)
        world_produce(&world, 0, 30);
        finish();
    }
    finish_next();
}

#define TEST(name, with)                                                                           \
    {                                                                                              \
#name "/" #with, name, with, close_world, NULL                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_contract_is_taken_under_load, cooperative),
        TEST(a_contract_is_taken_under_load, eager),
        TEST(what_is_in_flight_ends_first, cooperative),
        TEST(an_isolated_batch_ends_first, cooperative),
        TEST(a_file_that_is_not_in_place_is_waited_for, cooperative),
        TEST(a_file_that_cannot_be_read_changes_nothing, cooperative),
        TEST(a_file_ahead_of_migrate_is_left_alone, cooperative),
        TEST(a_table_that_refuses_the_contract_keeps_the_old_one, cooperative),
        TEST(a_paused_stream_takes_it_and_stays_paused, cooperative),
        TEST(a_pause_while_it_changes_over_stays, cooperative),
        TEST(a_rebalance_under_way_ends_first, cooperative),
        TEST(a_rebalance_under_way_ends_first, eager),
        TEST(a_rebalance_while_it_changes_over, cooperative),
        TEST(a_rebalance_while_it_changes_over, eager),
        TEST(daemons_take_it_at_different_moments, cooperative),
        TEST(a_daemon_that_stops_takes_none, cooperative),
        TEST(contracts_follow_one_another, cooperative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
