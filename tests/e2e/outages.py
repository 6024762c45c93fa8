# SPDX-License-Identifier: Apache-2.0
"""An outage is not poison: it makes no dead letters, and what follows is caught up."""

import contextlib
import time

from background import Background
from harness import equal, expect, test, wait
import model
from together import Flow, check_everything


@test
def postgres_is_restarted_in_mid_load(t):
    t.own_postgres()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n % 9000}", quantity=n) for n in range(60000)])
    daemon = t.daemon(config)
    wait(lambda: sum(t.positions().values()) > 6000, "the load to be under way", every=0.002)
    t.postgres.stop(immediate=True)
    expect(daemon.alive(), "the daemon died of the outage")
    t.postgres.start()
    check_everything(t, topic)
    equal(daemon.stop(), 0, "exit status")
    lines = len(daemon.text().splitlines())
    expect(lines < 100, f"an outage of a second wrote {lines} log lines")


@test(real_kafka=True)
def kafka_is_restarted_in_mid_load(t):
    t.own_kafka()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(2000)])
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the first records")
    t.kafka.script("kill")
    expect(daemon.alive(), "the daemon died of the outage")
    t.kafka.script("up")
    t.produce(topic, [model.item_record(f"i{n}", quantity=-n) for n in range(2000)])
    check_everything(t, topic)
    equal(daemon.stop(), 0, "exit status")


@test(real_kafka=True)
def a_missing_dlq_topic_stalls_no_rows(t):
    topic = t.topic(partitions=1)
    # Every other record is broken: that is the point here, and no flood.
    config = t.config(streams={"items": t.stream(topic, dlq={"topic": f"{t.id}.nowhere"},
                                                 flood={"share": "0"})},
                      kafka={"allow_auto_create_topics": "false"})
    t.migrate(config)
    woven = []
    for n in range(500):
        woven += [model.broken_record(), model.item_record(f"i{n}", quantity=n)]
    daemon = t.daemon(config)
    t.produce(topic, woven)
    wait(lambda: t.caught_up(topic), "the rows")
    t.check_account(consumed=1000, applied=500, dead_lettered=500)
    t.produce(topic, [model.item_record("later")])
    wait(lambda: t.caught_up(topic), "the rows behind")
    expect(daemon.alive(), "the daemon died of a missing DLQ topic")
    equal(daemon.stop(), 0, "exit status")


@test
def a_lock_held_by_a_stranger_is_waited_for(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, database={"lock_timeout": "200ms"})
    t.migrate(config)
    stranger = t.connect()
    stranger.autocommit = False
    stranger.cursor().execute("lock table data.items in access exclusive mode")
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: "lock" in daemon.text().lower(), "the daemon to meet the lock")
    equal(t.letters(), {}, "dead letters")
    stranger.rollback()
    wait(lambda: t.caught_up(topic), "the row")
    t.check_account(consumed=1, applied=1, dead_lettered=0)


@test
def terminated_sessions_are_opened_again(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 100})})
    t.migrate(config)
    daemon = t.daemon(config)
    wait(lambda: t.positions(), "the claim")
    total = 0
    for _ in range(5):
        t.produce(topic, [model.item_record(f"i{n % 500}", quantity=n) for n in range(total, total + 2000)])
        total += 2000
        t.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and "
              "pid <> pg_backend_pid() and application_name like 'pactolus%%'", t.database)
    check_everything(t, topic)
    expect(daemon.alive(), "the daemon died")


@test
def a_constraint_by_hand_costs_one_dead_letter(t):
    """What PostgreSQL refuses is isolated: its neighbours are applied, the stream goes on."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic, dlq={"topic": t.topic("dlq", partitions=1)})})
    t.migrate(config)
    t.sql("alter table data.items add constraint small check (quantity < 100)")
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record(f"i{n}", quantity=1000 if n == 77 else n % 100) for n in range(900)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters'),
          [(77, "database", "23514", 1)], "dead letters")
    equal(t.value("select detail like '%%small%%' from pactolus.dead_letters"), True, "the detail's constraint")
    t.check_account(consumed=900, applied=899, dead_lettered=1)
    relayed = wait(lambda: t.consume(f"{t.id}.dlq"), "the letter in the DLQ topic")
    equal(dict(relayed[0].headers())["pactolus.attempts"], b"1", "the attempts in the letter's headers")
    equal(daemon.stop(), 0, "exit status")


@test
def a_row_that_could_pass_is_tried_some_times(t):
    """A missing parent row may be on its way: some attempts, then a dead letter that tells how many."""
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)}, retry={"attempts": 4})
    t.migrate(config)
    t.sql("create table data.parents (item_id text primary key)")
    t.sql("insert into data.parents values ('known')")
    t.sql("alter table data.items add foreign key (item_id) references data.parents")
    t.daemon(config)
    t.produce(topic, [model.item_record("known"), model.item_record("orphan"), model.item_record("known", quantity=2)])
    wait(lambda: t.caught_up(topic), "the rows")
    equal(t.sql('select "offset", reason, sqlstate, attempts from pactolus.dead_letters'),
          [(1, "database", "23503", 4)], "dead letters")
    equal(t.sql("select item_id, quantity from data.items"), [("known", 2)], "rows")


@test
def a_table_that_is_gone_halts_the_stream(t):
    """What is no record's fault stops its stream, loudly; others go on; nothing is lost."""
    topic, calm = t.topic("items", partitions=1), t.topic("calm", partitions=1)
    config = t.config(streams={
        "items": t.stream(topic), "calm": t.stream(calm, table={"name": "calm", "view": "calm"})})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a", quantity=1)])
    wait(lambda: t.caught_up(topic), "the first row")
    t.sql("alter table data.items rename to elsewhere")
    t.produce(topic, [model.item_record("b", quantity=1000)])
    state = wait(lambda: t.sql("select state, reason, hint from pactolus.streams where name = 'items' and "
                               "state = 'halted'"), "the halt")[0]
    expect("42P01" in state[1] and "items" in state[1], "the reason does not name the table:", state)
    t.produce(calm, [model.item_record("c")])
    wait(lambda: t.caught_up(calm), "the other stream's row")
    equal(t.letters(), {}, "dead letters")
    equal(daemon.stop(), 0, "exit status")
    # It stays halted over a restart, until somebody resumes it.
    t.sql("alter table data.elsewhere rename to items")
    t.daemon(config)
    t.produce(calm, [model.item_record("d")])
    wait(lambda: t.caught_up(calm), "the other stream after the restart")
    equal(t.value("select state from pactolus.streams where name = 'items'"), "halted", "state")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows after resume")
    equal(t.rows("data.items"), 2, "rows")
    t.check_account("items", consumed=2, applied=2)


@test
def pause_and_resume(t):
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record("a")])
    wait(lambda: t.caught_up(topic), "the first row")
    t.must("pause", "--config", config, "items", "--reason", "a test")
    wait(lambda: t.value("select state from pactolus.streams") == "paused", "the state")
    wait(lambda: "paus" in daemon.text(), "the daemon to notice")
    t.produce(topic, [model.item_record("b")])
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "the rows after resume")
    t.check_account(consumed=2, applied=2)


# --- minutes -------------------------------------------------------------------------------------


class Resident(Background):
    """The greatest resident set of a process, in MiB, seen while it lives: `peak`."""

    def __init__(self, daemon):
        super().__init__()
        self.file, self.peak = f"/proc/{daemon.pid}/status", 0

    def now(self):
        with open(self.file) as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:")), 0)

    def work(self):
        with contextlib.suppress(OSError):  # it has ended
            while not self.ended.wait(0.2):
                self.peak = max(self.peak, self.now())


RESIDENT_MIB = 128  # one stream of one lane: docs/operations.md, Limits


def resident_limit(t):
    """What a daemon may take; the red zones and the quarantine of a sanitizer are not its own."""
    return RESIDENT_MIB * (2 if t.world.sanitized else 1)


def during(t, daemon, topic, away, back, seconds, more=lambda: None):
    """Take a server away for `seconds`, and tell what it did to the daemon."""
    lines, begun = len(daemon.text().splitlines()), time.monotonic()
    with Resident(daemon) as resident:
        before = resident.now()
        away()
        # The length of the outage is what is tested: there is no condition to wait for but its end.
        wait(lambda: not daemon.alive() or time.monotonic() - begun >= seconds, "the outage to last",
             seconds + 10, every=0.5)
        expect(daemon.alive(), "the daemon died of the outage")
        back()
        returned = time.monotonic()
        more()
        wait(lambda: t.caught_up(topic), "everything to be applied", 120 + seconds, every=0.2)
        caught_up = time.monotonic() - returned
    peak = resident.peak
    said = daemon.text().splitlines()[lines:]
    print(f"    away {seconds} s: {len(said)} log lines, resident {before:.0f} MiB before, {peak:.0f} at "
          f"most; caught up {caught_up:.1f} s after its return", flush=True)
    # A line in 30 seconds from each of pool, service, relay, lane and client, and some at its ends.
    expect(len(said) <= 20 + seconds // 5, f"{len(said)} log lines:", "\n".join(said[:60]))
    expect(peak < resident_limit(t), f"{peak:.0f} MiB resident")
    equal(t.letters(), {}, "dead letters")
    return said


def rebalances(lines):
    return [line for line in lines if "claiming" in line or "giving back" in line or "were lost" in line]


@test
def postgres_is_away_for_minutes(t):
    """No dead letter, no rebalance, no more memory, a handful of lines; then it catches up."""
    t.own_postgres()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)}, retry={"base": "50ms", "cap": "30s"})
    t.migrate(config)
    daemon = t.daemon(config)
    with Flow(t, topic, keys=30_000, size=200, pause=0.1, note="x" * 200) as load:
        wait(lambda: sum(t.positions().values()) > 4000, "the load to be under way")
        fences = t.sql("select cursor_id, fence from pactolus.cursors order by 1")
        said = during(t, daemon, topic, lambda: t.postgres.stop(immediate=True), t.postgres.start,
                      300 if t.world.full else 20, more=load.stop)
    equal(rebalances(said), [], "rebalances")
    equal(t.sql("select cursor_id, fence from pactolus.cursors order by 1"), fences, "fences")
    expect(load.number > 20_000, "there was no load:", load.number)
    check_everything(t, topic)


def kafka_away(t, seconds, session_ms):
    """What the daemon logged while Kafka was away in mid-load; everything is applied afterwards."""
    t.own_kafka()
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic)}, retry={"base": "50ms", "cap": "30s"},
                      kafka={"session_timeout_ms": session_ms, "max_poll_interval_ms": 900_000})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n % 30000}", quantity=n) for n in range(100_000)])
    daemon = t.daemon(config)
    wait(lambda: sum(t.positions().values()) > 1000, "the load to be under way", every=0.002)

    def produce_again():
        wait(lambda: t.leads(topic), "the broker")
        t.produce(topic, [model.item_record(f"i{n % 30000}", quantity=-n) for n in range(20_000)])

    said = during(t, daemon, topic, lambda: t.kafka.script("kill"), lambda: t.kafka.script("up"),
                  seconds, more=produce_again)
    check_everything(t, topic)
    return said


@test(real_kafka=True)
def kafka_is_away_for_minutes(t):
    """The same, by a session timeout that is longer than the outage."""
    said = kafka_away(t, 300 if t.world.full else 20, 900_000)
    equal(rebalances(said), [], "rebalances")


@test(real_kafka=True)
def kafka_is_away_past_the_session_timeout(t):
    """A member that hears nothing for so long must give up what it has, and joins again: once."""
    said = kafka_away(t, 20, 6_000)
    equal([line.split(" ", 2)[2].split(" ")[0] for line in rebalances(said)],
          ["partitions", "giving", "claiming"], "what became of the partitions")
