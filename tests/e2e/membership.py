# SPDX-License-Identifier: Apache-2.0
"""What a daemon reads is what it thinks it reads: topics that are made anew, logs that lost records, and
the members of its group."""

import pathlib
import re
import socket
import struct
import time

import confluent_kafka
import confluent_kafka.admin

from harness import equal, expect, test, wait
import model
import together

# Old enough to lose against anything that was written before the topic was made anew, did time decide.
LONG_AGO = 1_000_000_000_000


def recreate(t, topic, partitions):
    """The same name, another topic."""
    t.delete_topic(topic)
    wait(lambda: t.partitions(topic) == 0, f"topic {topic} to be gone")
    make(t, topic, partitions)


def make(t, topic, partitions):
    admin = t.admin()

    def made():
        try:
            admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)])[topic].result(30)
        except confluent_kafka.KafkaException as failure:
            if failure.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return False
        return True

    wait(made, f"topic {topic} to be made anew")
    wait(lambda: t.partitions(topic) == partitions and t.leads(topic), f"topic {topic}")
    t.producers.clear()  # they know the old one's partitions


def quantities(t):
    return dict(t.sql("select item_id, quantity from data.items"))


def batch(quantity, first, last, **more):
    return [model.item_record(f"i{n}", quantity=quantity, **more) for n in range(first, last)]


def check_anew(t, topic, partitions, applied_once=True):
    """Items 0–19 of the old topic, 10–59 of the new one: the new one's win, whatever their time."""
    wait(lambda: quantities(t) == {f"i{n}": 1 if n < 10 else 2 for n in range(60)},
         "the new topic's records over the old one's")
    equal(sorted(t.positions()), [(topic, p) for p in range(partitions)], "partitions in progress")
    expect(t.caught_up(topic), "the new log is not read to its end:", t.positions(), t.end(topic))
    incarnations = t.sql("select distinct incarnation, topic_id <> '' from pactolus.logs order by 1")
    equal(incarnations, [(1, True), (2, True)], "incarnations")
    if applied_once:
        t.check_account(consumed=20 + 50, dead_lettered=0)
    else:
        t.check_account(dead_lettered=0)


def begin_anew(t, partitions=2, **settings):
    topic = t.topic(partitions=partitions)
    config = t.config(streams={"items": t.stream(topic)}, recheck_interval="300ms", **settings)
    t.migrate(config)
    t.produce(topic, batch(1, 0, 20))
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the old topic's records")
    return topic, config, daemon


@test(real_kafka=True)
def a_topic_made_anew_under_a_running_daemon(t):
    topic, _, daemon = begin_anew(t)
    recreate(t, topic, 2)
    wait(lambda: "made anew" in daemon.text(), "the daemon to say so")
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    check_anew(t, topic, 2)
    expect(daemon.alive(), "the daemon died")


@test(real_kafka=True)
def a_topic_made_anew_that_has_grown_past_the_cursor(t):
    """The daemon sleeps through it, and no offset tells: only the topic's id does. What it reads before it
    asks goes into the old log's account, and is read again."""
    topic, _, daemon = begin_anew(t, partitions=1)
    daemon.freeze()
    recreate(t, topic, 1)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    daemon.thaw()
    check_anew(t, topic, 1, applied_once=False)
    expect(daemon.alive(), "the daemon died")


def move_leader(t, topic):
    """The partition's leader epoch grows: its only broker is frozen for longer than the controller waits
    for a word of it, and is elected again."""
    log = pathlib.Path(t.kafka.state) / "kafka.log"
    grown = re.compile(rf"Leader {re.escape(topic)}-0 .*starts at leader epoch [1-9]")

    def moved():
        t.kafka.script("stop")
        frozen = time.monotonic()
        wait(lambda: time.monotonic() > frozen + 2.5, "the broker's session of 2 s to end")
        t.kafka.script("cont")
        return t.leads(topic) and grown.search(log.read_text())

    wait(moved, "a new leader epoch")


@test(real_kafka=True)
def a_topic_made_anew_that_the_client_does_not_hear(t):
    """Its leader's epoch begins at 0 again, the client has seen a greater one and takes every answer for
    outdated. Only another process hears it; the daemon leaves for one."""
    t.own_kafka()
    topic, config, daemon = begin_anew(t, partitions=1, silence_timeout="1s")
    move_leader(t, topic)
    t.produce(topic, batch(1, 0, 1))
    wait(lambda: t.caught_up(topic), "a record under the greater epoch")
    daemon.freeze()
    recreate(t, topic, 1)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    daemon.thaw()
    equal(daemon.finish(), 75, "exit status")
    expect("hears nothing of it" in daemon.text(), "it does not say why it left")
    t.daemon(config)
    check_anew(t, topic, 1, applied_once=False)


@test(real_kafka=True)
def a_topic_made_anew_while_no_daemon_runs(t):
    """With fewer partitions than before; begun at its beginning although the stream says latest."""
    topic, config, daemon = begin_anew(t)
    equal(daemon.stop(), 0, "exit status")
    recreate(t, topic, 1)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    t.run_to_end(t.config(streams={"items": t.stream(topic, start="latest")}))
    check_anew(t, topic, 1)


@test(real_kafka=True)
def a_topic_that_is_away_when_the_daemon_starts(t):
    """It was read before, so it is waited for as under a running daemon, and its stream is not halted."""
    topic, config, daemon = begin_anew(t)
    equal(daemon.stop(), 0, "exit status")
    t.delete_topic(topic)
    wait(lambda: t.partitions(topic) == 0, f"topic {topic} to be gone")
    daemon = t.daemon(config)
    wait(lambda: "group" in daemon.text(), "the daemon to start")
    expect("the topic does not exist" in daemon.text(), "it does not say what it misses")
    make(t, topic, 2)
    t.produce(topic, batch(2, 10, 60, timestamp=LONG_AGO))
    check_anew(t, topic, 2)
    equal(t.sql("select state from pactolus.streams"), [("running",)], "state")


# --- logs that lack the next offset ---------------------------------------------------------------


def delete_records(t, topic, partition, before):
    """What retention does, at once: DeleteRecords (key 21, version 0), by hand since Debian 12's client
    lacks it."""
    name = topic.encode()
    body = struct.pack(">hhih", 21, 0, 1, -1) + struct.pack(">ih", 1, len(name)) + name + struct.pack(
        ">iiqi", 1, partition, before, 30000)
    host, port = t.kafka.bootstrap.split(",")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 30) as broker, broker.makefile("rb") as answers:
        broker.sendall(struct.pack(">i", len(body)) + body)
        answer = answers.read(struct.unpack(">i", answers.read(4))[0])
    # correlation, throttle, [topic, [partition, low watermark, error]]
    low, error = struct.unpack(">qh", answer[-10:])
    equal((low, error), (before, 0), "low watermark and error of DeleteRecords")


def halted(t, what):
    return wait(lambda: t.sql("select reason, changed_at from pactolus.streams where state = 'halted'"), what)[0]


def losses(t):
    return t.sql("select why, from_offset, to_offset, lost, skipped from pactolus.losses order by loss_id")


def behind(t):
    """Ten records read, twenty more written, and fifteen of them deleted: the cursor is at 10, the log
    begins at 25 and ends at 30."""
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, batch(1, 0, 10))
    t.run_to_end(config)
    t.produce(topic, batch(1, 10, 30))
    delete_records(t, topic, 0, 25)
    return topic, config


def going_on(t, topic, policy):
    return t.config(policy, streams={"items": t.stream(topic, out_of_range=policy)})


@test(real_kafka=True)
def a_lost_offset_halts_the_stream_until_somebody_says_where_to_go_on(t):
    """resume alone halts it again, with nothing skipped."""
    topic, config = behind(t)
    daemon = t.daemon(config)
    reason, since = halted(t, "the halt")
    expect("10 to 24" in reason and "retention" in reason, "the reason does not say what is lost:", reason)
    t.must("resume", "--config", config, "items")
    wait(lambda: t.sql("select 1 from pactolus.streams where state = 'halted' and changed_at > %s", since),
         "the halt after resume")
    equal((t.positions(), losses(t)), ({(topic, 0): 10}, []), "position and losses")
    equal(daemon.stop(), 0, "exit status")
    config = going_on(t, topic, "earliest")
    daemon = t.daemon(config)
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rest")
    t.check_account(advanced=30, consumed=15, applied=15, lost=15, skipped=0)
    equal(losses(t), [("retention", 10, 25, 15, 0)], "losses")
    equal(daemon.text().count("booked in pactolus.losses"), 1, "lines about the loss")
    equal(sorted(quantities(t)), sorted(f"i{n}" for n in [*range(10), *range(25, 30)]), "rows")


@test(real_kafka=True)
def out_of_range_latest_goes_on_at_the_end(t):
    topic, _ = behind(t)
    daemon = t.daemon(going_on(t, topic, "latest"))
    wait(lambda: t.positions() == {(topic, 0): 30}, "the move")
    t.produce(topic, batch(1, 30, 33))
    wait(lambda: t.caught_up(topic), "what comes later")
    t.check_account(advanced=33, consumed=13, lost=15, skipped=5)
    equal(losses(t), [("retention", 10, 30, 15, 5)], "losses")
    expect("retention passed them" in daemon.text(), "the log does not say so")


def cut_short(t, policy):
    """A cursor 50 past the end of its log, as an unclean leader election leaves it."""
    topic = t.topic(partitions=1)
    config = going_on(t, topic, policy)
    t.migrate(config)
    t.produce(topic, batch(1, 0, 10))
    t.run_to_end(config)
    t.sql("update pactolus.cursors set next_offset = next_offset + 50, gaps = gaps + 50")
    return topic, config


@test(real_kafka=True)
def a_log_that_was_cut_short_halts_the_stream(t):
    topic, config = cut_short(t, "halt")
    t.daemon(config)
    reason, _ = halted(t, "the halt")
    expect("ends at 10" in reason and "60" in reason, "the reason does not say how far it was cut:", reason)
    equal(losses(t), [], "losses")


@test(real_kafka=True)
def a_log_that_was_cut_short_is_read_from_its_start(t):
    topic, config = cut_short(t, "earliest")
    t.daemon(config)
    wait(lambda: t.positions() == {(topic, 0): 10}, "the second reading")
    t.produce(topic, batch(2, 5, 15))
    wait(lambda: t.caught_up(topic), "what comes later")
    equal(quantities(t), {f"i{n}": 1 if n < 5 else 2 for n in range(15)}, "rows")
    t.check_account(advanced=60 + 20, consumed=10 + 20, gaps=50, lost=0)
    equal(losses(t), [("truncation", 60, 0, 0, 0)], "losses")
    equal(t.sql("select pass, from_offset, to_offset from pactolus.passes"), [(1, 0, 60)], "passes")


@test(real_kafka=True)
def a_log_that_was_cut_short_goes_on_at_its_end(t):
    """What is written there wins over what was read before, though it may be older."""
    topic, config = cut_short(t, "latest")
    t.daemon(config)
    wait(lambda: t.positions() == {(topic, 0): 10}, "the move")
    t.produce(topic, batch(2, 5, 15, timestamp=LONG_AGO))
    wait(lambda: t.caught_up(topic), "what comes later")
    equal(quantities(t), {f"i{n}": 1 if n < 5 else 2 for n in range(15)}, "rows")
    t.check_account(advanced=60 + 10, consumed=10 + 10, gaps=50, lost=0)
    equal(losses(t), [("truncation", 60, 10, 0, 0)], "losses")


# --- eager, and static ------------------------------------------------------------------------------


@test(real_kafka=True)
def an_eager_group_shares_hands_over_and_takes_back(t):
    """Every rebalance takes everything from everybody; still nothing is lost or doubled."""
    topic, config, flow, first, first_owner, second, second_owner = together.begin(
        t, kafka={"partition_assignment_strategy": "range"})
    try:
        equal(together.owners(t), {first_owner: 3, second_owner: 3}, "cursors of each")
        together.advances(t, first_owner)
        expect("giving back 6 partitions" in first.text(), "the first one kept partitions:", first.text())
        equal(first.stop(), 0, "exit status")
        wait(lambda: together.owners(t) == {second_owner: 6}, "the second to have everything")
        together.advances(t, second_owner)
        second.freeze()
        third = t.daemon(config)
        wait(lambda: second_owner not in together.owners(t), "the frozen one to lose everything", 20)
        second.thaw()
        wait(lambda: sorted(together.owners(t).values()) == [3, 3], "the thawed one to join again", 30)
    finally:
        together.conclude(t, topic, flow)
    expect(second.alive() and third.alive(), "a daemon died")


def instance(name):
    return ["--set", f"kafka.group_instance_id={name}"]


def holds(t, owner):
    """Partitions whose cursor this owner holds."""
    return {p for p, in t.sql("select partition from pactolus.current_cursors where owner = %s", owner)}


@test(real_kafka=True)
def a_static_member_that_is_restarted_keeps_its_partitions(t):
    """Stopped or killed: within its session timeout nobody else is bothered, and it goes on at once."""
    topic, config, flow, first, first_owner, second, second_owner = together.begin(
        t, kafka={"session_timeout_ms": 30000}, more=(instance("a"), instance("b")))
    try:
        wait(lambda: len(holds(t, second_owner)) == 3, "the shares")
        mine, claims = holds(t, first_owner), second.text().count("claiming")
        for end in (lambda: equal(first.stop(), 0, "exit status"), lambda: first.kill()):
            together.advances(t, first_owner)
            end()
            first = t.daemon(config, *instance("a"))
            wait(lambda: not holds(t, first_owner), "the restarted one to claim", 20)
            first_owner = next(o for o in together.owners(t) if o != second_owner)
            equal(holds(t, first_owner), mine, "partitions after the restart")
        together.advances(t, second_owner)
        equal(second.text().count("claiming"), claims, "claims of the other")
    finally:
        together.conclude(t, topic, flow)


@test(real_kafka=True)
def a_static_member_that_stays_away_is_replaced(t):
    topic, _, flow, first, first_owner, second, second_owner = together.begin(
        t, more=(instance("a"), instance("b")))
    try:
        equal(first.stop(), 0, "exit status")
        wait(lambda: together.owners(t) == {second_owner: 6}, "the other to take over", together.TAKEN_OVER)
    finally:
        together.conclude(t, topic, flow)
    expect(second.alive(), "the other daemon died")


@test(real_kafka=True)
def of_two_with_one_instance_id_the_older_one_ends(t):
    """It says why, and is not to be started again: else the two would end one another for ever."""
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic)}, kafka=together.KAFKA)
    t.migrate(config)
    first = t.daemon(config, *instance("same"))
    wait(lambda: together.owners(t), "the first daemon's claim")
    second = t.daemon(config, *instance("same"))
    equal(first.finish(), 78, "exit status of the older one")
    expect("group.instance.id must differ" in first.text(), "it does not say why:", first.text())
    t.produce(topic, batch(1, 0, 20))
    wait(lambda: t.caught_up(topic), "the newer one to go on")
    expect(second.alive(), "the newer one died")
    t.check_account(consumed=20, dead_lettered=0)


# --- assignments that overtake each other --------------------------------------------------------


@test(real_kafka=True)
def partitions_added_while_a_claim_waits(t):
    """A cooperative assignment overtakes one that is not answered yet: it names only what is new."""
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic)},
                      kafka={"topic_metadata_refresh_interval_ms": 300, "session_timeout_ms": 6000})
    t.migrate(config)
    stranger = t.connect()
    stranger.autocommit = False
    stranger.cursor().execute("lock table pactolus.cursors in share row exclusive mode")
    daemon = t.daemon(config)
    wait(lambda: "claiming 2 partitions" in daemon.text(), "the first assignment")
    t.add_partitions(topic, 4)
    wait(lambda: daemon.text().count("claiming") == 2, "the second assignment", 60)
    stranger.rollback()
    t.produce(topic, [model.item_record(f"i{n}", partition=n % 4) for n in range(400)])
    wait(lambda: t.caught_up(topic), "the rows of all four")
    t.check_account(consumed=400, applied=400)
    equal(daemon.stop(), 0, "exit status")
