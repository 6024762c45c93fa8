# SPDX-License-Identifier: Apache-2.0
"""Everything that could grow has a bound, and everything that could hang an end."""

import contextlib
import os
import re
import signal
import subprocess
import time

from harness import ROOT, Record, equal, expect, test, wait
from outages import Resident, resident_limit
import model

MIB = 1024 * 1024
CLOSING = 10  # seconds that an end may take beyond drain_timeout: docs/operations.md, Limits

# Broken records are what fills a ledger: the flood would halt the stream first.
NO_FLOOD = {"share": "0", "consecutive": 0}


# --- what can grow -------------------------------------------------------------------------------


@test(real_kafka=True)
def memory_is_bounded_while_postgres_stalls(t):
    """Kafka is full of records of a megabyte and no batch comes through."""
    topic = t.topic(max_message_bytes=2 * MIB)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    count = 600 if t.world.full else 200
    for start in range(0, count, 20):
        t.produce(topic, [model.item_record(f"i{n}", note=os.urandom(MIB // 2).hex())
                          for n in range(start, start + 20)])
    stranger = t.connect()
    stranger.autocommit = False
    stranger.cursor().execute("lock table data.items in access exclusive mode")
    daemon = t.daemon(config)
    with Resident(daemon) as resident:
        # Until nothing is read any more: the queue is full, and so are the batches.
        seen = [0.0, time.monotonic()]

        def settled():
            now, moment = resident.now(), time.monotonic()
            if now > seen[0] + 0.5:
                seen[:] = [now, moment]
            return moment - seen[1] > 3
        wait(lambda: resident.now() > 40, "the queue to fill")
        wait(settled, "the memory to stay as it is")
        stalled = resident.peak
        stranger.rollback()
        wait(lambda: t.caught_up(topic), "the rows", 120)
    peak = resident.peak
    print(f"    {count} MiB in Kafka: resident {stalled:.0f} MiB while stalled, {peak:.0f} at most",
          flush=True)
    expect(peak < resident_limit(t), f"{peak:.0f} MiB resident")
    equal(t.value("select count(*) from data.items where length(note) = %s", MIB), count, "rows")
    t.check_account(consumed=count, dead_lettered=0)


@test
def a_full_ledger_halts_its_stream(t):
    """Open letters past ledger.bytes: the stream halts and says why; others go on; resume ends it."""
    topic, calm = t.topic("items", partitions=1), t.topic("calm", partitions=1)
    config = t.config(streams={
        "items": t.stream(topic, ledger={"bytes": "1MiB"}, flood=NO_FLOOD),
        "calm": t.stream(calm, table={"name": "calm", "view": "calm"})})
    t.migrate(config)
    daemon = t.daemon(config)

    def broken(count):
        return [Record(b"\xff" + os.urandom(10_000)) for _ in range(count)]

    def state():
        return t.sql("select state, reason, hint from pactolus.streams where name = 'items'")[0]

    # Nearly full is not full.
    t.produce(topic, broken(90))
    wait(lambda: t.caught_up(topic), "the first letters")
    t.produce(topic, broken(100))
    wait(lambda: state()[0] == "halted", "the halt")
    expect("ledger.bytes" in state()[1] and "1,048,576" in state()[1], "the reason:", state())
    expect("pactolus resume items" in state()[2], "the hint:", state())
    expect(len(t.letters()) > 100, "it halted before the room was full:", len(t.letters()))
    wait(lambda: "the stream is halted" in daemon.text(), "the log to say so")
    # Nothing more goes into the ledger; the other stream goes on.
    held = len(t.letters())
    t.produce(topic, broken(100))
    t.produce(calm, [model.item_record("c")])
    wait(lambda: t.caught_up(calm), "the other stream's row")
    equal(len(t.letters()), held, "letters of a halted stream")
    # Resumed with the ledger as full as it was, it halts again with the next letters.
    t.must("resume", "--config", config, "items")
    wait(lambda: len(t.letters()) > held and state()[0] == "halted", "the next halt")
    # Closed letters do not count.
    t.sql("update pactolus.dead_letters set state = 'discarded'")
    t.must("resume", "--config", config, "items")
    t.produce(topic, [model.item_record("a")])
    wait(lambda: t.caught_up(topic), "the records behind")
    equal(state()[0], "running", "state")
    t.check_account(consumed=291, applied=1, dead_lettered=290)
    equal(daemon.stop(), 0, "exit status")


@test
def a_full_ledger_is_seen_at_the_start(t):
    """Another life's letters fill it: nothing is written before the daemon has looked."""
    topic = t.topic(partitions=1)
    t.produce(topic, [Record(b"\xff" + os.urandom(10_000)) for _ in range(200)])
    config = t.config(streams={"items": t.stream(topic, flood=NO_FLOOD)})
    t.migrate(config)
    t.run_to_end(config)
    equal(t.value("select state from pactolus.streams"), "running", "state")
    small = t.config("small", streams={"items": t.stream(topic, ledger={"bytes": "1MiB"}, flood=NO_FLOOD)})
    t.daemon(small)
    wait(lambda: t.value("select state from pactolus.streams") == "halted", "the halt")


@test
def connections_stay_within_the_pool(t):
    """Many streams, few connections: the lanes' pool, and four for the rest."""
    names = [f"s{n}" for n in range(6)]
    topics = {name: t.topic(name, partitions=2) for name in names}
    config = t.config(database={"pool": 2}, streams={
        name: t.stream(topic, table={"name": name, "view": name}, lanes=2, batch={"rows": 50})
        for name, topic in topics.items()})
    t.migrate(config)
    for topic in topics.values():
        t.produce(topic, [model.item_record(f"i{n % 900}", quantity=n) for n in range(4000)])
    daemon = t.daemon(config)
    most = 0

    def applied():
        nonlocal most
        most = max([most] + [t.value("select count(*) from pg_stat_activity where application_name = %s",
                                     f"pactolus {t.group}"[:63]) for _ in range(50)])
        expect(daemon.alive(), "the daemon died")
        return all(t.caught_up(topic) for topic in topics.values())
    wait(applied, "everything to be applied", 300, every=0)
    equal(daemon.stop(), 0, "exit status")
    expect(3 <= most <= 6, f"{most} connections")


# --- what can hang -------------------------------------------------------------------------------


def server_processes(t):
    def ps(*arguments):
        return [int(pid) for pid in subprocess.run(["ps", *map(str, arguments)], check=True, text=True,
                                                   stdout=subprocess.PIPE).stdout.split()]
    head, = ps("-p", t.value("select pg_backend_pid()"), "-o", "ppid=")
    return [head, *ps("--ppid", head, "-o", "pid=")]


@contextlib.contextmanager
def frozen(t):
    """The whole server stands still; its connections stand, and nobody answers."""
    pids = server_processes(t)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def end_in_time(daemon, drain):
    began = time.monotonic()
    equal(daemon.stop(120), 0, "exit status")
    took = time.monotonic() - began
    print(f"    ended after {took:.1f} s, drain_timeout {drain} s", flush=True)
    expect(took < drain + CLOSING, f"the end took {took:.1f} s")


def check_everything(t, topic, config):
    t.run_to_end(config, 120)
    messages = t.consume(topic)
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(messages), "rows")
    t.check_account(consumed=len(messages), dead_lettered=0)


def loaded(t, **settings):
    """A daemon with a load that lasts; its configuration and topic."""
    topic = t.topic()
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 50})}, drain_timeout="2s", **settings)
    t.migrate(config)
    t.produce(topic, [model.item_record(f"i{n % 9000}", quantity=n) for n in range(60_000)])
    daemon = t.daemon(config)
    wait(lambda: sum(t.positions().values()) > 3000, "the load to be under way", every=0.002)
    return daemon, config, topic


@test
def a_stop_ends_in_time_though_postgres_hangs(t):
    t.own_postgres()
    daemon, config, topic = loaded(t, kafka={"session_timeout_ms": 1500, "heartbeat_interval_ms": 300})
    with frozen(t):
        end_in_time(daemon, 2)
    check_everything(t, topic, config)


@test(real_kafka=True)
def a_stop_ends_in_time_though_kafka_hangs(t):
    t.own_kafka()
    daemon, config, topic = loaded(t, kafka={"session_timeout_ms": 6000})
    t.kafka.script("stop")
    try:
        end_in_time(daemon, 2)
    finally:
        t.kafka.script("cont")
    wait(lambda: t.pactolus("check", "--connect", "--config", config).code == 0, "the broker")
    check_everything(t, topic, config)


@test
def a_frozen_server_is_taken_for_lost(t):
    """No timeout of its own ends the wait for a server that stands still: ours does."""
    t.own_postgres()
    daemon, config, topic = loaded(t, database={
        "answer_timeout": "1s", "statement_timeout": "1s", "connect_timeout": "1s"})
    with frozen(t):
        wait(lambda: "postgresql does not answer" in daemon.text(), "the daemon to notice")
        wait(lambda: "its connection is taken for lost" in daemon.text(), "a worker to notice")
    wait(lambda: t.caught_up(topic), "everything to be applied")
    equal(daemon.stop(), 0, "exit status")
    equal(t.letters(), {}, "dead letters")
    check_everything(t, topic, config)


# --- what is written down ------------------------------------------------------------------------


@test
def every_limit_of_the_table_is_true(t):
    """Settings and defaults in docs/operations.md are the program's; so are the tests it names."""
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.split("## Limits")[1].split("\n## ")[0]
    reference = (ROOT / "docs" / "configuration.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| `([a-z_.]+)` \| `([^`]+)` \|", table, re.M)
    expect(len(rows) >= 12, "rows with a setting:", rows)
    for setting, default in rows:
        line = next((line for line in reference.splitlines() if line.startswith(f"| `{setting}` ")), "")
        expect(default in line, f"{setting} = {default} is not what the reference says:", line)
    named = re.findall(r"`((?:unit|db|e2e)/[a-z_/.]+)`: ([a-z0-9_, ]+) \|", table)
    expect(len(named) >= len(rows), "rows with a test:", named)
    for file, tests in named:
        source = (ROOT / "tests" / file).read_text()
        for name in tests.split(", "):
            expect(f"{name}(" in source, f"{file} has no test {name}")
