# SPDX-License-Identifier: Apache-2.0
"""A flood of dead letters is a halt, and a halt is for all daemons: what stops, what goes on, what a
resume brings back."""

import contextlib
import json
import re
import shutil
import time

from background import Background
from harness import HERE, compile_contract, equal, expect, test, wait
import model

STATE = "select state, kind, reason, hint from pactolus.streams where name = %s"
REFUSES_ALL = "(buf.validate.field).int64.gte = 1000000000000"


def descriptors(t, name, rule=""):
    """The descriptor set of e2e.v1.Item with a rule for its quantity, as a deployment may change it."""
    text = (HERE / "proto/item.proto").read_text()
    if rule:
        text = text.replace('import "', 'import "buf/validate/validate.proto";\nimport "', 1)
        text = text.replace("int64 quantity = 2;", f"int64 quantity = 2 [{rule}];")
    folder = t.folder / f"proto-{name}"
    folder.mkdir()
    (folder / "item.proto").write_text(text)
    return compile_contract(t.folder / f"{name}.binpb", folder / "item.proto")


def state(t, stream="items"):
    return t.value("select state from pactolus.streams where name = %s", stream)


def halted(t, kind="flood", stream="items"):
    """Its reason and hint, once the stream is halted."""
    row = wait(lambda: [r for r in t.sql(STATE, stream) if r[0] == "halted"], f"the halt of {stream}")[0]
    equal(row[1], kind, f"kind of the halt of {stream} ({row[2]})")
    return row[2], row[3]


def letters(t, wanted="open", stream="items"):
    return t.value("select count(*) from pactolus.dead_letters d join pactolus.streams s using (stream_id) "
                   "where s.name = %s and d.state = %s", stream, wanted)


def two_streams(t, topic, calm, path, **settings):
    kafka = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    return t.config(kafka=kafka, streams={
        "items": dict(t.stream(topic, **settings), descriptors=path),
        "calm": t.stream(calm, table={"name": "calm", "view": "calm"})})


class Load(Background):
    """Items into several topics, as fast as `pause` between rounds allows, until it is left."""

    def __init__(self, t, *topics, pause=0.05, size=200):
        super().__init__()
        self.t, self.topics, self.pause, self.size, self.rounds = t, topics, pause, size, 0

    def work(self):
        while not self.ended.wait(self.pause):
            for topic in self.topics:
                self.t.produce(topic, [model.item_record(f"i{n}", quantity=self.rounds)
                                       for n in range(self.size)])
            self.rounds += 1


def error_lines(daemon, stream="items"):
    return [line for line in daemon.text().splitlines() if " error " in line and f"{stream}:" in line]


def lines_of_halt(daemon):
    return [line for line in daemon.text().splitlines() if "a flood:" in line]


def applied(t, stream):
    account = t.account(stream)
    return account["applied"] + account["stale"] + account["deduplicated"]


def check_tables(t, **topics):
    for stream, topic in topics.items():
        equal({k: (q, n) for k, q, n in t.sql(f"select item_id, quantity, note from data.{stream}")},
              model.items(t.consume(topic)), f"rows of {stream}")


@test(real_kafka=True)
def a_bad_deployment_halts_its_stream_and_resume_applies_everything(t):
    topic, calm = t.topic("items"), t.topic("calm")
    good, bad = descriptors(t, "good"), descriptors(t, "bad", REFUSES_ALL)
    path = t.folder / "live.binpb"
    shutil.copy(good, path)
    config = two_streams(t, topic, calm, path, batch={"rows": 20})
    t.migrate(config)
    first, second = t.daemon(config), t.daemon(config)
    with Load(t, topic, calm) as load:
        wait(lambda: load.rounds > 5 and applied(t, "items") > 500, "both streams to run")
        # The deployment: both daemons start again with a contract that nothing keeps.
        equal((first.stop(), second.stop()), (0, 0), "exit status")
        shutil.copy(bad, path)
        first, second = t.daemon(config), t.daemon(config)
        reason, hint = halted(t)
        expect(re.search(r"records within 60 s are dead letters .*of them rule, the first at .*\[\d\]@\d+",
                         reason), "the reason says too little:", reason)
        expect("resume items" in hint, "no way out in the hint:", hint)
        wait(lambda: lines_of_halt(first) and lines_of_halt(second), "both daemons to stop the stream")
        # The other stream goes on, at the rate of its load.
        began, before = load.rounds, applied(t, "calm")
        wait(lambda: load.rounds >= began + 20, "the load to go on")
        wait(lambda: applied(t, "calm") >= before + 20 * load.size, "the other stream's records", seconds=10)
        # What was in flight when they halted has ended when they have. What of the flood is in the
        # ledger is bounded: by flood.least each.
        equal((first.stop(), second.stop()), (0, 0), "exit status")
        stood = t.account("items")
        open_letters = letters(t)
        expect(0 < open_letters <= 200, "dead letters of the flood:", open_letters)
        # The halt survives restarts, and binds whoever starts.
        first, second = t.daemon(config), t.daemon(config)
        wait(lambda: lines_of_halt(first) and lines_of_halt(second), "the halt to bind a daemon that starts")
        equal(t.account("items"), stood, "the halted stream's account")
        # Mended, it still stands, until somebody resumes it.
        shutil.copy(good, path)
        equal((first.stop(), second.stop()), (0, 0), "exit status")
        first, second = t.daemon(config), t.daemon(config)
        wait(lambda: lines_of_halt(first) and lines_of_halt(second), "the halt to bind the mended daemons")
        equal(t.account("items"), stood, "the halted stream's account")
        said = t.must("resume", "--config", config, "items").out
        expect(re.search(rf"reads [\d,]+ records again, {open_letters} of them dead letters", said),
               "resume does not say what it reads again:", said)
        wait(lambda: letters(t) == 0, "the dead letters to be applied")
    wait(lambda: t.caught_up(topic) and t.caught_up(calm), "everything to be applied")
    equal(letters(t, "redriven"), open_letters, "redriven letters")
    expect(t.value("select count(*) from pactolus.passes") > 0, "no pass was kept")
    t.check_account("items", lost=0)
    t.check_account("calm", dead_lettered=0)
    check_tables(t, items=topic, calm=calm)
    for daemon in t.daemons:
        expect(len(error_lines(daemon)) <= 1, "a halt is told more than once:", error_lines(daemon))
        expect(len(lines_of_halt(daemon)) <= 1, "a halt is told more than once:", lines_of_halt(daemon))


@test
def each_limit_of_a_flood(t):
    """name → (settings, records as good (.) and bad (x), whether they are a flood)"""
    cases = {
        "share": ({"share": "20%", "least": 10, "consecutive": 0}, "..x" * 40, True),
        "below": ({"share": 0.5, "least": 10, "consecutive": 0}, "..x" * 40, False),
        "least": ({"share": 0.05, "least": 41, "consecutive": 0}, "..x" * 40, False),
        "run": ({"share": 0, "consecutive": 50}, "x" * 49 + "." + "x" * 49 + "." + "x" * 50, True),
        "broken_run": ({"share": 0, "consecutive": 50}, ("x" * 49 + ".") * 10, False),
        "off": ({"share": 0, "consecutive": 0, "least": 1}, "x" * 1500, False),
    }
    topics = {name: t.topic(name, partitions=1) for name in cases}
    config = t.config(streams={name: t.stream(topics[name], flood=settings, table={"name": name, "view": name})
                               for name, (settings, _, _) in cases.items()})
    t.migrate(config)
    for name, (_, records, _) in cases.items():
        t.produce(topics[name], [model.item_record(f"i{n}") if kind == "." else model.broken_record()
                                 for n, kind in enumerate(records)])
    daemon = t.daemon(config)
    for name, (_, records, flood) in cases.items():
        if flood:
            halted(t, "flood", name)
        else:
            wait(lambda: t.caught_up(topics[name]), f"all records of {name}")
            t.check_account(name, dead_lettered=records.count("x"))
            equal(state(t, name), "running", f"state of {name}")
    expect(letters(t, "open", "share") <= 10 and letters(t, "open", "run") < 50 + 98, "too many letters")
    equal(daemon.stop(), 0, "exit status")


@test
def a_resume_without_a_fix_floods_again(t):
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic, batch={"rows": 10}, flood={"least": 50})})
    t.migrate(config)
    daemon = t.daemon(config)
    wait(lambda: t.positions(), "the claim")
    t.produce(topic, [model.broken_record(str(n).encode()) for n in range(500)])
    halted(t)
    wait(lambda: daemon.text().count("the stream is halted") == 1, "the first halt")
    t.must("resume", "--config", config, "items")
    wait(lambda: daemon.text().count("the stream is halted") == 2, "the second halt")
    halted(t)
    # A pause does not hide it.
    said = t.must("pause", "--config", config, "items", "--reason", "not now").out
    expect("stays halted" in said, "pause does not say so:", said)
    halted(t)
    # Left as they are, the letters stay open, and what is behind them is read.
    before = t.sql('select log_id, "offset" from pactolus.dead_letters order by 1, 2')
    expect(len(before) < 250, "dead letters:", len(before))
    at = t.positions()
    t.must("pause", "--config", config, "--all", "--reason", "not now")
    said = t.must("resume", "--config", config, "--keep-letters", "items").out
    expect("records again" not in said, "letters that are kept are read again:", said)
    halted(t)
    expect(all(t.positions()[log] >= offset for log, offset in at.items()), "a cursor went back")
    t.sql("update pactolus.streams set redo_since = '-infinity'")
    equal(daemon.stop(), 0, "exit status")
    mended = t.config(streams={"items": t.stream(topic, flood={"share": 0, "consecutive": 0})})
    t.must("resume", "--config", mended, "items")
    t.run_to_end(mended)
    again = t.value("select sum(attempts) - count(*) from pactolus.dead_letters")
    expect(again > 0, "nothing was tried again")
    t.check_account(again=again, consumed=500 + again, applied=0)
    equal(len(t.letters()), 500, "dead letters")
    equal(letters(t), 500, "open dead letters")


@test
def rows_that_postgresql_refuses_are_a_flood_too(t):
    topic, calm = t.topic("items", partitions=2), t.topic("calm", partitions=2)
    config = two_streams(t, topic, calm, t.world.descriptors["item"], batch={"rows": 50},
                         flood={"share": "10%", "least": 20})
    t.migrate(config)
    t.sql("alter table data.items add constraint small check (quantity < 5)")
    daemon = t.daemon(config)
    for name in (topic, calm):
        t.produce(name, [model.item_record(f"i{n}", quantity=n) for n in range(1000)])
    reason, _ = halted(t)
    expect("of them database" in reason and "small" in reason, "the reason does not name it:", reason)
    wait(lambda: t.caught_up(calm), "the other stream's rows")
    expect(letters(t) < 300, "dead letters:", letters(t))
    t.sql("alter table data.items drop constraint small")
    t.must("resume", "--config", config, "items")
    wait(lambda: t.caught_up(topic), "everything to be applied")
    equal(letters(t), 0, "open dead letters")
    t.check_account("items")
    check_tables(t, items=topic, calm=calm)
    equal(len(lines_of_halt(daemon)), 1, "lines about the halt")


@test
def cursors_that_go_back_under_a_running_daemon(t):
    """Halted and resumed before the daemon looked: the new fence tells it, and it reads again. What it
    met before is no flood: five letters would be one."""
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": t.stream(topic, flood={"share": 0.001, "least": 5})})
    t.migrate(config)
    records = []
    for n in range(400):
        records += [model.item_record(f"i{n % 50}", quantity=n, partition=n % 2)]
        if n % 100 == 10:
            records += [model.broken_record(str(n).encode(), partition=n % 2)]
    t.produce(topic, records)
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the records")
    equal(letters(t), 4, "open dead letters")
    first = t.value('select min("offset") from pactolus.dead_letters')
    with contextlib.closing(t.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("begin; select pactolus.halt(stream_id, 'flood', 'r', 'h', 'me', '1 hour') "
                       "from pactolus.streams")
        cursor.execute("select r.* from pactolus.streams, pactolus.resume(stream_id, '', 'me', false) r")
        equal(cursor.fetchone()[:2], (1, 4), "cursors and letters")
        cursor.execute("commit")
    t.produce(topic, [model.item_record("later", partition=n) for n in range(2)])
    wait(lambda: t.value("select min(attempts) from pactolus.dead_letters") == 2, "the letters to be tried again")
    wait(lambda: t.caught_up(topic), "the records again")
    expect(t.account()["consumed"] > len(records) + 2, "nothing was read again")
    equal(letters(t), 4, "open dead letters")
    equal(t.sql("select from_offset, to_offset - from_offset = consumed + gaps from pactolus.passes"),
          [(0, True)], "passes")
    equal(t.value("select max(pass_start) from pactolus.cursors"), first, "start of the new pass")
    t.check_account(again=4)
    check_tables(t, items=topic)
    equal(state(t), "running", "state")
    expect(daemon.alive(), "the daemon died")


@test
def a_stream_that_is_not_ready_is_halted_until_it_is(t):
    topic, calm = t.topic("items", partitions=1), t.topic("calm", partitions=1)
    config = two_streams(t, topic, calm, t.world.descriptors["item"])
    t.migrate(config)
    t.produce(topic, [model.item_record("a")])
    t.sql("alter table data.items rename column note to remark")
    daemon = t.daemon(config)
    reason, hint = halted(t, "preflight")
    expect("note" in reason and "migrate" in hint, "reason and hint:", reason, hint)
    t.produce(calm, [model.item_record("b")])
    wait(lambda: t.caught_up(calm), "the other stream's row")
    result = t.pactolus("status", "--ready", "--config", config)
    equal(result.code, 75, "status --ready")
    expect("items" in result.err and "note" in result.err, "what is amiss is not told:", result)
    equal(daemon.stop(), 0, "exit status")
    equal(daemon.text().count("note"), 1, "lines about the column")
    # Mended, the halt ends with the next start; a pause by a person does not.
    t.sql("alter table data.items rename column remark to note")
    daemon = t.daemon(config)
    wait(lambda: t.caught_up(topic), "the row")
    equal(state(t), "running", "state")
    wait(lambda: t.pactolus("status", "--ready", "--config", config).code == 0, "status --ready")
    equal(t.must("status", "--ready", "--config", config).out, "", "what a ready daemon says")
    t.must("pause", "--config", config, "items", "--reason", "a test")
    equal(t.pactolus("status", "--ready", "--config", config).code, 0, "status --ready of a paused stream")
    t.sql("alter table data.items rename column note to remark")
    equal(daemon.stop(), 0, "exit status")
    equal(t.pactolus("status", "--ready", "--config", config).code, 75, "status --ready without a daemon")
    daemon = t.daemon(config)
    wait(lambda: "left out" in daemon.text() and "1 stream" in daemon.text(), "the daemon to leave it out")
    equal(state(t), "paused", "state of a paused stream that is not ready")
    equal(daemon.stop(), 0, "exit status")


@test
def status_and_sql_say_of_which_kind_a_halt_is(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": t.stream(topic, flood={"consecutive": 20})})
    t.migrate(config)
    daemon = t.daemon(config)
    began = time.time()
    t.produce(topic, [model.broken_record() for _ in range(100)])
    reason, _ = halted(t)
    expect("20 dead letters in a row" in reason, "the reason does not count:", reason)
    row = t.sql("select state, kind, reason, extract(epoch from since)::float8, changed_by "
                "from pactolus.freshness")[0]
    equal(row[:3], ("halted", "flood", reason), "pactolus.freshness")
    expect(began - 60 < row[3] < time.time() + 60 and row[4], "since and by whom:", row)
    stream = json.loads(t.must("status", "--json", "--config", config).out)["streams"][0]
    equal((stream["state"], stream["kind"], stream["reason"]), ("halted", "flood", reason), "status --json")
    expect(stream["changed_by"] and stream["changed_at"], "by whom and since when:", stream)
    text = t.must("status", "--config", config).out
    expect(f"(flood): {reason}" in text and "hint: " in text, "status:", text)
    equal(len(error_lines(daemon)), 1, "error lines")
    expect("(hint: " in error_lines(daemon)[0], "no hint in the log:", error_lines(daemon))
    equal(daemon.stop(), 0, "exit status")
