# SPDX-License-Identifier: Apache-2.0
"""Reading again: `run --until`, `replay`, and `run --reset-offsets`."""

import datetime
import time

from background import Background
from harness import equal, expect, test, wait
import membership
import model
import together

# Where the records' time begins, in seconds: young enough that no broker removes them.
EPOCH = int(time.time()) - 3600


def moment(second, fraction=""):
    """A second of the records' time, as people write it."""
    at = datetime.datetime.fromtimestamp(EPOCH + second, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + fraction


def numbered(count, start=0, partition=0):
    """Items k0, k1, …, one a second."""
    return [model.item_record(f"k{n}", quantity=n, partition=partition, timestamp=1000 * (EPOCH + n))
            for n in range(start, start + count)]


def items(t, **settings):
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic, table={"view": "items"}, **settings)})
    t.migrate(config)
    return topic, config


def until(t, config, where):
    """What `run --until` leaves: the next offset of each partition."""
    daemon = t.daemon(config, "--until", str(where))
    equal(daemon.finish(), 0, f"exit status of run --until {where}")
    return {partition: offset for (_, partition), offset in t.positions().items()}


@test
def it_reads_until_an_offset_or_a_time(t):
    """And no record further, wherever it begins; a bound that lies behind changes nothing."""
    topic, config = items(t)
    t.produce(topic, numbered(50) + numbered(20, start=100, partition=1))
    equal(until(t, config, 30), {0: 30, 1: 20}, "next offsets")
    equal(until(t, config, 10), {0: 30, 1: 20}, "next offsets, after an earlier one")
    # k40's second; partition 1 begins later and is at its end anyhow.
    equal(until(t, config, moment(40, "Z")), {0: 40, 1: 20}, "next offsets by time")
    equal(t.rows("data.items"), 60, "rows")
    # Sub-milliseconds round up: k40's own second is not before it.
    equal(until(t, config, moment(40, ".0001Z")), {0: 41, 1: 20}, "next offsets just past it")
    equal(until(t, config, "end"), {0: 50, 1: 20}, "next offsets at the end")
    t.check_account(consumed=70)


@test
def a_bound_that_is_none_is_refused(t):
    _, config = items(t)
    for wrong in ("tomorrow", "-1", "12x", ""):
        result = t.pactolus("run", "--until", wrong, "--config", config)
        equal(result.code, 64, f"exit status of --until '{wrong}'")
        expect("neither end, an offset nor a time" in result.err, "no word of it:", result.err)


def replay(t, config, *options, code=0):
    result = t.pactolus("replay", "--config", config, *options)
    equal(result.code, code, f"exit status of replay {' '.join(options)}: {result}")
    return result


def execute(t, config, *options, code=0):
    return replay(t, config, *options, "--execute", "--reason", "a test", "--wait", code=code)


def offsets(result):
    """partition → (now, to, begins, records, gone), of a printed plan."""
    rows = (line.replace(",", "").split() for line in result.out.splitlines())
    return {int(row[0]): tuple(row[1:]) for row in rows if len(row) == 6 and row[0].isdigit()}


def filled(t, count=50, **settings):
    """A stream that has read `count` items of partition 0 and 20 of partition 1."""
    topic, config = items(t, **settings)
    t.produce(topic, numbered(count) + numbered(20, start=1000, partition=1))
    t.run_to_end(config)
    return topic, config


@test
def every_scenario_means_what_kafkas_tool_means(t):
    """The plan, by the offsets that it names; nothing is changed."""
    topic, config = filled(t)
    whole = ("--all-topics", "--dry-run")
    for options, wanted in (
            (("--to-earliest",), {0: "0", 1: "0"}),
            (("--to-latest",), {0: "50", 1: "20"}),
            (("--to-current",), {0: "50", 1: "20"}),
            (("--to-offset", "30"), {0: "30", 1: "20"}),
            (("--shift-by", "-15"), {0: "35", 1: "5"}),
            (("--shift-by=-30",), {0: "20", 1: "0"}),
            (("--shift-by", "7"), {0: "50", 1: "20"}),
            (("--to-datetime", moment(40)), {0: "40", 1: "0"}),
            (("--to-datetime", moment(40, ".001Z")), {0: "41", 1: "0"}),
            (("--to-datetime", moment(5000)), {0: "50", 1: "20"}),
            (("--by-duration", f"PT{int(time.time()) - EPOCH + 600}S"), {0: "0", 1: "0"}),
            (("--by-duration", "1ms"), {0: "50", 1: "20"})):
        found = offsets(replay(t, config, *whole, *options))
        equal({p: row[1] for p, row in found.items()}, wanted, f"to, by {' '.join(options)}")
        equal({p: row[0] for p, row in found.items()}, {0: "50", 1: "20"}, "now")
    said = replay(t, config, *whole, "--to-offset", "30").out
    expect("[1]: the log reaches from 0 to 20" in said, "no word of what was brought within the log:", said)
    # What is short begins where it is known: at the first offset that was ever read.
    equal(offsets(replay(t, config, "--topic", f"{topic}:0", "--to-offset", "30", "--dry-run")),
          {0: ("50", "30", "0", "50", "0")}, "the plan of one partition")
    equal(t.value("select count(*) from pactolus.replays"), 0, "replays on record")


@test
def a_plan_can_be_written_to_a_file_and_back(t):
    topic, config = filled(t)
    exported = replay(t, config, "--stream", "items", "--to-offset", "10", "--export").out
    equal(exported, f"{topic},0,10\n{topic},1,10\n", "export")
    path = t.folder / "plan.csv"
    path.write_text(exported.replace(f"{topic},1,10", f'"{t.group}", "{topic}", 1, 7'))
    found = offsets(replay(t, config, "--from-file", str(path), "--dry-run"))
    equal({p: row[1] for p, row in found.items()}, {0: "10", 1: "7"}, "from the file")
    for text, word in (("x,0,1", "no stream reads topic x"), (f"{topic},9,1", "has no partition 9"),
                       (f"{topic},0", "topic,partition,offset"), (f"{topic},0,-1", "topic,partition,offset"),
                       (f"{topic},0,1\n{topic},0,2", "stands here twice"), ("", "names no partition"),
                       (f"other,{topic},0,1", "about group other")):
        path.write_text(text)
        result = replay(t, config, "--from-file", str(path), "--dry-run", code=65)
        expect(word in result.err and "plan.csv" in result.err, f"{text!r}:", result.err)


@test
def a_replay_writes_every_row_again(t):
    """And no other: what a hand has spoilt is mended where it lies in the range. The account closes
    over both passes, letters that succeed now are resolved, and the audit names who did it."""
    topic, config = filled(t)
    t.sql("update data.items set note = 'spoilt'")
    before = t.account("items")
    t.daemon(config)
    execute(t, config, "--topic", f"{topic}:0", "--to-earliest")
    equal(t.sql("select count(*), min(_log & 16777215) from data.items where note = 'spoilt'"), [(20, 1)],
          "rows that were not read again")
    t.check_account(consumed=before["consumed"] + 50)
    equal(t.sql("select scenario, reason, asked_by like %s from pactolus.replays", "%(%)"),
          [("--to-earliest", "a test", True)], "the audit")
    equal(t.sql('select partition, asked, begins, before, next_offset, state from pactolus.replay_progress'),
          [(0, 0, 0, 50, 50, "done")], "progress")


@test
def letters_that_succeed_now_are_resolved_and_others_stay(t):
    """A constraint of the table refuses some, the bytes of others are broken; then the constraint goes."""
    topic, config = filled(t)
    t.sql("alter table data.items add constraint small check (quantity < 55 or quantity >= 1000)")
    t.produce(topic, [model.broken_record(partition=0)] + numbered(10, start=50))
    t.run_to_end(config)
    t.check_account(dead_lettered=6)
    t.sql("alter table data.items drop constraint small")
    daemon = t.daemon(config)
    execute(t, config, "--topic", f"{topic}:0", "--to-offset", "50")
    equal(t.sql("select reason, state, count(*) from pactolus.dead_letters group by 1, 2 order by 1, 2"),
          [("database", "redriven", 5), ("malformed", "open", 1)], "letters")
    equal(t.rows("data.items"), 80, "rows")
    expect(daemon.alive(), "the daemon ended")
    # Six were booked at first, and the broken one once more.
    t.check_account(again=1, dead_lettered=7)


@test
def forward_is_passed_over_and_booked(t):
    topic, config = filled(t)
    t.produce(topic, numbered(30, start=50))
    execute(t, config, "--topic", f"{topic}:0", "--to-offset", "70")
    t.run_to_end(config)
    equal(t.rows("data.items"), 50 + 10 + 20, "rows")
    account = t.check_account(skipped=20)
    equal(account["advanced"], 100, "advanced")
    equal(t.sql("select why, from_offset, to_offset, lost, skipped from pactolus.losses"),
          [("replay", 50, 70, 0, 20)], "the loss on record")


@test
def where_a_stream_begins_can_be_said_before_it_runs(t):
    topic, config = items(t)
    t.produce(topic, numbered(50) + numbered(20, start=1000, partition=1))
    execute(t, config, "--all-topics", "--to-offset", "15")
    t.run_to_end(config)
    equal(t.rows("data.items"), 35 + 5, "rows")
    t.check_account(consumed=40, skipped=0)


@test
def idle_paused_and_halted_streams_hear_it(t):
    """A halt or a pause survives it; --wait says what it waits for."""
    topic, config = filled(t)
    before = t.value("select owner::text from pactolus.cursors limit 1")
    daemon = t.daemon(config)
    wait(lambda: t.value("select count(*) from pactolus.cursors where owner::text <> %s", before) == 2,
         "the daemon's claim")
    t.sql("update data.items set note = 'spoilt'")
    execute(t, config, "--stream", "items", "--to-earliest")
    equal(t.value("select count(*) from data.items where note = 'spoilt'"), 0, "rows left, idle")
    expect("the cursor was moved to 0; claiming it again" in daemon.text(), "the log does not say so:",
           daemon.text())
    t.must("pause", "items", "--reason", "a test", "--config", config)
    t.sql("update data.items set note = 'spoilt'")
    result = replay(t, config, "--stream", "items", "--to-earliest", "--execute", "--reason", "again",
                    "--wait", "--timeout", "100ms", code=75)
    expect("items is paused: a test" in result.err, "no word of the pause:", result.err)
    equal(t.value("select state from pactolus.streams"), "paused", "the stream's state")
    equal(t.value("select count(*) from data.items where note = 'spoilt'"), 70, "rows left, paused")
    t.must("resume", "items", "--config", config)
    wait(lambda: t.value("select count(*) from data.items where note = 'spoilt'") == 0, "the replay")
    wait(lambda: t.account("items")["records_open"] == 0 and t.caught_up(topic), "the end")
    t.check_account(consumed=210)


@test
def what_a_unit_file_says_is_done_once(t):
    """run --reset-offsets: the same --replay-id again does nothing."""
    topic, config = filled(t)
    once = ("--reset-offsets", "--replay-id", "mended", "--all-topics", "--to-earliest", "--until", "end")
    for spoilt in (0, 70):
        t.sql("update data.items set note = 'spoilt'")
        daemon = t.daemon(config, *once)
        equal(daemon.finish(), 0, "exit status")
        equal(t.value("select count(*) from data.items where note = 'spoilt'"), spoilt, "rows left")
    expect("was carried out before" in daemon.text(), "the log does not say so:", daemon.text())
    equal(t.sql("select replay_key, consumer_group from pactolus.replays"), [("mended", t.group)], "replays")
    t.check_account(consumed=140)
    for options, word in ((("--replay-id", "x"), "are for --reset-offsets"),
                          (("--reset-offsets", "--all-topics", "--to-earliest"), "wants --replay-id"),
                          (("--reset-offsets", "--replay-id", "y", "--all-topics"), "where is reading to begin")):
        result = t.pactolus("run", *options, "--config", config)
        equal(result.code, 64, f"exit status of {options}: {result}")
        expect(word in result.err, "the fault is not told:", result.err)


@test
def replays_that_make_no_sense_are_refused(t):
    topic, config = filled(t)
    for options, code, word in (
            (("--all-topics", "--to-earliest"), 64, "one of --dry-run, --execute and --export"),
            (("--all-topics", "--to-earliest", "--dry-run", "--execute"), 64, "one of --dry-run"),
            (("--all-topics", "--to-earliest", "--execute"), 64, "wants a reason"),
            (("--all-topics", "--dry-run"), 64, "where is reading to begin"),
            (("--to-earliest", "--dry-run"), 64, "what is to be read again"),
            (("--all-topics", "--stream", "items", "--to-earliest", "--dry-run"), 64, "cannot stand beside"),
            (("--all-topics", "--to-earliest", "--to-latest", "--dry-run"), 64, "cannot stand beside"),
            (("--all-topics", "--to-datetime", "yesterday", "--dry-run"), 64, "is no time"),
            (("--all-topics", "--by-duration", "P1M", "--dry-run"), 64, "is no duration"),
            (("--all-topics", "--shift-by", "x", "--dry-run"), 64, "is no number"),
            (("--all-topics", "--to-offset", "-1", "--dry-run"), 64, "is no offset"),
            (("--topic", f"{topic}:", "--to-earliest", "--dry-run"), 64, "names nothing"),
            (("--topic", f"{topic}:a", "--to-earliest", "--dry-run"), 64, "no partition"),
            (("--topic", f"{topic}:2", "--to-earliest", "--dry-run"), 65, "has no partition 2"),
            (("--topic", "item", "--to-earliest", "--dry-run"), 65, "no stream reads topic item"),
            (("--stream", "item", "--to-earliest", "--dry-run"), 65, "did you mean items?"),
            (("--group", "other", "--all-topics", "--to-earliest", "--dry-run"), 64, "--group is other")):
        result = replay(t, config, *options, code=code)
        expect(word in result.err, f"{options}: the fault is not told:", result.err)
    equal(t.value("select count(*) from pactolus.replays"), 0, "replays on record")


@test
def a_plan_that_no_longer_holds_is_refused(t):
    """Two at a time: the second was planned before the first was carried out."""
    _, config = filled(t)
    call = ("select pactolus.replay(%s, null, 'x', 'x', 'x', array_agg(stream_id), array_agg(log_id), "
            "array_agg(1), array_agg(0::int8), array_agg(0::int8)) from pactolus.cursors")
    expect(t.value(call, t.group), "the first was refused")
    try:
        t.value(call, t.group)
    except Exception as refused:  # psycopg2 knows no class for a code of ours
        equal(getattr(refused, "pgcode", None), "PA008", "SQLSTATE")
    else:
        expect(False, "a plan of an earlier pass was carried out")
    equal(t.value("select count(*) from pactolus.replays"), 1, "replays on record")
    t.run_to_end(config)
    t.check_account(consumed=140)


class Sampler(Background):
    """Reads the rows of a partition over and over; none may ever be an older one than was seen before."""

    def __init__(self, t, partition):
        super().__init__()
        self.t, self.partition, self.samples = t, partition, 0

    def work(self):
        seen = {}
        while not self.ended.is_set():
            for key, quantity in self.t.sql("select item_id, quantity from data.items "
                                            "where _log & 16777215 = %s", self.partition):
                expect(quantity >= seen.get(key, quantity), f"{key} went back from {seen.get(key)} to",
                       quantity)
                seen[key] = quantity
            self.samples += 1


@test
def a_partition_is_replayed_while_two_daemons_run_under_load(t):
    """Nothing is lost, no row is older than before at any sampled moment, and nobody restarts."""
    slowly = ("--set", "streams.items.batch.rows=20")  # so that the sampler sees it happen
    topic, config, flow, first, _, second, _ = together.begin(t, more=(slowly, slowly))
    with flow:
        wait(lambda: t.positions().get((topic, 2), 0) > 2000, "something to replay")
        begun = datetime.datetime.fromtimestamp(
            t.value("select min(_order_ts) from data.items where _log & 16777215 = 2") / 1000,
            datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
        with Sampler(t, 2) as sampler:
            plan = replay(t, config, "--topic", f"{topic}:2", "--to-datetime", begun, "--dry-run")
            expect(int(offsets(plan)[2][3]) >= 1000, "hardly anything is planned:", plan.out)
            for _ in range(2):
                samples = sampler.samples
                execute(t, config, "--topic", f"{topic}:2", "--to-datetime", begun)
                wait(lambda seen=samples: sampler.samples > seen + 3, "samples")
    wait(lambda: t.caught_up(topic), "everything to be applied")
    messages = t.consume(topic)
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.items")},
          model.items(messages), "rows")
    again = t.value("select sum(before - begins) from pactolus.replay_cursors")
    t.check_account(consumed=len(messages) + again, dead_lettered=0)
    expect(again >= 2000, "hardly anything was read again:", again)
    equal([d.alive() for d in (first, second)], [True, True], "the daemons live")


@test(real_kafka=True)
def what_kafka_no_longer_keeps_is_told(t):
    topic, config = filled(t)
    membership.delete_records(t, topic, 0, 20)
    scope = ("--topic", f"{topic}:0")
    for options in (("--to-earliest",), ("--to-offset", "5"), ("--to-datetime", moment(0))):
        plan = replay(t, config, *scope, *options, "--dry-run")
        equal(offsets(plan)[0], ("50", "20", "20", "30", "20"), f"plan of {options}")
    t.sql("update data.items set note = 'spoilt'")
    daemon = t.daemon(config)
    execute(t, config, *scope, "--to-offset", "5")
    equal(t.value("select count(*) from data.items where note = 'spoilt' and _log & 16777215 = 0"), 20,
          "rows of records that are gone")
    expect(daemon.alive(), "the daemon ended")
    t.check_account(consumed=100, lost=0)


@test(real_kafka=True)
def a_stream_whose_next_offset_is_gone_goes_on_where_a_replay_says(t):
    """The halt stays until somebody resumes it; what was lost is booked."""
    topic, config = items(t)
    t.produce(topic, numbered(50))
    until(t, config, 10)
    membership.delete_records(t, topic, 0, 20)
    daemon = t.daemon(config)
    wait(lambda: t.value("select state from pactolus.streams") == "halted", "the halt")
    replay(t, config, "--topic", f"{topic}:0", "--to-earliest", "--execute", "--reason", "a test")
    equal(t.value("select state from pactolus.streams"), "halted", "the stream's state")
    t.must("resume", "items", "--config", config)
    wait(lambda: t.caught_up(topic), "the rest")
    equal(t.sql("select why, from_offset, to_offset, lost, skipped from pactolus.losses"),
          [("replay", 10, 20, 10, 0)], "the loss on record")
    equal(t.rows("data.items"), 40, "rows")
    t.check_account(consumed=40, lost=10, skipped=0)
    equal(daemon.stop(), 0, "exit status")
