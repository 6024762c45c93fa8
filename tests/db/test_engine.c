/* SPDX-License-Identifier: Apache-2.0 */
/* Whole engines on a mock cluster and a real PostgreSQL: what happens to them, and that the tables
 * and the account are exact in the end. */
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
    world_open(&world, "engine", "range");
    return 0;
}

static int cooperative(void **state)
{
    (void)state;
    world_open(&world, "engine", "cooperative-sticky");
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static unsigned draw(unsigned below)
{
    world.seed = world.seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(world.seed >> 33) % below;
}

/* Partitions that the daemon reads, assigned and running. */
static unsigned reads(const struct daemon *daemon)
{
    unsigned n = 0;
    if (!daemon->open)
        return 0;
    for (struct cursor *cursor = membership_cursors(daemon->engine.membership); cursor;
         cursor = cursor->next)
        n += cursor->state == CURSOR_RUNNING && cursor->assigned;
    return n;
}

static bool is_in(const struct daemon *daemon, const char *state)
{
    return strcmp(membership_state(daemon->engine.membership), state) == 0;
}

static void finish(void)
{
    world_until_consumed(&world);
    world_check(&world);
}

/* ---- records land ---- */

static void records_land_and_broken_ones_are_set_aside(void **state)
{
    (void)state;
    world_produce(&world, 0, 500);
    world_produce(&world, 1, 300);
    world_put_broken(&world, 0, 2);
    world_put_broken(&world, 1, 0);
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 100);
    finish();
    assert_int_equal(live_int(world.conn, "SELECT count(*) FROM pactolus.dead_letters"), 2);
    world_stop(&world, daemon);
    /* Another engine in the same process goes on where this one stopped. */
    world_produce(&world, 1, 10);
    world_start(&world, 0);
    world_produce(&world, 0, 10);
    finish();
}

/* ---- two members ---- */

static void partitions_move_between_two(void **state)
{
    (void)state;
    struct daemon *one = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(one) == 6)
    struct daemon *two = world_start(&world, 1);
    for (int i = 0; i < 20; i++) {
        world_produce(&world, (unsigned)i % 2, 50);
        world_turn(&world, 0);
    }
    WORLD_UNTIL(&world, reads(one) == 3 && reads(two) == 3)
    world_produce(&world, 0, 50);
    world_stop(&world, one);
    world_produce(&world, 1, 50);
    WORLD_UNTIL(&world, reads(two) == 6)
    one = world_start(&world, 0);
    world_produce(&world, 0, 50);
    WORLD_UNTIL(&world, reads(one) + reads(two) == 6 && reads(one) > 0)
    world_produce(&world, 0, 50);
    finish();
}

/* A revoke cannot be answered while the cursors' rows are locked; meanwhile the subscription's
 * topics change, so the member joins again and is given something new. */
static void a_superseded_rebalance_leaves_no_partition_alone(void **state)
{
    (void)state;
    struct daemon *one = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(one) == 6)
    PGconn *other = live_open();
    live_exec(other, "BEGIN; SELECT 1 FROM pactolus.cursors FOR UPDATE");
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    WORLD_UNTIL(&world, one->engine.live[0].lanes[0].n_sent > 0)
    struct daemon *two = world_start(&world, 1);
    WORLD_UNTIL(&world, is_in(one, "draining"))
    rd_kafka_mock_topic_set_error(world.cluster, "b", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    WORLD_UNTIL(&world, !is_in(one, "draining"))
    rd_kafka_mock_topic_set_error(world.cluster, "b", RD_KAFKA_RESP_ERR_NO_ERROR);
    live_exec(other, "ROLLBACK");
    conn_close(other);
    WORLD_UNTIL(&world, reads(one) + reads(two) == 6)
    world_produce(&world, 0, 20);
    world_produce(&world, 1, 20);
    finish();
}

static bool knows(const struct daemon *daemon, const char *topic)
{
    for (struct cursor *cursor = membership_cursors(daemon->engine.membership); cursor;
         cursor = cursor->next)
        if (strcmp(cursor->topic, topic) == 0)
            return true;
    return false;
}

static PGconn *lock_cursors(void)
{
    PGconn *other = live_open();
    live_exec(other, "BEGIN; LOCK TABLE pactolus.cursors");
    return other;
}

static void set_topic(const char *topic, bool there)
{
    rd_kafka_mock_topic_set_error(world.cluster, topic,
                                  there ? RD_KAFKA_RESP_ERR_NO_ERROR
                                        : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

static void finish_with(struct daemon *daemon)
{
    WORLD_UNTIL(&world, reads(daemon) == 6)
    world_produce(&world, 0, 20);
    world_produce(&world, 1, 20);
    finish();
}

/* Topic b appears while the partitions of a are claimed. */
static void an_assignment_joins_one_that_is_claimed(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(daemon) == 6)
    set_topic("a", false);
    set_topic("b", false);
    WORLD_UNTIL(&world, !knows(daemon, "a") && !knows(daemon, "b"))
    PGconn *other = lock_cursors();
    set_topic("a", true);
    WORLD_UNTIL(&world, is_in(daemon, "claiming") && knows(daemon, "a"))
    set_topic("b", true);
    WORLD_UNTIL(&world, knows(daemon, "b"))
    assert_true(is_in(daemon, "claiming"));
    conn_close(other);
    finish_with(daemon);
}

/* Topic b disappears while the partitions of both are claimed. */
static void a_revoke_leaves_the_rest_of_a_claim(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    PGconn *other = lock_cursors();
    WORLD_UNTIL(&world, is_in(daemon, "claiming") && knows(daemon, "b"))
    set_topic("b", false);
    WORLD_UNTIL(&world, !knows(daemon, "b"))
    set_topic("b", true);
    conn_close(other);
    finish_with(daemon);
}

static void assign(struct daemon *daemon, struct topic_partition *list, unsigned n)
{
    struct consumer_event event = {.kind = CONSUMER_ASSIGN, .partitions = list, .n_partitions = n};
    membership_event(daemon->engine.membership, &event, clock_monotonic());
}

/* librdkafka does not revoke what it waits for an answer about when the group goes on, and takes
 * the answer all the same. All that is heard of it is that the next assignment does not name it. */
static void an_eager_assignment_replaces_what_was_not_revoked(void **state)
{
    (void)state;
    struct topic_partition all[] = {{"a", 0, -1}, {"a", 1, -1}, {"a", 2, -1},
                                    {"a", 3, -1}, {"b", 0, -1}, {"b", 1, -1}};
    struct daemon *daemon = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(daemon) == 6)
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    assign(daemon, all, 4);
    WORLD_UNTIL(&world, reads(daemon) == 4)
    assert_false(knows(daemon, "b"));
    assign(daemon, all, 6);
    finish_with(daemon);
}

/* ---- rights ---- */

/* The ACL of the topics is gone: their streams stop and say why, and once resumed they read on. A
 * fetch that is older than the assignment counts for nothing, so there is not one error but many.
 */
static void a_right_that_is_taken_away_halts_its_streams(void **state)
{
    (void)state;
    enum { FETCH = 1, ERRORS = 1000 };
    rd_kafka_resp_err_t errors[ERRORS];
    for (unsigned i = 0; i < ERRORS; i++)
        errors[i] = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    struct daemon *one = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(one) == 6)
    rd_kafka_mock_push_request_errors_array(world.cluster, FETCH, ERRORS, errors);
    world_until(&world, "SELECT count(*) = 2 FROM pactolus.streams WHERE state = 'halted'"
                        " AND reason ILIKE '%authorization%' AND hint LIKE 'grant Read%'");
    rd_kafka_mock_clear_request_errors(world.cluster, FETCH);
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'running'");
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
}

/* ---- the fence ---- */

static void a_fenced_owner_asks_the_group_and_claims_again(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    world_until_consumed(&world);
    live_exec(world.conn, "UPDATE pactolus.cursors SET fence = fence + 1,"
                          " owner = gen_random_uuid()");
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
    assert_int_equal(reads(daemon), 6);
}

/* What a replay does: the fence counts up and the owner stays. Nothing arrives, so no batch finds
 * it out, and nobody has to be asked. */
static void a_cursor_that_was_moved_is_claimed_again(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    world_until_consumed(&world);
    live_exec(world.conn, "DROP TABLE IF EXISTS pg_temp.moved;"
                          "CREATE TEMPORARY TABLE moved AS SELECT cursor_id, fence + 1 AS fence "
                          "FROM pactolus.cursors;"
                          "UPDATE pactolus.cursors SET fence = fence + 1");
    world_until(&world, "SELECT bool_and(c.fence = m.fence + 1)"
                        "  FROM pactolus.cursors c JOIN pg_temp.moved m USING (cursor_id)");
    world_produce(&world, 0, 50);
    world_produce(&world, 1, 50);
    finish();
    assert_int_equal(reads(daemon), 6);
}

/* Five records into a partition of topic a. */
static void put_five(int32_t partition)
{
    for (int i = 0; i < 5; i++)
        world_put(&world, 0, partition, ++world.serial);
}

static bool is_waiting(const struct lane *lane, int32_t partition)
{
    for (unsigned i = 0; i < lane->n_cursors; i++) {
        const struct cursor *cursor = lane->cursors[i];
        if (cursor && cursor->partition == partition)
            return cursor->read_offset == cursor->next_offset + 5;
    }
    return false;
}

/* a[1] and a[3] share a lane. A batch of a[1] is in flight when that is fenced; the records of a[3]
 * that wait behind it are dropped with it, and must be read again. */
static void a_fenced_cursor_takes_nothing_from_its_neighbour(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 10);
    world_until_consumed(&world);
    const struct lane *lane = &daemon->engine.live[0].lanes[1];
    PGconn *other = live_open();
    live_exec(other,
              "BEGIN; UPDATE pactolus.cursors c SET fence = fence + 1, owner = gen_random_uuid()"
              "  FROM pactolus.logs l"
              " WHERE l.log_id = c.log_id AND l.topic = 'a' AND l.partition = 1");
    put_five(1);
    WORLD_UNTIL(&world, lane->n_sent == 1)
    put_five(3);
    WORLD_UNTIL(&world, is_waiting(lane, 3))
    live_exec(other, "COMMIT");
    conn_close(other);
    finish();
    assert_int_equal(reads(daemon), 6);
}

/* ---- topics that are made anew ---- */

/* The mock cluster cannot make a topic anew, so what was known of it is changed: PostgreSQL and the
 * daemon have seen another id. */
static void a_topic_made_anew_is_claimed_as_another_log(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 20);
    world_produce(&world, 1, 20);
    world_until_consumed(&world);
    live_exec(world.conn, "UPDATE pactolus.logs SET topic_id = 'gone' WHERE topic = 'a'");
    for (struct cursor *cursor = membership_cursors(daemon->engine.membership); cursor;
         cursor = cursor->next)
        if (strcmp(cursor->topic, "a") == 0) {
            assert_int_not_equal(strlen(cursor->topic_id), 0);
            snprintf(cursor->topic_id, sizeof(cursor->topic_id), "gone");
        }
    world_until(&world, "SELECT count(*) = 4 AND sum(next_offset) = 80 AND min(incarnation) = 2"
                        "  FROM pactolus.current_cursors WHERE topic = 'a'");
    world_produce(&world, 0, 5);
    world_until(&world, "SELECT sum(next_offset) = 100 FROM pactolus.current_cursors"
                        " WHERE topic = 'a'");
    assert_int_equal(reads(daemon), 6);
    assert_int_equal(live_int(world.conn, "SELECT count(*) FROM data.one"
                                          " WHERE (_log >> 48) & 255 <> 2"),
                     0);
    assert_string_equal(live_value(world.conn,
                                   "SELECT concat_ws(' ', consumed, cursors_open, records_open)"
                                   "  FROM pactolus.account WHERE stream = 'one'"),
                        "180 0 0");
    /* The other topic is as it was. */
    assert_int_equal(live_int(world.conn, "SELECT max(incarnation) FROM pactolus.current_cursors"
                                          " WHERE topic = 'b'"),
                     1);
}

/* ---- halt and resume ---- */

static void a_halted_stream_leaves_the_other_alone_and_goes_on(void **state)
{
    (void)state;
    world_start(&world, 0);
    world_produce(&world, 0, 20);
    world_until_consumed(&world);
    live_exec(world.conn, "ALTER TABLE data.one RENAME TO gone");
    world_produce(&world, 0, 20);
    world_until(&world, "SELECT state = 'halted' FROM pactolus.streams WHERE name = 'one'");
    assert_int_equal(live_int(world.conn,
                              "SELECT count(*) FROM pactolus.streams WHERE name = 'one'"
                              " AND reason LIKE '%42P01%' AND reason LIKE '%data.one%'"),
                     1);
    world_produce(&world, 1, 100);
    world_until(&world, "SELECT sum(consumed) = 200 FROM pactolus.account WHERE stream = 'two'");
    assert_string_equal(
        live_value(world.conn, "SELECT state FROM pactolus.streams WHERE name = 'two'"), "running");
    /* Records that come while it is halted wait. */
    world_produce(&world, 0, 20);
    live_exec(world.conn, "ALTER TABLE data.gone RENAME TO one");
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'running' WHERE name = 'one'");
    finish();
}

static void a_paused_stream_waits(void **state)
{
    (void)state;
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'paused' WHERE name = 'two'");
    struct daemon *daemon = world_start(&world, 0);
    world_produce(&world, 0, 20);
    world_produce(&world, 1, 20);
    world_until(&world, "SELECT sum(consumed) = 80 FROM pactolus.account WHERE stream = 'one'");
    assert_int_equal(live_int(world.conn, "SELECT count(*) FROM data.two"), 0);
    live_exec(world.conn, "UPDATE pactolus.streams SET state = 'running'");
    finish();
    assert_int_equal(reads(daemon), 6);
}

/* ---- connections end ---- */

#define KILL_ALL                                                                                   \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"                                \
    " WHERE application_name = 'pactolus g' AND datname = current_database()"

static unsigned in_flight(const struct daemon *daemon)
{
    unsigned n = 0;
    for (unsigned i = 0; i < daemon->engine.n_live; i++)
        for (unsigned lane = 0; lane < daemon->engine.live[i].n_lanes; lane++)
            n += daemon->engine.live[i].lanes[lane].n_sent;
    return n;
}

/* Every second kill meets batches in flight. */
static void killed_sessions_lose_and_double_nothing(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    for (int i = 0; i < 20; i++) {
        world_produce(&world, 0, 100);
        world_produce(&world, 1, 30);
        for (unsigned turns = draw(60); turns; turns--)
            world_turn(&world, USEC_PER_MS);
        if (i % 2) {
            world_produce(&world, 0, 100);
            WORLD_UNTIL(&world, in_flight(daemon) > 0)
        }
        live_exec(world.conn, KILL_ALL);
    }
    finish();
}

/* Nothing follows that would bring a lost batch to light. */
static void a_batch_of_unknown_fate_is_settled(void **state)
{
    (void)state;
    struct daemon *daemon = world_start(&world, 0);
    WORLD_UNTIL(&world, reads(daemon) == 6)
    PGconn *other = live_open();
    live_exec(other, "BEGIN; SELECT 1 FROM pactolus.cursors FOR UPDATE");
    world_produce(&world, 0, 10);
    WORLD_UNTIL(&world, in_flight(daemon) == 2) /* both lanes of the stream */
    live_exec(world.conn, KILL_ALL);
    WORLD_UNTIL(&world, in_flight(daemon) == 0)
    live_exec(other, "ROLLBACK");
    conn_close(other);
    finish();
}

static void idle_sessions_that_are_killed_cost_no_turns(void **state)
{
    (void)state;
    world_start(&world, 0);
    world_produce(&world, 0, 20);
    world_until_consumed(&world);
    live_exec(world.conn, KILL_ALL);
    usec_t end = clock_monotonic() + USEC_PER_SEC;
    world.turns = 0;
    while (clock_monotonic() < end)
        world_turn(&world, USEC_PER_SEC);
    assert_in_range(world.turns, 1, 500);
    world_produce(&world, 0, 20);
    finish();
}

#define TEST(name, with)                                                                           \
    {                                                                                              \
#name "/" #with, name, with, close_world, NULL                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_land_and_broken_ones_are_set_aside, cooperative),
        TEST(partitions_move_between_two, cooperative),
        TEST(partitions_move_between_two, eager),
        TEST(a_superseded_rebalance_leaves_no_partition_alone, cooperative),
        TEST(a_superseded_rebalance_leaves_no_partition_alone, eager),
        TEST(a_right_that_is_taken_away_halts_its_streams, cooperative),
        TEST(an_assignment_joins_one_that_is_claimed, cooperative),
        TEST(an_assignment_joins_one_that_is_claimed, eager),
        TEST(a_revoke_leaves_the_rest_of_a_claim, cooperative),
        TEST(a_revoke_leaves_the_rest_of_a_claim, eager),
        TEST(an_eager_assignment_replaces_what_was_not_revoked, eager),
        TEST(a_fenced_owner_asks_the_group_and_claims_again, cooperative),
        TEST(a_fenced_owner_asks_the_group_and_claims_again, eager),
        TEST(a_cursor_that_was_moved_is_claimed_again, cooperative),
        TEST(a_cursor_that_was_moved_is_claimed_again, eager),
        TEST(a_fenced_cursor_takes_nothing_from_its_neighbour, cooperative),
        TEST(a_fenced_cursor_takes_nothing_from_its_neighbour, eager),
        TEST(a_topic_made_anew_is_claimed_as_another_log, cooperative),
        TEST(a_topic_made_anew_is_claimed_as_another_log, eager),
        TEST(a_halted_stream_leaves_the_other_alone_and_goes_on, cooperative),
        TEST(a_halted_stream_leaves_the_other_alone_and_goes_on, eager),
        TEST(a_paused_stream_waits, cooperative),
        TEST(a_paused_stream_waits, eager),
        TEST(killed_sessions_lose_and_double_nothing, cooperative),
        TEST(killed_sessions_lose_and_double_nothing, eager),
        TEST(a_batch_of_unknown_fate_is_settled, cooperative),
        TEST(idle_sessions_that_are_killed_cost_no_turns, cooperative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
